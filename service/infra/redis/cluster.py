"""A cluster, learned from its own answers.

Who serves a slot is not looked up: any node is asked, and one that does not serve it says which one does (MOVED)
without having executed anything, so the call follows once and the answer is remembered. After a lost connection what
was remembered is forgotten and another node is asked. So no table grows stale, and nothing is to do at the start.
Source: the Redis cluster specification, "MOVED redirection" and "ASK redirection".
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import TimeoutError as TimedOut

from service.infra.redis.batch import Call, Part, Traffic
from service.infra.redis.nodes import Limits, Node, at_host
from service.infra.redis.script import Script
from service.kit.redis_url import RedisAddress

HOME = b"{otp}"
"""Where every code and every limit is; a command without a key goes there too."""

_KEYLESS = frozenset({"CLIENT", "CONFIG", "DBSIZE", "FLUSHALL", "INFO", "PING", "SCAN", "SCRIPT", "TIME"})
_LOST = (NotConnected, TimedOut, ClusterDownError, OSError, TimeoutError)
On = Callable[[Node, bool], Awaitable[Any]]
"""One try at a node; True where the node is taking the slot over and must be asked for it (ASKING)."""


def key_of(args: Sequence[Any]) -> bytes:
    """The first key of a plain command, as its arguments name it."""
    name = str(args[0]).upper()
    if name.split()[0] in _KEYLESS or len(args) < 2:
        return HOME
    at = 1
    if name in ("EVAL", "EVALSHA"):
        at = 3
    elif name in ("XREAD", "XREADGROUP"):
        at = 1 + next(n for n, each in enumerate(args) if each in ("STREAMS", b"STREAMS"))
    key = args[at]
    return key if isinstance(key, bytes) else str(key).encode()


class Cluster:
    """All nodes that were named or heard of. A node is never dropped; its connections are made when it is asked."""

    def __init__(self, address: RedisAddress, traffic: Traffic, limits: Limits) -> None:
        self._address, self._traffic, self._limits = address, traffic, limits
        self._nodes: dict[tuple[str, int], Node] = {}
        for host, port in address.hosts:
            self._node(host, port)
        self._owners: dict[int, Node] = {}
        self._turn = 0
        self.client: aioredis.Redis = _Client(self)

    def _node(self, host: str, port: int) -> Node:
        if (host, port) not in self._nodes:
            self._nodes[host, port] = at_host(host, port, self._address, self._traffic, self._limits)
        return self._nodes[host, port]

    @property
    def anyone(self) -> Node:
        """Whom to ask where nothing is known."""
        nodes = list(self._nodes.values())
        return nodes[self._turn % len(nodes)]

    async def follow(self, key: bytes, on: On) -> Any:
        """Do it where ``key`` is. A second redirection is raised: the cluster is being rebuilt."""
        slot = key_slot(key)
        node = self._owners.get(slot) or self.anyone
        try:
            return await on(node, False)
        except AskError as said:  # MovedError is one
            node = self._node(said.host or self._host_of(node), said.port)
            is_moved = isinstance(said, MovedError)
            if is_moved:
                self._owners[slot] = node
        except _LOST:
            self._forget(slot, node)
            raise
        try:
            return await on(node, not is_moved)
        except _LOST:
            self._forget(slot, node)
            raise

    def _host_of(self, node: Node) -> str:
        """A node that does not know its own name means the one by which it was reached."""
        return next(host for (host, _), each in self._nodes.items() if each is node)

    def _forget(self, slot: int, node: Node) -> None:
        if self._owners.get(slot) is node:
            del self._owners[slot]
        if self.anyone is node:
            self._turn += 1

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[Part]) -> Any:
        async def on(node: Node, is_asking: bool) -> Any:
            return await node.batcher.submit(Call(script, keys, args, asking=is_asking))

        first = keys[0] if keys else HOME
        return await self.follow(first if isinstance(first, bytes) else first.encode(), on)

    async def close(self) -> None:
        for node in self._nodes.values():
            await node.close()


class _Client(aioredis.Redis):
    """redis-py's own client, each command sent to where its key is."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(connection_pool=cluster.anyone.client.connection_pool)
        self._cluster = cluster

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async def on(node: Node, is_asking: bool) -> Any:
            if not is_asking:
                return await node.client.execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py has no types here
            both = node.client.pipeline(
                transaction=False
            )  # ASKING holds for the next command of its connection
            both.execute_command("ASKING")
            both.execute_command(*args, **options)
            return (await both.execute())[1]

        return await self._cluster.follow(key_of(args), on)

    async def ping(self, **_: Any) -> bool:
        """Whether the shard of codes and limits serves: any node at all would answer PING."""
        await self.exists(HOME)
        return True

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """MULTI alone: it is aborted as a whole where a key has moved, so it can follow."""
        if not transaction:
            raise NotImplementedError(
                "a pipeline without MULTI might be done in part before it is redirected"
            )
        return _Transaction(self._cluster, self)


class _Transaction(Pipeline):
    """All keys lie in one slot; else the server refuses (CROSSSLOT)."""

    def __init__(self, cluster: Cluster, client: _Client) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, True, None)
        self._cluster = cluster

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack = list(self.command_stack)
        if not stack:
            return []

        async def on(node: Node, is_asking: bool) -> Any:
            if is_asking:
                raise TryAgainError("the slot is being moved, and ASKING does not reach into MULTI")
            self.command_stack = list(stack)
            self.connection_pool = node.client.connection_pool
            return await Pipeline.execute(self, raise_on_error)

        found: list[Any] = await self._cluster.follow(key_of(stack[0][0]), on)
        return found
