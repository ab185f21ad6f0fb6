"""The history of codes on its way to PostgreSQL: a stream of Redis, for less than a second."""

from collections.abc import Sequence
from typing import Any, cast

from service.infra.redis import Redis, Script

NOTE = Script.load("service.otp", "lua/note.lua")
DRAINED = Script.load("service.otp", "lua/drained.lua")


class Stream:
    """The history on its way to PostgreSQL. It is gone when it is empty."""

    KEY = "{otp}:log"

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, entries: Sequence[str]) -> None:
        await self._redis.run(NOTE, [self.KEY], list(entries))

    async def read(self, count: int) -> list[tuple[bytes, bytes, bytes | None]]:
        """The oldest: ``(id, said, result)``."""
        found = await self._redis.guard(cast(Any, self._redis.client.xrange(self.KEY, count=count)))
        return [(entry_id, fields[b"s"], fields.get(b"r")) for entry_id, fields in found]

    async def drop(self, ids: Sequence[bytes]) -> None:
        await self._redis.run(DRAINED, [self.KEY], list(ids))
