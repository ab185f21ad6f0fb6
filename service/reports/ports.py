"""The outside world of reports: whose line a number is, what lines hang on, what a verification proves.

The application composes them over the registers of lines, of risk and of codes. Failure policy: ``Proofs`` without its
Redis raises Unavailable, and nothing is filed (503); the others read the caller's own transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from service.reports.model import LineFacts

R = TypeVar("R", contravariant=True)
"""A transaction that reads, of one operator."""


class Reporters(Protocol[R]):
    """What is known of the people behind numbers: how long they have had their line, of which dealer, and what they
    hang on."""

    async def lines(self, reader: R, numbers: Sequence[str]) -> Mapping[str, LineFacts]:
        """By number, the line that it has with this operator, one whose number rests included."""
        ...

    async def links(self, reader: R, registrations: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
        """By registration, opaque texts of what it hangs on: two that share one are linked."""
        ...


class Proofs(Protocol):
    """What verifications prove."""

    async def proved_at(
        self, operator: UUID, verification: UUID, msisdn: str, dealer: UUID | None
    ) -> datetime | None:
        """When this verification proved this number; None where it did not. Raises Unavailable."""
        ...


class NoReporters:
    """Nobody has a line here, so that every number is elsewhere and no vote counts."""

    async def lines(self, reader: object, numbers: Sequence[str]) -> Mapping[str, LineFacts]:
        return {}

    async def links(self, reader: object, registrations: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
        return {}


class NoProofs:
    """No number is ever proved, so that no vote counts."""

    async def proved_at(
        self, operator: UUID, verification: UUID, msisdn: str, dealer: UUID | None
    ) -> datetime | None:
        return None
