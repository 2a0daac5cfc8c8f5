#!/bin/sh
# Starts the registry where HOST, PORT and VOLUME_DATA say; with arguments,
# another of its commands (garbage-collect) on the same folder.
set -eu
here=$(dirname "$0")
if ! command -v docker-registry >/dev/null; then
    echo "docker-registry is not installed: apt-get install docker-registry" >&2
    exit 127
fi
export REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$VOLUME_DATA"
if [ $# -gt 0 ]; then
    exec docker-registry "$1" "$here/config.yml"
fi
export REGISTRY_HTTP_ADDR="$HOST:$PORT"
exec docker-registry serve "$here/config.yml"
