#!/bin/sh
# Print the path of OCR-B, the letters of machine-readable zones, for pictures that tests and the bench draw: Debian's
# fonts-ocr-b, installed where we may. Prints nothing where there is none: those tests then say that they are skipped.
set -eu

font=/usr/share/fonts/opentype/ocr-b/OCRB.otf

if [ -n "${OCRB_FONT:-}" ]; then echo "$OCRB_FONT" && exit; fi
if [ ! -f "$font" ] && [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
    echo "ocrb: installing Debian's fonts-ocr-b" >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends fonts-ocr-b; } >&2 || true
fi
if [ -f "$font" ]; then echo "$font"; else echo "ocrb: no fonts-ocr-b here; tests that draw pictures are skipped" >&2; fi
