"""Durable truth of persons: blob, data key, indexes, tombstones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from service.infra.postgres import Base, Reader, Tx
from service.infra.statements import Statement
from service.kit.canon import IndexKind
from service.kit.errors import Stale
from service.subscribers.model import Erasure
from service.subscribers.tables import ErasureRow, SubjectIndexRow, SubjectKeyRow, SubscriberRow

_SUBSCRIBER = cast(sa.Table, SubscriberRow.__table__)
_KEY = cast(sa.Table, SubjectKeyRow.__table__)
_INDEX = cast(sa.Table, SubjectIndexRow.__table__)
_ERASURE = cast(sa.Table, ErasureRow.__table__)

Indexed = Sequence[tuple[IndexKind, bytes]]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A wrapped data key and its owner."""

    subscriber_id: UUID
    kek_id: int
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber with its wrapped key; ``sealed`` is what ``version`` was read with."""

    key: KeyRow
    sealed: bytes
    version: int


# One round trip for the three tables: adding a subscriber is on the path of every new registration.
_ADD = Statement(
    sa.text(
        "WITH s AS (INSERT INTO subscriber (operator_id, id, sealed, version, created_at)"
        " VALUES (:op, :id, :sealed, 1, :at)),"
        " k AS (INSERT INTO subject_key (operator_id, id, kek_id, wrapped) VALUES (:op, :id, :kek, :wrapped))"
        " INSERT INTO subject_index (operator_id, idx, subscriber_id, kind)"
        " SELECT :op, i.idx, :id, i.kind FROM unnest(:idx, :kinds) AS i (idx, kind)"
    ).bindparams(
        sa.bindparam("op", type_=sa.Uuid()),
        sa.bindparam("id", type_=sa.Uuid()),
        sa.bindparam("at", type_=sa.DateTime(timezone=True)),
        sa.bindparam("sealed", type_=sa.LargeBinary()),
        sa.bindparam("wrapped", type_=sa.LargeBinary()),
        sa.bindparam("kek", type_=sa.BigInteger()),
        sa.bindparam("idx", type_=ARRAY(sa.LargeBinary())),
        sa.bindparam("kinds", type_=ARRAY(sa.Text())),
    )
)
_HERE = sa.and_(_KEY.c.operator_id == sa.bindparam("op"), _KEY.c.id == sa.bindparam("subject"))
_GET_KEY = Statement(sa.select(_KEY).where(_HERE))
_GET = (
    sa.select(_SUBSCRIBER.c.sealed, _SUBSCRIBER.c.version, _KEY.c.kek_id, _KEY.c.wrapped)
    .join(_KEY, sa.and_(_KEY.c.operator_id == _SUBSCRIBER.c.operator_id, _KEY.c.id == _SUBSCRIBER.c.id))
    .where(_HERE)
)
_PERSON = Statement(_GET)
_PERSON_LOCKED = Statement(_GET.with_for_update(of=_SUBSCRIBER))
_SAVE = Statement(
    sa.update(_SUBSCRIBER)
    .where(
        _SUBSCRIBER.c.operator_id == sa.bindparam("op"),
        _SUBSCRIBER.c.id == sa.bindparam("subject"),
        _SUBSCRIBER.c.version == sa.bindparam("expected"),
    )
    .values(sealed=sa.bindparam("blob"), version=sa.bindparam("next"))
)
_CLEAR = Statement(
    sa.delete(_INDEX).where(
        _INDEX.c.operator_id == sa.bindparam("op"), _INDEX.c.subscriber_id == sa.bindparam("subject")
    )
)
_INDEXED = Statement(sa.insert(_INDEX))
_REPLACE = _SAVE.after(_CLEAR)


def stage_subscriber(tx: Tx, key: KeyRow, sealed: bytes, indexed: Indexed) -> None:
    tx.stage(
        _ADD,
        {
            "op": tx.tenant,
            "id": key.subscriber_id,
            "sealed": sealed,
            "at": tx.now,
            "kek": key.kek_id,
            "wrapped": key.wrapped,
            "idx": [idx for _, idx in indexed],
            "kinds": [kind.value for kind, _ in indexed],
        },
    )


async def key(reader: Reader, subscriber_id: UUID) -> KeyRow | None:
    row = await reader.fetch_one(_GET_KEY, op=reader.tenant, subject=subscriber_id)
    return None if row is None else KeyRow(row.id, row.kek_id, bytes(row.wrapped))


async def person(reader: Reader, subscriber_id: UUID, *, lock: bool = False) -> Person | None:
    """The subscriber; None where it is unknown or erased. ``lock`` holds its row until the end."""
    wanted = _PERSON_LOCKED if lock else _PERSON
    row = await reader.fetch_one(wanted, op=reader.tenant, subject=subscriber_id)
    if row is None or row.sealed is None:
        return None
    return Person(KeyRow(subscriber_id, row.kek_id, bytes(row.wrapped)), bytes(row.sealed), row.version)


async def save(tx: Tx, subscriber_id: UUID, sealed: bytes, indexed: Indexed, *, expected: int) -> None:
    """Replace blob and indexes; :class:`Stale` if the version moved on."""
    touched = await tx.change(
        _REPLACE, op=tx.tenant, subject=subscriber_id, expected=expected, blob=sealed, next=expected + 1
    )
    if touched == 0:
        raise Stale()
    if indexed:
        tx.stage(
            _INDEXED,
            [
                {"operator_id": tx.tenant, "idx": idx, "subscriber_id": subscriber_id, "kind": kind.value}
                for kind, idx in indexed
            ],
        )


async def find(reader: Reader, idxs: Sequence[bytes]) -> list[UUID]:
    """Subscribers that have one of these keyed hashes, ascending by id."""
    rows = await reader.all(
        sa.select(_INDEX.c.subscriber_id)
        .where(
            _INDEX.c.operator_id == reader.tenant,
            _INDEX.c.idx == sa.any_(sa.literal(list(idxs), ARRAY(sa.LargeBinary()))),
        )
        .distinct()
        .order_by(_INDEX.c.subscriber_id)
    )
    return [row.subscriber_id for row in rows]


async def forget(tx: Tx, subscriber_id: UUID, reason: str) -> bool | None:
    """Delete key and indexes, empty the blob, leave a tombstone. False: it was erased before; None: unknown."""
    known = await tx.scalar(
        sa.select(_SUBSCRIBER.c.id)
        .where(_SUBSCRIBER.c.operator_id == tx.tenant, _SUBSCRIBER.c.id == subscriber_id)
        .with_for_update()
    )
    if known is None:
        return None
    deleted = await tx.run(sa.delete(_KEY).where(_KEY.c.operator_id == tx.tenant, _KEY.c.id == subscriber_id))
    tx.stage(_CLEAR, {"op": tx.tenant, "subject": subscriber_id})
    tx.stage(
        sa.update(_SUBSCRIBER)
        .where(_SUBSCRIBER.c.operator_id == tx.tenant, _SUBSCRIBER.c.id == subscriber_id)
        .values(sealed=None, version=_SUBSCRIBER.c.version + 1)
    )
    tx.stage(
        sa.text(
            "INSERT INTO erasure (operator_id, id, at, reason) VALUES (:op, :id, :at, :reason)"
            " ON CONFLICT DO NOTHING"
        ),
        {"op": tx.tenant, "id": subscriber_id, "at": tx.now, "reason": reason},
    )
    return deleted > 0


async def erasures(reader: Reader) -> list[Erasure]:
    """Every tombstone of this operator, oldest first: what a restore must do again."""
    rows = await reader.all(
        sa.select(_ERASURE).where(_ERASURE.c.operator_id == reader.tenant).order_by(_ERASURE.c.at)
    )
    return [Erasure(row.id, row.at, row.reason) for row in rows]


# Rotation


async def keys_under_others(tx: Tx, kek_id: int, limit: int) -> list[KeyRow]:
    """Data keys that another key-encryption key wraps, held; those that someone else holds are left out."""
    rows = await tx.all(
        sa.select(_KEY)
        .where(_KEY.c.operator_id == tx.tenant, _KEY.c.kek_id != kek_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [KeyRow(row.id, row.kek_id, bytes(row.wrapped)) for row in rows]


def stage_rewrapped(tx: Tx, key: KeyRow) -> None:
    tx.stage(
        sa.update(_KEY)
        .where(_KEY.c.operator_id == tx.tenant, _KEY.c.id == key.subscriber_id)
        .values(kek_id=key.kek_id, wrapped=key.wrapped)
    )


async def keks_in_use(reader: Reader) -> set[int]:
    rows = await reader.all(sa.select(_KEY.c.kek_id).where(_KEY.c.operator_id == reader.tenant).distinct())
    return {row.kek_id for row in rows}


async def subscribers_after(reader: Reader, after: UUID | None, limit: int) -> list[UUID]:
    """Subscribers that are not erased, ascending by id, above ``after``."""
    stmt = sa.select(_KEY.c.id).where(_KEY.c.operator_id == reader.tenant)
    if after is not None:
        stmt = stmt.where(_KEY.c.id > after)
    return [row.id for row in await reader.all(stmt.order_by(_KEY.c.id).limit(limit))]


def index_columns() -> list[sa.Column[bytes]]:
    """Every column of every domain that is labelled ``pii:index`` and holds a keyed hash."""
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if (column.comment or "").startswith("pii:index")
        and isinstance(column.type, sa.LargeBinary)
        and "operator_id" in table.c
        and table.name != _INDEX.name
    ]


async def move_indexes(tx: Tx, moved: Mapping[bytes, bytes]) -> int:
    """Write the new keyed hash wherever an old one stands; how many rows changed. Where the hash names the row, one
    row of a thing stays: that of the newest key."""
    if not moved:
        return 0
    count = 0
    values = {"op": tx.tenant, "old": list(moved), "fresh": list(moved.values())}
    for column in index_columns():
        name = f'"{column.table.name}"'
        if column.primary_key:
            count += await tx.run(_with_moved(_doubles(column)), values)
        count += await tx.run(
            _with_moved(
                f"UPDATE {name} AS t SET {column.name} = m.fresh FROM unnest(:old, :fresh) AS m (old, fresh)"
                f" WHERE t.operator_id = :op AND t.{column.name} = m.old"
            ),
            values,
        )
    return count


def _doubles(column: sa.Column[bytes]) -> str:
    """Deletes what would become a row that is there: a hash begins with its key's id, so that the newer is greater."""
    name, idx = f'"{column.table.name}"', column.name
    same = "".join(
        f" AND o.{each.name} = t.{each.name}" for each in column.table.primary_key if each.name != idx
    )
    return (
        f"DELETE FROM {name} AS t USING unnest(:old, :fresh) AS m (old, fresh), {name} AS o"
        f" LEFT JOIN unnest(:old, :fresh) AS n (old, fresh) ON n.old = o.{idx}"
        f" WHERE t.operator_id = :op AND o.operator_id = :op AND t.{idx} = m.old{same}"
        f" AND (o.{idx} = m.fresh OR (n.fresh = m.fresh AND o.{idx} > t.{idx}))"
    )


