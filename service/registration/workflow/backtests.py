"""Backtests of drafts for staff: asked for, run by a job, looked at while they run, cancelled."""

import asyncio
import hashlib
import json
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from service.audit.workflow import Actor, record
from service.infra.jobs import defer
from service.infra.postgres import Database, Reader, Tx
from service.kit.errors import InvalidRequest, Kind, Refusal
from service.kit.ids import new_id, wire
from service.registration.workflow.backtesting import Cancelled, backtest
from service.risk.model import Draft, RuleError
from service.risk.model.backtests import BacktestRun, RunState
from service.risk.rules import changed, load_policy
from service.risk.store import backtests as store

DAYS = (1, 7, 30, 90)
LONGEST_S = 900.0
"""A run that takes longer is given up: rules are to be tried on less."""

log = structlog.get_logger(__name__)


class BacktestRuns(Refusal):
    """One at a time: a second would only slow the first."""

    code = "backtest-runs"
    kind = Kind.CONFLICT
    title = "Another backtest runs"


class Backtests:
    """``text_of`` gives the text of a version's ``risk.toml``; ``overlaid`` what the demo lays over it."""

    def __init__(
        self,
        db: Database,
        text_of: Callable[[Reader, str], Awaitable[str]],
        overlaid: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        self._db, self._text_of, self._overlaid = db, text_of, overlaid

    async def ask(self, operator: UUID, staff: UUID, draft: Draft, days: int) -> BacktestRun:
        """Begin a backtest of a draft over the last ``days``. The draft passed the gate in a child when its rules were
        saved, and what it holds now is what is judged, whatever becomes of it. Raises :class:`BacktestRuns`."""
        if days not in DAYS:
            raise InvalidRequest("/days", "unknown", "Choose one of the times that are offered.")
        async with self._db.write(operator) as tx:
            text = await self._text_of(tx, draft.base_version)
            risk = json.loads(
                json.dumps(self._overlaid(changed(tomllib.loads(text), draft.rules)), default=str)
            )
            digest = hashlib.sha256(json.dumps(risk, sort_keys=True).encode()).hexdigest()
            run = BacktestRun(
                new_id(),
                draft.id,
                digest,
                tx.now - timedelta(days=days),
                tx.now,
                RunState.WAITING,
                staff,
                tx.now,
                risk,
            )
            await self._lock(tx)
            if await store.unfinished(tx) is not None:
                raise BacktestRuns()
            store.add(tx, run)
            await store.purge(tx)
            defer(tx, "registration:backtest", operator=operator.hex, run=run.id.hex)
            self._audit(tx, staff, "rules.backtest_asked", run)
        return run

    @staticmethod
    async def _lock(tx: Tx) -> None:
        await tx.lock(
            int.from_bytes(hashlib.sha256(b"backtest" + tx.tenant.bytes).digest()[:8], "big", signed=True)
        )

    async def cancel(self, operator: UUID, staff: UUID, run_id: UUID) -> bool:
        """Whether it was still under way; it ends with the page of decisions that it is at."""
        async with self._db.write(operator) as tx:
            run = await store.load(tx, run_id)
            if not await store.move(tx, run_id, RunState.CANCELLED):
                return False
            self._audit(tx, staff, "rules.backtest_cancelled", run)
        return True

    @staticmethod
    def _audit(tx: Tx, staff: UUID, action: str, run: BacktestRun) -> None:
        facts = {"run": run.id.hex, "digest": run.digest}
        record(tx, actor=Actor.staff(staff), action=action, object=wire("rdr", run.draft_id), facts=facts)

    async def load(self, reader: Reader, run_id: UUID) -> BacktestRun:
        return await store.load(reader, run_id)

    async def listed(self, reader: Reader, draft_id: UUID) -> list[BacktestRun]:
        return await store.listed(reader, draft_id)

    async def run(self, operator: UUID, run_id: UUID) -> None:
        """Judge; a job. A run that died is begun again from its start, since nothing but the report is kept."""
        async with self._db.write(operator) as tx:
            run = await store.load(tx, run_id)
            if not await store.move(tx, run_id, RunState.RUNNING, done=0):
                return
        watch = _Watch(self._db, operator, run_id)
        try:
            policy = load_policy(run.risk, run.digest[:32])
            async with asyncio.timeout(LONGEST_S):
                judged = await backtest(
                    self._db,
                    [operator],
                    policy,
                    run.since,
                    run.until,
                    progress=watch.note,
                    cancelled=watch.tells,
                )
        except Cancelled:
            return
        except (RuleError, TimeoutError) as error:
            log.warning("backtest.failed", run=run_id.hex, why=type(error).__name__)
            async with self._db.write(operator) as tx:
                await store.move(tx, run_id, RunState.FAILED)
            return
        async with self._db.write(operator) as tx:
            result = judged.json()
            await store.move(
                tx,
                run_id,
                RunState.DONE,
                done=judged.cases,
                total=judged.cases,
                result=json.loads(json.dumps(result)),
            )


class _Watch:
    """Writes how far a run is, and learns whether somebody cancelled it, between two pages."""

    def __init__(self, db: Database, operator: UUID, run_id: UUID) -> None:
        self._db, self._operator, self._run_id = db, operator, run_id
        self._at = (0, 0)

    def note(self, done: int, total: int) -> None:
        self._at = (done, total)

    async def tells(self) -> bool:
        async with self._db.write(self._operator) as tx:
            done, total = self._at
            return not await store.move(tx, self._run_id, RunState.RUNNING, done=done, total=total)
