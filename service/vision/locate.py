"""Finding the lines of a zone by the shape of print alone: long, thin, straight, two or three of them, evenly apart.

This is the one step that sees a whole picture. It is morphology on dark strokes (a black top-hat, a threshold, a
closing) and the geometry of what hangs together, and answers with rectangles. It holds no model and cannot describe
anything but a row of strokes. Lines of any direction are found in one pass, so a picture is never turned to look again.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Final

import cv2
import numpy as np

from service.vision.decode import Grey

WORK_SIDE: Final = 1_000
_GAPS: Final = ((21, 13), (29, 9))
"""Widths of the closing that joins the letters of a line and not the lines: 1.0 to 3.9 mm (9303-3, 4.3)."""
_SPECK: Final = 9
"""Pixels: what is smaller is no part of a letter."""

SLIMMEST: Final = 9.0
"""Length over height of a line, at least: 30 characters of 2.54 mm are 29 letters high; blur and tilt thicken them."""
SHORTEST: Final = 200.0


@dataclass(frozen=True, slots=True)
class Line:
    """A straight run of strokes in pixels of the picture: its middle, direction (radians, −π/2 < angle ≤ π/2)."""

    x: float
    y: float
    angle: float
    length: float
    height: float

    def along(self, x: float, y: float) -> tuple[float, float]:
        """(distance along the line from its middle, distance across it) of a point."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        dx, dy = x - self.x, y - self.y
        return dx * cos + dy * sin, dy * cos - dx * sin

    def scaled(self, by: float) -> "Line":
        return replace(self, x=self.x * by, y=self.y * by, length=self.length * by, height=self.height * by)


@dataclass(frozen=True, slots=True)
class Found:
    """``lines``: two or three, from top to bottom as they stand to ``angle``; or none, and then why that may be.

    ``blur`` (variance of the Laplacian) and ``glare`` (saturated, per mille) are taken here because nothing after
    this step may see a picture without a zone; they are 0 where there is one.
    """

    lines: tuple[Line, ...]
    blur: int = 0
    glare: int = 0
    is_dark: bool = False


def locate(picture: Grey) -> Found:
    """The likeliest zone of a picture."""
    scale = WORK_SIDE / max(picture.shape)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way), np.uint8)
    strokes = _strokes(small)
    levels = [_without_specks(strokes, level) for level in _levels(strokes)]
    best: tuple[float, tuple[Line, ...]] = (0.0, ())
    for gaps in _GAPS:
        for dark in levels:
            for gap in gaps:
                best = max(best, _zone(_merged(list(_runs(dark, gap)))), key=lambda found: found[0])
        if best[1]:
            break
    if best[1]:
        return Found(tuple(line.scaled(1 / scale) for line in best[1]))
    return Found(
        (),
        round(float(cv2.Laplacian(small, cv2.CV_32F).var())),
        round(1000 * float((small > 250).mean())),
        float(np.percentile(small, 90)) < 60,
    )


def _strokes(small: Grey) -> Grey:
    """How much darker a stroke is than what surrounds it, 0 to 255, whatever the light."""
    soft = cv2.GaussianBlur(small, (3, 3), 0)
    around = cv2.morphologyEx(
        soft, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    ).astype(np.float32)
    return np.asarray(np.clip((around - soft) / (around + 16) * 255, 0, 255), np.uint8)


def _levels(strokes: Grey) -> tuple[float, float]:
    """Otsu's threshold, and that of what lies above it: the second leaves a dark guilloche behind."""
    first = cv2.threshold(strokes, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]
    above = strokes[strokes > first]
    second = cv2.threshold(above, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0] if above.size else first
    return first, second


