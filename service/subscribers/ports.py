"""What the register of persons asks of the domains that know what a person holds."""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from service.infra.crypto import SubjectKey
from service.infra.postgres import Reader, Tx
from service.kit.canon import IndexKind
from service.subscribers.model import Holding


class Holdings(Protocol):
    """Registrations and lines of subscribers."""

    async def ended(self, reader: Reader, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Subscribers that are not erased and hold nothing that goes on, ascending by id, above ``after``."""
        ...

    async def of(self, tx: Tx, subscriber_id: UUID) -> Sequence[Holding]:
        """Everything the subscriber holds or held, its rows locked until the end of the transaction."""
        ...

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        """With the erasure, in its transaction: drop the keyed hashes that these domains keep of the person."""
        ...


class NoHoldings:
    """Nobody holds anything, so nobody is ever due."""

    async def ended(self, reader: Reader, after: UUID | None, limit: int) -> Sequence[UUID]:
        return ()

    async def of(self, tx: Tx, subscriber_id: UUID) -> Sequence[Holding]:
        return ()

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        return None


class Plaintexts(Protocol):
    """A domain that keeps indexes of values which stand in its own sealed rows (a line's number)."""

    async def indexed(
        self, reader: Reader, subscriber_id: UUID, key: SubjectKey
    ) -> Iterable[tuple[IndexKind, str]]:
        """``(kind, canonical value)`` of every such value of this subscriber."""
        ...
