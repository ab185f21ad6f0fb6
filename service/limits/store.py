"""Durable truth of money and blocks."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound
from service.limits.model import Limit, Money, SendBlock
from service.limits.tables import MoneyDayRow, SendBlockRow


async def lease(tx: Tx, day: date, money: Money, wanted: int) -> int:
    """Lease up to ``wanted`` micro-units of the day's cap; how many were left to lease. The cap is the policy's of the
    moment: one that was lowered below what is leased already leases nothing more."""
    m = MoneyDayRow
    await tx.run(
        insert(m)
        .values(
            operator_id=tx.tenant,
            day=day,
            currency=money.currency,
            cap=money.per_day,
            leased=0,
            leased_at=tx.now,
        )
        .on_conflict_do_nothing()
    )
    mine = (m.operator_id == tx.tenant) & (m.day == day)
    before = await tx.scalar(sa.select(m.leased).where(mine).with_for_update())
    granted = max(0, min(wanted, money.per_day - int(before)))
    await tx.run(
        sa.update(m)
        .where(mine)
        .values(cap=sa.func.greatest(m.leased, money.per_day), leased=m.leased + granted, leased_at=tx.now)
    )
    return granted


async def leased(reader: Reader, day: date) -> tuple[int, int, str] | None:
    """``(cap, leased, currency)`` of the day, micro-units; None where nothing was leased yet."""
    m = MoneyDayRow
    row = await reader.one(
        sa.select(m.cap, m.leased, m.currency).where(m.operator_id == reader.tenant, m.day == day)
    )
    return None if row is None else (row.cap, row.leased, row.currency)


async def add_block(tx: Tx, block: SendBlock) -> bool:
    """Whether it is new: the same id twice is one block. (An INSERT's row count is not known to SQLAlchemy.)"""
    row = await tx.one(
        insert(SendBlockRow)
        .values(
            operator_id=tx.tenant,
            id=block.id,
            limit=block.limit.value,
            place=block.place,
            client_id=block.client_id,
            sealed=block.sealed,
            reason=block.reason,
            made_by=block.made_by,
            made_at=block.made_at,
            until=block.until,
        )
        .on_conflict_do_nothing()
        .returning(SendBlockRow.id)
    )
    return row is not None


async def live_blocks(reader: Reader, limit: int = 1000) -> Sequence[SendBlock]:
    """Blocks that hold, the newest first."""
    b = SendBlockRow
    rows = await reader.all(
        sa.select(b.__table__)
        .where(b.operator_id == reader.tenant, b.until > reader.now, b.lifted_at.is_(None))
        .order_by(b.made_at.desc(), b.id)
        .limit(limit)
    )
    return [_block(row) for row in rows]


async def blocks_between(
    reader: Reader, since: datetime, until: datetime
) -> Sequence[tuple[SendBlock, datetime]]:
    """Blocks that held at some time in ``[since, until)``, each with the instant at which it ended."""
    b = SendBlockRow
    ended = sa.func.least(b.until, sa.func.coalesce(b.lifted_at, b.until))
    rows = await reader.all(
        sa.select(b.__table__, ended.label("ended"))
        .where(b.operator_id == reader.tenant, b.made_at < until, ended > since)
        .order_by(b.made_at, b.id)
    )
    return [(_block(row), row.ended) for row in rows]


async def lift_block(tx: Tx, block_id: UUID, by: str) -> SendBlock:
    """End it now; ``NotFound`` where it holds no more."""
    b = SendBlockRow
    row = await tx.one(
        sa.update(b)
        .where(b.operator_id == tx.tenant, b.id == block_id, b.lifted_at.is_(None), b.until > tx.now)
        .values(lifted_at=tx.now, lifted_by=by)
        .returning(*b.__table__.columns)
    )
    if row is None:
        raise NotFound()
    return _block(row)


async def find_block(reader: Reader, block_id: UUID) -> SendBlock:
    """One that holds or has ended; ``NotFound`` where this operator never had it."""
    b = SendBlockRow
    row = await reader.one(sa.select(b.__table__).where(b.operator_id == reader.tenant, b.id == block_id))
    if row is None:
        raise NotFound()
    return _block(row)


async def has_block(reader: Reader, limit: Limit, place: str) -> bool:
    """Whether one holds there."""
    b = SendBlockRow
    return bool(
        await reader.scalar(
            sa.select(
                sa.exists().where(
                    b.operator_id == reader.tenant,
                    b.limit == limit.value,
                    b.place == place,
                    b.until > reader.now,
                    b.lifted_at.is_(None),
                )
            )
        )
    )


async def blocks_since(reader: Reader, limit: Limit, place: str, since: datetime) -> int:
    """How many were set there since an instant, for one that lasts longer each time."""
    b = SendBlockRow
    return int(
        await reader.scalar(
            sa.select(sa.func.count()).where(
                b.operator_id == reader.tenant,
                b.limit == limit.value,
                b.place == place,
                b.made_at > since,
            )
        )
        or 0
    )


async def purge_blocks(tx: Tx, before: datetime) -> int:
    """Forget blocks that ended long ago; how many."""
    b = SendBlockRow
    return await tx.run(sa.delete(b).where(b.operator_id == tx.tenant, b.until < before))


def _block(row: sa.Row[tuple[object, ...]]) -> SendBlock:
    return SendBlock(
        id=row.id,
        limit=Limit(row.limit),
        place=row.place,
        client_id=row.client_id,
        sealed=row.sealed,
        reason=row.reason,
        made_by=row.made_by,
        made_at=row.made_at,
        until=row.until,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
    )
