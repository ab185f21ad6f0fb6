"""Background work in: the events that move holdings and components."""

from collections.abc import Callable, Mapping

from service.events import Event, EventName
from service.infra.jobs import Handler
from service.infra.postgres import Database
from service.risk.rules import RiskPolicy
from service.risk.workflow import Risk

FOLLOWED = (
    EventName.LINE_ACTIVATED,
    EventName.LINE_SUSPENDED,
    EventName.LINE_REINSTATED,
    EventName.LINE_CLOSED,
    EventName.REGISTRATION_APPROVED,
    EventName.REGISTRATION_CANCELLED,
)


def subscriptions(
    risk: Risk, db: Database, policy: Callable[[], RiskPolicy] | None = None
) -> Mapping[EventName, Handler]:
    """What the worker's table of subscribers takes in. ``policy`` gives the one in force."""

    async def follow(event: Event) -> None:
        async with db.write(event.operator) as tx:
            await risk.follow(tx, event, policy() if policy else None)

    return dict.fromkeys(FOLLOWED, follow)
