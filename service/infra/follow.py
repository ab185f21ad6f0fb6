"""What a process holds in memory and looks for again: loaded once at its start, and every so often from then on."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from service.kit.errors import Unavailable

log = structlog.get_logger("follow")


class Follower:
    """Calls ``refresh`` when it is started and every ``period_s`` seconds until it is stopped.

    Without PostgreSQL it goes on with what it has, silently; whatever else fails is logged under ``name``, and tried
    again all the same.
    """

    def __init__(self, name: str, refresh: Callable[[], Awaitable[object]], period_s: float) -> None:
        self._name, self._refresh, self._period_s = name, refresh, period_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load, and follow from then on. Does not fail without PostgreSQL; what else fails is raised."""
        with contextlib.suppress(Unavailable):
            await self._refresh()
        self._task = asyncio.create_task(self._follow(), name=self._name)

    async def stop(self) -> None:
        """May be called twice, and where nothing was started."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            try:
                await self._refresh()
            except Unavailable:
                continue
            except Exception as error:
                log.error("follow.failed", what=self._name, exc_info=error)
