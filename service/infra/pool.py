"""Children that stay: a bounded pool of executed, confined processes that answer one question after another.

For work with a long start and hostile input (``security.md`` 9). A child is executed, not forked: it inherits no
descriptor and no environment. It confines itself, says that it is ready, and is given nothing before
:func:`confinement` has seen that it did. Bytes go in and come out, each part behind its length (u32, big-endian),
never pickle. Whatever a child does wrong ends it: it is late, it dies, it says too much or out of turn, its caller
hangs up. The next question starts another one.
"""

import asyncio
import contextlib
import os
import resource
import signal
import struct
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from service.infra.child import ChildFailed

MOST_OUT: Final = 64 * 1024
NICE: Final = 10
"""Below whoever answers requests: a picture can wait, a code cannot."""
PAUSE_S: Final = 5.0
"""After a child that did not come up: so long nobody tries again."""
END_S: Final = 5.0
"""For a killed child's pipes to close: something that it started may hold them."""
_MOST_FILES: Final = 64
_LENGTH: Final = struct.Struct(">I")

log = structlog.get_logger(__name__)


class PoolFull(Exception):
    """As many questions wait as may wait."""


@dataclass(frozen=True, slots=True)
class Terms:
    """``children`` at most; ``queue`` questions may wait for one, each ``wait_s``; ``seconds`` for an answer, and
    ``start_s`` for coming up; a child is replaced after ``most`` answers, before what it leaks adds up."""

    children: int
    queue: int
    seconds: float
    wait_s: float = 20.0
    start_s: float = 60.0
    most: int = 200


class Pool:
    """Asks children of one kind. Nothing runs before :meth:`start` or the first question, nor after :meth:`stop`."""

    def __init__(self, command: Sequence[str], terms: Terms) -> None:
        self.terms = terms
        self._command = tuple(command)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._seats = asyncio.Semaphore(terms.children)
        self._asked = 0
        self._is_stopped = False
        self._not_before = 0.0

    @property
    def asked(self) -> int:
        """Questions that wait or are being answered."""
        return self._asked

    @property
    def pids(self) -> frozenset[int]:
        """Of the children that live."""
        return frozenset(each.pid for each in (*self._idle, *self._busy))

    async def start(self) -> None:
        """Bring all children up at once; without it each comes up with the first question that needs it. One that
        does not come up is tried again by a question."""
        for came in await asyncio.gather(
            *(self._come_up() for _ in range(self.terms.children)), return_exceptions=True
        ):
            if isinstance(came, _Child):
                self._idle.append(came)

    async def stop(self) -> None:
        """End every child; questions that are being answered fail."""
        self._is_stopped = True
        for busy in self._busy:
            busy.kill()  # whoever asks it notices, and reaps it
        await asyncio.gather(*(each.end() for each in self._idle), *(each.wait() for each in self._busy))
        self._idle.clear()

    async def ask(self, *parts: bytes, check: Callable[[bytes], None] | None = None) -> bytes:
        """What a child answers to ``parts``. Raises :class:`PoolFull` where too many wait or waited too long,
        :class:`ChildFailed` where the child was late or broke off, and what ``check`` raises of an answer; a child that
        gave such a one is not asked again. Cancelled, it ends the child."""
        if self._is_stopped or self._asked >= self.terms.children + self.terms.queue:
            raise PoolFull()
        self._asked += 1
        try:
            try:
                async with asyncio.timeout(self.terms.wait_s):
                    await self._seats.acquire()
            except TimeoutError:
                raise PoolFull() from None
            try:
                return await self._asking(parts, check)
            finally:
                self._seats.release()
        finally:
            self._asked -= 1

    async def _asking(self, parts: Sequence[bytes], check: Callable[[bytes], None] | None) -> bytes:
        child = await self._ready_one()
        answer: bytes | None = None
        try:
            said = await child.ask(parts, self.terms.seconds)
            if check is not None:
                check(said)
            answer = said
        finally:
            if answer is None or child.answers >= self.terms.most or self._is_stopped:
                await asyncio.shield(self._over(child))
            else:
                self._busy.discard(child)
                self._idle.append(child)
        return answer

    async def _ready_one(self) -> "_Child":
        """One that waits, quiet and alive; else a new one. It is among the busy: :meth:`stop` has to find it."""
        while self._idle:
            child = self._idle.pop()
            self._busy.add(child)
            is_quiet = False
            try:
                is_quiet = await child.is_quiet()
            finally:
                if not is_quiet:
                    await asyncio.shield(self._over(child))
            if is_quiet:
                return child
        child = await self._come_up()
        self._busy.add(child)
        return child

    async def _over(self, child: "_Child") -> None:
        """End a busy one. Shield it: whoever hangs up has to leave nothing behind."""
        try:
            await child.end()
        finally:
            self._busy.discard(child)

    async def _come_up(self) -> "_Child":
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before:
            raise ChildFailed(late=False)
        try:
            child = await _Child.come_up(self._command, self.terms.start_s)
        except ChildFailed as failed:
            self._not_before = loop.time() + PAUSE_S
            log.error("pool.child_did_not_come_up", late=failed.late)
            raise
        except OSError as error:  # no process, no descriptor, no memory left on this machine
            self._not_before = loop.time() + PAUSE_S
            log.error("pool.child_did_not_start", exc_info=error)
            raise ChildFailed(late=False) from None
        if self._is_stopped:
            await child.end()
            raise ChildFailed(late=False)
        return child


