"""``simward rotate-keys``: move rows from an old key to the new one, in batches, while everything runs.

The order is ``crypto.rotate(add)``, restart every process, ``crypto.rotate(promote)``, restart, then the
verbs here, then ``crypto.rotate(retire, in_use=…)``. Each verb may be interrupted and run again.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from service.audit.workflow import Actor, note_keks, record, reseal_notes
from service.infra.crypto import Vault
from service.infra.postgres import Database, Tx
from service.kit.canon import IndexKind
from service.kit.errors import Stale
from service.subscribers import store
from service.subscribers.model import Erased
from service.subscribers.ports import Plaintexts
from service.subscribers.workflow import Subscribers

BATCH = 500


@dataclass(frozen=True, slots=True)
class SecretColumn:
    """A column of secrets under the key-encryption key: ``label`` is the table that ``seal_secret`` was told."""

    table: str
    column: str
    label: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What one run moved to the primary key, and the ids of keys that rows of this operator still have."""

    rows: int
    in_use: frozenset[int]


async def rewrap(
    db: Database,
    vault: Vault,
    operator: UUID,
    secrets: Sequence[SecretColumn] = (),
    passing: Sequence[SecretColumn] = (),
) -> Moved:
    """Wrap every data key, operator's note and secret under the primary key-encryption key. ``passing`` secrets
    stay as they are: they go by themselves, and until then the old key is in use."""
    rows = 0
    while done := await _rewrap_batch(db, vault, operator):
        rows += done
    for secret in secrets:
        while done := await _reseal_batch(db, vault, operator, secret):
            rows += done
    while done := await _notes_batch(db, vault, operator):
        rows += done
    async with db.write(operator) as tx:
        in_use = await store.keks_in_use(tx) | await note_keks(tx)
        for secret in (*secrets, *passing):
            in_use |= await store.secret_keks_in_use(tx, secret.table, secret.column)
        _record(tx, "kek", rows)
    return Moved(rows, frozenset(in_use))


async def _rewrap_batch(db: Database, vault: Vault, operator: UUID) -> int:
    async with db.write(operator) as tx:
        found = await store.keys_under_others(tx, vault.kek_id, BATCH)
        for key in found:
            kek_id, wrapped = vault.rewrap(operator, key.subscriber_id, key.wrapped)
            store.stage_rewrapped(tx, store.KeyRow(key.subscriber_id, kek_id, wrapped))
    return len(found)


async def _reseal_batch(db: Database, vault: Vault, operator: UUID, secret: SecretColumn) -> int:
    tag = b"\x01" + vault.kek_id.to_bytes(4, "big")
    async with db.write(operator) as tx:
        found = await store.secrets_under_others(tx, secret.table, secret.column, tag, BATCH)
        for row, blob in found:
            fresh = vault.seal_secret(secret.label, row, vault.open_secret(secret.label, row, blob))
            store.stage_secret(tx, secret.table, secret.column, row, fresh)
    return len(found)


async def _notes_batch(db: Database, vault: Vault, operator: UUID) -> int:
    async with db.write(operator) as tx:
        return await reseal_notes(tx, vault.operator_key(operator), BATCH)


async def reindex(
    db: Database,
    vault: Vault,
    subscribers: Subscribers,
    operator: UUID,
    sources: Iterable[Plaintexts] = (),
) -> Moved:
    """Index every subscriber again under the primary index key, and write the new hash wherever an old one of
    the same value stands, in any domain.

    ``sources`` add values that stand in other domains' sealed rows. A hash whose value stands nowhere (a
    device's fingerprint on its own) keeps the old key, and ``in_use`` says so, until its row expires.
    """
    rows = 0
    plaintexts = tuple(sources)
    async for subscriber_id in every_subscriber(db, operator):
        try:
            rows += await _reindex_one(db, vault, subscribers, operator, subscriber_id, plaintexts)
        except Erased:
            continue
        except Stale:
            # Changed at this moment, and so written under the primary key: nothing is left to do.
            continue
    async with db.write(operator) as tx:
        in_use = await store.index_keys_in_use(tx)
        _record(tx, "index", rows)
    return Moved(rows, frozenset(in_use))


async def every_subscriber(db: Database, operator: UUID) -> AsyncIterator[UUID]:
    """Subscribers that are not erased, a page in a transaction of its own: none stays open between them."""
    after: UUID | None = None
    while True:
        async with db.read(operator) as reader:
            page = await store.subscribers_after(reader, after, BATCH)
        for subscriber_id in page:
            yield subscriber_id
        if len(page) < BATCH:
            return
        after = page[-1]


async def _reindex_one(
    db: Database,
    vault: Vault,
    subscribers: Subscribers,
    operator: UUID,
    subscriber_id: UUID,
    sources: Sequence[Plaintexts],
) -> int:
    async with db.write(operator) as tx:
        values: list[tuple[IndexKind, str]] = list(await subscribers.values(tx, subscriber_id))
        if sources:
            key = await subscribers.key(tx, subscriber_id)
            for source in sources:
                values += await source.indexed(tx, subscriber_id, key)
        await subscribers.reindex(tx, subscriber_id)
        moved: dict[bytes, bytes] = {}
        for kind, canon in values:
            fresh, *old = vault.index_all(operator, kind, canon)
            moved |= dict.fromkeys(old, fresh)
        return 1 + await store.move_indexes(tx, moved)


def _record(tx: Tx, keyset: str, rows: int) -> None:
    record(tx, actor=Actor.cli(), action="keys.rotated", object=keyset, facts={"rows": rows})
