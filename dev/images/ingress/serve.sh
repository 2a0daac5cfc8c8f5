#!/bin/sh
# Starts nginx with the configuration that hob writes, or, where nginx refuses
# that, with the last one that it took. With `reload`, has it read that anew,
# unless nginx refuses it: then the old one stays. Ends with 4 where nginx does
# not look at it. With `drain SECONDS PORT…`,
# waits until nothing in this network is connected to these ports of anybody.
# With `ready`, says whether nginx listens on PORT.
set -eu
# Debian keeps it where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
if [ "${1:-}" = drain ]; then
    # By the clock: a turn of this takes longer than it sleeps.
    end=$(($(date +%s) + $2))
    shift 2
    # `sl local_address rem_address st …`, see proc_pid_net(5); 01 is
    # established. All connections of this network namespace count whose other
    # end has such a port, whoever made them: in a container those of what is in
    # its network, on a machine's own network those of every process there.
    ports=$(printf ':%04X ' "$@")
    while cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v ports="$ports" '
        $4 == "01" && index(ports, substr($3, length($3) - 4) " ") { open = 1 }
        END { exit !open }'; do
        # Its seconds are whole ones: the first may be nearly over.
        [ "$(date +%s)" -le "$end" ] || exit 3
        sleep 0.05
    done
    exit 0
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
# nginx's own number, which it writes once it listens wherever it is to; a test
# of a configuration makes the file empty. Until it has a worker it may forget
# what it is told.
master() {
    { read -r pid <"$VOLUME_RUN/nginx.pid"; } 2>/dev/null || return 1
    case $pid in "" | *[!0-9]*) return 1 ;; esac
    [ -n "$(workers "$pid")" ] && echo "$pid"
}
if [ "${1:-}" = ready ]; then
    # Somebody else may answer there meanwhile.
    pid=$(master) || {
        echo "nginx does not listen yet on 127.0.0.1:$PORT" >&2
        exit 1
    }
    [ -r /proc/net/tcp ] || exit 0
    # 0A is listening; the inode is the tenth.
    inode=$(awk -v port="$(printf ':%04X' "$PORT")" '
        $4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' /proc/net/tcp)
    ls -l "/proc/$pid/fd" 2>/dev/null | grep -qF "socket:[${inode:-none}]" && exit 0
    echo "nginx listens, but not on 127.0.0.1:$PORT" >&2
    exit 1
fi
if ! command -v nginx >/dev/null; then
    echo "nginx is not installed: apt-get install nginx-light" >&2
    exit 127
fi
run=$VOLUME_RUN
# Those who reload at once do it one after the other; nginx does not hold it.
exec 9>"$run/lock"
flock 9
next=$(mktemp "$run/next.XXXXXX")
trap 'rm -f "$next"' EXIT
# The configuration names the folder that it writes to, and that of the
# certificates, by these.
quoted() {
    printf '%s' "$1" | sed 's/[&|\\]/\\&/g'
}
sed -e "s|/hob-run|$(quoted "$run")|g" \
    -e "s|/hob-certificates|$(quoted "${MOUNT_CERTIFICATES:-}")|g" \
    "$MOUNT_ROUTES/nginx.conf" >"$next"
# Some of what nginx refuses it finds out only when it does it, and says to its
# log alone: that another program has a port. It tries for a while to have that,
# and gives up.
refused=$run/refused.log
gave_up() { grep -v 'bind() to' "$refused" >/dev/null 2>&1; }
# What it read last it has taken, unless it gave that up: it outlives processes
# and containers here, to be gone back to.
last=$run/last.conf
if [ -f "$run/nginx.conf" ] && ! gave_up; then
    ln -f "$run/nginx.conf" "$last"
fi
if [ "${1:-}" != reload ]; then
    if ! nginx -e stderr -t -q -c "$next" ||
        { cmp -s "$next" "$run/nginx.conf" && gave_up; }; then
        [ -f "$last" ] || exit 1
        sed 's/^[^]]*] [^ ]* //' "$refused" 2>/dev/null | sort -u >&2
        echo "nginx refuses its new routes: it begins with the last ones that it took" >&2
        cp "$last" "$next"
    fi
    mv "$next" "$run/nginx.conf"
    : >"$refused"
    # Of one that was killed.
    rm -f "$run/nginx.pid"
    quoted=$(printf '%s' "$refused" | sed 's/["\\]/\\&/g')
    exec nginx -e stderr -g "error_log \"$quoted\" emerg;" -c "$run/nginx.conf" 9>&-
fi
nginx -e stderr -t -q -c "$next"
mv "$next" "$run/nginx.conf"
: >"$refused"
# It may just have begun, and cannot be told anything before it listens.
tries=200
until pid=$(master); do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
        echo "nginx does not listen yet" >&2
        exit 4
    fi
    sleep 0.05
done
old=$(workers "$pid")
said=$(nginx -e stderr -s reload -c "$run/nginx.conf" 2>&1) || {
    echo "$said" >&2
    exit 1
}
# Old workers take requests until they have heard of it, then they say so.
takes_requests() {
    title=$({ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null) || return 1
    case $title in *"shutting down"* | "") return 1 ;; esac
}
tries=400
for pid in $old; do
    while takes_requests "$pid"; do
        tries=$((tries - 1))
        if gave_up || [ "$tries" -eq 0 ]; then
            # Its words, without the time.
            sed 's/^[^]]*] [^ ]* //' "$refused" | sort -u >&2
            ended=1
            if ! gave_up; then
                echo "nginx has not looked at its new routes" >&2
                ended=4
            fi
            echo "nginx goes on as before" >&2
            [ ! -f "$last" ] || cp "$last" "$run/nginx.conf"
            : >"$refused"
            exit "$ended"
        fi
        sleep 0.02
    done
done
