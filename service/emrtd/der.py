"""A walk over DER before anything is parsed (``security.md`` 9): so no parser meets depth, length or junk.

ITU-T X.690, 10.1: definite lengths in the fewest bytes; 8.1.2.4: tags in the fewest bytes. The order of a SET OF and
the form of values are not looked at: issuers err there, and nothing hangs on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

MAX_DEPTH: Final = 20
MAX_BYTES: Final = 64 * 1024
MAX_OID: Final = 64
"""Octets. Decoding one takes time that grows with the square of an arc's length; the longest in use has 11."""

_OID: Final = 0x06
_CONSTRUCTED: Final = 0x20
_UNIVERSAL_CONSTRUCTED: Final = frozenset({0x10, 0x11, 0x08, 0x0B})  # SEQUENCE, SET, EXTERNAL, EMBEDDED PDV


class Unreadable(ValueError):
    """Bytes that are not what they should be. ``code``: ``not-der``, ``too-deep``, ``too-long``, ``trailing``,
    ``structure``. Nothing of the bytes is in the text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check(data: bytes, most: int = MAX_BYTES) -> None:
    """Raise :class:`Unreadable` unless ``data`` is one DER value and nothing else, at most ``most`` bytes long.

    One pass, no recursion; time grows with the length alone.
    """
    if len(data) > most:
        raise Unreadable("too-long")
    ends: list[int] = []
    at, size = 0, len(data)
    limit = size
    while True:
        constructed, start, end = header(data, at, limit)
        if not ends and end != size:
            raise Unreadable("trailing")
        if data[at] == _OID and end - start > MAX_OID:
            raise Unreadable("structure")
        if constructed and end > start:
            if len(ends) + 1 >= MAX_DEPTH:
                raise Unreadable("too-deep")
            ends.append(end)
            at, limit = start, end
            continue
        at = end
        while ends and at == ends[-1]:
            ends.pop()
        if not ends:
            return
        limit = ends[-1]


def header(data: bytes, at: int, limit: int) -> tuple[bool, int, int]:
    """(constructed, begin of the content, its end) of the value at ``at``, which must end by ``limit``."""
    if at + 2 > limit:
        raise Unreadable("not-der")
    first = data[at]
    at += 1
    if first & 0x1F == 0x1F:
        number, at = _high_tag(data, at, limit)
        if number < 0x1F or at >= limit:
            raise Unreadable("not-der")
    elif first & 0xC0 == 0 and ((first & 0x1F) in _UNIVERSAL_CONSTRUCTED) != bool(first & _CONSTRUCTED):
        raise Unreadable("not-der")  # a string in pieces, or a sequence without parts
    length = data[at]
    at += 1
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or at + count > limit:
            raise Unreadable("not-der")
        length = int.from_bytes(data[at : at + count], "big")
        if length < 0x80 or length >> (8 * (count - 1)) == 0:
            raise Unreadable("not-der")
        at += count
    if length > limit - at:
        raise Unreadable("not-der")
    return bool(first & _CONSTRUCTED), at, at + length


def _high_tag(data: bytes, at: int, limit: int) -> tuple[int, int]:
    number = 0
    for index in range(3):
        if at >= limit:
            break
        octet = data[at]
        at += 1
        if index == 0 and octet == 0x80:
            break
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            return number, at
    raise Unreadable("not-der")


def inside(data: bytes, tag: int) -> bytes:
    """The content of the one value with this one-byte tag that ``data`` is: a data group's (ISO/IEC 7816-4)."""
    if not data or data[0] != tag:
        raise Unreadable("structure")
    _, start, end = header(data, 0, len(data))
    if end != len(data):
        raise Unreadable("trailing")
    return data[start:end]


def instant(value: object) -> datetime:
    """A time that says its offset; an extended year, or a local time, is none."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Unreadable("structure")
    return value


@contextmanager
def reading() -> Iterator[None]:
    """Whatever a parser raises over bytes that passed the walk is one refusal."""
    try:
        yield
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        raise Unreadable("structure") from None
