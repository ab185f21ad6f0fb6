"""The text of a short message as networks carry it: default alphabet, UCS-2, and the parts it is cut into. Pure.

The default alphabet is that of 3GPP TS 23.038 (once GSM 03.38), 6.2.1, with its extension table, 6.2.1.1. What is
counted here is what is sent: the price of a text and its parts come from the same cut.
"""

from dataclasses import dataclass
from enum import IntEnum

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The letter with the septet ``n`` stands at ``n``; 0x1B is the escape to the extension table, no letter."""

ESCAPE = 0x1B
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_SEPTETS = {letter: bytes((place,)) for place, letter in enumerate(BASIC) if place != ESCAPE} | {
    letter: bytes((ESCAPE, place)) for letter, place in _EXTENSION.items()
}
_EXTENDED = {place: letter for letter, place in _EXTENSION.items()}

MAX_PARTS = 255
"""What one octet counts (TS 23.040, 9.2.3.24.1)."""


class Coding(IntEnum):
    """How letters are written; the values are those of SMPP's ``data_coding`` (3.4, 5.2.19)."""

    GSM = 0x00
    UCS2 = 0x08


@dataclass(frozen=True, slots=True)
class Cut:
    """A text cut into ``parts``, headers not included. GSM: a septet in each octet; UCS-2: two octets a unit."""

    coding: Coding
    parts: tuple[bytes, ...]


def is_gsm(text: str) -> bool:
    """Whether every letter stands in the default alphabet or its extension."""
    return all(letter in _SEPTETS for letter in text)


def septets(text: str) -> bytes:
    """One septet an octet; raises ``ValueError`` for a text of which :func:`is_gsm` is false."""
    try:
        return b"".join(_SEPTETS[letter] for letter in text)
    except KeyError:
        raise ValueError("a letter is not in the default alphabet") from None


def from_septets(data: bytes) -> str:
    """The other way. What is in neither table reads as a space (TS 23.038, 6.2.1.1), and so does a last escape."""
    letters, octets = [], iter(data)
    for octet in octets:
        if octet == ESCAPE:
            letters.append(_EXTENDED.get(next(octets, 0), " "))
        else:
            letters.append(BASIC[octet] if octet < len(BASIC) else " ")
    return "".join(letters)


def cut(text: str) -> Cut:
    """Cut a text into as few parts as it takes.

    160 septets or 70 units stand alone; the parts of a longer text hold 153 or 67, since six octets of each say how
    they belong together. An escape is not torn from its letter, nor one half of a surrogate pair from the other:
    a handset that shows parts one by one would show two wrong letters. ``ValueError`` past 255 parts.
    """
    if is_gsm(text):
        coding, letters, one, more = Coding.GSM, [_SEPTETS[letter] for letter in text], 160, 153
    else:
        coding, letters, one, more = (
            Coding.UCS2,
            [letter.encode("utf-16-be", "replace") for letter in text],
            140,
            134,
        )
    whole = b"".join(letters)
    if len(whole) <= one:
        return Cut(coding, (whole,))
    parts, part = [], bytearray()
    for letter in letters:
        if len(part) + len(letter) > more:
            parts.append(bytes(part))
            part.clear()
        part += letter
    parts.append(bytes(part))
    if len(parts) > MAX_PARTS:
        raise ValueError("more parts than can be counted")
    return Cut(coding, tuple(parts))
