"""Everything is black but the zone and the middle of its page: what stays is what no portrait can stand in.

Portraits and their ghosts stand within 42 mm of the left or 40 mm of the right edge, above the zone (ICAO Doc 9303-4
and 9303-6, 4.2 and appendix A); the zone is the ruler: its letters are 2.54 mm apart (9303-3, 4.3). Which side is up
is not known yet, so both are treated as if they were. Of a TD1 card's back, and where the ruler is not clear, only
the strip of the zone stays.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from service.vision.decode import Grey
from service.vision.locate import Line

PITCH_MM: Final = 2.54
LETTER_MM: Final = 1.6
"""Breadth of a letter: what a line is longer than the way between its first and last letter."""

LEFT_MM: Final = 44.0
RIGHT_MM: Final = 42.0
"""What is blacked out from either edge, 2 mm more than 9303 gives the portrait and the ghost."""
FAN: Final = 0.12
"""And so much more for every millimetre away from the zone: a picture taken from the side widens there."""
_EDGE_MM: Final = 6.0
"""From the page's edge to the first letter, 9303-4 appendix A: 6 ± 1."""
_PAGES: Final = {44: (125.0, 88.0 - 23.2), 36: (105.0, 74.0 - 23.2)}
"""Letters a line → width of the page, height of what stands above the zone; millimetres."""
_STRIP: Final = 1.7
"""Height of what stays of a line, in heights of its letters."""


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """All that anybody after this module sees of a picture. ``letters`` a line, as the ruler has it; None without."""

    picture: Grey
    lines: tuple[Line, ...]
    letters: int | None
    kept: NDArray[np.uint8]
    """255 where a pixel stayed, of the size of ``picture``."""

    @property
    def pixels_a_letter(self) -> float:
        """From one letter to the next; where the ruler is not clear, by the height of the letters (2.4 mm)."""
        line = max(self.lines, key=lambda each: each.length)
        if self.letters is None:
            return min(each.height for each in self.lines) / 2.4 * PITCH_MM
        return line.length / (self.letters - 1 + LETTER_MM / PITCH_MM)

    @property
    def pixels_a_mm(self) -> float:
        return self.pixels_a_letter / PITCH_MM


def black_out(picture: Grey, lines: tuple[Line, ...]) -> Seen:
    """``lines`` of :func:`service.vision.locate.locate`, at least one."""
    kept = np.zeros_like(picture)
    letters = _letters(picture, lines)
    for line in lines:
        reach = line.length / 2 + line.height
        _fill(kept, line, [(-reach, -_STRIP / 2 * line.height), (reach, _STRIP / 2 * line.height)])
    if letters in _PAGES:
        _keep_middle(kept, lines, letters)
    return Seen(np.asarray(cv2.bitwise_and(picture, kept), np.uint8), lines, letters, kept)


def _keep_middle(kept: NDArray[np.uint8], lines: tuple[Line, ...], letters: int) -> None:
    """The column between portrait and ghost, above the zone and below it."""
    width, height = _PAGES[letters]
    for line, up in ((lines[0], -1.0), (lines[-1], 1.0)):
        mm = line.length / ((letters - 1) * PITCH_MM + LETTER_MM)
        low, high = 1.5, height
        corners = []
        for away, is_left in ((low, True), (low, False), (high, False), (high, True)):
            x = LEFT_MM + FAN * away if is_left else width - RIGHT_MM - FAN * away
            x -= _EDGE_MM
            along = x * mm - line.length / 2
            corners.append((along if up < 0 else -along, up * (away * mm + line.height)))
        if corners[0][0] * -up < corners[1][0] * -up:
            _polygon(kept, line, corners)


def _fill(kept: NDArray[np.uint8], line: Line, box: list[tuple[float, float]]) -> None:
    (left, top), (right, bottom) = box
    _polygon(kept, line, [(left, top), (right, top), (right, bottom), (left, bottom)])


def _polygon(kept: NDArray[np.uint8], line: Line, corners: list[tuple[float, float]]) -> None:
    """Corners as (along, across) the line."""
    cos, sin = math.cos(line.angle), math.sin(line.angle)
    points = [
        (round(line.x + along * cos - across * sin), round(line.y + along * sin + across * cos))
        for along, across in corners
    ]
    cv2.fillPoly(kept, [np.array(points, np.int32)], 255)


def _letters(picture: Grey, lines: tuple[Line, ...]) -> int | None:
    """30, 36 or 44, by the rhythm of ink along the lines; None where no rhythm stands out.

    Three lines are a TD1. Of two lines the strongest period among those that the three layouts would give.
    """
    if len(lines) == 3:
        return 30
    strengths = {count: sum(_rhythm(picture, line, count) for line in lines) for count in (30, 36, 44)}
    best, second, _ = sorted(strengths, key=lambda count: -strengths[count])
    return best if strengths[best] > 1.5 * strengths[second] else None


def _rhythm(picture: Grey, line: Line, count: int) -> float:
    """How much of the ink along the line repeats at the pitch that ``count`` letters would have, ± 2 per cent."""
    profile = 255.0 - straight(picture, line, line.height, 12 * count, 16).mean(axis=0)
    profile -= cv2.blur(profile.reshape(1, -1), (48, 1)).ravel()
    steps = np.arange(profile.size) / profile.size
    periods = (count - 1 + LETTER_MM / PITCH_MM) * np.linspace(0.98, 1.02, 9)
    waves = np.exp(-2j * np.pi * periods[:, None] * steps[None, :])
    return float(np.abs(waves @ profile).max() / (np.abs(profile).sum() + 1))


def straight(picture: Grey, line: Line, room: float, columns: int, rows: int, side: float = 0.0) -> Grey:
    """The line cut out and laid straight: ``room`` pixels of the picture high, ``side`` more at either end."""
    cos, sin = math.cos(line.angle), math.sin(line.angle)
    along = np.array([cos, sin]) * (line.length / 2 + side)
    down = np.array([-sin, cos]) * room / 2
    middle = np.array([line.x, line.y])
    corners = np.array([middle - along - down, middle + along - down, middle - along + down], np.float32)
    frame = np.array([[0, 0], [columns, 0], [0, rows]], np.float32)
    turn = cv2.getAffineTransform(corners, frame)
    return np.asarray(cv2.warpAffine(picture, turn, (columns, rows), flags=cv2.INTER_LINEAR), np.uint8)
