"""The second reader: each cell of a line beside 37 pictures of print, OCR-B as 9303-3, 4.3 prescribes it.

It makes other mistakes than the recogniser, which is what it is for. A recogniser of text in every script confuses
what most faces print alike, O and 0 above all, and loses letters of long rows of fillers; this one knows one face, has
a cell for every letter, and compares shapes by normalised correlation. Nothing here was trained: ``ocr_b.txt`` is
drawn from a font by ``tools/glyphs.py``, and anybody can see in it what it holds.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from service.vision.blackout import LETTER_MM, PITCH_MM, Seen, straight
from service.vision.locate import Line

COLUMNS: Final = 16
ROWS: Final = 24
_STEPS: Final = " .:-=+*#%@"
_BLURS: Final = (0.6, 1.3)
"""Two sharpnesses of print, in pixels of a cell."""
_PAD: Final = 4
_HEIGHTS: Final = (0.92, 1.0, 1.08)
_SHIFTS: Final = tuple(range(-_PAD, _PAD + 1))
_LEANS: Final = (-0.16, -0.08, 0.08, 0.16)
"""Columns a row: print leans where the picture was taken from the side."""
_FINE: Final = tuple((dx, dy) for dx in (-1.2, -0.6, 0.0, 0.6, 1.2) for dy in (-0.6, 0.0, 0.6))

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, repr=False)
class Shapes:
    """A line as its shapes have it. ``likeness``: cells by letters of the alphabet, −1 to 1."""

    text: str
    likeness: Matrix

    @property
    def mean(self) -> float:
        return float(self.likeness.max(axis=1).mean())

    def lead(self, cell: int, one: int, other: int) -> float:
        """How much more like ``one`` than ``other`` (columns of the alphabet) the cell is."""
        return float(self.likeness[cell, one] - self.likeness[cell, other])

    def margin(self, cell: int) -> float:
        """Between the likeliest letter and the next."""
        second, first = np.partition(self.likeness[cell], -2)[-2:]
        return float(first - second)


class Glyphs:
    """The 37 pictures, ready to compare."""

    def __init__(self) -> None:
        drawn = _drawn(files("service.vision").joinpath("ocr_b.txt").read_text("ascii"))
        self.alphabet = "".join(drawn)
        cells = np.stack(list(drawn.values()))
        self._kinds = [
            _level(np.stack([cv2.GaussianBlur(cell, (0, 0), blur) for cell in cells])).reshape(len(cells), -1)
            for blur in _BLURS
        ]

    def read(self, seen: Seen, line: Line, letters: int, places: tuple[float, ...] | None) -> Shapes:
        """``places`` of the letters' middles, 0 to 1 of the line's length, where somebody knows them."""
        grid = np.arange(letters, dtype=np.float32)
        if places is not None and len(places) == letters:
            bent = np.polyfit(grid, np.asarray(places), 2)
        else:
            ends = LETTER_MM / PITCH_MM
            bent = np.array([0.0, 1.0, ends / 2]) / (letters - 1 + ends)
        middles, pitches = np.polyval(bent, grid), np.polyval(np.polyder(bent), grid)
        pitch = float(np.median(pitches))
        if pitch <= 0 or pitches.min() < 0.6 * pitch:
            return Shapes("", np.zeros((0, len(self.alphabet)), np.float32))
        columns, rows = round(COLUMNS / pitch), ROWS + 2 * _PAD
        room = rows / COLUMNS * pitch * line.length
        ink = 255 - straight(seen.picture, line, room, columns + 4 * COLUMNS, rows, 2 * COLUMNS / columns * line.length)
        cells = _Cells(ink, middles * columns + 2 * COLUMNS, pitches / pitch)
        height, drift = self._fit(cells)
        cells.lean = self._lean(cells, height, drift)
        likeness = np.full((letters, len(self.alphabet)), -1.0, np.float32)
        for dx, dy in _FINE:
            likeness = np.maximum(likeness, self._compare(cells.cut(height, drift + dy, dx)))
        return Shapes("".join(self.alphabet[best] for best in likeness.argmax(axis=1)), likeness)

    def _fit(self, cells: "_Cells") -> tuple[float, Matrix]:
        """(height of the letters, how far each cell's middle is off the line's): what fits the line as a whole."""
        best: tuple[float, float, Matrix] | None = None
        for height in _HEIGHTS:
            tries = np.stack(
                [self._compare(cells.cut(height, np.full(cells.count, dy, np.float32), 0)).max(axis=1) for dy in _SHIFTS]
            )
            thirds = np.array_split(np.arange(cells.count), 3)
            ups = [_SHIFTS[int(tries[:, third].sum(axis=1).argmax())] for third in thirds]
            drift = np.polyval(np.polyfit([third.mean() for third in thirds], ups, 1), np.arange(cells.count))
            at = np.clip(np.rint(drift) + _PAD, 0, len(_SHIFTS) - 1).astype(int)
            total = float(tries[at, np.arange(cells.count)].sum())
            if best is None or total > best[0]:
                best = total, height, drift.astype(np.float32)
        assert best is not None
        return best[1], best[2]

    def _lean(self, cells: "_Cells", height: float, drift: Matrix) -> float:
        sums = {}
        for lean in (0.0, *_LEANS):
            cells.lean = lean
            sums[lean] = float(self._compare(cells.cut(height, drift, 0)).max(axis=1).sum())
        return max(sums, key=lambda lean: sums[lean])

    def _compare(self, cells: Matrix) -> Matrix:
        flat = _level(cells).reshape(len(cells), -1)
        return np.asarray(np.max([flat @ kind.T for kind in self._kinds], axis=0), np.float32)


class _Cells:
    """Windows of one pitch by one and a half on a straight line of ink."""

    def __init__(self, ink: NDArray[np.uint8], middles: NDArray[np.float64], sizes: NDArray[np.float64]) -> None:
        self._ink = ink
        self.count = len(middles)
        self.lean = 0.0
        self._sizes = sizes
        across = (np.arange(COLUMNS) - (COLUMNS - 1) / 2)[None, :] * sizes[:, None] + middles[:, None] - 0.5
        self._x = np.repeat(across.reshape(1, -1), ROWS, axis=0).astype(np.float32)

    def cut(self, height: float, shifts: Matrix, dx: float) -> Matrix:
        """(count, ROWS, COLUMNS) of darkness."""
        down = (np.arange(ROWS) - (ROWS - 1) / 2)[:, None] * self._sizes[None, :] * height + shifts[None, :]
        y = np.repeat(down + (self._ink.shape[0] - 1) / 2, COLUMNS, axis=1).astype(np.float32)
        x = self._x + np.float32(dx)
        if self.lean:
            x = x - np.float32(self.lean) * (np.arange(ROWS, dtype=np.float32)[:, None] - (ROWS - 1) / 2)
        cut = cv2.remap(self._ink, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cut.reshape(ROWS, self.count, COLUMNS).transpose(1, 0, 2), np.float32)


def _level(cells: Matrix) -> Matrix:
    """Each cell about 0 and of length 1, so that a product of two is their correlation."""
    centred = cells - cells.mean(axis=(1, 2), keepdims=True)
    return np.asarray(
        centred / (np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)) + 1e-3), np.float32
    )


def _drawn(table: str) -> dict[str, Matrix]:
    cells: dict[str, Matrix] = {}
    for part in table.strip("\n").split("\n["):
        head, *rows = part.lstrip("[").split("\n")
        cells[head[0]] = np.array([[_STEPS.index(step) for step in row[1:-1]] for row in rows], np.float32)
        assert cells[head[0]].shape == (ROWS, COLUMNS)
    return cells
