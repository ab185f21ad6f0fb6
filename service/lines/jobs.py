"""What time does to lines, and what the network is still to be told."""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import procrastinate

from service.infra.jobs import RETRY
from service.lines.workflow import BATCH, Lines


def blueprint(lines: Lines, operators: Callable[[], Awaitable[Iterable[UUID]]]) -> procrastinate.Blueprint:
    """``lines.expire`` every minute over ``operators``; ``lines.apply`` when a change was committed."""
    tasks = procrastinate.Blueprint()

    @tasks.task(name="lines.apply", retry=RETRY)
    async def apply(*, operator: str, line: str, version: int, attempt: int) -> None:
        await lines.apply(UUID(operator), UUID(line), version, attempt)

    @tasks.periodic(cron="* * * * *")
    @tasks.task(name="lines.expire", queueing_lock="lines.expire", pass_context=False)
    async def expire(timestamp: int) -> None:
        for operator in await operators():
            while await lines.expire(operator) == BATCH:
                pass

    return tasks
