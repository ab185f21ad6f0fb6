"""The second reader: each cell of a line beside 37 pictures of print, OCR-B as 9303-3, 4.3 prescribes it.

It makes other mistakes than the recogniser, which is what it is for. A recogniser of text in every script confuses
what most faces print alike, O and 0 above all, and loses letters of long rows of fillers; this one knows one face, has
a cell for every letter, and compares shapes by normalised correlation. Nothing here was trained: ``ocr_b.txt`` is
drawn from a font by ``tools/glyphs.py``, and anybody can see in it what it holds.
"""

from dataclasses import dataclass, replace
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
_TUNING: Final = (
    ("up", 0.5),
    ("right", 0.5),
    ("stretch", 1.0),
    ("slope", 1.0),
    ("height", 0.04),
    ("lean", 0.06),
    ("bend", 0.5),
    ("growth", 0.04),
)
_FINE: Final = tuple((dx, dy) for dx in (-0.6, 0.0, 0.6) for dy in (-0.4, 0.0, 0.4))

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


@dataclass(frozen=True, slots=True)
class Fit:
    """How the cells lie on the line, in pixels of a cell; slope, stretch, growth from the middle to an end."""

    height: float = 1.0
    up: float = 0.0
    slope: float = 0.0
    right: float = 0.0
    stretch: float = 0.0
    bend: float = 0.0
    lean: float = 0.0
    growth: float = 0.0


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
        ink = 255 - straight(
            seen.picture, line, room, columns + 4 * COLUMNS, rows, 2 * COLUMNS / columns * line.length
        )
        cells = _Cells(ink, middles * columns + 2 * COLUMNS, pitches / pitch)
        fit = self._fit(cells)
        likeness = np.full((letters, len(self.alphabet)), -1.0, np.float32)
        for dx, dy in _FINE:
            near = replace(fit, right=fit.right + dx, up=fit.up + dy)
            likeness = np.maximum(likeness, self._compare(cells.cut(near)))
        return Shapes("".join(self.alphabet[best] for best in likeness.argmax(axis=1)), likeness)

    def _fit(self, cells: "_Cells") -> Fit:
        """What fits the line as a whole: a coarse look up and down, then each part by smaller and smaller steps."""
        best, most = Fit(), -1.0
        for height in _HEIGHTS:
            for up in _SHIFTS:
                tried = Fit(height=height, up=up)
                total = self._total(cells, tried)
                if total > most:
                    best, most = tried, total
        for part in range(3):
            for name, step in _TUNING:
                for way in (1, -1):
                    tried = replace(best, **{name: getattr(best, name) + way * step / 2**part})
                    while (total := self._total(cells, tried)) > most:
                        best, most = tried, total
                        tried = replace(best, **{name: getattr(best, name) + way * step / 2**part})
        return best

    def _total(self, cells: "_Cells", fit: Fit) -> float:
        return float(self._compare(cells.cut(fit)).max(axis=1).sum())

    def _compare(self, cells: Matrix) -> Matrix:
        flat = _level(cells).reshape(len(cells), -1)
        return np.asarray(np.max([flat @ kind.T for kind in self._kinds], axis=0), np.float32)


class _Cells:
    """Windows of one pitch by one and a half on a straight line of ink."""

    def __init__(
        self, ink: NDArray[np.uint8], middles: NDArray[np.floating], sizes: NDArray[np.floating]
    ) -> None:
        self._ink = ink
        self.count = len(middles)
        self._sizes = sizes
        self._middles = middles
        self._along = np.linspace(-1, 1, self.count)

    def cut(self, fit: Fit) -> Matrix:
        """(count, ROWS, COLUMNS) of darkness."""
        along = self._along
        down = np.arange(ROWS) - (ROWS - 1) / 2
        tall = self._sizes * fit.height * (1 + fit.growth * along)
        y = down[:, None] * tall[None, :] + (fit.up + fit.slope * along)[None, :]
        middles = self._middles + fit.right + fit.stretch * along + fit.bend * (along**2 - 0.5)
        across = (
            (np.arange(COLUMNS) - (COLUMNS - 1) / 2)[None, :] * self._sizes[:, None] + middles[:, None] - 0.5
        )
        x = across.reshape(1, -1) - fit.lean * down[:, None]
        y = np.repeat(y + (self._ink.shape[0] - 1) / 2, COLUMNS, axis=1)
        cut = cv2.remap(
            self._ink,
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(cut.reshape(ROWS, self.count, COLUMNS).transpose(1, 0, 2), np.float32)


def _level(cells: Matrix) -> Matrix:
    """Each cell about 0 and of length 1, so that a product of two is their correlation."""
    centred = cells - cells.mean(axis=(1, 2), keepdims=True)
    return np.asarray(centred / (np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)) + 1e-3), np.float32)


def _drawn(table: str) -> dict[str, Matrix]:
    cells: dict[str, Matrix] = {}
    for part in table.strip("\n").split("\n["):
        head, *rows = part.lstrip("[").split("\n")
        cells[head[0]] = np.array([[_STEPS.index(step) for step in row[1:-1]] for row in rows], np.float32)
        assert cells[head[0]].shape == (ROWS, COLUMNS)
    return cells
