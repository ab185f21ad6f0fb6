"""Durable truth of the audit: entries, notes, seals, heads, the installation's id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import sqlalchemy as sa

from service.audit.model import INSTALLATION, Entry, Head, Seal
from service.audit.rules import entry_hash
from service.audit.tables import AuditEntryRow, AuditHeadRow, AuditNoteRow, AuditSealRow, InstallationRow
from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement

_ENTRY = cast(sa.Table, AuditEntryRow.__table__)
_NOTE = cast(sa.Table, AuditNoteRow.__table__)
_SEAL = cast(sa.Table, AuditSealRow.__table__)
_HEAD = cast(sa.Table, AuditHeadRow.__table__)
_INSTALLATION = cast(sa.Table, InstallationRow.__table__)

_INSERT_ENTRY = Statement(
    sa.insert(_ENTRY), [column.name for column in _ENTRY.columns if column.name != "xid"]
)
_INSERT_NOTE = sa.insert(_NOTE)
_INSERT_SEAL = sa.insert(_SEAL)
_INSERT_HEAD = sa.insert(_HEAD)


def stage_entry(tx: Tx, entry: Entry) -> None:
    tx.stage(
        _INSERT_ENTRY,
        {
            "operator_id": entry.operator,
            "id": entry.id,
            "at": entry.at,
            "actor_kind": entry.actor.kind.value,
            "actor_id": entry.actor.id,
            "action": entry.action,
            "object": entry.object,
            "reason": entry.reason,
            "body": entry.body,
            "entry": entry_hash(entry.body),
        },
    )


def stage_note(tx: Tx, entry_id: UUID, sealed: bytes, kek_id: int | None) -> None:
    tx.stage(_INSERT_NOTE, {"operator_id": tx.tenant, "id": entry_id, "sealed": sealed, "kek_id": kek_id})


async def note(reader: Reader, entry_id: UUID) -> bytes | None:
    found = await reader.scalar(
        sa.select(_NOTE.c.sealed).where(_NOTE.c.operator_id == reader.tenant, _NOTE.c.id == entry_id)
    )
    return None if found is None else bytes(found)


async def notes_under(tx: Tx, other_than: int, limit: int) -> list[tuple[UUID, bytes]]:
    """Operator's notes that are not under this key-encryption key, held until the end of the transaction."""
    rows = await tx.all(
        sa.select(_NOTE.c.id, _NOTE.c.sealed)
        .where(_NOTE.c.operator_id == tx.tenant, _NOTE.c.kek_id != other_than)
        .limit(limit)
    )
    return [(row.id, bytes(row.sealed)) for row in rows]


async def note_keks(reader: Reader) -> set[int]:
    """Key-encryption keys that operator's notes are under."""
    stmt = sa.select(_NOTE.c.kek_id).where(_NOTE.c.operator_id == reader.tenant).distinct()
    return {row.kek_id for row in await reader.all(stmt) if row.kek_id is not None}


def stage_resealed(tx: Tx, entry_id: UUID, sealed: bytes, kek_id: int) -> None:
    tx.stage(
        sa.update(_NOTE)
        .where(_NOTE.c.operator_id == tx.tenant, _NOTE.c.id == entry_id)
        .values(sealed=sealed, kek_id=kek_id)
    )


