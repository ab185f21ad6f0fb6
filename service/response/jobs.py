"""Background work in: the notice, its time, the lines of a ring, and what reports and lines tell."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from uuid import UUID

import procrastinate

from service.events import Event, EventName
from service.infra.jobs import RETRY, Handler
from service.otp.model import NoticeKind as Kept
from service.response.model import NoticeKind
from service.response.workflow import BATCH, Response

Operators = Callable[[], Awaitable[Iterable[UUID]]]

FOLLOWED = (
    EventName.REPORT_CORROBORATED,
    EventName.REPORT_CONFIRMED,
    EventName.REPORT_DISMISSED,
    EventName.LINE_RESTRICTED,
    EventName.LINE_REINSTATED,
    EventName.LINE_CLOSED,
    EventName.NOTICE_SENT,
)


def subscriptions(response: Response) -> Mapping[EventName, Handler]:
    """What the worker's table of subscribers takes in; a holder whose notice of a step had to wait is told by now."""

    async def told(event: Event) -> None:
        refs = event.refs
        if refs["kind"] == Kept.STEP.value and refs.get("way") == NoticeKind.TAKEN.value:
            await response.telling.told_late(event.operator, UUID(refs["about"]))

    return {**dict.fromkeys(FOLLOWED, response.following.follow), EventName.NOTICE_SENT: told}


def blueprint(response: Response, operators: Operators) -> procrastinate.Blueprint:
    telling, rings = response.telling, response.rings
    tasks = procrastinate.Blueprint()

    @tasks.task(name="notice", retry=RETRY)
    async def notice(*, operator: str, action: str, notice: str, attempt: int) -> None:
        await telling.notify(UUID(operator), UUID(action), NoticeKind(notice), attempt)

    @tasks.periodic(cron="* * * * *")
    @tasks.task(name="due", queueing_lock="response:due")
    async def due(timestamp: int) -> None:
        for operator in await operators():
            while await telling.due(operator) == BATCH:
                pass

    @tasks.task(name="ring", retry=RETRY)
    async def ring(*, operator: str, ring: str) -> None:
        await rings.carry_out(UUID(operator), UUID(ring))

    @tasks.task(name="undo", retry=RETRY)
    async def undo(*, operator: str, ring: str) -> None:
        await rings.undo(UUID(operator), UUID(ring))

    return tasks
