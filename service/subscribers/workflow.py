"""Verbs of the register of persons. ``Subscribers`` is built once and holds no state but the vault."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.crypto import SubjectKey, Vault
from service.infra.postgres import Reader, Tx
from service.kit.canon import IndexKind
from service.kit.errors import JsonObject, NotFound
from service.kit.ids import wire
from service.subscribers import store
from service.subscribers.model import Erased

_TABLE = "subscriber"

Values = Iterable[tuple[IndexKind, str]]
"""``(kind, canonical value)`` pairs: what a subscriber is found by."""


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A person as one read found them."""

    key: SubjectKey
    pii: JsonObject
    person: store.Person


class Subscribers:
    """One subscriber a registration. ``pii`` is what is known of the person, as JSON of the caller's shape."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, tx: Tx, subscriber_id: UUID, pii: JsonObject, indexes: Values = ()) -> SubjectKey:
        """Stage a new subscriber; its data key, under which the caller seals its own rows."""
        values = _distinct(indexes)
        key = self._vault.new_subject_key(tx.tenant, subscriber_id)
        sealed = key.seal(_TABLE, subscriber_id, _content(pii, values))
        row = store.KeyRow(subscriber_id, key.kek_id, key.wrapped)
        store.stage_subscriber(tx, row, sealed, self._indexed(tx.tenant, values))
        return key

    async def key(self, reader: Reader, subscriber_id: UUID) -> SubjectKey:
        """The data key; :class:`Erased` where there is none any more."""
        row = await store.key(reader, subscriber_id)
        if row is None:
            raise Erased()
        return self._key(reader.tenant, row)

    def unwrap(self, operator: UUID, subscriber_id: UUID, wrapped: tuple[int, bytes] | None) -> SubjectKey:
        """The data key behind what a domain read beside its own row; :class:`Erased` where there was none."""
        if wrapped is None:
            raise Erased()
        return self._vault.subject_key(operator, subscriber_id, *wrapped)

    async def open(self, reader: Reader, subscriber_id: UUID) -> "Opened":
        """Key and data in one read, good for :meth:`put`; :class:`Erased` where nothing is left."""
        person = await self._person(reader, subscriber_id)
        pii, _ = self._open(reader.tenant, person)
        return Opened(self._key(reader.tenant, person.key), pii, person)

    async def put(self, tx: Tx, opened: "Opened", pii: JsonObject, indexes: Values = ()) -> None:
        """As :meth:`replace`, of what :meth:`open` read; ``Stale`` where somebody was faster."""
        await self._save(tx, opened.person, pii, _distinct(indexes))

    async def is_erased(self, reader: Reader, subscriber_id: UUID) -> bool:
        return await store.key(reader, subscriber_id) is None

    async def read(self, reader: Reader, subscriber_id: UUID) -> JsonObject:
        """What is known of the person; :class:`Erased` where nothing is any more."""
        pii, _ = self._open(reader.tenant, await self._person(reader, subscriber_id))
        return pii

    async def replace(self, tx: Tx, subscriber_id: UUID, pii: JsonObject, indexes: Values = ()) -> SubjectKey:
        """Put other data and other indexes in place of the old ones; the data key stays."""
        person = await self._person(tx, subscriber_id, lock=True)
        return await self._save(tx, person, pii, _distinct(indexes))

    async def extend(self, tx: Tx, subscriber_id: UUID, indexes: Values) -> SubjectKey:
        """Add indexes to those that are there, as when a document was read; the data stay."""
        person = await self._person(tx, subscriber_id, lock=True)
        pii, before = self._open(tx.tenant, person)
        values = _distinct([*before, *indexes])
        if len(values) == len(before):
            return self._key(tx.tenant, person.key)
        return await self._save(tx, person, pii, values)

    async def find(self, reader: Reader, kind: IndexKind, canon: str) -> list[UUID]:
        """Subscribers of this operator with this value, under whichever key it was indexed."""
        return await store.find(reader, self._vault.index_all(reader.tenant, kind, canon))

    async def values(self, reader: Reader, subscriber_id: UUID) -> Sequence[tuple[IndexKind, str]]:
        """What the subscriber is found by."""
        _, values = self._open(reader.tenant, await self._person(reader, subscriber_id))
        return values

    def values_in(
        self, key: SubjectKey, subscriber_id: UUID, sealed: bytes | None
    ) -> Sequence[tuple[IndexKind, str]]:
        """As :meth:`values`, of the blob that a domain read beside its own row; :class:`Erased` where there was
        none."""
        if sealed is None:
            raise Erased()
        return _values(key.open(_TABLE, subscriber_id, sealed))

    async def reindex(self, tx: Tx, subscriber_id: UUID) -> None:
        """Compute the index rows again under the primary key."""
        person = await self._person(tx, subscriber_id, lock=True)
        pii, values = self._open(tx.tenant, person)
        await self._save(tx, person, pii, values)

    async def erase(
        self,
        tx: Tx,
        subscriber_id: UUID,
        *,
        actor: Actor | None = None,
        reason: str = "request",
    ) -> bool:
        """Delete the data key and the indexes, leave a tombstone, write the audit entry; False if it was done
        before. No row of any domain about this person can be decrypted afterwards; copies in backups and WAL
        can, with the keys, until they age out. :class:`NotFound` for an unknown subscriber."""
        done = await store.forget(tx, subscriber_id, reason)
        if done is None:
            raise NotFound()
        if done:
            record(
                tx,
                actor=actor or Actor.system("erasure"),
                action="subscriber.erased",
                object=wire("sub", subscriber_id),
                reason=reason,
            )
        return done

    async def replay_erasures(self, tx: Tx, erased: Iterable[UUID]) -> int:
        """After a restore: erase again what was erased since the backup; how many there were to do."""
        count = 0
        for subscriber_id in erased:
            try:
                count += await self.erase(tx, subscriber_id, reason="restore")
            except NotFound:
                continue
        return count

    async def _person(self, reader: Reader, subscriber_id: UUID, *, lock: bool = False) -> store.Person:
        person = await store.person(reader, subscriber_id, lock=lock)
        if person is None:
            raise Erased()
        return person

    async def _save(
        self, tx: Tx, person: store.Person, pii: JsonObject, values: Sequence[tuple[IndexKind, str]]
    ) -> SubjectKey:
        key = self._key(tx.tenant, person.key)
        subscriber_id = person.key.subscriber_id
        sealed = key.seal(_TABLE, subscriber_id, _content(pii, values))
        indexed = self._indexed(tx.tenant, values)
        await store.save(tx, subscriber_id, sealed, indexed, expected=person.version)
        return key

    def _key(self, operator: UUID, row: store.KeyRow) -> SubjectKey:
        return self._vault.subject_key(operator, row.subscriber_id, row.kek_id, row.wrapped)

    def _open(self, operator: UUID, person: store.Person) -> tuple[JsonObject, list[tuple[IndexKind, str]]]:
        key = self._key(operator, person.key)
        content = key.open(_TABLE, person.key.subscriber_id, person.sealed)
        return cast(JsonObject, content["d"]), _values(content)

    def _indexed(
        self, operator: UUID, values: Iterable[tuple[IndexKind, str]]
    ) -> list[tuple[IndexKind, bytes]]:
        return [(kind, self._vault.index(operator, kind, canon)) for kind, canon in values]


def _distinct(values: Values) -> list[tuple[IndexKind, str]]:
    return list(dict.fromkeys(values))


def _values(content: JsonObject) -> list[tuple[IndexKind, str]]:
    values = cast(list[tuple[str, str]], content["i"])
    return [(IndexKind(kind), canon) for kind, canon in values]


def _content(pii: JsonObject, values: Iterable[tuple[IndexKind, str]]) -> JsonObject:
    """The blob: the data, and beside them what is indexed, so that a rotation can index again by itself."""
    return {"d": pii, "i": [[kind.value, canon] for kind, canon in values]}
