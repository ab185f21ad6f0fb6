"""The vault: what the service does with its keys. Built once, shared by all, never pickled or printed."""

import json
from pathlib import Path
from typing import Protocol, cast
from uuid import UUID

import tink
from tink import aead, prf

from service.infra.crypto.keysets import VAULT_KEYSETS, KeysetName, data_key, load_keyset, new_data_key
from service.infra.crypto.kms import Kms
from service.kit.canon import SHARED_KINDS, IndexKind, Part, enc, lock_key
from service.kit.errors import JsonObject

BLOCK = 256
"""Sealed texts are padded to whole blocks of this many bytes: their length says little."""

SCHEMA = "1"
"""Version of the sealed JSON, bound into each blob."""


class SealBroken(Exception):
    """A blob does not open: it was altered, moved to another row, or its key is gone. The text names no content."""


class NoteKey(Protocol):
    """What can seal a note: a subject's key, or the operator's own.

    ``note_kek``: the key-encryption key that the note itself is under; None under a subject's key, which is
    re-wrapped in its own row.
    """

    @property
    def note_kek(self) -> int | None: ...

    def seal(self, table: str, row: UUID, data: JsonObject) -> bytes: ...

    def open(self, table: str, row: UUID, blob: bytes) -> JsonObject: ...


class _Prfs:
    """The keyed hashes of one keyset, ready to call: the primary first, the rest by descending id."""

    __slots__ = ("keys",)

    def __init__(self, handle: tink.KeysetHandle) -> None:
        found = handle.primitive(prf.PrfSet)
        primary = found.primary_id()
        ids = [primary, *sorted((i for i in found.all() if i != primary), reverse=True)]
        self.keys = tuple((i, i.to_bytes(4, "big"), found.all()[i]) for i in ids)

    def first(self, data: bytes) -> bytes:
        _, _, key = self.keys[0]
        return bytes(key.compute(data, 16))

    def tagged(self, data: bytes) -> bytes:
        _, tag, key = self.keys[0]
        return b"".join((tag, key.compute(data, 16)))

    def all_tagged(self, data: bytes) -> tuple[bytes, ...]:
        return tuple(tag + bytes(key.compute(data, 16)) for _, tag, key in self.keys)

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(i for i, _, _ in self.keys)


class SubjectKey:
    """A subject's data key, unwrapped. Its blobs are bound to operator, table, row and schema."""

    __slots__ = ("_aead", "_operator", "kek_id", "wrapped")

    def __init__(self, operator: UUID, kek_id: int, wrapped: bytes, cipher: aead.Aead) -> None:
        self._operator = operator
        self._aead = cipher
        self.kek_id = kek_id
        self.wrapped = wrapped

    def seal(self, table: str, row: UUID, data: JsonObject) -> bytes:
        """One blob for one row (``security.md`` 1.8)."""
        return bytes(self._aead.encrypt(_pad(data), self._bound(table, row)))

    def open(self, table: str, row: UUID, blob: bytes) -> JsonObject:
        """The data again; :class:`SealBroken` for any other row, operator, table or key."""
        try:
            return _unpad(self._aead.decrypt(blob, self._bound(table, row)))
        except tink.TinkError:
            raise SealBroken(f"a sealed row of {table} does not open") from None

    def _bound(self, table: str, row: UUID) -> bytes:
        return enc("pii/v1", self._operator, table, row, SCHEMA)

    @property
    def note_kek(self) -> int | None:
        return None

    def __repr__(self) -> str:
        return f"SubjectKey(kek_id={self.kek_id})"


class OperatorKey:
    """Seals notes that have no subject with the key-encryption key, bound to table, operator and row."""

    __slots__ = ("_operator", "_vault")

    def __init__(self, vault: "Vault", operator: UUID) -> None:
        self._vault = vault
        self._operator = operator

    @property
    def note_kek(self) -> int | None:
        return self._vault.kek_id

    def seal(self, table: str, row: UUID, data: JsonObject) -> bytes:
        return self._vault.seal_secret(f"{table}/{self._operator.hex}", row, _pad(data))

    def open(self, table: str, row: UUID, blob: bytes) -> JsonObject:
        return _unpad(self._vault.open_secret(f"{table}/{self._operator.hex}", row, blob))


