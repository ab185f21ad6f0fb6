"""Durable truth of the trust store: what was imported, and what of it is in force. Installation-wide."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from service.documents.model.trust import ImportKind, TrustImport
from service.documents.tables import CscaActivationRow, CscaImportRow
from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound

_LOCK = 0x6373_6361
_IMPORT = cast(sa.Table, CscaImportRow.__table__)
_ACT = cast(sa.Table, CscaActivationRow.__table__)
_NEWEST = sa.select(sa.func.max(_ACT.c.number)).group_by(_ACT.c.import_id)
_LAST = (
    sa.select(_ACT.c.import_id, _ACT.c.effect, _ACT.c.done_by)
    .where(_ACT.c.number.in_(_NEWEST))
    .subquery("last")
)
_FIRST = (
    sa.select(_ACT.c.import_id, sa.func.min(_ACT.c.number).label("activation"))
    .where(_ACT.c.effect == "trust")
    .group_by(_ACT.c.import_id)
    .subquery("first")
)
_BESIDE = [column for column in _IMPORT.c if column.name != "content"]
_KNOWN = (
    sa.select(*_BESIDE, _LAST.c.effect, _LAST.c.done_by, _FIRST.c.activation)
    .select_from(_IMPORT)
    .outerjoin(_LAST, _LAST.c.import_id == _IMPORT.c.id)
    .outerjoin(_FIRST, _FIRST.c.import_id == _IMPORT.c.id)
)


async def lock(tx: Tx) -> None:
    """One change of the trust store at a time."""
    await tx.lock(_LOCK)


async def version(reader: Reader) -> int:
    """Counts the changes; 0 where nothing was ever activated."""
    found = await reader.scalar(sa.select(sa.func.max(_ACT.c.number)))
    return int(found or 0)


async def listed(reader: Reader) -> list[TrustImport]:
    """All imports, oldest first, each with whether it is in force."""
    rows = await reader.all(_KNOWN.order_by(_IMPORT.c.staged_at, _IMPORT.c.id))
    return _in_force([_import(row) for row in rows], {row.id for row in rows if row.effect == "trust"})


async def contents(reader: Reader, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    rows = await reader.all(sa.select(_IMPORT.c.id, _IMPORT.c.content).where(_IMPORT.c.id.in_(ids)))
    return {row.id: row.content for row in rows}


async def load(reader: Reader, import_id: UUID) -> TrustImport:
    """Raises NotFound."""
    for each in await listed(reader):
        if each.id == import_id:
            return each
    raise NotFound()


def stage(tx: Tx, what: TrustImport, content: bytes) -> None:
    tx.stage(
        sa.insert(_IMPORT).values(
            id=what.id,
            kind=what.kind.value,
            source=what.source,
            dated_at=what.dated_at,
            digest=what.digest,
            count=what.count,
            content=content,
            staged_by=what.staged_by,
            staged_at=what.staged_at,
        )
    )


def act(tx: Tx, import_id: UUID, effect: str, by: UUID) -> None:
    """``effect``: trust or withdraw."""
    tx.stage(sa.insert(_ACT).values(import_id=import_id, effect=effect, done_by=by, done_at=tx.now))


def _import(row: Any) -> TrustImport:
    return TrustImport(
        id=row.id,
        kind=ImportKind(row.kind),
        source=row.source,
        dated_at=row.dated_at,
        digest=row.digest,
        count=row.count,
        staged_by=row.staged_by,
        staged_at=row.staged_at,
        activated_by=row.done_by if row.effect == "trust" else None,
        activation=row.activation,
    )


def _in_force(found: list[TrustImport], trusted: set[UUID]) -> list[TrustImport]:
    """The newest of a source that ever was in force, unless it is withdrawn: what it replaced never comes back."""
    newest: dict[tuple[ImportKind, str], tuple[datetime, int, UUID]] = {}
    for each in found:
        if each.activation is not None:
            key, this = (each.kind, each.source), (each.dated_at, each.activation, each.id)
            newest[key] = max(newest.get(key, this), this)
    ids = {import_id for *_, import_id in newest.values()} & trusted
    return [replace(each, is_in_force=each.id in ids) for each in found]
