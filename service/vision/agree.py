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
    """``again``: the other reader's line. ``certainty`` of the least certain letter, 0 to 1."""

    text: str
    again: str
    certainty: float


def agree(letters: Letters, shapes: Shapes) -> Agreed:
    """The recogniser's line where it has a letter for every cell, else the shapes' where they are like letters."""
    if not shapes.text or len(letters.text) != len(shapes.text):
        if shapes.text and shapes.mean >= LIKE:
            return Agreed(shapes.text, letters.text, 0.0)
        return Agreed(letters.text, shapes.text, 0.0)
    text, least = [], 1.0
    for cell, (read, other, score) in enumerate(zip(letters.text, shapes.text, letters.scores, strict=True)):
        if read in "O0":
            lead = shapes.lead(cell, *_ROUND)
            letter, doubt = "O" if lead > 0 else "0", 1 - _chance(abs(lead))
        else:
            letter, doubt = read, (1 - score) * (1 - _chance(shapes.margin(cell)))
        text.append(letter)
        least = min(least, 1 - doubt if letter == other else 0.0)
    return Agreed("".join(text), shapes.text, least)


def _chance(lead: float) -> float:
    return 1 / (1 + math.exp(-lead / SPREAD))
