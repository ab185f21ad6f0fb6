"""Sealed tokens for links in messages: whoever has one may do what it says, and nobody else can make one.

AES-SIV (RFC 5297, by the library ``cryptography``) under a key that is derived from the ``volatile`` keyset: short,
since a message is paid by its length, and without a nonce, so that the same message has the same token.
"""

import base64
import binascii
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from service.kit.canon import Part
from service.kit.errors import NotFound


class Keys(Protocol):
    """What of the vault is needed here."""

    def volatile_all(self, purpose: str, *parts: Part) -> tuple[tuple[int, bytes], ...]: ...


class Capability:
    """Seals and opens tokens of one kind, whose plain form has ``length`` bytes. ``purpose`` names the derived key,
    ``label`` the kind of the token; both with their version."""

    def __init__(self, keys: Keys, purpose: str, label: bytes, length: int) -> None:
        self._keys, self._purpose, self._label, self._length = keys, purpose, label, length

    def seal(self, plain: bytes) -> str:
        """The token, in base64url without padding."""
        assert len(plain) == self._length, "a token of this kind has another length"
        sealed = self._ciphers()[0].encrypt(plain, [self._label])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, token: str) -> bytes:
        """What was sealed; :class:`NotFound` for a token that is not ours, is of another kind, or was altered."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise NotFound() from None
        # The last letter has bits to spare: only the token that we made is one, not its look-alikes.
        if base64.urlsafe_b64encode(sealed).rstrip(b"=") != token.encode():
            raise NotFound()
        for cipher in self._ciphers():
            try:
                plain = cipher.decrypt(sealed, [self._label])
            except (InvalidTag, ValueError):
                continue
            if len(plain) == self._length:
                return plain
        raise NotFound()

    def _ciphers(self) -> list[AESSIV]:
        """Under every enabled key, the primary first: two halves of 16 bytes make the key of AES-128-SIV."""
        halves = zip(
            self._keys.volatile_all(self._purpose, "mac"),
            self._keys.volatile_all(self._purpose, "ctr"),
            strict=True,
        )
        return [AESSIV(mac + ctr) for (_, mac), (_, ctr) in halves]
