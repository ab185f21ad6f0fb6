"""GPG 45's profiles that need no face, and how scores are matched with them.

Scores are never added. A profile is reached where each of its slots has a piece of evidence of its own that is at
least as strong and as valid, and the other three scores reach the profile's (GPG 45, identity profiles). Which piece
goes into which slot is searched with backtracking: the first that fits may leave a later slot empty that another choice
fills. All profiles of high and very high confidence want a verification of 3, which takes a face or a finger: they are
not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Pair = tuple[int, int]
"""(strength, validity) of a piece of evidence, each 0 to 4."""


class Confidence(StrEnum):
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"


@dataclass(frozen=True, slots=True)
class Scores:
    evidence: tuple[Pair, ...] = ()
    activity: int = 0
    fraud: int = 0
    verification: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """The least that is wanted, slot by slot and score by score."""

    name: str
    confidence: Confidence
    evidence: tuple[Pair, ...]
    activity: int
    fraud: int
    verification: int


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is less than a profile wants. ``part``: ``strength``, ``validity``, ``activity``, ``fraud`` or
    ``verification``. ``piece``: which piece of evidence falls short, None where a slot has none."""

    part: str
    need: int
    have: int
    piece: int | None = None


PROFILES: Final = (
    Profile("L1A", Confidence.LOW, ((2, 2),), 0, 1, 1),
    Profile("L1B", Confidence.LOW, ((3, 2),), 0, 0, 1),
    Profile("L1C", Confidence.LOW, ((1, 1),), 3, 2, 2),
    Profile("L2A", Confidence.LOW, ((1, 1), (1, 1)), 2, 1, 2),
    Profile("L2B", Confidence.LOW, ((1, 1), (1, 1)), 2, 2, 1),
    Profile("L3A", Confidence.LOW, ((1, 1), (1, 1), (1, 1)), 2, 1, 1),
    Profile("M1A", Confidence.MEDIUM, ((4, 2),), 0, 1, 2),
    Profile("M1B", Confidence.MEDIUM, ((3, 2),), 1, 2, 2),
    Profile("M2A", Confidence.MEDIUM, ((2, 2), (2, 2)), 3, 2, 2),
    Profile("M2B", Confidence.MEDIUM, ((3, 2), (2, 2)), 1, 1, 2),
    Profile("M3A", Confidence.MEDIUM, ((2, 2), (2, 2), (2, 2)), 2, 2, 2),
)


def reached(scores: Scores) -> Profile | None:
    """The profile of the highest confidence, the first of its confidence; None where no profile fits."""
    fitting = [profile for profile in PROFILES if fits(profile, scores)]
    order = list(Confidence)
    return max(fitting, key=lambda profile: order.index(profile.confidence), default=None)


def fits(profile: Profile, scores: Scores) -> bool:
    return (
        scores.activity >= profile.activity
        and scores.fraud >= profile.fraud
        and scores.verification >= profile.verification
        and assignment(profile.evidence, scores.evidence) is not None
    )


def assignment(slots: Sequence[Pair], evidence: Sequence[Pair]) -> tuple[int, ...] | None:
    """For each slot the index of a piece of its own that fills it; None where there is no such choice."""
    if not slots:
        return ()
    first, *rest = slots

    def search(slot: Pair, others: Sequence[Pair], taken: tuple[int, ...]) -> tuple[int, ...] | None:
        for index, piece in enumerate(evidence):
            if index in taken or piece[0] < slot[0] or piece[1] < slot[1]:
                continue
            found = (*taken, index)
            if not others:
                return found
            if (deeper := search(others[0], others[1:], found)) is not None:
                return deeper
        return None

    return search(first, rest, ())


def gaps(profile: Profile, scores: Scores) -> tuple[Gap, ...]:
    """What is missing for ``profile``, with the pieces put where the least is missing; empty where it fits."""
    missing = list(_evidence_gaps(profile.evidence, scores.evidence, frozenset()))
    for part in ("activity", "fraud", "verification"):
        need, have = getattr(profile, part), getattr(scores, part)
        if have < need:
            missing.append(Gap(part, need, have))
    return tuple(missing)


def _evidence_gaps(slots: Sequence[Pair], evidence: Sequence[Pair], taken: frozenset[int]) -> tuple[Gap, ...]:
    if not slots:
        return ()
    options: list[tuple[Gap, ...]] = []
    for index in (*(i for i in range(len(evidence)) if i not in taken), None):
        rest = _evidence_gaps(slots[1:], evidence, taken if index is None else taken | {index})
        options.append((*_slot_gaps(slots[0], index, evidence), *rest))
    return min(options, key=shortfall)


def _slot_gaps(slot: Pair, index: int | None, evidence: Sequence[Pair]) -> tuple[Gap, ...]:
    piece = (0, 0) if index is None else evidence[index]
    pairs = zip(("strength", "validity"), slot, piece, strict=True)
    return tuple(Gap(part, need, have, index) for part, need, have in pairs if have < need)


def shortfall(missing: Sequence[Gap]) -> int:
    return sum(gap.need - gap.have for gap in missing)
