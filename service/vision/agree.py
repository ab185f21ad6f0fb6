"""Two readers of one line put together: what it says, what the other one says, and how certain that is.

The recogniser cannot tell O from 0, which most faces print alike (measured: every O of OCR-B reads as 0). For these two
alone the shapes decide; the pair differs by 24 ≡ 4 (mod 10), so that one wrong choice breaks a check digit, yet two in
a number may cancel out: their certainty is the shapes' alone.
"""

import math
from dataclasses import dataclass
from typing import Final

from service.vision.glyphs import Shapes
from service.vision.read import ALPHABET, Letters

SPREAD: Final = 0.02
"""Likeness by which one letter has to lead another for odds of e to 1; measured in ``docs/documents.md``, Pictures."""
LIKE: Final = 0.70
"""Mean likeness from which the shapes are taken where the recogniser has lost letters."""
_ROUND: Final = (ALPHABET.index("O"), ALPHABET.index("0"))


@dataclass(frozen=True, slots=True, repr=False)
class Agreed:
    """``again``: the line with the other reader's letter wherever the two differ. ``certainty`` of the least certain
    letter, 0 to 1; 0 where they differ."""

    text: str
    again: str
    certainty: float


def agree(letters: Letters, shapes: Shapes) -> Agreed:
    """The recogniser's line where it has a letter for every cell, else the shapes' where they are like letters."""
    if not shapes.text or len(letters.text) != len(shapes.text):
        if shapes.text and shapes.mean >= LIKE:
            return Agreed(shapes.text, letters.text, 0.0)
        return Agreed(letters.text, shapes.text, 0.0)
    text, again, least = [], [], 1.0
    for cell, shape in enumerate(shapes.text):
        read, score = letters.text[cell], letters.scores[cell]
        like = _chance(shapes.margin(cell))
        if read in "O0":
            lead = shapes.lead(cell, *_ROUND)
            read = "O" if lead > 0 else "0"
            if read == shape:
                score, like = 0.0, _chance(abs(lead))
        first, second = (read, shape) if score >= like else (shape, read)
        text.append(first)
        again.append(second)
        least = min(least, 1 - (1 - score) * (1 - like) if read == shape else 0.0)
    return Agreed("".join(text), "".join(again), least)


def _chance(lead: float) -> float:
    return 1 / (1 + math.exp(-lead / SPREAD))
