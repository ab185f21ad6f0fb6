"""Quality, advice and a fingerprint, of what the black-out left."""

from typing import Final

import cv2
import numpy as np

from service.vision.blackout import Seen, straight
from service.vision.decode import Grey
from service.vision.locate import Line

SHARP: Final = 100
"""Variance of the Laplacian at 8 pixels a millimetre (1,000 for a passport's page): below is blurred."""
GLARE: Final = 50
"""Saturated pixels, per mille of what stayed: from here on a lamp is in the way."""
DARK: Final = 60
"""Brightness of the paper (the 90th percentile): below is too dark."""
SMALL: Final = 9.0
"""Pixels from one letter to the next: below letters run into one another."""
_SATURATED: Final = 250
_SCALE: Final = 8.0
_TERMS: Final = 64


def quality(seen: Seen) -> tuple[int, int, list[str]]:
    """(blur, glare per mille, advice)."""
    strips = [_strip(seen, line) for line in seen.lines]
    blur = round(min(float(cv2.Laplacian(strip, cv2.CV_32F).var()) for strip in strips))
    ink = np.concatenate([strip.ravel() for strip in strips])
    glare = round(1000 * float((ink > _SATURATED).mean()))
    is_small, is_dark = seen.pixels_a_letter < SMALL, float(np.percentile(ink, 90)) < DARK
    return blur, glare, advice(blur, glare, is_small=is_small, is_dark=is_dark)


def advice(blur: int, glare: int, *, is_small: bool, is_dark: bool) -> list[str]:
    """What to do better, as codes."""
    codes = {"too-small": is_small, "too-dark": is_dark, "blurred": blur < SHARP, "glare": glare >= GLARE}
    return [code for code, holds in codes.items() if holds]


def _strip(seen: Seen, line: Line) -> Grey:
    columns = max(16, round(line.length / seen.pixels_a_mm * _SCALE))
    room = line.height * 1.3
    return straight(seen.picture, line, room, columns, max(8, round(room / seen.pixels_a_mm * _SCALE)))


def fingerprint(seen: Seen, lines: tuple[Line, ...]) -> str:
    """256 bits as hex, of the zone's first and last line as they are read: the signs of the 64 lowest cosine terms of
    how dark the upper and the lower half of each is along the line, against their median.

    Measured (``docs/documents.md``, Pictures): the same picture, made smaller and squeezed, differs in 14 bits (at most
    36); another document of the same print in the same place in 100 (at least 78). It follows from the letters of
    the zone, so whoever has it can try letters against it: it is to be kept like a document's number.
    """
    bits = []
    for line in (lines[0], lines[-1]):
        strip = straight(seen.picture, line, line.height * 1.2, 4 * _TERMS, 16).astype(np.float32)
        for half in (strip[:8], strip[8:]):
            terms = cv2.dct(half.mean(axis=0).reshape(1, -1)).ravel()[1 : _TERMS + 1]
            bits.append(terms > np.median(terms))
    return np.packbits(np.concatenate(bits)).tobytes().hex()
