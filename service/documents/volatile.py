"""Challenges for chips: one open for a registration, five minutes long, taken once. Lost with Redis: ask anew.

Keys are ``{documents}:nonce:<hash>``, keyed hashes of operator and registration (``security.md`` 1.6). The challenge
itself is no secret: it was given to whoever holds the chip.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from service.emrtd import NONCE_BYTES
from service.infra.redis import Redis, Script
from service.kit.canon import Part

PUT = Script.load("service.documents", "lua/nonce_put.lua")
TAKE = Script.load("service.documents", "lua/nonce_take.lua")
LIFE: Final = timedelta(minutes=5)


class Names(Protocol):
    """The part of the vault that names things in Redis."""

    def volatile(self, purpose: str, *parts: Part) -> bytes: ...


class Nonces:
    """Redis gone or slow: :class:`service.kit.errors.Unavailable`, because an answer to no challenge of ours proves
    nothing."""

    def __init__(self, redis: Redis, names: Names) -> None:
        self._redis = redis
        self._names = names

    def _key(self, operator: UUID, registration_id: UUID) -> str:
        return (
            f"{{documents}}:nonce:{self._names.volatile('emrtd-nonce/v1', operator, registration_id).hex()}"
        )

    async def issue(self, operator: UUID, registration_id: UUID, now: datetime) -> tuple[bytes, datetime]:
        """(a new challenge of eight bytes, until when it may be answered); the one before is void."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        await self._redis.run(
            PUT, [self._key(operator, registration_id)], [nonce, str(LIFE // timedelta(milliseconds=1))]
        )
        return nonce, now + LIFE

    async def take(self, operator: UUID, registration_id: UUID) -> bytes | None:
        """The open challenge, which is open no more; None where there is none."""
        found = await self._redis.run(TAKE, [self._key(operator, registration_id)], [])
        return bytes(found) if found else None
