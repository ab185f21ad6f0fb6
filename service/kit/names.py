"""Whether a name that somebody typed is the name that a document shows."""

from dataclasses import dataclass
from enum import StrEnum

from service.kit.transliteration import alternatives, fold, is_spelt, match, transliterate

MAX_TOKENS = 12


class Agreement(StrEnum):
    AGREE = "agree"
    PARTIAL = "partial"  # nothing contradicts, but a part is missing, swapped, an initial, or in a script without table
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class ZoneNames:
    """Names as a zone writes them: words parted by ``<``, without padding.

    ``truncated``: the field is full to its last character, so letters may have been cut (Doc 9303-3, 4.6).
    ``secondary`` is empty for people with one name and where the issuer did not part the names.
    """

    primary: str
    secondary: str
    truncated: bool = False

    @property
    def first_given(self) -> str:
        return self.secondary.partition("<")[0]


def names_agree(family: str, given: str | None, zone: ZoneNames) -> Agreement:
    """Compare what was typed with the zone: every permitted transliteration, any order of words inside an
    identifier, hyphens and apostrophes, truncation, initials.

    Omitted middle names, swapped identifiers, and scripts without a table are PARTIAL: the applicant may be right.
    """
    given = given.strip() if given else ""
    primary = _identifier(family, zone.primary, zone.truncated)
    if not given and not zone.secondary:
        return primary
    if not given or not zone.secondary:
        return _undivided(family, given, zone)
    secondary = _identifier(given, zone.secondary, zone.truncated)
    if primary is Agreement.AGREE and secondary is Agreement.AGREE:
        return Agreement.AGREE
    if Agreement.DISAGREE not in (primary, secondary):
        return Agreement.PARTIAL
    swapped = (
        _identifier(family, zone.secondary, zone.truncated),
        _identifier(given, zone.primary, zone.truncated),
    )
    return Agreement.DISAGREE if Agreement.DISAGREE in swapped else Agreement.PARTIAL


def _undivided(family: str, given: str, zone: ZoneNames) -> Agreement:
    """One side parts the names and the other does not: compare all words of both."""
    whole = zone.primary + ("<" + zone.secondary if zone.secondary else "")
    found = _identifier(f"{family} {given}".strip(), whole, zone.truncated)
    # the same words, but somebody left out a name that the document shows as a given name
    if found is Agreement.AGREE and not given and zone.secondary:
        return Agreement.PARTIAL
    return found


def _identifier(typed: str, zone: str, truncated: bool) -> Agreement:
    forms = alternatives(typed)
    if forms is None:
        return Agreement.PARTIAL
    if not zone:
        return Agreement.DISAGREE
    whole, cut = match(forms, zone)
    if whole or (truncated and cut):
        return Agreement.AGREE
    if is_spelt(typed):
        return Agreement.PARTIAL  # the zone writes what the name sounds like
    plain = transliterate(typed) or ""
    if fold(plain) == fold(zone):
        return Agreement.AGREE
    return _words(typed, zone, truncated)


def _words(typed: str, zone: str, truncated: bool) -> Agreement:
    """Pair words in any order. Every word of the shorter side must find its own, else the names disagree."""
    asked = _split(typed)[:MAX_TOKENS]
    shown = [word for word in zone.split("<") if word][:MAX_TOKENS]
    if not asked or not shown:
        return Agreement.DISAGREE
    loose = 0
    left = list(shown)
    unpaired: list[str] = []
    for word in asked:
        same = next((other for other in left if _same(word, other)), None)
        if same is None:
            unpaired.append(word)
        else:
            left.remove(same)
    for word in list(unpaired):
        short = next((other for other in left if _short_for(word, other, truncated)), None)
        if short is not None:
            left.remove(short)
            unpaired.remove(word)
            loose += 1
    if left and unpaired:
        return Agreement.DISAGREE
    if not left and truncated:
        return Agreement.AGREE  # what is not shown was cut, what is shown is there
    if left or unpaired or loose:
        return Agreement.PARTIAL
    return Agreement.AGREE


def _split(typed: str) -> list[str]:
    """The words of a typed name; an apostrophe does not part words."""
    return "".join(" " if char in " \u00a0,.-‐‑–" else char for char in typed).split()


def _same(word: str, shown: str) -> bool:
    forms = alternatives(word)
    if forms is None:
        return False
    return match(forms, shown)[0] or fold(transliterate(word) or "") == fold(shown)


def _short_for(word: str, shown: str, truncated: bool) -> bool:
    """One is an initial of the other; in a truncated zone any beginning (9303-4, 4.2.3, cuts inner words too)."""
    forms = alternatives(word)
    if forms is None:
        return False
    if truncated or len(shown) == 1:
        return match(forms, shown)[1]
    return len(word) == 1 and any(form and shown.startswith(form) for form in forms[0])
