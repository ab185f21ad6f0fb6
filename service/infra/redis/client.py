"""What the service holds: one Redis, whatever stands behind the address."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError

from service.infra.redis.batch import Part, Traffic
from service.infra.redis.cluster import Cluster
from service.infra.redis.failure import outward
from service.infra.redis.nodes import Limits, Node, at_url, behind_sentinels
from service.infra.redis.script import Script
from service.infra.redis.server import Server, told
from service.kit.clock import Clock, micros
from service.kit.redis_url import Topology, redis_address

LANES = 2
"""Connections over which scripts travel, in each process."""


class Redis:
    """One server, the master behind Sentinels, or a cluster; ``RedisUrlError`` for an address that is none.

    Whatever goes wrong between us and the server is :class:`Unavailable`, never a hang.

    A refusal (``ResponseError``) is told apart: what a server says that cannot serve, out of memory for one, is also
    :class:`Unavailable`; anything else is our bug and is raised as it is.
    """

    def __init__(
        self, url: str, clock: Clock, *, timeout_s: float = 1.0, max_connections: int = 50, lanes: int = LANES
    ) -> None:
        self.clock = clock
        self.timeout_s = timeout_s
        self.traffic = Traffic()
        limits = Limits(timeout_s, max_connections, lanes)
        address = redis_address(url)
        self._place: Node | Cluster
        match address.topology:
            case Topology.SINGLE:
                self._place = at_url(address.url, self.traffic, limits)
            case Topology.SENTINEL:
                self._place = behind_sentinels(address, self.traffic, limits)
            case Topology.CLUSTER:
                self._place = Cluster(address, self.traffic, limits)
        self.client = self._place.client

    @property
    def now_us(self) -> int:
        """``ARGV[1]`` of every script: 0 (the server's TIME) unless a test or the seed turns the clock."""
        return micros(self.clock.now()) if getattr(self.clock, "is_manual", False) else 0

    @property
    def round_trips(self) -> int:
        """Since the start: a shared pipeline is one, and so is what went through :meth:`guard`."""
        return self.traffic.round_trips

    @property
    def commands(self) -> int:
        """Since the start; what went through :meth:`guard` counts as one."""
        return self.traffic.commands

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[Part]) -> Any:
        """Run a script once. It is not repeated when the answer is lost: a charge might be taken twice.

        What runs in the same turn of the event loop shares a round trip. Once called it will be executed: whoever is
        cancelled while waiting does not take it back.
        """
        try:
            return await self._place.run(script, keys, args)
        except (RedisError, OSError, TimeoutError) as error:
            if (said := outward(error)) is error:
                raise
            raise said from error

    async def guard(self, call: Awaitable[Any]) -> Any:
        """Await a command under the deadline and say :class:`Unavailable` for what is not an answer."""
        self.traffic.round_trips += 1
        self.traffic.commands += 1
        try:
            async with asyncio.timeout(self.timeout_s * 2):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            if (said := outward(error)) is error:
                raise
            raise said from error

    async def server(self) -> Server:
        """What is at the other end."""
        info: Mapping[str, Any] = await self.guard(self.client.info("server"))
        return told(info)

    async def close(self) -> None:
        await self._place.close()
