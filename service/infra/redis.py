"""Redis: scripts by digest, a deadline on every call, and one declared answer when it is gone."""

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from service.kit.clock import Clock, micros
from service.kit.errors import Unavailable

_NOT_NOW = ("OOM", "LOADING", "READONLY", "MASTERDOWN", "BUSY", "NOREPLICAS")
"""What a server that is there says when it cannot serve."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and its SHA-1, by which Redis knows it."""

    text: str
    sha: str

    @classmethod
    def load(cls, package: str, path: str) -> "Script":
        """Read ``path`` beside the module of ``package``: ``Script.load(__package__, "lua/issue.lua")``."""
        text = resources.files(package).joinpath(path).read_text("utf-8")
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


Version = tuple[int, ...]

BUNDLED: Version = (6, 2, 14)
"""What the wheel for demo and tests brings; nothing mends it any more."""

_PATCHED: Mapping[str, Mapping[Version, Version]] = {
    "redis": {
        (6, 2): (6, 2, 20),
        (7, 2): (7, 2, 11),
        (7, 4): (7, 4, 6),
        (8, 0): (8, 0, 4),
        (8, 2): (8, 2, 2),
    },
    "valkey": {(7, 2): (7, 2, 11), (8, 0): (8, 0, 6), (8, 1): (8, 1, 4)},
}
"""By branch, the release that closes CVE-2025-49844: a script may run code of its author's in the server."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server by its own word. ``name`` is redis or valkey; an empty version was not said."""

    name: str
    version: Version

    @property
    def is_bundled(self) -> bool:
        """The demo's, or older."""
        return self.name == "redis" and self.version <= BUNDLED

    @property
    def is_patched(self) -> bool:
        branches = _PATCHED[self.name]
        branch = self.version[:2]
        return branch > max(branches) or (branch in branches and self.version >= branches[branch])

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version)) or 'of an unknown version'}"


def _numbers(text: str) -> Version:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


class Redis:
    """One pool. Whatever goes wrong between us and the server is :class:`Unavailable`, never a hang.

    A script that Redis refuses (``ResponseError``: our bug, or a full server under ``noeviction``) is told
    apart: out of memory is also :class:`Unavailable`, anything else is raised as it is.
    """

    def __init__(self, url: str, clock: Clock, *, timeout_s: float = 1.0, max_connections: int = 50) -> None:
        self.clock = clock
        self.timeout_s = timeout_s
        # Who finds every connection busy waits for one: a burst is not an outage.
        pool = aioredis.BlockingConnectionPool.from_url(
            url,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            max_connections=max_connections,
            retry=Retry(NoBackoff(), 0),
        )
        self.client = aioredis.Redis.from_pool(pool)

    @property
    def now_us(self) -> int:
        """``ARGV[1]`` of every script: 0 (the server's TIME) unless a test or the seed turns the clock."""
        return micros(self.clock.now()) if getattr(self.clock, "is_manual", False) else 0

    async def run(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        """Run a script once. It is not repeated when the answer is lost: a charge might be taken twice."""

        async def call() -> Any:
            try:
                return await self.client.evalsha(script.sha, len(keys), *keys, *args)
            except NoScriptError:
                return await self.client.eval(script.text, len(keys), *keys, *args)

        return await self.guard(call())

    async def guard(self, call: Awaitable[Any]) -> Any:
        """Await a command under the deadline and say :class:`Unavailable` for what is not an answer."""
        try:
            async with asyncio.timeout(self.timeout_s * 2):
                return await call
        except ResponseError as error:
            # Redis 6.2 wraps what a command inside a script was refused with: "Error running script …: -OOM …".
            said = str(error)
            if said.startswith(_NOT_NOW) or any(f"-{word} " in said for word in _NOT_NOW):
                raise Unavailable("redis") from error
            raise
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("redis") from error

    async def server(self) -> Server:
        """What is at the other end."""
        said: Mapping[str, Any] = await self.guard(self.client.info("server"))
        valkey = said.get("valkey_version")
        return Server("valkey" if valkey else "redis", _numbers(str(valkey or said.get("redis_version", ""))))

    async def close(self) -> None:
        await self.client.aclose()
