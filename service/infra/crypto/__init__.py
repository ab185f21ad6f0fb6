"""Keys: Google Tink for every cipher, keyed hash and signature (``security.md`` 1).

``keysets`` reads, writes and rotates the five keysets; ``vault`` is what the service uses of four of them;
``signing`` is the fifth, held by the sealer of the audit alone; ``kms`` wraps keysets in production.
"""

from service.infra.crypto.capability import Capability, Keys
from service.infra.crypto.keysets import (
    KeysetName,
    KeysetRefused,
    Rotation,
    Step,
    create_keysets,
    rotate,
)
from service.infra.crypto.kms import FileKms, Kms, kms_from
from service.infra.crypto.signing import Signer, Verifier
from service.infra.crypto.vault import NoteKey, SealBroken, SubjectKey, Vault

__all__ = [
    "Capability",
    "FileKms",
    "Keys",
    "KeysetName",
    "KeysetRefused",
    "Kms",
    "NoteKey",
    "Rotation",
    "SealBroken",
    "Signer",
    "Step",
    "SubjectKey",
    "Vault",
    "Verifier",
    "create_keysets",
    "kms_from",
    "rotate",
]
