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
case "${1:-}" in
reload) exec nginx -e stderr -s reload -c "$run/nginx.conf" ;;
*) exec nginx -e stderr -c "$run/nginx.conf" ;;
esac
