"""A reader that makes the mistakes of readers: characters taken for those that look alike, fillers lost.

A channel over characters, not over pixels: thousands of documents a second, with the truth known. The rates of real
pictures come from the generator's own report.
"""

from dataclasses import dataclass
from datetime import date
from random import Random

from service.documents.model import PictureRead, Quality
from service.kit.mrz import Layout, MrzDate, MrzFields, compose

LOOKS_LIKE = {
    "0": "ODQ", "O": "0DQC", "D": "0O", "Q": "O0G", "C": "GO<", "G": "6CQ", "6": "G8B5", "8": "B3S6", "B": "83E",
    "3": "8B", "S": "58", "5": "S6", "2": "Z7", "Z": "27", "1": "IL7T", "I": "1LTJ", "L": "1I", "7": "1T2",
    "T": "7IY", "J": "I1", "4": "A9", "A": "4R", "9": "4G", "K": "X<R", "X": "KY", "<": "KCLE", "E": "FB<",
    "F": "EP", "P": "FR", "R": "PKH", "H": "NMR", "M": "NHW", "N": "HM", "U": "VO", "V": "UY", "W": "VM", "Y": "VX",
}  # fmt: skip
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_NAMES = ("ANNA", "MARIA", "KLAUS", "LEE", "SOKOLOV", "GARCIA", "MUELLER", "JANSEN", "OKAFOR", "SATO")
_STATES = ("NLD", "D", "FRA", "GBR", "USA", "POL", "ITA")


def number(dice: Random) -> str:
    """As issuers write them: digits alone, one or two letters first, or anything anywhere."""

    def some(alphabet: str, count: int) -> str:
        return "".join(dice.choice(alphabet) for _ in range(count))

    kind = dice.random()
    if kind < 0.4:
        return some(DIGITS, 9)
    if kind < 0.9:
        letters = dice.choice((1, 2))
        return some(LETTERS, letters) + some(DIGITS, dice.choice((8, 9)) - letters)
    return some(LETTERS + DIGITS, dice.choice((7, 8, 9)))


def document(dice: Random) -> tuple[str, ...]:
    layout = dice.choice((Layout.TD3, Layout.TD3, Layout.TD1, Layout.TD2))
    state = dice.choice(_STATES)
    fields = MrzFields(
        document_code="P" if layout is Layout.TD3 else "I",
        issuing_state=state,
        family_name=dice.choice(_NAMES),
        given_names=dice.choice(_NAMES),
        document_number=number(dice),
        nationality=state,
        birth_date=MrzDate(dice.randint(1940, 2005), dice.randint(1, 12), dice.randint(1, 28)),
        sex=dice.choice("MF"),
        expiry_date=date(2030 + dice.randint(0, 5), dice.randint(1, 12), dice.randint(1, 28)),
        optional="".join(dice.choice(DIGITS) for _ in range(9)) if layout is Layout.TD3 else "",
    )
    return compose(layout, fields)


@dataclass(frozen=True)
class Noise:
    """``mistakes``: the share of characters that are misread; ``same``: of second reads, how many repeat the first
    with all of its mistakes (1: there is one read, twice told)."""

    mistakes: float
    same: float = 0.0

    def read(self, dice: Random, lines: tuple[str, ...]) -> PictureRead:
        first = tuple(self._line(dice, line) for line in lines)
        again = first if dice.random() < self.same else tuple(self._line(dice, line) for line in lines)
        return PictureRead(first, (980,) * len(first), Quality(1600, 1100, 400, 3), again=again)

    def _line(self, dice: Random, line: str) -> str:
        out = []
        for char in line:
            rolled = dice.random()
            if rolled < self.mistakes:
                out.append(dice.choice(LOOKS_LIKE.get(char, LETTERS)))
            elif char != "<" or rolled > 1.5 * self.mistakes:
                out.append(char)
        return "".join(out)
