"""Background work: a line that was approved is told of; one that was disowned is held."""

from collections.abc import Mapping
from uuid import UUID

import procrastinate

from service.events import Event, EventName
from service.infra.jobs import RETRY, Handler
from service.infra.postgres import Database
from service.notices.workflow import Notices


def blueprint(notices: Notices) -> procrastinate.Blueprint:
    tasks = procrastinate.Blueprint()

    @tasks.task(name="announce", retry=RETRY)
    async def announce(*, operator: str, registration: str) -> None:
        await notices.announce(UUID(operator), UUID(registration))

    @tasks.task(name="hold", retry=RETRY)
    async def hold(*, operator: str, registration: str, waited: int) -> None:
        await notices.hold(UUID(operator), UUID(registration), waited)

    return tasks


def subscriptions(notices: Notices, db: Database) -> Mapping[EventName, Handler]:
    """What the worker's table of subscribers takes in. A job of its own: a gateway that is away must not hold up what
    else follows from the event."""

    async def approved(event: Event) -> None:
        async with db.write(event.operator) as tx:
            notices.ask(tx, UUID(event.refs["registration"]))

    return {EventName.REGISTRATION_APPROVED: approved}
