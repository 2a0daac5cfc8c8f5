#!/bin/sh
# Starts dnsmasq where HOST and PORT say. It answers from the files in
# MOUNT_NAMES: the names, which it watches, and whose domain is whose, which it
# reads anew when it gets a HUP. What is below a stack's name it asks a second
# dnsmasq, which has one answer for everything; it asks nobody else.
set -eu
# Debian keeps it where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
if ! command -v dnsmasq >/dev/null; then
    echo "dnsmasq is not installed: apt-get install dnsmasq-base" >&2
    exit 127
fi
set -- --keep-in-foreground --log-facility=- --pid-file=
# What it reads may be in a folder that only root enters.
[ "$(id -u)" != 0 ] || set -- "$@" --user=root
# Where one of the two ends the other does not go on alone. A HUP is for them.
(
    trap : HUP
    dnsmasq "$@" --conf-file="$MOUNT_NAMES/wildcards.conf" || true
    echo "the dnsmasq that answers for whole stacks has ended" >&2
    kill "$$"
) &
# Where it can be seen (see proc_net(5)), nobody is answered before that one
# listens: who asked in between would wait for seconds.
port=$(sed -n 's/^port=//p' "$MOUNT_NAMES/wildcards.conf")
listens=$(printf '(3535537F|7F533535):%04X ' "$port")
while [ -r /proc/net/udp ] && ! grep -qE "$listens" /proc/net/udp; do
    kill -0 "$!"
    sleep 0.01
done
exec dnsmasq "$@" --conf-file="$MOUNT_NAMES/dnsmasq.conf" \
    --servers-file="$MOUNT_NAMES/servers" --hostsdir="$MOUNT_NAMES/hosts" \
    --listen-address="$HOST" --port="$PORT"
