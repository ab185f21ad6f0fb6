"""What the network is still to be told, and what time does to lines."""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import procrastinate

from service.infra.jobs import RETRY
from service.lines.workflow import BATCH, Lines


def blueprint(lines: Lines) -> procrastinate.Blueprint:
    """``lines:apply``, asked for by every committed change that the network must know."""
    tasks = procrastinate.Blueprint()

    @tasks.task(name="apply", retry=RETRY)
    async def apply(*, operator: str, line: str, version: int, attempt: int) -> None:
        await lines.apply(UUID(operator), UUID(line), version, attempt)

    return tasks


def expiry(lines: Lines, operators: Callable[[], Awaitable[Iterable[UUID]]]) -> Callable[[], Awaitable[None]]:
    """A chore for about every half minute: what time did to the lines of every operator. Two workers at once
    share the lines between them."""

    async def expire() -> None:
        for operator in await operators():
            while await lines.expire(operator) == BATCH:
                pass

    return expire
