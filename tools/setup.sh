#!/bin/sh
# Make .venv and everything in it: `sh tools/setup.sh run` (what the demo needs) or `dev` (also the tests').
# A second run with the same locks and the same Python is instant. Talks on standard output; the Makefile turns
# that to standard error.
set -eu
cd "$(dirname "$0")/.."

kind="${1:-dev}"
case "$kind" in
run) lock=requirements.txt ;;
dev) lock=requirements-dev.txt ;;
*) echo "setup: say run or dev" && exit 2 ;;
esac
python=.venv/bin/python

fail() {
    echo "setup: $1"
    exit 1
}

# Whether $1 is a Python that can make the environment: 3.11 or 3.12, whose packages bring a Redis; a newer one
# where the machine has a redis-server or valkey-server of its own.
fits() {
    "$1" - "$2" <<'PYTHON' >/dev/null 2>&1
import sys
sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 12) if sys.argv[1] == "bundled" else sys.version_info >= (3, 13)))
PYTHON
}

find_python() {
    for name in ${PYTHON:-python3.12 python3.11 python3 python}; do
        if fits "$name" bundled; then echo "$name" && return; fi
    done
    if command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1; then
        for name in ${PYTHON:-python3 python3.14 python3.13}; do
            if fits "$name" newer; then echo "$name" && return; fi
        done
    fi
}

# The stamp of a kind: what an installed environment depends on.
digest() {
    "$python" - "$@" <<'PYTHON'
import hashlib, os, sys
parts = [sys.version, os.getcwd()] + [open(name).read() for name in sys.argv[1:]]
print(hashlib.sha256("\0".join(parts).encode()).hexdigest())
PYTHON
}

is_current() {
    "$python" -c "" 2>/dev/null || return 1
    for each in "$kind" dev; do
        if [ "$each" = dev ]; then file=requirements-dev.txt; else file=requirements.txt; fi
        stamp=".venv/.simward-$each"
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(digest "$file" pyproject.toml)" ] && return 0
    done
    return 1
}

if ! is_current; then
    if ! "$python" -c "import pip" 2>/dev/null; then
        base="$(find_python)"
        [ -n "$base" ] || fail "Python 3.11 or 3.12 is needed (a newer one where redis-server or valkey-server is
       installed). Install one, or name it: make setup PYTHON=/path/to/python3.12"
        echo "setup: making .venv with $("$base" --version)"
        if ! "$base" -m venv --clear .venv; then
            rm -rf .venv
            fail "$base cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
        fi
    fi
    echo "setup: installing the locked packages ($lock)"
    "$python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$lock"
    # On every core, beside npm. What is no Python in there (templates, other versions) is passed over.
    "$python" -m compileall -qq -j 0 .venv/lib >/dev/null 2>&1 &
    compiling=$!
    "$python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
    digest "$lock" pyproject.toml >".venv/.simward-$kind"
fi
"$python" tools/assets.py
if [ "$kind" = dev ]; then "$python" tools/smsc.py; fi
if [ -n "${compiling:-}" ]; then wait "$compiling" || true; fi
