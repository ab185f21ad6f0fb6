"""What is missing for the next level, in plain words."""

from collections.abc import Sequence
from typing import Final

from service.documents.rules.assurance.nist import AT_IAL2, Grade, Held, Ial
from service.documents.rules.assurance.profiles import (
    PROFILES,
    Confidence,
    Gap,
    Profile,
    Scores,
    gaps,
    shortfall,
)

REGISTRY: Final = "a registry's yes, or the issuer's signature on the chip"
_NEXT: Final = {Confidence.NONE: Confidence.LOW, Confidence.LOW: Confidence.MEDIUM}
_NOT_BUILT: Final = "nothing here gives that"


def for_next_profile(reached: Profile | None, scores: Scores) -> tuple[str, tuple[str, ...]]:
    """(the nearest profile of the next confidence, what it wants). Nearest: the least that cannot be had here at all,
    then the least missing. Empty where the highest confidence without a face is reached."""
    wanted = _NEXT.get(reached.confidence if reached else Confidence.NONE)
    choices = [(profile, gaps(profile, scores)) for profile in PROFILES if profile.confidence is wanted]
    if not choices:
        return "", ()
    profile, missing = min(choices, key=lambda each: (_out_of_reach(each[1]), shortfall(each[1])))
    slots = len(profile.evidence)
    return profile.name, tuple(dict.fromkeys(_said(gap, slots, scores) for gap in missing))


def _out_of_reach(missing: Sequence[Gap]) -> int:
    return sum(1 for gap in missing if gap.part == "activity" or (gap.part, gap.need) in _UNBUILT)


_UNBUILT: Final = {("verification", 2), ("fraud", 3)}


def _said(gap: Gap, slots: int, scores: Scores) -> str:
    match gap.part:
        case "strength" if gap.piece is None and scores.evidence and slots > 1:
            return f"another piece of evidence, of strength {gap.need} or more"
        case "strength":
            return _stronger(gap.need)
        case "validity":
            return REGISTRY
        case "activity":
            months = {1: "3 months", 2: "6 months", 3: "a year"}.get(gap.need, "3 years")
            return f"a source that shows {months} of this identity in use; {_NOT_BUILT}"
        case "fraud" if gap.have == 0 and gap.need == 1:
            return "an answer that the document is not listed as lost or stolen"
        case "fraud":
            return "answers that the document is not listed as lost or stolen, and that no death is recorded"
        case "verification" if gap.need == 1:
            return (
                "a code from a number that the registry has on record, or the chip's answer to our challenge"
            )
    return "a way to show whose document it is that counts as 2; nothing here does, since no face is compared"


def _stronger(need: int) -> str:
    if need == 4:
        return "a passport, or an identity card of the EU or EEA, with the issuer's signature on its chip"
    if need == 3:
        return "a passport, or an identity card or driving licence of the EU or EEA"
    return "a passport, an identity card, a permit or a driving licence"


def for_next_ial(ial: Ial, pieces: Sequence[Held], *, deaths_asked: bool) -> tuple[str, ...]:
    """For IAL1 where none is reached, else for IAL2, by way of the piece that lacks least."""
    if ial is Ial.IAL2:
        return ()
    accepted = [(piece, _lacks(piece, ial)) for piece in pieces if piece.grade is not Grade.FAIR]
    first: tuple[str, ...]
    if not accepted:
        first = ("a passport, a card, a permit or a driving licence whose chip the issuer signed",)
    else:
        first = min((lacks for _, lacks in accepted), key=len)
    deaths = () if deaths_asked else ("an answer that no death is recorded",)
    return (*first, *deaths)


def _lacks(piece: Held, ial: Ial) -> tuple[str, ...]:
    found = []
    if not piece.genuine:
        found.append(
            "the issuer's signature on the chip: a picture or typed lines show nothing that can be validated"
        )
    if not piece.accurate and piece.genuine:
        found.append("a registry's yes")
    if ial is Ial.NONE and not piece.owned:
        found.append("a code from a number that the registry has on record of this person")
    if ial is Ial.IAL1 and not piece.owned & AT_IAL2[piece.grade]:
        found.append(
            f"for the {piece.name}, a code by post to an address that the issuer confirmed, or a login or wallet "
            f"of the issuer; {_NOT_BUILT}"
        )
    return tuple(found)