class Vault:
    """Four keysets: ``kek``, ``index``, ``shared``, ``volatile``. Nothing joins one to another."""

    def __init__(self, handles: dict[KeysetName, tink.KeysetHandle]) -> None:
        kek = handles[KeysetName.KEK]
        self._kek: aead.Aead = kek.primitive(aead.Aead)
        self.kek_id = int(kek.keyset_info().primary_key_id)
        self._index = _Prfs(handles[KeysetName.INDEX])
        self._shared = _Prfs(handles[KeysetName.SHARED])
        self._volatile = _Prfs(handles[KeysetName.VOLATILE])

    @classmethod
    def load(cls, folder: Path, *, production: bool, kms: Kms | None = None) -> "Vault":
        """From the keyset files of ``folder``; ``KeysetRefused`` where one is missing, open or cleartext in
        production. Loaded once: a step of a rotation takes effect when the process starts again."""
        return cls(
            {name: load_keyset(folder, name, production=production, kms=kms) for name in VAULT_KEYSETS}
        )

    def __repr__(self) -> str:
        return f"Vault(kek={self.kek_id}, index={self.index_ids})"

    # Indexes inside an operator

    @property
    def index_ids(self) -> tuple[int, ...]:
        """Ids of the enabled index keys, the primary first."""
        return self._index.ids

    def index(self, operator: UUID, kind: IndexKind, canon: str) -> bytes:
        """20 bytes to write: ``u32be(key id) || PRF[:16]`` under the primary key (``security.md`` 1.4)."""
        return self._index.tagged(enc("idx/v1", operator, kind.value, canon))

    def index_all(self, operator: UUID, kind: IndexKind, canon: str) -> tuple[bytes, ...]:
        """The same under every enabled key, the primary first: look up with ``= ANY``."""
        return self._index.all_tagged(enc("idx/v1", operator, kind.value, canon))

    def locks(self, operator: UUID, kind: IndexKind, canon: str) -> tuple[int, ...]:
        """The advisory locks of an index: one for each enabled key, ascending.

        Two processes one step of a rotation apart always share a key, so they always share a lock. (The
        lowest enabled id alone would not do: while one is retired, half the processes no longer have it.)
        """
        return tuple(sorted(map(lock_key, self.index_all(operator, kind, canon))))

    # Indexes over operators

    @property
    def shared_ids(self) -> tuple[int, ...]:
        return self._shared.ids

    def shared(self, kind: IndexKind, canon: str) -> bytes:
        """20 bytes without any operator in them (``security.md`` 1.5)."""
        return self._shared.tagged(_shared_data(kind, canon))

    def shared_all(self, kind: IndexKind, canon: str) -> tuple[bytes, ...]:
        return self._shared.all_tagged(_shared_data(kind, canon))

    def shared_ref(self, line: UUID) -> bytes:
        """What stands for a line in ``shared_holding``."""
        return self._shared.tagged(enc("ref/v1", line))

    def shared_ref_all(self, line: UUID) -> tuple[bytes, ...]:
        return self._shared.all_tagged(enc("ref/v1", line))

    # What may be lost: Redis names, code digests, idempotency

    def volatile(self, purpose: str, *parts: Part) -> bytes:
        """16 bytes under the primary key; ``purpose`` is a label with its version (``otp/v1``)."""
        return self._volatile.first(enc(purpose, *parts))

    def volatile_all(self, purpose: str, *parts: Part) -> tuple[tuple[int, bytes], ...]:
        """``(key id, digest)`` under every enabled key, the primary first."""
        data = enc(purpose, *parts)
        return tuple((i, bytes(key.compute(data, 16))) for i, _, key in self._volatile.keys)

    # Data keys and secrets

    def new_subject_key(self, operator: UUID, subject: UUID) -> SubjectKey:
        """A fresh data key, wrapped for ``subject_key`` (``security.md`` 1.7)."""
        serialised, cipher = new_data_key()
        wrapped = bytes(self._kek.encrypt(serialised, enc("dek/v1", operator, subject)))
        return SubjectKey(operator, self.kek_id, wrapped, cipher)

    def subject_key(self, operator: UUID, subject: UUID, kek_id: int, wrapped: bytes) -> SubjectKey:
        """The data key of a row of ``subject_key``; :class:`SealBroken` if it is not that subject's."""
        return SubjectKey(operator, kek_id, wrapped, data_key(self._unwrap(operator, subject, wrapped)))

    def rewrap(self, operator: UUID, subject: UUID, wrapped: bytes) -> tuple[int, bytes]:
        """``(kek id, wrapped)`` under the primary key-encryption key: a rotation, data untouched."""
        serialised = self._unwrap(operator, subject, wrapped)
        return self.kek_id, bytes(self._kek.encrypt(serialised, enc("dek/v1", operator, subject)))

    def _unwrap(self, operator: UUID, subject: UUID, wrapped: bytes) -> bytes:
        try:
            return bytes(self._kek.decrypt(wrapped, enc("dek/v1", operator, subject)))
        except tink.TinkError:
            raise SealBroken("a subject's data key does not open") from None

    def seal_secret(self, table: str, row: UUID, data: bytes) -> bytes:
        """A secret without a subject (TOTP, webhook), bound to its table and row."""
        return bytes(self._kek.encrypt(data, enc("secret/v1", table, row)))

    def open_secret(self, table: str, row: UUID, blob: bytes) -> bytes:
        try:
            return bytes(self._kek.decrypt(blob, enc("secret/v1", table, row)))
        except tink.TinkError:
            raise SealBroken(f"a secret of {table} does not open") from None

    def operator_key(self, operator: UUID) -> OperatorKey:
        """Seals what concerns no subject, such as a dealer's note. Not erasable subject by subject."""
        return OperatorKey(self, operator)


def kek_of(blob: bytes) -> int | None:
    """The id of the key-encryption key under which a wrapped key or a secret is; None if it is no such blob."""
    return int.from_bytes(blob[1:5], "big") if len(blob) > 5 and blob[0] == 1 else None


def _shared_data(kind: IndexKind, canon: str) -> bytes:
    if kind not in SHARED_KINDS:
        raise ValueError(f"{kind} is never compared between operators")
    return enc("shared/v1", kind.value, canon)


def _pad(data: JsonObject) -> bytes:
    """JSON, filled with spaces to whole blocks: the padding is JSON white space, so reading needs no length."""
    raw = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return raw.ljust(-(-len(raw) // BLOCK) * BLOCK)


def _unpad(raw: bytes) -> JsonObject:
    return cast(JsonObject, json.loads(raw))
