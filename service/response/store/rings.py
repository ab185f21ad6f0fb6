"""Rings and their members."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound, Stale
from service.response.model import Guard, Member, MemberState, RingAction, RingState, Step
from service.response.tables import RingMemberRow, RingRow

_R = RingRow.__table__
_M = RingMemberRow.__table__
_SAME = (
    "id", "operator_id", "report_id", "root", "digest", "score", "found_at", "expires_at", "proposed_by", "proposed_at",
    "decided_by", "decided_at", "ended_at", "version",
)  # fmt: skip
_FIXED = ("id", "operator_id", "report_id", "root", "found_at")


def _values(ring: RingAction) -> dict[str, Any]:
    return {name: getattr(ring, name) for name in _SAME} | {"state": ring.state.value}


def _of(row: Any, members: Iterable[Any] = ()) -> RingAction:
    return RingAction(
        **{name: getattr(row, name) for name in _SAME},
        state=RingState(row.state),
        members=tuple(_member(each) for each in members),
    )


def _member(row: Any) -> Member:
    return Member(
        registration_id=row.registration_id,
        line_id=row.line_id,
        hop=row.hop,
        strength=row.strength,
        via=tuple(row.via),
        step=Step(row.step) if row.step else None,
        guard=Guard(row.guard) if row.guard else None,
        strikes=tuple(row.strikes),
        state=MemberState(row.state),
    )


def _member_values(tx: Tx, ring_id: UUID, each: Member) -> dict[str, Any]:
    return {
        "operator_id": tx.tenant,
        "ring_id": ring_id,
        "registration_id": each.registration_id,
        "line_id": each.line_id,
        "hop": each.hop,
        "strength": each.strength,
        "via": list(each.via),
        "step": each.step and each.step.value,
        "guard": each.guard and each.guard.value,
        "strikes": list(each.strikes),
        "state": each.state.value,
    }


async def add(tx: Tx, ring: RingAction) -> bool:
    """Insert it now with its members; False where this report has its ring already."""
    statement = insert(RingRow).values(_values(ring)).on_conflict_do_nothing()
    if await tx.scalar(statement.returning(_R.c.id)) is None:
        return False
    await _insert(tx, ring)
    return True


async def _insert(tx: Tx, ring: RingAction) -> None:
    if ring.members:
        rows = [_member_values(tx, ring.id, each) for each in ring.members]
        await tx.run(sa.insert(RingMemberRow), rows)


async def save(tx: Tx, ring: RingAction, *, members: bool = False) -> RingAction:
    """Write the ring whose version this is; Stale where somebody was faster. ``members``: put these in place of the
    old ones."""
    changed = {name: value for name, value in _values(ring).items() if name not in _FIXED}
    count = await tx.run(
        sa.update(RingRow)
        .where(_R.c.operator_id == tx.tenant, _R.c.id == ring.id, _R.c.version == ring.version)
        .values(changed | {"version": ring.version + 1})
    )
    if count == 0:
        raise Stale()
    if members:
        await tx.run(sa.delete(RingMemberRow).where(_M.c.operator_id == tx.tenant, _M.c.ring_id == ring.id))
        await _insert(tx, ring)
    return replace(ring, version=ring.version + 1)


async def load(reader: Reader, ring_id: UUID, *, lock: bool = False) -> RingAction:
    """With its members, the strongest first; NotFound."""
    return await _one(reader, _R.c.id == ring_id, lock)


async def by_report(reader: Reader, report_id: UUID, *, lock: bool = False) -> RingAction | None:
    try:
        return await _one(reader, _R.c.report_id == report_id, lock)
    except NotFound:
        return None


async def _one(reader: Reader, which: sa.ColumnElement[bool], lock: bool) -> RingAction:
    wanted = sa.select(_R).where(_R.c.operator_id == reader.tenant, which)
    row = await reader.one(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise NotFound()
    members = sa.select(_M).where(_M.c.operator_id == reader.tenant, _M.c.ring_id == row.id)
    order = members.order_by(_M.c.strength.desc(), _M.c.hop, _M.c.registration_id)
    return _of(row, await reader.all(order))


async def listed(
    reader: Reader, states: Iterable[RingState], *, limit: int, before: UUID | None = None
) -> list[tuple[RingAction, int]]:
    """Newest first, without members, each with how many it has."""
    count = (
        sa.select(sa.func.count())
        .where(_M.c.operator_id == _R.c.operator_id, _M.c.ring_id == _R.c.id)
        .scalar_subquery()
    )
    wanted = sa.select(_R, count.label("lines")).where(
        _R.c.operator_id == reader.tenant, _R.c.state.in_([state.value for state in states])
    )
    if before is not None:
        wanted = wanted.where(_R.c.id < before)
    rows = await reader.all(wanted.order_by(_R.c.id.desc()).limit(limit))
    return [(_of(row), row.lines) for row in rows]


async def count(reader: Reader, states: Iterable[RingState]) -> int:
    wanted = (
        sa.select(sa.func.count())
        .select_from(_R)
        .where(_R.c.operator_id == reader.tenant, _R.c.state.in_([state.value for state in states]))
    )
    return int(await reader.scalar(wanted) or 0)


async def of_registration(reader: Reader, registration_id: UUID, limit: int = 20) -> list[UUID]:
    """Rings that a registration is a member of, newest first."""
    wanted = (
        sa.select(_M.c.ring_id)
        .where(_M.c.operator_id == reader.tenant, _M.c.registration_id == registration_id)
        .order_by(_M.c.ring_id.desc())
        .limit(limit)
    )
    return [row.ring_id for row in await reader.all(wanted)]


async def state_of(tx: Tx, ring_id: UUID) -> RingState:
    """The ring's state, which cannot change before this transaction ends."""
    wanted = sa.select(_R.c.state).where(_R.c.operator_id == tx.tenant, _R.c.id == ring_id)
    return RingState(await tx.scalar(wanted.with_for_update(read=True)))


async def member(tx: Tx, ring_id: UUID, registration_id: UUID) -> Member | None:
    """One member, locked."""
    wanted = sa.select(_M).where(
        _M.c.operator_id == tx.tenant, _M.c.ring_id == ring_id, _M.c.registration_id == registration_id
    )
    row = await tx.one(wanted.with_for_update())
    return None if row is None else _member(row)


async def set_member(tx: Tx, ring_id: UUID, registration_id: UUID, state: MemberState) -> None:
    await tx.run(
        sa.update(RingMemberRow)
        .where(
            _M.c.operator_id == tx.tenant, _M.c.ring_id == ring_id, _M.c.registration_id == registration_id
        )
        .values(state=state.value)
    )
