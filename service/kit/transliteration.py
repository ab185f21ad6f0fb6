"""From names as people write them to the letters of a machine-readable zone (ICAO Doc 9303-3, section 6).

Tables A (Latin), B (Cyrillic) and C (Arabic) are here. Where 9303 permits a choice (``Ä`` is AE or A), every
permitted form is kept, and both readings agree with a typed name. Table C writes letters, not sounds (``محمد`` is
MXHMD), and most issuers write what a name sounds like (MOHAMMED): an Arabic name that agrees by the table agrees, one
that does not has not been compared. A name in a script without a table cannot be compared either; both are said as
such and left to a person.
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

# Table B with its exceptions by language, some of which it has for a word's first letter alone; the first form is the
# one that most states write. Bulgaria writes Ъ, Ю and Я by a law of its own (Transliteration Act of 2009).
_CYRILLIC: Final[dict[str, tuple[str, ...]]] = {
    "А": ("A",), "Б": ("B",), "В": ("V",), "Г": ("G", "H"), "Д": ("D",), "Е": ("E",), "Ё": ("E", "IO"),
    "Ж": ("ZH", "Z"), "З": ("Z",), "И": ("I", "Y"), "І": ("I",), "Й": ("I", "Y"), "К": ("K",), "Л": ("L",),
    "М": ("M",), "Н": ("N",), "О": ("O",), "П": ("P",), "Р": ("R",), "С": ("S",), "Т": ("T",), "У": ("U",),
    "Ф": ("F",), "Х": ("KH", "H"), "Ц": ("TS", "C"), "Ч": ("CH", "C"), "Ш": ("SH", "S"), "Щ": ("SHCH", "SHT"),
    "Ы": ("Y",), "Ъ": ("IE", "A", ""), "Ь": ("",), "Э": ("E",), "Ю": ("IU", "YU"), "Я": ("IA", "YA"), "Ѵ": ("Y",),
    "Ґ": ("G",), "Ў": ("U",), "Ѫ": ("U",), "Ѓ": ("G", "GJ"), "Ђ": ("D",), "Ѕ": ("DZ",), "Ј": ("J",),
    "Ќ": ("K", "KJ"), "Љ": ("LJ",), "Њ": ("NJ",), "Ћ": ("C",), "Һ": ("C",), "Џ": ("DZ", "DJ"), "Є": ("IE", "YE"),
    "Ї": ("I", "YI"),
}  # fmt: skip

# Table C, by the last two digits of U+06xx. Marks of short vowels are rarely written, and then seldom encoded.
_ARABIC: Final[dict[str, tuple[str, ...]]] = {
    chr(0x0600 + code): tuple(forms.split("/"))
    for code, forms in {
        0x21: "XE", 0x22: "XAA", 0x23: "XAE", 0x24: "U", 0x25: "I", 0x26: "XI", 0x27: "A", 0x28: "B",
        0x29: "XTA/XAH", 0x2A: "T", 0x2B: "XTH", 0x2C: "J", 0x2D: "XH", 0x2E: "XKH", 0x2F: "D", 0x30: "XDH",
        0x31: "R", 0x32: "Z", 0x33: "S", 0x34: "XSH", 0x35: "XSS", 0x36: "XDZ", 0x37: "XTT", 0x38: "XZZ",
        0x39: "E", 0x3A: "G", 0x40: "", 0x41: "F", 0x42: "Q", 0x43: "K", 0x44: "L", 0x45: "M", 0x46: "N",
        0x47: "H", 0x48: "W", 0x49: "XAY", 0x4A: "Y", 0x4B: "/F", 0x4C: "/N", 0x4D: "/K", 0x4E: "/A",
        0x4F: "/U", 0x50: "/I", 0x52: "/O", 0x70: "", 0x71: "XXA", 0x79: "XXT", 0x7C: "XRT", 0x7E: "P",
        0x81: "XKE", 0x85: "XXH", 0x86: "XC", 0x88: "XXD", 0x89: "XDR", 0x91: "XXR", 0x93: "XRR", 0x96: "XRX",
        0x98: "XJ", 0x9A: "XXS", 0xA9: "XKK", 0xAB: "XXK", 0xAD: "XNG", 0xAF: "XGG", 0xBA: "XNN", 0xBC: "XXN",
        0xBE: "XDO", 0xC0: "XYH", 0xC1: "XXG", 0xC2: "XGE", 0xC3: "XTG", 0xCC: "XYA", 0xCD: "XXY", 0xD0: "Y",
        0xD2: "XYB", 0xD3: "XBE",
    }.items()
}  # fmt: skip
_SHADDA = "\u0651"
_TEH_MARBUTA = "\u0629"

# 9303-3, 4.6: an apostrophe is left out or, in some states, a filler; a hyphen is a filler; some leave it out.
_APOSTROPHES = "'’‘ʼʻ`´"
_HYPHENS = "-‐‑–"
_SPACES = " \u00a0,."

FORMS: Final[dict[str, tuple[str, ...]]] = {
    **{chr(code): (chr(code),) for code in range(ord("A"), ord("Z") + 1)},
    **_LATIN,
    **_CYRILLIC,
    **_ARABIC,
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
    upper = _upper(text)
    for at, char in enumerate(upper):
        if char == _SHADDA:
            # it doubles the letter before it, from which marks of vowels may part it
            letter = next((each for each in reversed(found) if each[0]), ("",))
            forms: tuple[str, ...] | None = (*letter, "")
        elif char == _TEH_MARBUTA and not upper[at + 1 : at + 2].isalpha():
            forms = FORMS[char][::-1]  # XAH ends a name
        else:
            forms = _base(char)
        if forms is None:
            return None
        found.append(forms)
    return tuple(found)


def is_spelt(text: str) -> bool:
    """Whether ``text`` has letters of table C, which a zone need not follow."""
    return any(char in _ARABIC or char == _SHADDA for char in text)


def transliterate(text: str, table: Table = Table.LONG) -> str | None:
    """``text`` in the letters of a zone, words parted by ``<``; None where a character has no form.

    Apostrophes are left out, hyphens, spaces, commas and full stops part words (9303-3, 4.6).
    """
    forms = alternatives(text)
    if forms is None:
        return None
    short = table is Table.SHORT
    chars = zip(_upper(text), forms, strict=True)
    written = "".join(form[-1] if short and char in _LATIN else form[0] for char, form in chars)
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
