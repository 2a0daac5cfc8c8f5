#!/bin/sh
# Becomes nginx on HOST and PORT, which serves config/ from MOUNT_CONFIG and
# artefacts/ from MOUNT_ARTEFACTS, and nothing else. What it writes lies in a
# folder of its own, so the rest of the file system may be read-only.
set -eu
# Debian keeps it where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
if ! command -v nginx >/dev/null; then
    echo "nginx is not installed: apt-get install nginx-light" >&2
    exit 127
fi
# hob clears the folder of a build that nobody needs any more.
place=${OUT:-}
[ -n "$place" ] && [ -d "$place" ] && [ -w "$place" ] || place=/tmp
state=$(mktemp -d "$place/nginx.XXXXXX")
case $HOST in
*:*) listen="[$HOST]:$PORT" ;;
*) listen="$HOST:$PORT" ;;
esac
# A path as nginx reads it between quotation marks; a dollar it cannot have.
quoted() {
    case $1 in *'$'*)
        echo "nginx cannot serve a folder with a dollar in its path: $1" >&2
        exit 1
        ;;
    esac
    printf '"%s/"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}
config=$(quoted "$MOUNT_CONFIG")
artefacts=$(quoted "$MOUNT_ARTEFACTS")
cat >"$state/nginx.conf" <<END
daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 1;
events {
}
http {
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    access_log /dev/stdout;
    server_tokens off;
    absolute_redirect off;
    default_type application/octet-stream;
    types {
        text/plain config;
    }
    # A file that is saved while it is sent is not mixed with the new one: its
    # length is told, and a short one is an error to whoever fetches it.
    add_header Cache-Control no-store;
    server {
        listen $listen;
        location / {
            return 404;
        }
        location = /healthz {
            access_log off;
            return 204;
        }
        location ^~ /config/ {
            limit_except GET {
                deny all;
            }
            alias $config;
        }
        location ^~ /artefacts/ {
            limit_except GET {
                deny all;
            }
            alias $artefacts;
        }
    }
}
END
exec nginx -e stderr -p "$state" -c nginx.conf
