"""The ledger of lines, and what staff marked them as."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound, Stale
from service.response.model import Ground, Guard, LineAction, Mark, Source, SourceKind, Standing, State, Step
from service.response.tables import LineActionRow, LineMarkRow

_A = LineActionRow.__table__
_M = LineMarkRow.__table__
_SAME = (
    "id", "operator_id", "line_id", "registration_id", "at", "by", "notice_at", "due_at", "taken_at", "until", "moved",
    "appealed_at", "appeal_outcome", "decided_by", "decided_at", "undone_at", "undone_reason", "reason", "version",
)  # fmt: skip
_FIXED = ("id", "operator_id", "line_id", "registration_id", "step", "source_kind", "source_id", "reason")
_WAITS = sa.or_(
    _A.c.state == State.REFERRED.value,
    sa.and_(_A.c.appealed_at.is_not(None), _A.c.appeal_outcome.is_(None)),
)


def _values(action: LineAction) -> dict[str, Any]:
    return {name: getattr(action, name) for name in _SAME} | {
        "step": action.step.value,
        "ground": action.ground.value,
        "source_kind": action.source.kind.value,
        "source_id": action.source.id,
        "state": action.state.value,
        "guard": action.guard and action.guard.value,
        "was_state": action.was and action.was.state,
        "was_reason": action.was and action.was.reason,
        "was_until": action.was and action.was.until,
        "bar_s": None if action.bar is None else int(action.bar.total_seconds()),
    }


def _of(row: Any) -> LineAction:
    return LineAction(
        **{name: getattr(row, name) for name in _SAME},
        step=Step(row.step),
        ground=Ground(row.ground),
        source=Source(SourceKind(row.source_kind), row.source_id),
        state=State(row.state),
        guard=Guard(row.guard) if row.guard else None,
        was=Standing(row.was_state, row.was_reason, row.was_until) if row.was_state else None,
        bar=None if row.bar_s is None else timedelta(seconds=row.bar_s),
    )


async def add(tx: Tx, action: LineAction) -> bool:
    """Insert it now; False where this line has this step for this source already."""
    statement = insert(LineActionRow).values(_values(action)).on_conflict_do_nothing()
    return await tx.scalar(statement.returning(_A.c.id)) is not None


async def save(tx: Tx, action: LineAction) -> LineAction:
    """Write the entry whose version this is; Stale where somebody was faster."""
    changed = {name: value for name, value in _values(action).items() if name not in _FIXED}
    count = await tx.run(
        sa.update(LineActionRow)
        .where(_A.c.operator_id == tx.tenant, _A.c.id == action.id, _A.c.version == action.version)
        .values(changed | {"version": action.version + 1})
    )
    if count == 0:
        raise Stale()
    return replace(action, version=action.version + 1)


async def load(reader: Reader, action_id: UUID, *, lock: bool = False) -> LineAction:
    """By id; NotFound."""
    wanted = sa.select(_A).where(_A.c.operator_id == reader.tenant, _A.c.id == action_id)
    row = await reader.one(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise NotFound()
    return _of(row)


async def of_line(reader: Reader, line_id: UUID) -> list[LineAction]:
    """A line's ledger, oldest first."""
    wanted = sa.select(_A).where(_A.c.operator_id == reader.tenant, _A.c.line_id == line_id)
    return [_of(row) for row in await reader.all(wanted.order_by(_A.c.at, _A.c.id))]


async def of_source(reader: Reader, source_id: UUID) -> list[LineAction]:
    """What was done for a source, oldest first."""
    wanted = sa.select(_A).where(_A.c.operator_id == reader.tenant, _A.c.source_id == source_id)
    return [_of(row) for row in await reader.all(wanted.order_by(_A.c.at, _A.c.id))]


async def waiting(reader: Reader, limit: int) -> list[LineAction]:
    """What waits for a person, referred or appealed, the longest wait first."""
    wanted = sa.select(_A).where(_A.c.operator_id == reader.tenant, _WAITS)
    return [_of(row) for row in await reader.all(wanted.order_by(_A.c.at).limit(limit))]


async def waiting_count(reader: Reader) -> int:
    wanted = sa.select(sa.func.count()).select_from(_A).where(_A.c.operator_id == reader.tenant, _WAITS)
    return int(await reader.scalar(wanted) or 0)


async def due(reader: Reader, limit: int) -> list[tuple[UUID, UUID]]:
    """(entry, line) of what time changes now."""
    wanted = (
        sa.select(_A.c.id, _A.c.line_id)
        .where(_A.c.operator_id == reader.tenant, _A.c.due_at <= reader.now)
        .order_by(_A.c.due_at)
        .limit(limit)
    )
    return [(row.id, row.line_id) for row in await reader.all(wanted)]


# Marks


async def marks(reader: Reader, lines: Iterable[UUID]) -> dict[UUID, frozenset[Mark]]:
    """The marks of those lines that have any."""
    wanted = sa.select(_M).where(_M.c.operator_id == reader.tenant, _M.c.line_id.in_(list(lines)))
    found: dict[UUID, set[Mark]] = {}
    for row in await reader.all(wanted):
        found.setdefault(row.line_id, set()).add(Mark(row.mark))
    return {line: frozenset(each) for line, each in found.items()}


async def mark(tx: Tx, line_id: UUID, what: Mark, by: str) -> bool:
    """False where it was marked so already."""
    values = {"operator_id": tx.tenant, "line_id": line_id, "mark": what.value, "at": tx.now, "by": by}
    statement = insert(LineMarkRow).values(values).on_conflict_do_nothing()
    return await tx.scalar(statement.returning(_M.c.line_id)) is not None


async def unmark(tx: Tx, line_id: UUID, what: Mark) -> bool:
    wanted = sa.delete(LineMarkRow).where(
        _M.c.operator_id == tx.tenant, _M.c.line_id == line_id, _M.c.mark == what.value
    )
    return await tx.run(wanted) == 1