def _with_moved(statement: str) -> sa.TextClause:
    array = ARRAY(sa.LargeBinary())
    return sa.text(statement).bindparams(sa.bindparam("old", type_=array), sa.bindparam("fresh", type_=array))


async def index_keys_in_use(reader: Reader) -> set[int]:
    """Ids of the index keys that rows of this operator still have, in every domain."""
    found: set[int] = set()
    for column in [_INDEX.c.idx, *index_columns()]:
        rows = await reader.all(
            sa.select(sa.func.substr(column, 1, 4).label("tag"))
            .where(column.table.c.operator_id == reader.tenant, sa.func.length(column) == 20)
            .distinct()
        )
        found |= {int.from_bytes(row.tag, "big") for row in rows}
    return found


async def secrets_under_others(
    tx: Tx, table: str, column: str, kek_tag: bytes, limit: int
) -> list[tuple[UUID, bytes]]:
    """Secrets of a table that are not under this key-encryption key, held."""
    where = sa.table(table, sa.column("operator_id"), sa.column("id"), sa.column(column))
    blob = where.c[column]
    rows = await tx.all(
        sa.select(where.c.id, blob.label("blob"))
        .where(where.c.operator_id == tx.tenant, blob.is_not(None), sa.func.substr(blob, 1, 5) != kek_tag)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [(row.id, bytes(row.blob)) for row in rows]


def stage_secret(tx: Tx, table: str, column: str, row: UUID, blob: bytes) -> None:
    where = sa.table(table, sa.column("operator_id"), sa.column("id"), sa.column(column))
    tx.stage(
        sa.update(where).where(where.c.operator_id == tx.tenant, where.c.id == row).values({column: blob})
    )


async def secret_keks_in_use(reader: Reader, table: str, column: str) -> set[int]:
    where = sa.table(table, sa.column("operator_id"), sa.column(column))
    rows = await reader.all(
        sa.select(sa.func.substr(where.c[column], 2, 4).label("tag"))
        .where(where.c.operator_id == reader.tenant, where.c[column].is_not(None))
        .distinct()
    )
    return {int.from_bytes(row.tag, "big") for row in rows}
