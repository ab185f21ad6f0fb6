"""The way of the history: noted off the hot path, drained from Redis into PostgreSQL within a second."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import micros
from service.kit.errors import Unavailable
from service.kit.ids import new_id
from service.otp import store
from service.otp.model import CodeEvent
from service.otp.rules.history import read
from service.otp.volatile import Stream

BATCH = 500
FLUSH_S = 0.2
MOST_NOTES = 10_000
"""Notes that wait in a process; more are dropped, and counted in the log."""

log = structlog.get_logger("otp.history")
Tripped = Callable[[UUID, CodeEvent], Awaitable[None]]


class StreamJournal:
    """Collects what happened after a script had run (who took a message, what became of it) and writes it to the
    stream a few times a second. A process that is killed loses what it collected since."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._stream = Stream(redis)
        self._notes: list[str] = []
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None

    def note(self, what: str, *, operator: UUID | None, challenge: UUID, **facts: str | int) -> None:
        if operator is None or len(self._notes) >= MOST_NOTES:
            self._dropped += 1
            return
        entry = {
            **facts,
            "e": new_id().hex,
            "k": what,
            "o": operator.hex,
            "h": challenge.hex,
            "t": str(micros(self._redis.clock.now())),
        }
        self._notes.append(json.dumps(entry, separators=(",", ":")))

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="otp.journal")

    async def stop(self) -> None:
        """Write what is left, as far as Redis is there."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        with contextlib.suppress(Unavailable):
            await self.flush()

    async def flush(self) -> None:
        notes, self._notes = self._notes, []
        if not notes:
            return
        try:
            await self._stream.add(notes)
        except Unavailable:
            self._notes = [*notes, *self._notes][:MOST_NOTES]
            raise

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            with contextlib.suppress(Unavailable):
                await self.flush()
            if self._dropped:
                log.warning("otp.notes_dropped", notes=self._dropped)
                self._dropped = 0


class History:
    """Drains the stream. Several may drain at once: an event is written once, by its id."""

    def __init__(self, db: Database, redis: Redis, tripped: Tripped | None = None) -> None:
        """``tripped`` is told of sends that a budget shared by all has suppressed, once they are written."""
        self._db = db
        self._stream = Stream(redis)
        self._tripped = tripped

    async def drain(self) -> int:
        """Write everything that waits; how many. Redis or PostgreSQL gone: ``Unavailable``, and it waits on."""
        done = 0
        while entries := await self._stream.read(BATCH):
            by_operator: dict[UUID, list[CodeEvent]] = defaultdict(list)
            for _, said, result in entries:
                try:
                    operator, event = read(said, result)
                except ValueError as error:
                    log.error("otp.history_entry", why=str(error))
                else:
                    by_operator[operator].append(event)
            for operator, events in by_operator.items():
                await self._write(operator, events)
            await self._stream.drop([entry_id for entry_id, _, _ in entries])
            done += len(entries)
        return done

    async def _write(self, operator: UUID, events: Sequence[CodeEvent]) -> None:
        async with self._db.write(operator) as tx:
            store.add(tx, events)
        if self._tripped is not None:
            for event in events:
                if event.kind == "send" and event.outcome == "suppressed":
                    await self._tripped(operator, event)
