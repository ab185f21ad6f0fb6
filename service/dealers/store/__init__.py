"""Durable truth of dealers and agents, and the counters of their hours."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from service.dealers.model import (
    Agent,
    AgentCodeTaken,
    Band,
    Counts,
    Dealer,
    DealerCodeTaken,
    Quotas,
    State,
)
from service.dealers.rules import day_of, hour_of
from service.dealers.tables import AgentRow, DealerHourRow, DealerRow
from service.infra.postgres import Reader, Tx
from service.kit.errors import Stale

_DEALER, _AGENT, _HOUR = DealerRow.__table__, AgentRow.__table__, DealerHourRow.__table__


def _dealer(row: sa.Row[Any]) -> Dealer:
    return Dealer(
        id=row.id,
        operator_id=row.operator_id,
        code=row.code,
        name=row.name,
        licence=row.licence,
        state=State(row.state),
        quotas=Quotas(row.hourly_quota, row.daily_quota),
        created_at=row.created_at,
        version=row.version,
        shrunk_to=row.shrunk_to,
        shrunk_on=row.shrunk_on,
        band=Band(row.band),
        outlet=Band(row.outlet),
    )


def _agent(row: sa.Row[Any]) -> Agent:
    return Agent(row.id, row.operator_id, row.dealer_id, row.code, row.is_active, row.created_at)


async def add(tx: Tx, dealer: Dealer, licence_idx: bytes) -> None:
    """Insert it now. Raises DealerCodeTaken."""
    row = sa.insert(DealerRow).values(
        operator_id=dealer.operator_id,
        id=dealer.id,
        code=dealer.code,
        name=dealer.name,
        licence=dealer.licence,
        licence_idx=licence_idx,
        state=dealer.state.value,
        hourly_quota=dealer.quotas.hourly,
        daily_quota=dealer.quotas.daily,
        created_at=dealer.created_at,
        version=dealer.version,
    )
    try:
        await tx.run(row)
    except IntegrityError:
        raise DealerCodeTaken() from None


async def save(tx: Tx, dealer: Dealer, *, expected: int) -> None:
    """Write state and quotas of the dealer whose version was ``expected``; Stale where somebody was faster."""
    count = await tx.run(
        sa.update(DealerRow)
        .where(_DEALER.c.operator_id == tx.tenant, _DEALER.c.id == dealer.id, _DEALER.c.version == expected)
        .values(
            state=dealer.state.value,
            hourly_quota=dealer.quotas.hourly,
            daily_quota=dealer.quotas.daily,
            version=expected + 1,
        )
    )
    if count == 0:
        raise Stale()


async def find(reader: Reader, dealer: str | UUID) -> Dealer | None:
    """By code or by id."""
    column = _DEALER.c.code if isinstance(dealer, str) else _DEALER.c.id
    row = await reader.one(sa.select(_DEALER).where(_DEALER.c.operator_id == reader.tenant, column == dealer))
    return None if row is None else _dealer(row)


async def find_with_agent(
    reader: Reader, dealer: str | UUID, agent: str | None
) -> tuple[Dealer | None, Agent | None]:
    """Both in one statement; the agent is None where this dealer has none of that code."""
    column = _DEALER.c.code if isinstance(dealer, str) else _DEALER.c.id
    joined = _DEALER.outerjoin(
        _AGENT,
        (_AGENT.c.operator_id == _DEALER.c.operator_id)
        & (_AGENT.c.dealer_id == _DEALER.c.id)
        & (_AGENT.c.code == (agent or "")),
    )
    row = await reader.one(
        sa.select(
            _DEALER,
            _AGENT.c.id.label("agent_id"),
            _AGENT.c.code.label("agent_code"),
            _AGENT.c.is_active.label("agent_is_active"),
            _AGENT.c.created_at.label("agent_created_at"),
        )
        .select_from(joined)
        .where(_DEALER.c.operator_id == reader.tenant, column == dealer)
    )
    if row is None:
        return None, None
    found = _dealer(row)
    if row.agent_id is None:
        return found, None
    return found, Agent(
        row.agent_id, found.operator_id, found.id, row.agent_code, row.agent_is_active, row.agent_created_at
    )


async def by_licence(reader: Reader, indexes: tuple[bytes, ...]) -> list[Dealer]:
    rows = await reader.all(
        sa.select(_DEALER).where(_DEALER.c.operator_id == reader.tenant, _DEALER.c.licence_idx.in_(indexes))
    )
    return [_dealer(row) for row in rows]


def set_licence_index(tx: Tx, dealer_id: UUID, licence_idx: bytes) -> None:
    tx.stage(
        sa.update(DealerRow)
        .where(_DEALER.c.operator_id == tx.tenant, _DEALER.c.id == dealer_id)
        .values(licence_idx=licence_idx)
    )


async def listed(reader: Reader) -> list[Dealer]:
    """By code. A register of shops is some thousands at most; the dashboard pages over it."""
    rows = await reader.all(
        sa.select(_DEALER).where(_DEALER.c.operator_id == reader.tenant).order_by(_DEALER.c.code)
    )
    return [_dealer(row) for row in rows]


async def add_agent(tx: Tx, agent: Agent) -> None:
    """Insert it now. Raises AgentCodeTaken."""
    row = sa.insert(AgentRow).values(
        operator_id=agent.operator_id,
        id=agent.id,
        dealer_id=agent.dealer_id,
        code=agent.code,
        is_active=agent.is_active,
        created_at=agent.created_at,
    )
    try:
        await tx.run(row)
    except IntegrityError:
        raise AgentCodeTaken() from None


async def agents(reader: Reader, dealer_id: UUID) -> list[Agent]:
    rows = await reader.all(
        sa.select(_AGENT)
        .where(_AGENT.c.operator_id == reader.tenant, _AGENT.c.dealer_id == dealer_id)
        .order_by(_AGENT.c.code)
    )
    return [_agent(row) for row in rows]


async def lock(tx: Tx, dealer_id: UUID) -> Dealer | None:
    """The dealer as it is now, held until the end of the transaction.

    ``NO KEY UPDATE``: registrations of others that only refer to the dealer do not wait for it.
    """
    row = await tx.one(
        sa.select(_DEALER)
        .where(_DEALER.c.operator_id == tx.tenant, _DEALER.c.id == dealer_id)
        .with_for_update(key_share=True)
    )
    return None if row is None else _dealer(row)


async def counts(reader: Reader, dealer_id: UUID) -> Counts:
    """What a dealer opened in the present hour and day."""
    hour, day = hour_of(reader.now), day_of(reader.now)
    total = sa.func.sum(_HOUR.c.created)
    row = await reader.one(
        sa.select(
            sa.func.coalesce(total.filter(_HOUR.c.hour == hour), 0).label("hour"),
            sa.func.coalesce(total, 0).label("day"),
        ).where(
            _HOUR.c.operator_id == reader.tenant,
            _HOUR.c.dealer_id == dealer_id,
            _HOUR.c.hour >= day,
            _HOUR.c.hour < day + timedelta(days=1),
        )
    )
    assert row is not None, "an aggregate has one row"
    return Counts(row.hour, row.day)


async def count_one(tx: Tx, dealer_id: UUID) -> Counts:
    """Count one registration opened and say what there was before it; exact under :func:`lock`."""
    hour, day = hour_of(tx.now), day_of(tx.now)
    others = (
        sa.select(sa.func.coalesce(sa.func.sum(_HOUR.c.created), 0))
        .where(
            _HOUR.c.operator_id == tx.tenant,
            _HOUR.c.dealer_id == dealer_id,
            _HOUR.c.hour >= day,
            _HOUR.c.hour < day + timedelta(days=1),
            _HOUR.c.hour != hour,
        )
        .scalar_subquery()
    )
    row = await tx.one(
        insert(DealerHourRow)
        .values(operator_id=tx.tenant, dealer_id=dealer_id, hour=hour, created=1)
        .on_conflict_do_update(
            index_elements=["operator_id", "dealer_id", "hour"], set_={"created": _HOUR.c.created + 1}
        )
        .returning(_HOUR.c.created, others.label("others"))
    )
    assert row is not None, "an upsert returns its row"
    return Counts(row.created - 1, row.created - 1 + row.others)
