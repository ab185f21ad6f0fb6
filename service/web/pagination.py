"""Cursors: opaque, authenticated, bound to the operator and the filter (``api.md``)."""

import base64
import hmac
from collections.abc import Callable, Mapping
from uuid import UUID

from service.kit.errors import InvalidRequest

Tag = Callable[[str, bytes], bytes]
"""``(purpose, message) -> 16 bytes``: a keyed hash, ``Vault.volatile``."""


def _message(operator: UUID, filters: Mapping[str, str | None], last: UUID) -> bytes:
    told = "\x00".join(f"{name}={value}" for name, value in sorted(filters.items()) if value is not None)
    return operator.bytes + last.bytes + told.encode()


def seal(tag: Tag, operator: UUID, filters: Mapping[str, str | None], last: UUID) -> str:
    """The cursor after the item ``last``."""
    return _text(last.bytes + tag("cursor/v1", _message(operator, filters, last)))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unseal(tag: Tag, operator: UUID, filters: Mapping[str, str | None], cursor: str) -> UUID:
    """The item behind a cursor that we made for this operator and filter; else :class:`InvalidRequest`."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if len(raw) == 32 and _text(raw) == cursor:  # one form alone
        last = UUID(bytes=raw[:16])
        if hmac.compare_digest(raw[16:], tag("cursor/v1", _message(operator, filters, last))):
            return last
    raise InvalidRequest("/cursor", "cursor", "is not a cursor of this list")
