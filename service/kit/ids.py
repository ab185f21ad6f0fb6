"""Identifiers: UUIDv7 (RFC 9562, 5.7) inside, a prefix and 32 hex digits on the wire.

An id sorts by the time it was made. It is never a capability: whoever holds one still needs a key of the
operator that it belongs to.
"""

import secrets
import time
from uuid import UUID

from service.kit.errors import NotFound


def new_id(unix_ms: int | None = None) -> UUID:
    """A fresh UUIDv7; ``unix_ms`` (milliseconds since 1970) is for the seed's clock alone."""
    ms = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    rand = secrets.randbits(74)
    value = (ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (rand >> 62) << 64 | 0b10 << 62 | rand & (1 << 62) - 1
    return UUID(int=value)


def wire(prefix: str, value: UUID) -> str:
    """``wire("reg", uuid)`` is ``reg_`` and 32 hex digits."""
    return f"{prefix}_{value.hex}"


def parse(prefix: str, text: str) -> UUID:
    """The UUID behind a wire id; anything malformed is :class:`NotFound`, as an unknown id would be."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != 32 or not tail.isascii() or not tail.isalnum():
        raise NotFound()
    try:
        return UUID(hex=tail)
    except ValueError:
        raise NotFound() from None
