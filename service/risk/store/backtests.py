"""Backtests as they were asked for and as far as they are."""

from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound
from service.risk.model.backtests import BacktestRun, RunState
from service.risk.tables import BacktestRunRow

_RUN = cast(sa.Table, BacktestRunRow.__table__)
_OPEN = ("waiting", "running")
KEPT = 20
"""Runs that an operator keeps; each holds a whole report."""


def add(tx: Tx, run: BacktestRun) -> None:
    """Stage a new run."""
    tx.stage(
        sa.insert(_RUN).values(
            operator_id=tx.tenant,
            id=run.id,
            draft_id=run.draft_id,
            digest=run.digest,
            since=run.since,
            until=run.until,
            state=run.state.value,
            asked_by=run.asked_by,
            asked_at=run.asked_at,
            risk=run.risk,
            done=0,
            total=0,
        )
    )


async def load(reader: Reader, run_id: UUID) -> BacktestRun:
    """Raises NotFound, also for another operator's."""
    row = await reader.one(sa.select(_RUN).where(_RUN.c.operator_id == reader.tenant, _RUN.c.id == run_id))
    if row is None:
        raise NotFound()
    return _run(row)


async def listed(reader: Reader, draft_id: UUID | None = None) -> list[BacktestRun]:
    """Newest first."""
    wanted = sa.select(_RUN).where(_RUN.c.operator_id == reader.tenant)
    if draft_id is not None:
        wanted = wanted.where(_RUN.c.draft_id == draft_id)
    return [_run(row) for row in await reader.all(wanted.order_by(_RUN.c.id.desc()).limit(KEPT))]


async def unfinished(reader: Reader) -> UUID | None:
    """The run that waits or runs, where there is one."""
    found: UUID | None = await reader.scalar(
        sa.select(_RUN.c.id).where(_RUN.c.operator_id == reader.tenant, _RUN.c.state.in_(_OPEN)).limit(1)
    )
    return found


async def move(
    tx: Tx,
    run_id: UUID,
    state: RunState,
    *,
    done: int | None = None,
    total: int | None = None,
    result: dict[str, Any] | None = None,
) -> bool:
    """Whether the run was still open: what is over stays as it is."""
    values: dict[str, Any] = {"state": state.value}
    values |= {name: value for name, value in (("done", done), ("total", total)) if value is not None}
    if state.is_over:
        values |= {"ended_at": tx.now, "result": result}
    return (
        await tx.run(
            sa.update(_RUN)
            .where(_RUN.c.operator_id == tx.tenant, _RUN.c.id == run_id, _RUN.c.state.in_(_OPEN))
            .values(**values)
        )
        > 0
    )


async def purge(tx: Tx) -> None:
    """Keep the newest."""
    newest = (
        sa.select(_RUN.c.id).where(_RUN.c.operator_id == tx.tenant).order_by(_RUN.c.id.desc()).limit(KEPT)
    )
    await tx.run(
        sa.delete(_RUN).where(
            _RUN.c.operator_id == tx.tenant, _RUN.c.id.not_in(newest), _RUN.c.state.not_in(_OPEN)
        )
    )


def _run(row: Any) -> BacktestRun:
    return BacktestRun(
        row.id,
        row.draft_id,
        row.digest,
        row.since,
        row.until,
        RunState(row.state),
        row.asked_by,
        row.asked_at,
        row.risk,
        row.done,
        row.total,
        row.result,
        row.ended_at,
    )
