"""Shared round trips: the commands of one turn of the event loop travel as one pipeline.

A pipeline without MULTI: each command is executed by itself, in the order of the calls, and has an answer of its own.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import NoScriptError, RedisError, ResponseError

from service.infra.redis.failure import is_demoted
from service.infra.redis.script import Script

Part = str | bytes | int


class Connection(Protocol):
    """The part of redis-py's connection that is used here."""

    @property
    def is_connected(self) -> bool: ...

    async def connect(self) -> None: ...

    async def can_read(self) -> bool: ...

    async def disconnect(self, nowait: bool = ...) -> None: ...

    async def send_packed_command(self, command: Sequence[bytes], check_health: bool = ...) -> None: ...

    async def read_response(self, *, timeout: float) -> Any: ...  # noqa: ASYNC109 - redis-py's own signature


@dataclass(slots=True)
class Traffic:
    """What was sent since the start. A lost answer counts: it was asked for."""

    round_trips: int = 0
    commands: int = 0


_pack = cast(Callable[[tuple[Part, ...]], bytes], pack_command)
"""Its stub names a tuple of one."""

ASKING = _pack(("ASKING",))


class Call:
    """One run of a script, ready to be sent, and the future of its answer.

    ``asking``: a node of a cluster that is taking the slot over is asked to serve it already.
    """

    __slots__ = ("_args", "_keys", "_script", "asking", "future", "wire")

    def __init__(
        self,
        script: Script,
        keys: Sequence[str | bytes],
        args: Sequence[Part],
        *,
        asking: bool = False,
    ) -> None:
        self._script, self._keys, self._args = script, keys, args
        self.asking = asking
        self.wire = _pack(("EVALSHA", script.sha, len(keys), *keys, *args))
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def in_full(self) -> None:
        """The server does not know the script: with its text, which makes it known."""
        self.wire = _pack(("EVAL", self._script.text, len(self._keys), *self._keys, *self._args))


class Batcher:
    """Sends what is submitted, over at most ``lanes`` connections of its own.

    While every connection waits for its answers, what is submitted gathers for the next that is free. Every future
    is done within twice ``timeout_s``: once for a free connection, once for the answers. A command whose answer was
    lost is not sent again: a charge might be taken twice.
    """

    def __init__(
        self, connection: Callable[[], Connection], traffic: Traffic, *, timeout_s: float, lanes: int
    ) -> None:
        self._traffic = traffic
        self._timeout_s = timeout_s
        self._waiting: list[Call] = []
        self._idle = [connection() for _ in range(lanes)]
        self._is_due = False
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, call: Call) -> asyncio.Future[Any]:
        """The future of the answer; it raises redis-py's errors. Cancelling it does not take the command back."""
        self._waiting.append(call)
        self._plan()
        return call.future

    def _plan(self) -> None:
        if self._waiting and self._idle and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_due = False
        if not self._waiting or not self._idle:
            return
        batch, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._carry(self._idle.pop(), batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _carry(self, connection: Connection, batch: list[Call]) -> None:
        lost: Exception | None = None
        is_whole = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await _ready(connection)
                unknown = await self._exchange(connection, batch)
                if unknown:
                    for call in unknown:
                        call.in_full()
                    await self._exchange(connection, unknown)
            is_whole = True
        except (RedisError, OSError, TimeoutError) as error:
            lost = error
        finally:
            # Also where this task is cancelled or our own code breaks: nobody waits for ever.
            for call in batch:
                if not call.future.done():
                    said = NotConnected("no answer")  # one for each: whoever raises it adds a traceback
                    said.__cause__ = lost
                    call.future.set_exception(said)
            if not is_whole:
                await connection.disconnect(nowait=True)
            self._idle.append(connection)
            self._plan()

    async def _exchange(self, connection: Connection, calls: Sequence[Call]) -> list[Call]:
        """Send, and read an answer for each. Returns those whose script the server did not know."""
        self._traffic.round_trips += 1
        self._traffic.commands += len(calls)
        wires = [ASKING + call.wire if call.asking else call.wire for call in calls]
        await connection.send_packed_command([b"".join(wires)], check_health=False)
        unknown, was_demoted = [], False
        for call in calls:
            try:
                if call.asking:
                    await connection.read_response(timeout=math.inf)
                answer = await connection.read_response(timeout=math.inf)
            except NoScriptError:
                unknown.append(call)
            except ResponseError as error:
                was_demoted = was_demoted or is_demoted(error)
                if not call.future.done():
                    call.future.set_exception(error)
            else:
                if not call.future.done():
                    call.future.set_result(answer)
        if was_demoted and not unknown:
            await connection.disconnect(nowait=True)
        return unknown

    async def close(self) -> None:
        """Wait for the answers that are on their way, then close."""
        while self._running or self._waiting:
            await asyncio.wait(self._running) if self._running else await asyncio.sleep(0)
        for connection in self._idle:
            await connection.disconnect()


async def _ready(connection: Connection) -> None:
    """Connected, and nothing unread: the end of a connection that was closed meanwhile counts as unread."""
    if connection.is_connected and await connection.can_read():
        await connection.disconnect(nowait=True)
    await connection.connect()