def _without_specks(strokes: Grey, level: float) -> Grey:
    dark = np.asarray(cv2.threshold(strokes, level, 255, cv2.THRESH_BINARY)[1], np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(dark)
    is_big = boxes[:, cv2.CC_STAT_AREA] >= _SPECK
    is_big[0] = False
    return np.asarray(is_big[labels] * np.uint8(255), np.uint8)


def _runs(dark: Grey, gap: int) -> Iterator[Line]:
    """What is long and thin once gaps are closed."""
    joined = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    for part in range(1, count):
        x, y, width, height, area = (int(value) for value in boxes[part])
        if max(width, height) < SHORTEST / 4 or area < SHORTEST:
            continue
        rows, columns = np.nonzero(labels[y : y + height, x : x + width] == part)
        points = np.column_stack((columns + x, rows + y)).astype(np.float32)
        middle, sides, degrees = cv2.minAreaRect(points)
        length, thick = max(sides), max(min(sides), 1.0)
        if length / thick < 3 or area < 0.4 * length * thick:
            continue
        turn = math.radians(degrees if sides[0] >= sides[1] else degrees + 90)
        yield Line(middle[0], middle[1], _half_turn(turn), length, thick)


def _half_turn(angle: float) -> float:
    """The same direction in (−π/2, π/2]; what is within a degree of upright counts as π/2."""
    turned = (angle + math.pi / 2) % math.pi - math.pi / 2
    return math.pi / 2 if turned < -math.pi / 2 + 0.02 else turned


def _merged(runs: list[Line]) -> list[Line]:
    """Runs that go on in one another, as where glare has broken a line."""
    left = sorted(runs, key=lambda run: -run.length)
    done: list[Line] = []
    while left:
        line = left.pop(0)
        grown = True
        while grown:
            grown = False
            for other in left:
                if _goes_on(line, other):
                    line = _joined(line, other)
                    left.remove(other)
                    grown = True
                    break
        if line.length >= SHORTEST and line.length / line.height >= SLIMMEST:
            done.append(line)
    return done


def _goes_on(line: Line, other: Line) -> bool:
    near, across = line.along(other.x, other.y)
    space = abs(near) - (line.length + other.length) / 2
    return (
        abs(across) < 0.5 * line.height
        and -line.height < space < 6 * line.height
        and 0.5 < other.height / line.height < 1.6
        and _apart(line.angle, other.angle) < 0.12
    )


def _apart(one: float, other: float) -> float:
    """Between two directions, 0 to π/2."""
    return abs((one - other + math.pi / 2) % math.pi - math.pi / 2)


def _joined(line: Line, other: Line) -> Line:
    near, _ = line.along(other.x, other.y)
    low = min(-line.length / 2, near - other.length / 2)
    high = max(line.length / 2, near + other.length / 2)
    shift = (low + high) / 2
    return replace(
        line,
        x=line.x + shift * math.cos(line.angle),
        y=line.y + shift * math.sin(line.angle),
        length=high - low,
    )


def _zone(lines: list[Line]) -> tuple[float, tuple[Line, ...]]:
    """(how likely, the lines) of the best pair or triple; (0, ()) where none fits."""
    best: tuple[float, tuple[Line, ...]] = (0.0, ())
    for size in (2, 3):
        for group in combinations(sorted(lines, key=lambda line: -line.length)[:9], size):
            score = _score(group)
            if score > best[0]:
                first = group[0]
                best = score, tuple(sorted(_even(group), key=lambda line: first.along(line.x, line.y)[1]))
    return best


def _even(group: tuple[Line, ...]) -> list[Line]:
    """Lines of a zone begin and end under one another: one that lost a letter at an end is made as long as the rest."""
    first = group[0]
    reach = []
    for line in group:
        near = first.along(line.x, line.y)[0]
        reach.append((near - line.length / 2, near + line.length / 2))
    least, most = min(left for left, _ in reach), max(right for _, right in reach)
    slack = 0.012 * (most - least)
    evened = []
    for line, (left, right) in zip(group, reach, strict=True):
        low = least if left > least + slack else left
        high = most if right < most - slack else right
        shift = (low + high - left - right) / 2
        x, y = line.x + shift * math.cos(line.angle), line.y + shift * math.sin(line.angle)
        evened.append(replace(line, x=x, y=y, length=high - low))
    return evened


def _score(group: tuple[Line, ...]) -> float:
    """Long and slim is likely, where the lines are equal, parallel, under one another and as far apart as 9303 has it.

    Lines stand 6.35 mm apart and are 30 × 2.54 mm to 44 × 2.54 mm long, so the distance is 0.057 to 0.083 of it.
    """
    first = group[0]
    longest, shortest = max(line.length for line in group), min(line.length for line in group)
    if shortest < 0.86 * longest or any(_apart(first.angle, line.angle) > 0.08 for line in group):
        return 0.0
    places = sorted(first.along(line.x, line.y)[::-1] for line in group)
    steps = [(lower[0] - upper[0]) / longest for upper, lower in pairwise(places)]
    shifts = [abs(lower[1] - upper[1]) / longest for upper, lower in pairwise(places)]
    low, high = (0.042, 0.115) if len(group) == 2 else (0.060, 0.115)
    if not all(low < step < high for step in steps) or max(shifts) > 0.08 or max(steps) > 1.35 * min(steps):
        return 0.0
    heights = [line.height for line in group]
    if max(heights) > 1.8 * min(heights):
        return 0.0
    return sum(line.length - 3 * line.height for line in group)
