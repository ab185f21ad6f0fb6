"""A desk whose history is drained, and what was written."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.otp import rules, store
from service.otp.model import CodeEvent
from service.otp.volatile import Stream
from service.otp.workflow.history import History, StreamJournal
from tests.conftest import START
from tests.fakes.desk import (
    Desk,
    limits,
)

HOUR = timedelta(hours=1)


class Archive:
    """A desk whose history is drained."""

    def __init__(self, db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> None:
        self.db, self.redis, self.vault, self.clock, self.operator = db, redis, vault, clock, operator
        self.journal = StreamJournal(redis)
        self.history = History(db, redis)
        self.desk = self.make_desk()

    def make_desk(self, **more: Any) -> Desk:
        return Desk(
            self.redis,
            self.vault,
            self.clock,
            **{
                "policy": limits(rules.seed_policy()),
                "operator": self.operator,
                "journal": self.journal,
                **more,
            },
        )

    async def drained(self) -> list[CodeEvent]:
        await self.journal.flush()
        await self.history.drain()
        async with self.db.read(self.operator) as reader:
            return list(await store.page(reader, START - HOUR, START + 400 * HOUR, None, 1000))

    async def waiting(self) -> int:
        client: Any = self.redis.client
        return int(await client.xlen(Stream.KEY))


def lines(events: list[CodeEvent]) -> Counter[tuple[str, str, str | None]]:
    return Counter((each.kind, each.outcome, each.limit) for each in events)
