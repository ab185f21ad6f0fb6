"""The audit's signatures: Ed25519 through Tink. The private keyset is held by the sealer alone."""

from pathlib import Path

import tink
from tink import json_proto_keyset_format, signature

from service.infra.crypto.keysets import KeysetName, KeysetRefused, load_keyset, public_path
from service.infra.crypto.kms import Kms

_PREFIX = 5
"""Tink's signature begins with 0x01 and the key's id (u32be)."""


class Signer:
    """Signs heads. Only the sealer builds one."""

    def __init__(self, handle: tink.KeysetHandle) -> None:
        self._sign = handle.primitive(signature.PublicKeySign)
        self.key_id = handle.keyset_info().primary_key_id

    @classmethod
    def load(cls, folder: Path, *, production: bool, kms: Kms | None = None) -> "Signer":
        return cls(load_keyset(folder, KeysetName.AUDIT, production=production, kms=kms))

    def sign(self, data: bytes) -> bytes:
        """69 bytes: Tink's prefix and the signature."""
        return bytes(self._sign.sign(data))


class Verifier:
    """Checks heads with every public key that was ever published."""

    def __init__(self, public: tink.KeysetHandle) -> None:
        self._verify = public.primitive(signature.PublicKeyVerify)

    @classmethod
    def load(cls, folder: Path) -> "Verifier":
        """From ``audit.public.json``. A verifier on another host brings its own copy of that file."""
        path = public_path(folder)
        try:
            return cls(json_proto_keyset_format.parse_without_secret(path.read_text("utf-8")))
        except (OSError, ValueError, tink.TinkError) as error:
            raise KeysetRefused(f"{path.name} cannot be read: {type(error).__name__}") from None

    def verifies(self, sig: bytes, data: bytes) -> bool:
        try:
            self._verify.verify(sig, data)
        except tink.TinkError:
            return False
        return True


def signing_key_id(sig: bytes) -> int | None:
    """Which key signed, as the signature itself says."""
    return int.from_bytes(sig[1:_PREFIX], "big") if len(sig) > _PREFIX and sig[0] == 1 else None
