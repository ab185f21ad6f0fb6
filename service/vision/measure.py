"""Quality, advice and a fingerprint, of what the black-out left."""

from typing import Final

import cv2
import numpy as np

from service.vision.blackout import PITCH_MM, Seen, straight
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
_FINGER: Final = 16


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
    """256 bits as hex: signs of the 16 × 16 lowest cosine terms against their median, of the zone laid upright.

    ``lines`` as they are read, top to bottom. Black says nothing about a document, so it takes the paper's mean.
    """
    bottom = lines[-1]
    mm = bottom.length / ((seen.letters or 36) - 0.4) / PITCH_MM
    filled = seen.picture.copy()
    filled[seen.kept == 0] = round(float(seen.picture[seen.kept > 0].mean()))
    side = 4 * _FINGER
    frame = straight(filled, bottom, 60 * mm, side, side)
    terms = cv2.dct(cv2.GaussianBlur(frame, (3, 3), 0).astype(np.float32))[:_FINGER, :_FINGER].ravel()
    bits = np.packbits(terms > np.median(terms[1:]))
    return bits.tobytes().hex()
