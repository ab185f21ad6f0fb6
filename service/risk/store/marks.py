"""Marks on identities: set, lifted, listed."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.risk.model import Blind, HoldingKind, Mark, MarkKind
from service.risk.tables import IdentityMarkRow

_M = IdentityMarkRow


def add(tx: Tx, mark: Mark, keys: Mapping[HoldingKind, Blind]) -> None:
    """Stage a mark: a row for each index."""
    tx.stage(
        sa.insert(IdentityMarkRow),
        [
            {
                "operator_id": tx.tenant,
                "id": mark.id,
                "of": of.value,
                "kind": mark.kind.value,
                "idx": blind.primary,
                "registration_id": mark.registration_id,
                "set_at": mark.set_at,
                "set_by": mark.set_by,
                "until": mark.until,
            }
            for of, blind in keys.items()
        ],
    )


async def lift(tx: Tx, mark_id: UUID, by: str) -> bool:
    """Whether there was such a mark that held."""
    return (
        await tx.run(
            sa.update(IdentityMarkRow)
            .where(
                _M.operator_id == tx.tenant,
                _M.id == mark_id,
                _M.lifted_at.is_(None),
                sa.or_(_M.until.is_(None), _M.until > tx.now),
            )
            .values(lifted_at=tx.now, lifted_by=by)
        )
        > 0
    )


async def holding(reader: Reader, keys: Mapping[HoldingKind, Blind], now: datetime) -> list[Mark]:
    """The marks that hold on an identity, the oldest first; each once, whatever it was found by."""
    found = sa.or_(
        *(sa.and_(_M.of == of.value, _M.idx.in_(blind.every)) for of, blind in keys.items()), sa.false()
    )
    rows = await reader.all(
        sa.select(_M.id, _M.kind, _M.registration_id, _M.set_at, _M.set_by, _M.until)
        .distinct()
        .where(
            _M.operator_id == reader.tenant,
            found,
            _M.lifted_at.is_(None),
            _M.set_at <= now,
            sa.or_(_M.until.is_(None), _M.until > now),
        )
        .order_by(_M.set_at, _M.id)
    )
    return [Mark(r.id, MarkKind(r.kind), r.registration_id, r.set_at, r.set_by, r.until) for r in rows]


async def forget(tx: Tx, registration_id: UUID) -> int:
    """Erase the marks that are known from a registration's papers."""
    return await tx.run(
        sa.delete(IdentityMarkRow).where(_M.operator_id == tx.tenant, _M.registration_id == registration_id)
    )
