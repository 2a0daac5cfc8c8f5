#!/bin/sh
# Starts nginx with the configuration that hob writes; with `reload`, has it
# read that anew, unless nginx refuses it: then the old one stays.
set -eu
# Debian keeps it where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
if ! command -v nginx >/dev/null; then
    echo "nginx is not installed: apt-get install nginx-light" >&2
    exit 127
fi
run="${TMPDIR:-/tmp}/hob-ingress-$(id -u)-$PORT"
mkdir -p -m 711 "$run"
if ! [ -O "$run" ]; then
    echo "$run is another user's" >&2
    exit 1
fi
# The configuration names the folder that it writes to by this.
sed "s|/hob-run|$run|g" "$MOUNT_ROUTES/nginx.conf" >"$run/next.conf"
nginx -e stderr -t -q -c "$run/next.conf"
mv "$run/next.conf" "$run/nginx.conf"
if [ "${1:-}" != reload ]; then
    exec nginx -e stderr -c "$run/nginx.conf"
fi
# Those whose parent is the first process, `PID (NAME) STATE PARENT …`.
workers() {
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        rest=${line##*) }
        rest=${rest#* }
        [ "${rest%% *}" = "$1" ] && echo "${line%% *}"
    done 2>/dev/null
    return 0
}
old=$(workers "$(cat "$run/nginx.pid")")
nginx -e stderr -s reload -c "$run/nginx.conf"
# Old workers take requests until they have heard of it, then they say so.
tries=100
for pid in $old; do
    while [ "$tries" -gt 0 ] && title=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null); do
        case $title in *"shutting down"* | "") break ;; esac
        tries=$((tries - 1))
        sleep 0.02
    done
done
