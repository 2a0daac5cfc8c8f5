#!/bin/sh
# Starts dnsmasq where HOST and PORT say. It answers from the files in
# MOUNT_NAMES, which it watches, and from its configuration; it asks nobody.
set -eu
# Debian keeps it where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
if ! command -v dnsmasq >/dev/null; then
    echo "dnsmasq is not installed: apt-get install dnsmasq-base" >&2
    exit 127
fi
exec dnsmasq --keep-in-foreground --log-facility=- --pid-file= \
    --conf-file="$MOUNT_NAMES/dnsmasq.conf" --hostsdir="$MOUNT_NAMES/hosts" \
    --listen-address="$HOST" --port="$PORT"
