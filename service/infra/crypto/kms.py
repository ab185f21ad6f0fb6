"""What wraps the keysets in production: a key-encryption key that is not beside them."""

from pathlib import Path
from typing import Protocol

import tink
from tink import aead, secret_key_access
from tink.proto import tink_pb2, xchacha20_poly1305_pb2

aead.register()


class Kms(Protocol):
    """A key-encryption key. A cloud KMS implements it with the AEAD of its Tink client."""

    def aead(self) -> aead.Aead: ...


class FileKms:
    """A key-encryption key of 32 bytes in a secret file (``SIMWARD_MASTER_KEY_FILE``), XCHACHA20_POLY1305.

    The file holds 32 raw bytes, or 64 hex digits with or without a line end. It belongs on another volume
    than the keysets, and in no backup that holds them.
    """

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        if len(raw) != 32:
            try:
                raw = bytes.fromhex(raw.decode("ascii").strip())
            except (UnicodeDecodeError, ValueError):
                raw = b""
        if len(raw) != 32 or len(set(raw)) < 8:
            raise ValueError(f"the master key file {path.name} does not hold 32 random bytes")
        self._aead = _xchacha(raw)

    def aead(self) -> aead.Aead:
        return self._aead


def _xchacha(key: bytes) -> aead.Aead:
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add()
    entry.key_data.type_url = aead.aead_key_templates.XCHACHA20_POLY1305.type_url
    entry.key_data.value = xchacha20_poly1305_pb2.XChaCha20Poly1305Key(
        version=0, key_value=key
    ).SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    entry.status = tink_pb2.ENABLED
    entry.key_id = 1
    entry.output_prefix_type = tink_pb2.RAW
    handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(aead.Aead)


def kms_from(master_key_file: Path | None) -> Kms | None:
    """The key-encryption key that the settings name, if they name one."""
    return None if master_key_file is None else FileKms(master_key_file)
