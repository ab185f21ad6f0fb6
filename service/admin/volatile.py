"""Results of searches, in Redis for ten minutes: ids under an opaque id, so that no URL holds a number.

Key ``admin:found:<id>``; the id is 128 random bits and serves only the person who searched.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from service.infra.redis import Redis

_TTL_S = 600


@dataclass(frozen=True, slots=True)
class Found:
    what: str
    registrations: tuple[UUID, ...]
    lines: tuple[UUID, ...]


class Results:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keep(self, staff: UUID, what: str, registrations: Sequence[UUID], lines: Sequence[UUID]) -> str:
        """The opaque id of what was found."""
        name = secrets.token_hex(16)
        ids = [[item.hex for item in registrations], [item.hex for item in lines]]
        value = json.dumps([staff.hex, what, *ids])
        await self._redis.guard(self._redis.client.set(f"admin:found:{name}", value, ex=_TTL_S))
        return name

    async def get(self, staff: UUID, name: str) -> Found | None:
        """None when it is over, or somebody else's."""
        if len(name) != 32 or not name.isalnum():
            return None
        raw = await self._redis.guard(self._redis.client.get(f"admin:found:{name}"))
        if raw is None:
            return None
        owner, what, registrations, lines = json.loads(raw)
        if owner != staff.hex:
            return None
        return Found(what, tuple(map(UUID, registrations)), tuple(map(UUID, lines)))
