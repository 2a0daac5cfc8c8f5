#!/bin/sh
# Starts nginx with the configuration that hob writes.
set -eu
# Debian keeps it where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
if ! command -v nginx >/dev/null; then
    echo "nginx is not installed: apt-get install nginx-light" >&2
    exit 127
fi
exec nginx -e stderr -c "$MOUNT_ROUTES/nginx.conf"
