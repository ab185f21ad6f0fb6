"""Background work of the pipeline: activation, registrations whose time is over, and velocity."""

from collections.abc import Mapping
from uuid import UUID

import procrastinate

from service.events import Event, EventName
from service.infra.jobs import RETRY, Handler
from service.otp.model import NoticeKind
from service.registration.workflow import Registrations
from service.registration.workflow.backtests import Backtests


def blueprint(registrations: Registrations, backtests: Backtests) -> procrastinate.Blueprint:
    tasks = procrastinate.Blueprint()

    @tasks.task(name="activate", retry=RETRY)
    async def activate(*, operator: str, registration: str, attempt: int) -> None:
        await registrations.activate(UUID(operator), UUID(registration), attempt)

    @tasks.task(name="tell_holder", retry=RETRY)
    async def tell_holder(*, operator: str, registration: str) -> None:
        await registrations.tell_holder(UUID(operator), UUID(registration))

    @tasks.task(name="put_back", retry=RETRY)
    async def put_back(*, operator: str, registration: str) -> None:
        await registrations.put_back(UUID(operator), UUID(registration))

    @tasks.task(name="backtest", retry=RETRY)
    async def backtest(*, operator: str, run: str) -> None:
        await backtests.run(UUID(operator), UUID(run))

    return tasks


def subscriptions(registrations: Registrations) -> Mapping[EventName, Handler]:
    """What the worker's table of subscribers takes in: where registrations and lines come from is counted; a holder
    whose notice had to wait is told by now."""

    async def note(event: Event) -> None:
        await registrations.note_velocity(event.operator, UUID(event.refs["registration"]))

    async def told(event: Event) -> None:
        if event.refs["kind"] == NoticeKind.CARD_ASKED.value:
            await registrations.tell_holder(event.operator, UUID(event.refs["about"]))

    counted = dict.fromkeys((EventName.REGISTRATION_CREATED, EventName.REGISTRATION_APPROVED), note)
    return {**counted, EventName.NOTICE_SENT: told}
