"""Background work: procrastinate, deferred on the connection of the business transaction.

A job exists if and only if the rows that wanted it were committed. Its arguments are ids and codes, never
personal data (a house test reads every task's signature). All jobs of a transaction go in one statement.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import procrastinate
import psycopg
from procrastinate import exceptions as procrastinate_errors
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.types import JSONDict

from service.events import Event, EventName

if TYPE_CHECKING:
    from service.infra.postgres import Tx

Handler = Callable[[Event], Awaitable[None]]
"""What a domain does about an event. It is called at least once, so it is idempotent by ``event.id``."""

MAX_ATTEMPTS = 12
RETRY = procrastinate.RetryStrategy(max_attempts=MAX_ATTEMPTS, exponential_wait=2)
"""2, 4, 8 … seconds: some two hours in all, then the job is failed and listed."""

# The manager builds SQL only; the connection is always the transaction's own, so this connector is never opened.
_MANAGER = JobManager(procrastinate.PsycopgConnector())


def defer(
    tx: "Tx",
    task: str,
    *,
    at: datetime | None = None,
    lock: str | None = None,
    queue: str = "default",
    **args: str | int | None,
) -> None:
    """Ask for ``task`` after this transaction commits; ``at`` is the instant not to start before."""
    kwargs: JSONDict = dict(args)
    tx.outbox.append(
        Job(queue=queue, lock=lock, queueing_lock=None, task_name=task, task_kwargs=kwargs, scheduled_at=at)
    )


def emit(tx: "Tx", event: Event) -> None:
    """Tell the other domains, if this transaction commits."""
    defer(
        tx,
        "event:dispatch",
        event=event.id.hex,
        name=event.name.value,
        operator=event.operator.hex,
        at_time=event.at.isoformat(),
        refs=";".join(f"{role}={value}" for role, value in sorted(event.refs.items())),
    )


async def defer_all(driver: psycopg.AsyncConnection[Any], jobs: Sequence[Job]) -> None:
    """Insert the jobs of one transaction on its own connection."""
    try:
        await _MANAGER.batch_defer_jobs_async(jobs=list(jobs), connection=driver)
    except procrastinate_errors.ConnectorException as error:
        # procrastinate hides the driver's error; the caller tells "gone" from "refused" by it.
        raise error.__cause__ or error from error


def event_of(*, event: str, name: str, operator: str, at_time: str, refs: str) -> Event:
    """The event behind the arguments of an ``event:dispatch`` job."""
    pairs = dict(part.split("=", 1) for part in refs.split(";") if part)
    return Event(EventName(name), UUID(operator), datetime.fromisoformat(at_time), pairs, UUID(event))


def dispatcher(subscribers: dict[EventName, Sequence[Handler]]) -> procrastinate.Blueprint:
    """The blueprint of ``event:dispatch`` over a table of subscribers, which ``worker.py`` alone builds."""
    blueprint = procrastinate.Blueprint()

    @blueprint.task(name="dispatch", retry=RETRY)
    async def dispatch(*, event: str, name: str, operator: str, at_time: str, refs: str) -> None:
        told = event_of(event=event, name=name, operator=operator, at_time=at_time, refs=refs)
        for handler in subscribers.get(told.name, ()):
            await handler(told)

    return blueprint
