"""What the network is still to be told, and what time does to lines."""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import procrastinate

from service.infra.jobs import RETRY
from service.lines.workflow import BATCH, Lines, Probation

Operators = Callable[[], Awaitable[Iterable[UUID]]]


def blueprint(lines: Lines, probation: Probation, operators: Operators) -> procrastinate.Blueprint:
    """``lines:apply``, asked for by every committed change that the network must know; ``lines:expire`` every
    minute and ``lines:judge`` every day over all operators."""
    tasks = procrastinate.Blueprint()

    @tasks.task(name="apply", retry=RETRY)
    async def apply(*, operator: str, line: str, version: int, attempt: int) -> None:
        await lines.apply(UUID(operator), UUID(line), version, attempt)

    @tasks.periodic(cron="* * * * *")
    @tasks.task(name="expire", queueing_lock="lines:expire")
    async def expire(timestamp: int) -> None:
        await expire_all(lines, operators)

    @tasks.periodic(cron="41 2 * * *")
    @tasks.task(name="judge", queueing_lock="lines:judge", retry=RETRY)
    async def judge(timestamp: int) -> None:
        for operator in await operators():
            await probation.judge(operator)

    return tasks


async def expire_all(lines: Lines, operators: Operators) -> None:
    """What time did to the lines of every operator. Two workers at once share the lines between them."""
    for operator in await operators():
        while await lines.expire(operator) == BATCH:
            pass
