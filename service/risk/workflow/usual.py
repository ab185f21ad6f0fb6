"""What is usual: counted by a chore, read as one frozen object, and written beside the values of a decision."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from service.infra.follow import Follower
from service.infra.postgres import Database
from service.risk.model import Baseline
from service.risk.store import baselines

WINDOW = timedelta(days=30)
"""Decisions of so many days say what is usual."""
POLL_S = 60.0

_NOTHING: Mapping[str, Baseline] = MappingProxyType({})


class Usual:
    """Holds the baselines of every operator and swaps them as a whole. Without PostgreSQL it goes on with what it
    has: a decision without a baseline is as good as one with it."""

    def __init__(self, db: Database, operators: Callable[[], Awaitable[Sequence[UUID]]]) -> None:
        self._db = db
        self._operators = operators
        self._current: Mapping[UUID, Mapping[str, Baseline]] = MappingProxyType({})
        self._follower = Follower("usual", self.refresh, POLL_S)

    def of(self, operator: UUID) -> Mapping[str, Baseline]:
        """By signal; nothing for an operator that has too few decisions."""
        return self._current.get(operator, _NOTHING)

    async def count(self, operator: UUID) -> int:
        """The chore: count this operator's decisions of the window anew; how many signals have a baseline."""
        async with self._db.write(operator) as tx:
            return await baselines.count(tx, tx.now - WINDOW)

    async def refresh(self) -> None:
        found: dict[UUID, Mapping[str, Baseline]] = {}
        for operator in await self._operators():
            async with self._db.read(operator) as reader:
                found[operator] = await baselines.load(reader)
        self._current = MappingProxyType(found)

    async def start(self) -> None:
        """Load, and follow from then on. Does not fail without PostgreSQL."""
        await self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()
