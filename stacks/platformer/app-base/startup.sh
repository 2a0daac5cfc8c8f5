#!/bin/sh
# startup.sh [NAME [REPOSITORY]]: becomes an app.
#
# It fetches config/NAME/NAME.config and the artefact that stands there from
# the repository, checks the artefact, puts the config into the environment and
# becomes the config's STARTUP_COMMAND. NAME is APP when it is left out, and
# REPOSITORY, a URL or a host, is REPOSITORY_URL. With RELEASE, the config is
# config/NAME/NAME-RELEASE.config: another release has another one beside it.
#
# A config has lines `NAME=value` or `NAME="value"`, empty ones and comments
# (`# …`). It is read, never run: a value means nothing to a shell. Beside the
# app's own variables it has
#   ARTEFACT          a file of artefacts/NAME/; the app starts in its folder
#   ARTEFACT_SHA256   what sha256sum says of it
#   STARTUP_COMMAND   a program and its arguments, taken apart at blanks
#
# Ends, but for those of the app itself:
#    64  it is called in another way       69  the repository never answered
#    65  the artefact is another one       78  the config is wrong
#    66  no such config, or artefact      127  a program is not installed
#   143  TERM came while it waited        130  INT did
set -euf

# For how many seconds a repository that does not answer is asked again.
limit=${STARTUP_LIMIT:-60}

say() {
    echo "startup: $*" >&2
}

die() {
    code=$1
    shift
    say "$*"
    exit "$code"
}

# A shell that is the first process of a container ignores what it does not
# trap, and traps wait for a child in the foreground: nothing here is one.
child=
work=
leave() {
    [ -z "$child" ] || kill "$child" 2>/dev/null || :
    [ -z "$work" ] || rm -rf "$work"
    trap - EXIT
    exit "$1"
}
trap 'leave $?' EXIT
trap 'leave 143' TERM
trap 'leave 130' INT

in_background() {
    "$@" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

# fetch PATH FILE: status 0 with the file, 22 when there is no such path; what
# may be otherwise soon is tried again until the limit.
fetch() {
    url=$repository/$1
    pause=200
    until_second=$(($(date +%s) + limit))
    while :; do
        status=0
        in_background curl --silent --show-error --max-time 30 --noproxy '*' \
            --output "$2" --write-out '%{http_code}' "$url" \
            >"$work/.code" 2>"$work/.words" || status=$?
        code=$(cat "$work/.code")
        case $status:$code in
        0:200) return 0 ;;
        0:404 | 0:403 | 0:410) return 22 ;;
        0:*) why="it answers $code" ;;
        *) why=$(tail -n 1 "$work/.words") ;;
        esac
        left=$((until_second - $(date +%s)))
        [ "$left" -gt 0 ] || die 69 "$url: gave up after $limit s: $why"
        seconds=$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))
        say "$url: $why; again in $seconds s, for $left s more"
        in_background sleep "$seconds"
        pause=$((pause * 2))
        [ "$pause" -le 5000 ] || pause=5000
    done
}

# Puts a config's variables into the environment.
read_config() {
    number=0
    seen=' '
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%"$cr"}
        case $line in '' | '#'*) continue ;; esac
        at="$config:$number"
        variable=${line%%=*}
        case $line in
        *=*) ;;
        *) die 78 "$at: no \`NAME=value\`: $line" ;;
        esac
        case $variable in
        '' | [0-9]* | *[!A-Za-z0-9_]*) die 78 "$at: \`$variable\` cannot be a variable's name" ;;
        PORT | HOST | OUT | APP | RELEASE | IFS | HOB_*) die 78 "$at: $variable is not the app's to set" ;;
        esac
        case $seen in
        *" $variable "*) die 78 "$at: $variable is set twice" ;;
        esac
        seen="$seen$variable "
        value=${line#*=}
        case $value in
        '"'*'"') value=${value#'"'} value=${value%'"'} ;;
        '"'* | *'"') die 78 "$at: a quotation mark without its other one" ;;
        esac
        export "$variable=$value"
    done <"$1"
}

# required NAME VALUE
required() {
    [ -n "$2" ] || die 78 "$config:1: it says no $1"
}

[ $# -le 2 ] || die 64 "usage: startup.sh [NAME [REPOSITORY]]"
name=${1:-${APP:-}}
repository=${2:-${REPOSITORY_URL:-}}
[ -n "$name" ] || die 64 "which app? startup.sh NAME, or APP=NAME"
case $name in
*[!a-z0-9-]*) die 64 "\`$name\` names no app: a to z, 0 to 9 and \`-\`" ;;
esac
release=${RELEASE:-}
case $release in
*[!A-Za-z0-9.-]*) die 64 "\`$release\` names no release: letters, digits, \`.\` and \`-\`" ;;
esac
[ -n "$repository" ] || die 64 "which repository? startup.sh NAME REPOSITORY, or REPOSITORY_URL=…"
case $repository in
http://* | https://*) repository=${repository%/} ;;
*) repository=http://$repository ;;
esac
command -v curl >/dev/null || die 127 "curl is not installed"
cr=$(printf '\r')
# Not what the caller's environment has: the config says it.
unset ARTEFACT ARTEFACT_SHA256 STARTUP_COMMAND

# hob clears the folder of a build that nobody needs any more.
place=${OUT:-}
[ -n "$place" ] && [ -d "$place" ] && [ -w "$place" ] || place=${TMPDIR:-/tmp}
work=$(mktemp -d "$place/$name.XXXXXX")

config=config/$name/$name${release:+-$release}.config
fetch "$config" "$work/.config" || die 66 "$repository/$config: there is no such config"
read_config "$work/.config"
required ARTEFACT "${ARTEFACT:-}"
required ARTEFACT_SHA256 "${ARTEFACT_SHA256:-}"
required STARTUP_COMMAND "${STARTUP_COMMAND:-}"
case $ARTEFACT in
.* | */* | *[!A-Za-z0-9._-]*) die 78 "$config: \`$ARTEFACT\` cannot be the name of an artefact" ;;
esac

artefact=artefacts/$name/$ARTEFACT
fetch "$artefact" "$work/$ARTEFACT" || die 66 "$repository/$artefact: there is no such artefact"
sum=$(sha256sum "$work/$ARTEFACT")
sum=${sum%% *}
[ "$sum" = "$ARTEFACT_SHA256" ] ||
    die 65 "$artefact: its SHA-256 is $sum, and $config says $ARTEFACT_SHA256"

# Split at blanks alone: nothing in it is expanded.
# shellcheck disable=SC2086
set -- $STARTUP_COMMAND
command -v "$1" >/dev/null || [ -x "$work/$1" ] ||
    die 127 "$config: the STARTUP_COMMAND's \`$1\` is not installed"
cd "$work"
rm -f .config .code .words
say "$name is $ARTEFACT, $(printf %.12s "$sum"): $STARTUP_COMMAND"
trap - EXIT TERM INT
exec "$@"
