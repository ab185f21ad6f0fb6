"""From names as people write them to the letters of a machine-readable zone (ICAO Doc 9303-3, section 6).

Tables A (Latin) and B (Cyrillic) are here. Where 9303 permits a choice (``Ä`` is AE or A), every permitted form
is kept, and both readings agree with a typed name. Table C (Arabic) is not: it is an encoding for machines
(``XAL`` and the like) that issuers hardly use; a name in a script without a table cannot be compared, which is
said as such and left to a person.
"""

import unicodedata
from enum import StrEnum
from typing import Final


class Table(StrEnum):
    """Which permitted form is written where there is a choice."""

    LONG = "long"  # Ä AE, Ö OE, Ü UE, Å AA, Ñ N
    SHORT = "short"  # Ä A, Ö O, Ü U, Å A, Ñ N


# The first form is the one that Table.LONG writes, the last is that of Table.SHORT.
_LATIN: Final[dict[str, tuple[str, ...]]] = {
    "Ä": ("AE", "A"), "Å": ("AA", "A"), "Æ": ("AE",), "Ð": ("D",), "Đ": ("D",), "Ħ": ("H",), "ı": ("I",),
    "Ĳ": ("IJ",), "ĸ": ("K", "Q"), "Ŀ": ("L",), "Ł": ("L",), "ŉ": ("N",), "Ñ": ("N", "NXX", "N"), "Ŋ": ("N",),
    "Ö": ("OE", "O"), "Ø": ("OE", "O"), "Œ": ("OE",), "ẞ": ("SS",), "Þ": ("TH",), "Ŧ": ("T",),
    "Ü": ("UE", "UXX", "U"), "Ə": ("A", "E"),
}  # fmt: skip

# Table B with its exceptions by language; the first form is the one that most states write.
_CYRILLIC: Final[dict[str, tuple[str, ...]]] = {
    "А": ("A",), "Б": ("B",), "В": ("V",), "Г": ("G", "H"), "Д": ("D",), "Е": ("E",), "Ё": ("E", "IO"),
    "Ж": ("ZH", "Z"), "З": ("Z",), "И": ("I", "Y"), "І": ("I",), "Й": ("I",), "К": ("K",), "Л": ("L",),
    "М": ("M",), "Н": ("N",), "О": ("O",), "П": ("P",), "Р": ("R",), "С": ("S",), "Т": ("T",), "У": ("U",),
    "Ф": ("F",), "Х": ("KH", "H"), "Ц": ("TS", "C"), "Ч": ("CH", "C"), "Ш": ("SH", "S"), "Щ": ("SHCH", "SHT"),
    "Ы": ("Y",), "Ъ": ("IE", ""), "Ь": ("",), "Э": ("E",), "Ю": ("IU",), "Я": ("IA",), "Ѵ": ("Y",),
    "Ґ": ("G",), "Ў": ("U",), "Ѫ": ("U",), "Ѓ": ("G", "GJ"), "Ђ": ("D",), "Ѕ": ("DZ",), "Ј": ("J",),
    "Ќ": ("K", "KJ"), "Љ": ("LJ",), "Њ": ("NJ",), "Ћ": ("C",), "Һ": ("C",), "Џ": ("DZ", "DJ"), "Є": ("IE",),
    "Ї": ("I",),
}  # fmt: skip

# 9303-3, 4.6: an apostrophe is left out or, in some states, a filler; a hyphen is a filler; some leave it out.
_APOSTROPHES = "'’‘ʼʻ`´"
_HYPHENS = "-‐‑–"
_SPACES = " \u00a0,."

FORMS: Final[dict[str, tuple[str, ...]]] = {
    **{chr(code): (chr(code),) for code in range(ord("A"), ord("Z") + 1)},
    **_LATIN,
    **_CYRILLIC,
    **dict.fromkeys(_APOSTROPHES, ("", "<")),
    **dict.fromkeys(_HYPHENS, ("<", "")),
    **dict.fromkeys(_SPACES, ("<", "")),
}


def _base(char: str) -> tuple[str, ...] | None:
    """A letter with marks that no table names (``Ế``, ``Č``) is its base letter; None when there is none."""
    known = FORMS.get(char)
    if known is not None:
        return known
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    forms = [FORMS.get(part) for part in bare]
    if not forms or len(forms) > 4 or None in forms:
        return None
    return ("".join(form[0] for form in forms if form),)


def _upper(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    # ß has no single capital in Python's tables, and its capital ẞ is in table A
    return "".join("ẞ" if char == "ß" else char if char in FORMS else char.upper() for char in composed)


def alternatives(text: str) -> tuple[tuple[str, ...], ...] | None:
    """For each character of ``text`` its permitted forms; None where one has no form in any table.

    Digits have none: a zone may not show digits in a name.
    """
    found: list[tuple[str, ...]] = []
    for char in _upper(text):
        forms = _base(char)
        if forms is None:
            return None
        found.append(forms)
    return tuple(found)


def transliterate(text: str, table: Table = Table.LONG) -> str | None:
    """``text`` in the letters of a zone, words parted by ``<``; None where a character has no form.

    Apostrophes are left out, hyphens, spaces, commas and full stops part words (9303-3, 4.6).
    """
    forms = alternatives(text)
    if forms is None:
        return None
    which = 0 if table is Table.LONG else -1
    plain: dict[tuple[str, ...], str] = {("", "<"): "", ("<", ""): "<"}
    written = "".join(plain.get(form, form[which]) for form in forms)
    return "<".join(part for part in written.split("<") if part)


def fold(zone: str) -> str:
    """One spelling for what the permitted tables spell in several: ``MUELLER``, ``MUXXLLER``, ``MULLER`` → ``MULLER``.

    Used only to compare two names that are both written in plain letters.
    """
    for long, short in (("UXX", "U"), ("NXX", "N"), ("AE", "A"), ("OE", "O"), ("UE", "U"), ("AA", "A")):
        zone = zone.replace(long, short)
    return zone


def match(forms: tuple[tuple[str, ...], ...], zone: str) -> tuple[bool, bool]:
    """Compare a typed name (from :func:`alternatives`) with the letters of a zone.

    Returns (whole, cut): ``whole`` when some choice of forms writes exactly ``zone``; ``cut`` when some choice
    starts with ``zone``, as a name that was truncated does. Time grows with len(forms) x len(zone) at most.
    """
    reached = {0}
    length = len(zone)
    cut = False
    for choices in forms:
        following: set[int] = set()
        for at in reached:
            for form in choices:
                if zone.startswith(form, at):
                    following.add(at + len(form))
                elif form.startswith(zone[at:]):
                    cut = True
        if length in reached:
            cut = True
        if not following:
            return False, cut
        reached = following
    return length in reached, cut or length in reached