class _Child:
    """One process, between its start and its end."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._in, self._out = process.stdin, process.stdout
        self.answers = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def come_up(cls, command: Sequence[str], seconds: float) -> "_Child":
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={}, cwd="/", start_new_session=True, limit=MOST_OUT,
        )  # fmt: skip
        child = cls(process)
        is_ready = False
        try:
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
            async with asyncio.timeout(seconds):
                await child._frame()  # what it says is for people
            if lacks := confinement(process.pid):
                log.error("pool.child_is_not_confined", lacks=lacks)
                raise ChildFailed(late=False)
            is_ready = True
        except TimeoutError:
            raise ChildFailed(late=True) from None
        finally:
            if not is_ready:
                await asyncio.shield(child.end())
        return child

    async def ask(self, parts: Sequence[bytes], seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                for part in parts:
                    self._in.write(_LENGTH.pack(len(part)))
                    self._in.write(part)
                await self._in.drain()
                answer = await self._frame()
        except TimeoutError:
            raise ChildFailed(late=True) from None
        except OSError:  # a pipe without a reader
            raise ChildFailed(late=False) from None
        self.answers += 1
        return answer

    async def _frame(self) -> bytes:
        try:
            (length,) = _LENGTH.unpack(await self._out.readexactly(_LENGTH.size))
            if length > MOST_OUT:
                raise ChildFailed(late=False)
            return await self._out.readexactly(length)
        except asyncio.IncompleteReadError:
            raise ChildFailed(late=False) from None

    async def is_quiet(self) -> bool:
        """Whether it lives and has said nothing since its answer: more would be taken for the next one's."""
        try:
            # the system knows before the event loop does
            now = os.WEXITED | os.WNOHANG | os.WNOWAIT
            if os.waitid(os.P_PID, self.pid, now) is not None:  # noqa: ASYNC222 - WNOHANG: it answers at once
                return False
        except ChildProcessError:
            return False
        try:
            async with asyncio.timeout(0):
                await self._out.read(1)
        except TimeoutError:
            return True
        return False

    def kill(self) -> None:
        """With all that it started: its session has a process group of its own. Where it was reaped before, its number
        is the group's as long as nobody else has it."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None or not Path(f"/proc/{self.pid}").exists():
                os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill and reap it, and throw away what it still said: asyncio counts a process as over once its pipes are.
        Where they do not close within :data:`END_S`, they are closed from here."""
        self.kill()
        self._in.close()
        try:
            async with asyncio.timeout(END_S):
                while await self._out.read(MOST_OUT):
                    pass
                await self.wait()
        except TimeoutError:
            log.error("pool.child_did_not_end")
            self._process._transport.close()  # type: ignore[attr-defined]  # the stream API has no public one

    async def wait(self) -> None:
        await self._process.wait()


def confinement(pid: int) -> list[str]:
    """What the process lacks of what ``security.md`` 9 asks of one that decodes; empty where it is confined."""
    lacks = []
    wanted = {
        "FSIZE": (resource.RLIMIT_FSIZE, 0),
        "CORE": (resource.RLIMIT_CORE, 0),
        "NOFILE": (resource.RLIMIT_NOFILE, _MOST_FILES),
    }
    try:
        for name, (what, most) in wanted.items():
            hard = resource.prlimit(pid, what)[1]
            if hard == resource.RLIM_INFINITY or hard > most:
                lacks.append(name)
        if resource.prlimit(pid, resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY:
            lacks.append("AS")
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return ["life"]
    if "\nNoNewPrivs:\t1" not in status:
        lacks.append("no_new_privs")
    return lacks
