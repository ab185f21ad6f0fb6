"""A sender that remembers, waits and fails as it is told, and a look into Redis as its owner."""

import asyncio
from collections.abc import Iterator

import pytest
import redis as sync_redis

from service.otp.model import Accepted, Channel, Message
from service.otp.ports import SendFailed
from tests.conftest import Backend
from tests.fakes.processes import code_in


class Teller:
    """Takes every message, unless ``fails`` is set; waits for ``go``."""

    name = "teller"
    channels = frozenset(Channel)

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.fails: SendFailed | None = None
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def send(self, message: Message) -> Accepted:
        self.began.set()
        await self.go.wait()
        if self.fails is not None:
            raise self.fails
        self.messages.append(message)
        return Accepted(self.name)

    @property
    def code(self) -> str:
        return code_in(self.messages[-1].text)

    def to(self, number: str) -> int:
        """How many messages a number got."""
        return sum(each.number == number for each in self.messages)


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def raw_redis(backend: Backend) -> Iterator["sync_redis.Redis"]:
    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        yield admin
