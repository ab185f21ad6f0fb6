#!/bin/sh
# Print the path of a redis-server or valkey-server of version 7 or newer, for the tests of production: the wheel's
# 6.2 is refused there. One that is named or installed, else Debian's where we may install it; else nothing. Never
# fails, and starts nothing: in Debian the program is in redis-tools, and the service in another package.
set -u
cd "$(dirname "$0")/.." || exit 0

is_new() {
    major="$("$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9]*\)\..*/\1/p')"
    [ "${major:-0}" -ge 7 ]
}

# The program answers to redis-check-rdb by its other name; it serves under the name of a server.
find_one() {
    for name in redis-server valkey-server; do
        found="$(command -v "$name" 2>/dev/null)" && is_new "$found" && echo "$found" && return
    done
    for name in redis valkey; do
        program="/usr/bin/$name-check-rdb"
        link=".venv/$name/$name-server"
        [ -x "$program" ] || continue
        mkdir -p "${link%/*}" && ln -sfn "$program" "$link" && is_new "./$link" && echo "$(pwd)/$link" && return
    done
    return 1
}

if [ -n "${SIMWARD_TEST_REDIS:-}" ]; then echo "$SIMWARD_TEST_REDIS" && exit; fi
if find_one; then exit; fi
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
    echo "redis: installing Debian's redis-tools" >&2
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get -qq update
        apt-get -qq install -y --no-install-recommends -o DPkg::Lock::Timeout=120 redis-tools
    } >&2
    if find_one; then exit; fi
fi
echo "redis: no server of version 7 or newer here; what needs one is skipped" >&2
exit 0
