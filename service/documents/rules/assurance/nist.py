"""NIST SP 800-63A-4 piece by piece, on the ways that compare no face: IAL1, and IAL2's non-biometric and digital
evidence pathways (4.1 and 4.2). What is judged is the evidence of one person. Whoever claims conformance also owes a
practice statement, an attended way beside this one, notice to a validated address and much else, which no code shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final


class Grade(StrEnum):
    FAIR = "fair"
    STRONG = "strong"
    SUPERIOR = "superior"


class Ownership(StrEnum):
    """How somebody showed that a piece of evidence is theirs."""

    CODE = "code"
    """A confirmation code that came back from a validated phone number associated with the evidence."""
    POST = "post"
    """The same, sent by post to an address from the evidence, validated with an authoritative source. Not built."""
    LOGIN = "login"
    """A login of AAL2/FAL2 to an account related to the evidence. Not built."""
    STRONG_LOGIN = "strong-login"
    """A login of AAL3/FAL2, or a wallet's. Not built."""


class Ial(StrEnum):
    NONE = "none"
    IAL1 = "IAL1"
    IAL2 = "IAL2"


_AT_IAL1: Final = frozenset(Ownership)
AT_IAL2: Final[Mapping[Grade, frozenset[Ownership]]] = {
    Grade.FAIR: frozenset(Ownership),
    Grade.STRONG: frozenset({Ownership.POST, Ownership.LOGIN, Ownership.STRONG_LOGIN}),
    Grade.SUPERIOR: frozenset({Ownership.POST, Ownership.STRONG_LOGIN}),
}
"""4.2.6.1 and 4.2.6.2: a code by SMS is enough for a FAIR piece, never for a passport or a card."""

_SETS: Final = ((Grade.SUPERIOR,), (Grade.STRONG, Grade.STRONG), (Grade.STRONG, Grade.FAIR))
"""4.2.2; a better piece stands in for a lesser one."""


@dataclass(frozen=True, slots=True)
class Held:
    """One piece of evidence as SP 800-63A-4 sees it. ``genuine``: validated by a digital signature or by its physical
    features; ``accurate``: what it says was validated by an authoritative source or by the issuer's signature."""

    name: str
    grade: Grade
    genuine: bool
    accurate: bool
    owned: frozenset[Ownership]

    def holds(self, accepted: frozenset[Ownership]) -> bool:
        return self.genuine and self.accurate and bool(self.owned & accepted)


def level(pieces: Sequence[Held], *, deaths_asked: bool) -> Ial:
    """``deaths_asked``: a register of deaths answered that none is recorded, which is due at every level (3.1.2.1)."""
    if not deaths_asked:
        return Ial.NONE
    if any(_is_enough(chosen) for chosen in _subsets(pieces)):
        return Ial.IAL2
    return Ial.IAL1 if any(piece.holds(_AT_IAL1) for piece in pieces) else Ial.NONE


def _subsets(pieces: Sequence[Held]) -> Iterable[tuple[Held, ...]]:
    for size in (1, 2):
        yield from combinations(pieces, size)


def _is_enough(chosen: tuple[Held, ...]) -> bool:
    """Whether these pieces, each of them shown to be the applicant's, are one of the sets of 4.2.2."""
    if not all(piece.holds(AT_IAL2[piece.grade]) for piece in chosen):
        return False
    order = list(Grade)
    have = sorted((order.index(piece.grade) for piece in chosen), reverse=True)
    wanted = (tuple(order.index(grade) for grade in each) for each in _SETS)
    return any(
        len(want) == len(have) and all(h >= w for h, w in zip(have, want, strict=True)) for want in wanted
    )
