"""The outside world of lines: the operator's provisioning and its stock of numbers and cards.

The wire schemas of the HTTP adapters are in ``docs/ports.md``; one contract suite runs on every
implementation. Failure policy: ``prepare`` and ``check`` fail closed (Unavailable, 503); ``activate``,
``apply`` and ``change_sim`` say Failed and are tried again by a job. ``of``: without an answer nothing is counted
and no probation ends; the days are asked for again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from service.lines.model import (
    ActivationOrder,
    ConditionsOrder,
    DayOfUse,
    Done,
    Outcome,
    Readiness,
    SimOrder,
    Stock,
    StockAnswer,
    Use,
    UseAsked,
    UseByLine,
)


class Provisioner(Protocol):
    """Brings lines up and changes what they may do. Every verb may be repeated without harm."""

    async def prepare(self, order: ActivationOrder) -> Readiness:
        """Whether the SIM can take a message before activation. Nothing is brought up. Raises Unavailable."""

    async def activate(self, order: ActivationOrder) -> Outcome:
        """Bring the line up, once for a registration however often it is asked. Raises nothing of its own."""

    async def apply(self, order: ConditionsOrder) -> Outcome:
        """Set the line's conditions to those of ``order.version``. Raises nothing of its own."""

    async def change_sim(self, order: SimOrder) -> Outcome:
        """Put the line on another card, once for a change however often it is asked. Raises nothing of its own."""


class Inventory(Protocol):
    """Knows which numbers and cards are the operator's and who may sell them."""

    async def check(self, msisdn: str, iccid: str | None, dealer_code: str | None) -> StockAnswer:
        """What the stock says of this number and card for this dealer. Raises Unavailable."""


class Usage(Protocol):
    """Knows how lines are used: how much and by day, never whom they call."""

    @property
    def is_calendar(self) -> bool:
        """Whether nothing is known and every day counts. Then only lines on probation are asked about."""

    async def of(self, asked: Sequence[UseAsked]) -> UseByLine:
        """How these lines were used. Raises Unavailable."""


class NullProvisioner:
    """For demo and tests, and for operators who provision by themselves: always done, always ready."""

    async def prepare(self, order: ActivationOrder) -> Readiness:
        return Readiness(can_receive=True)

    async def activate(self, order: ActivationOrder) -> Outcome:
        return Done()

    async def apply(self, order: ConditionsOrder) -> Outcome:
        return Done()

    async def change_sim(self, order: SimOrder) -> Outcome:
        return Done()


class NullInventory:
    """Where no stock is kept: every number and card is ours, anybody's and unused."""

    async def check(self, msisdn: str, iccid: str | None, dealer_code: str | None) -> StockAnswer:
        free = Stock(ours=True, allotted=True, unused=True)
        return StockAnswer(number=free, sim=None if iccid is None else free)


class Calendar:
    """Where nobody says how lines are used: each day counts as one of ordinary use."""

    is_calendar = True

    async def of(self, asked: Sequence[UseAsked]) -> UseByLine:
        def days(each: UseAsked) -> tuple[DayOfUse, ...]:
            span = (each.until - each.since).days + 1
            return tuple(DayOfUse(each.since + timedelta(days=n), 1, 1) for n in range(span))

        return {each.line_id: Use(days(each)) for each in asked}
