"""Standard Webhooks, version 1: how a body is signed, and how a signature is judged. Pure.

The signature is HMAC-SHA256 over ``id.timestamp.body``; a secret is ``whsec_`` and base64 of 24 to 64 bytes.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

MAX_SIGNATURES = 8
"""Of one message that are looked at: two secrets on each side make four."""

_ID = re.compile(r"[!-~]{1,256}")
_SECONDS = re.compile(r"[0-9]{1,12}")


class SecretRefused(ValueError):
    """A text that can be no secret; the message is a code and never holds it."""


def signing_key(secret: str) -> bytes:
    """The bytes of a secret. Raises :class:`SecretRefused`."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise SecretRefused("secret-not-base64") from None
    if not 24 <= len(key) <= 64:
        raise SecretRefused("secret-length")
    return key


def signature(secret: str, message_id: str, timestamp: int | str, body: bytes) -> str:
    """One signature, in base64, without its version."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return base64.b64encode(hmac.new(signing_key(secret), content, hashlib.sha256).digest()).decode()


def is_signed(
    secrets: Sequence[str],
    *,
    message_id: str | None,
    timestamp: str | None,
    signatures: str | None,
    body: bytes,
    now_s: float,
    tolerance_s: int = 300,
) -> bool:
    """Whether one of the signatures is by one of the secrets and the timestamp (seconds) is near ``now_s``.

    Every pair is compared, in constant time each: how long it takes says neither which secret nor how much of a
    signature was right.
    """
    if message_id is None or not _ID.fullmatch(message_id) or timestamp is None or signatures is None:
        return False
    if not _SECONDS.fullmatch(timestamp) or abs(int(timestamp) - now_s) > tolerance_s:
        return False
    given = [each.removeprefix("v1,") for each in signatures.split(" ") if each.startswith("v1,")]
    wanted = [signature(secret, message_id, timestamp, body) for secret in secrets]
    same = False
    for right in wanted:
        for each in given[:MAX_SIGNATURES]:
            same |= hmac.compare_digest(right.encode(), each.encode("utf-8", "replace"))
    return same
