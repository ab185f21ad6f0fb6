#!/bin/sh
# Print the path of a Chromium for the browser tests: one that is installed, else Debian's package where we may
# install it, else Playwright's download. Everything else is said on standard error.
set -eu
cd "$(dirname "$0")/.."

find_one() {
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        if command -v "$name" 2>/dev/null; then return 0; fi
    done
    return 1
}

if [ -n "${CHROMIUM:-}" ]; then echo "$CHROMIUM" && exit; fi
if find_one; then exit; fi
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
    echo "chromium: installing Debian's package" >&2
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium; } >&2; then
        if find_one; then exit; fi
    fi
fi
echo "chromium: downloading Playwright's build" >&2
.venv/bin/python -m playwright install chromium >&2
.venv/bin/python - <<'PYTHON'
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PYTHON