async def bodies(
    reader: Reader,
    *,
    object: str | None = None,
    action: str | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[tuple[UUID, datetime, str]]:
    """(id, at, body) of this operator's entries, newest first; ``before`` is the last id of the page before."""
    stmt = sa.select(_ENTRY.c.id, _ENTRY.c.at, _ENTRY.c.body).where(_ENTRY.c.operator_id == reader.tenant)
    if object is not None:
        stmt = stmt.where(_ENTRY.c.object == object)
    if action is not None:
        stmt = stmt.where(_ENTRY.c.action == action)
    if before is not None:
        stmt = stmt.where(_ENTRY.c.id < before)
    rows = await reader.all(stmt.order_by(_ENTRY.c.id.desc()).limit(limit))
    return [(row.id, row.at, row.body) for row in rows]


async def installation(reader: Reader) -> UUID | None:
    found: UUID | None = await reader.scalar(sa.select(_INSTALLATION.c.id))
    return found


async def add_installation(tx: Tx, installation_id: UUID) -> UUID:
    """The installation's id: the one that is there, else this one."""
    await tx.run(
        sa.text(
            "INSERT INTO installation (one, id, created_at) VALUES (true, :id, :at) ON CONFLICT DO NOTHING"
        ),
        {"id": installation_id, "at": tx.now},
    )
    found = await installation(tx)
    assert found is not None
    return found


# What the sealer needs


async def try_lock(tx: Tx, key: int) -> bool:
    """Whether this transaction is now the operator's only sealer."""
    return bool(await tx.scalar(sa.text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": key}))


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain. ``next_xid``: PostgreSQL's next transaction, to tell a restored database."""

    n: int
    link: bytes | None
    horizon: int
    next_xid: int
    head_n: int
    head_at: datetime | None


_TIP = sa.text(
    "SELECT s.n, s.link, s.horizon, h.n AS head_n, h.at AS head_at,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid FROM (SELECT 1) AS one"
    " LEFT JOIN LATERAL (SELECT n, link, horizon FROM audit_seal WHERE operator_id = :op"
    " ORDER BY n DESC LIMIT 1) AS s ON true"
    " LEFT JOIN LATERAL (SELECT n, at FROM audit_head WHERE operator_id = :op"
    " ORDER BY n DESC LIMIT 1) AS h ON true"
)


async def tip(tx: Reader) -> Tip:
    row = await tx.one(_TIP, {"op": tx.tenant})
    assert row is not None
    link = None if row.link is None else bytes(row.link)
    return Tip(row.n or 0, link, row.horizon or 0, row.next_xid, row.head_n or 0, row.head_at)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A committed entry without a number. ``oldest_xid``: every transaction below it is over."""

    id: UUID
    at: datetime
    body: str
    xid: int
    oldest_xid: int


_UNSEALED = (
    "SELECT e.id, e.at, e.body, e.xid, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_xid"
    " FROM audit_entry e WHERE e.operator_id = :op AND e.xid >= :horizon {bound}"
    " AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.operator_id = :op AND s.entry_id = e.id)"
    " ORDER BY e.xid, e.id LIMIT :limit"
)
# Entries of a restored database carry numbers of the old one: they may lie ahead of every transaction here.
_SINCE = sa.text(
    _UNSEALED.format(bound="AND e.xid < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)")
)
_EVERY = sa.text(_UNSEALED.format(bound=""))


async def unsealed(tx: Tx, horizon: int, *, sweep: bool, limit: int) -> list[Waiting]:
    """Committed entries that have no number, in the order of their transactions.

    ``sweep`` looks at every entry; else only at those of transactions from ``horizon`` on.
    """
    rows = await tx.all(
        _EVERY if sweep else _SINCE,
        {"op": tx.tenant, "horizon": 0 if sweep else horizon, "limit": limit},
    )
    return [Waiting(row.id, row.at, row.body, row.xid, row.oldest_xid) for row in rows]


def stage_seals(tx: Tx, seals: Sequence[Seal], horizon: int) -> None:
    tx.stage(
        _INSERT_SEAL,
        [
            {
                "operator_id": tx.tenant,
                "n": seal.n,
                "entry_id": seal.entry_id,
                "entry_at": seal.entry_at,
                "link": seal.link,
                "horizon": horizon,
                "sealed_at": tx.now,
            }
            for seal in seals
        ],
    )


def stage_head(tx: Tx, head: Head) -> None:
    tx.stage(
        _INSERT_HEAD,
        {
            "operator_id": head.operator,
            "n": head.n,
            "link": head.link,
            "at": head.at,
            "signature": head.signature,
        },
    )


async def heads(reader: Reader, installation_id: UUID, *, after: int | None = 0) -> list[Head]:
    """This operator's heads above number ``after``, ascending; None: the newest alone."""
    mine = sa.select(_HEAD).where(_HEAD.c.operator_id == reader.tenant)
    if after is None:
        rows = await reader.all(mine.order_by(_HEAD.c.n.desc()).limit(1))
    else:
        rows = await reader.all(mine.where(_HEAD.c.n > after).order_by(_HEAD.c.n))
    return [
        Head(installation_id, row.operator_id, row.n, bytes(row.link), row.at, bytes(row.signature))
        for row in rows
    ]


# What a verification needs


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal and its entry as the columns say it; the entry's fields are None where there is no such row."""

    n: int
    entry_id: UUID
    entry_at: datetime
    link: bytes
    body: str | None
    columns: tuple[object, ...]


_WALK = (
    sa.select(
        _SEAL.c.n,
        _SEAL.c.entry_id,
        _SEAL.c.entry_at,
        _SEAL.c.link,
        _ENTRY.c.body,
        _ENTRY.c.actor_kind,
        _ENTRY.c.actor_id,
        _ENTRY.c.action,
        _ENTRY.c.object,
        _ENTRY.c.reason,
        _ENTRY.c.entry,
    )
    .select_from(
        _SEAL.outerjoin(
            _ENTRY,
            sa.and_(
                _ENTRY.c.operator_id == _SEAL.c.operator_id,
                _ENTRY.c.id == _SEAL.c.entry_id,
                _ENTRY.c.at == _SEAL.c.entry_at,
            ),
        )
    )
    .where(_SEAL.c.operator_id == sa.bindparam("op"), _SEAL.c.n > sa.bindparam("after"))
    .order_by(_SEAL.c.n)
    .limit(sa.bindparam("most"))
)


async def sealed_after(reader: Reader, after: int, limit: int) -> list[Sealed]:
    """Seals above number ``after`` with their entries, ascending."""
    rows = await reader.all(_WALK, {"op": reader.tenant, "after": after, "most": limit})
    return [
        Sealed(
            row.n,
            row.entry_id,
            row.entry_at,
            bytes(row.link),
            row.body,
            (
                row.actor_kind,
                row.actor_id,
                row.action,
                row.object,
                row.reason,
                None if row.entry is None else bytes(row.entry),
            ),
        )
        for row in rows
    ]


async def waiting(reader: Reader) -> list[tuple[UUID, datetime]]:
    """Every entry of this operator without a number, oldest first; at most 1000."""
    rows = await reader.all(
        sa.text(
            "SELECT e.id, e.at FROM audit_entry e WHERE e.operator_id = :op AND NOT EXISTS (SELECT 1 FROM"
            " audit_seal s WHERE s.operator_id = :op AND s.entry_id = e.id) ORDER BY e.at, e.id LIMIT 1000"
        ),
        {"op": reader.tenant},
    )
    return [(row.id, row.at) for row in rows]


async def anchors(reader: Reader) -> list[str]:
    """Bodies of the heads that were written into the installation's chain, oldest first."""
    rows = await reader.all(
        sa.select(_ENTRY.c.body)
        .where(_ENTRY.c.operator_id == INSTALLATION, _ENTRY.c.action == "audit.head")
        .order_by(_ENTRY.c.id)
    )
    return [row.body for row in rows]


async def last_anchor(reader: Reader, object: str) -> str | None:
    """The newest body of the installation's chain about this object, an operator's wire id."""
    found: str | None = await reader.scalar(
        sa.select(_ENTRY.c.body)
        .where(
            _ENTRY.c.operator_id == INSTALLATION,
            _ENTRY.c.object == object,
            _ENTRY.c.action == "audit.head",
        )
        .order_by(_ENTRY.c.id.desc())
        .limit(1)
    )
    return found
