"""The outside world of lines: the operator's provisioning and its stock of numbers and cards.

The wire schemas of the HTTP adapters are in ``docs/ports.md``; one contract suite runs on every
implementation. Failure policy: ``prepare`` and ``check`` fail closed (Unavailable, 503); ``activate`` and
``apply`` say Failed and are tried again by a job.
"""

from typing import Protocol

from service.lines.model import (
    ActivationOrder,
    ConditionsOrder,
    Done,
    Outcome,
    Readiness,
    Stock,
    StockAnswer,
)


class Provisioner(Protocol):
    """Brings lines up and changes what they may do. Every verb may be repeated without harm."""

    async def prepare(self, order: ActivationOrder) -> Readiness:
        """Whether the SIM can take a message before activation. Nothing is brought up. Raises Unavailable."""

    async def activate(self, order: ActivationOrder) -> Outcome:
        """Bring the line up, once for a registration however often it is asked. Raises nothing of its own."""

    async def apply(self, order: ConditionsOrder) -> Outcome:
        """Set the line's conditions to those of ``order.version``. Raises nothing of its own."""


class Inventory(Protocol):
    """Knows which numbers and cards are the operator's and who may sell them."""

    async def check(self, msisdn: str, iccid: str | None, dealer_code: str | None) -> StockAnswer:
        """What the stock says of this number and card for this dealer. Raises Unavailable."""


class NullProvisioner:
    """For demo and tests, and for operators who provision by themselves: always done, always ready."""

    async def prepare(self, order: ActivationOrder) -> Readiness:
        return Readiness(can_receive=True)

    async def activate(self, order: ActivationOrder) -> Outcome:
        return Done()

    async def apply(self, order: ConditionsOrder) -> Outcome:
        return Done()


class NullInventory:
    """Where no stock is kept: every number and card is ours, anybody's and unused."""

    async def check(self, msisdn: str, iccid: str | None, dealer_code: str | None) -> StockAnswer:
        free = Stock(ours=True, allotted=True, unused=True)
        return StockAnswer(number=free, sim=None if iccid is None else free)
