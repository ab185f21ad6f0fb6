"""A backtest that staff asked for: which draft, which time, how far it is, and what it found."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self not in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """``risk`` is the whole policy as it was asked about, so that a draft that is edited meanwhile changes nothing;
    ``done`` of ``total`` decisions are judged; ``result`` is the report (``rules.backtest``) once it is done."""

    id: UUID
    draft_id: UUID
    digest: str
    since: datetime
    until: datetime
    state: RunState
    asked_by: UUID
    asked_at: datetime
    risk: dict[str, Any]
    done: int = 0
    total: int = 0
    result: dict[str, Any] | None = None
    ended_at: datetime | None = None
