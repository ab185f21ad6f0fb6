"""Connections: to one server, or to whichever one the Sentinels call the master."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from service.infra.redis.batch import Batcher, Call, Part, Traffic
from service.infra.redis.script import Script
from service.kit.redis_url import RedisAddress


@dataclass(frozen=True, slots=True)
class Limits:
    """``timeout_s`` for each step: a free connection, a connection made, an answer."""

    timeout_s: float
    max_connections: int
    lanes: int


class Node:
    """One place to ask: a client for plain commands, and connections of its own for scripts."""

    def __init__(
        self,
        pool: aioredis.ConnectionPool,
        traffic: Traffic,
        limits: Limits,
        sentinel: Sentinel | None = None,
    ) -> None:
        self.client = aioredis.Redis.from_pool(pool)
        self._sentinel = sentinel

        def connection() -> Any:
            # Without a timeout of its own: the batch has one, and one timer is less than one for each answer.
            return pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})

        self.batcher = Batcher(connection, traffic, timeout_s=limits.timeout_s, lanes=limits.lanes)

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[Part]) -> Any:
        return await self.batcher.submit(Call(script, keys, args))

    async def close(self) -> None:
        await self.batcher.close()
        await self.client.aclose()
        if self._sentinel is not None:
            await self._sentinel.aclose()


def _options(limits: Limits) -> dict[str, Any]:
    return {
        "timeout": limits.timeout_s,  # who finds every connection busy waits for one: a burst is not an outage
        "socket_timeout": limits.timeout_s,
        "socket_connect_timeout": limits.timeout_s,
        "max_connections": limits.max_connections,
        "retry": Retry(NoBackoff(), 0),
    }


def at_url(url: str, traffic: Traffic, limits: Limits) -> Node:
    return Node(aioredis.BlockingConnectionPool.from_url(url, **_options(limits)), traffic, limits)


def at_host(host: str, port: int, address: RedisAddress, traffic: Traffic, limits: Limits) -> Node:
    pool = aioredis.BlockingConnectionPool(
        host=host, port=port, username=address.username, password=address.password, **_options(limits)
    )
    return Node(pool, traffic, limits)


class _Pool(SentinelConnectionPool, aioredis.BlockingConnectionPool):
    """Sentinel's pool that waits for a free connection, where its own raises."""


def behind_sentinels(address: RedisAddress, traffic: Traffic, limits: Limits) -> Node:
    """Every connection that is made asks for the master; one is made after each that broke, timed out or turned
    out to lead to a replica."""
    # All of them can be asked within one deadline, however many of them do not answer.
    patience = limits.timeout_s / (len(address.hosts) + 1)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py has no types here
        address.hosts,
        sentinel_kwargs={
            "username": address.sentinel_username,
            "password": address.sentinel_password,
            "socket_timeout": patience,
            "socket_connect_timeout": patience,
            "retry": Retry(NoBackoff(), 0),
        },
    )
    pool = _Pool(  # type: ignore[no-untyped-call]  # as above
        address.service,
        sentinel,
        db=address.db,
        username=address.username,
        password=address.password,
        **_options(limits),
    )
    return Node(pool, traffic, limits, sentinel)
