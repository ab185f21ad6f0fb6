"""Composition root of the background work: jobs, events, the clock's chores, the audit's sealer."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import procrastinate
import psycopg
import structlog

from service.compose import Services, build
from service.events import EventName
from service.infra import telemetry
from service.infra.jobs import RETRY, Handler, dispatcher
from service.kit.clock import Clock, SystemClock
from service.kit.errors import Unavailable
from service.notices import jobs as notices
from service.registration import jobs as registration
from service.reports import jobs as reports
from service.response import jobs as response
from service.risk import jobs as risk
from service.settings import Settings
from service.upkeep import Upkeep, sealer

log = structlog.get_logger("worker")

STALLED_AFTER = timedelta(seconds=15)
"""Five heartbeats missed: the worker is dead, and its jobs go to another."""


def subscribers(services: Services) -> dict[EventName, Sequence[Handler]]:
    """Who is told of what. The only place where one domain's event meets another's handler."""
    told: dict[EventName, list[Handler]] = {}
    for table in (
        risk.subscriptions(services.risk, services.db, lambda: services.policies.current.risk),
        registration.subscriptions(services.registrations),
        notices.subscriptions(services.notices, services.db),
        reports.subscriptions(services.reports),
        response.subscriptions(services.response),
    ):
        for name, handler in table.items():
            told.setdefault(name, []).append(handler)
    return dict(told)


def jobs(services: Services, settings: Settings) -> procrastinate.App:
    """The procrastinate application with every domain's tasks."""
    from service.lines import jobs as lines

    conninfo = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=conninfo, min_size=1, max_size=6, timeout=5, kwargs={"connect_timeout": 5}
        )
    )
    app.add_tasks_from(dispatcher(subscribers(services)), namespace="event")
    app.add_tasks_from(
        registration.blueprint(services.registrations, services.backtests), namespace="registration"
    )
    app.add_tasks_from(
        lines.blueprint(services.lines, services.probation, services.operator_ids), namespace="lines"
    )
    app.add_tasks_from(notices.blueprint(services.notices), namespace="notices")
    app.add_tasks_from(response.blueprint(services.response, services.operator_ids), namespace="response")
    app.add_tasks_from(_daily(Upkeep(services)), namespace="upkeep")
    return app


def _daily(upkeep: Upkeep) -> procrastinate.Blueprint:
    tasks = procrastinate.Blueprint()

    @tasks.periodic(cron="17 3 * * *")
    @tasks.task(name="retention", queueing_lock="upkeep:retention", retry=RETRY)
    async def retention(timestamp: int) -> None:
        await upkeep.retention()

    @tasks.periodic(cron="47 3 * * *")
    @tasks.task(name="links", queueing_lock="upkeep:links", retry=RETRY)
    async def links(timestamp: int) -> None:
        await upkeep.links()

    return tasks


def chores(upkeep: Upkeep) -> list[tuple[timedelta, str, Callable[[], Awaitable[object]]]]:
    """What the clock asks for, how often."""
    return [
        (timedelta(seconds=2), "stalled", lambda: upkeep.stalled(STALLED_AFTER)),
        (timedelta(seconds=0.5), "history", upkeep.history),
        (timedelta(seconds=0.5), "money", upkeep.money),
        (timedelta(seconds=30), "expire", upkeep.expire),
        (timedelta(seconds=15), "notices", upkeep.notices),
        (timedelta(minutes=1), "dealers", upkeep.dealers),
        (timedelta(seconds=5), "velocity", upkeep.velocity),
        (timedelta(hours=1), "peers", upkeep.peers),
        (timedelta(hours=6), "partitions", upkeep.partitions),
        (timedelta(minutes=10), "purge", upkeep.purge),
        (timedelta(hours=1), "usual", upkeep.usual),
    ]


async def _every(
    period: timedelta,
    name: str,
    chore: Callable[[], Awaitable[object]],
    begin: asyncio.Event | None = None,
) -> None:
    """Do a chore again and again; one that fails is logged and done again. Chores are idempotent and may
    run in several workers at once."""
    if begin is not None:
        await begin.wait()
    while True:
        try:
            await chore()
        except Unavailable as gone:
            log.warning("chore.waits", chore=name, dependency=str(gone.facts.get("dependency")))
        except Exception as error:
            log.error("chore.failed", chore=name, exc_info=error)
        await asyncio.sleep(period.total_seconds())


async def _work(services: Services, settings: Settings) -> None:
    """Run jobs until cancelled; when PostgreSQL goes away, wait and begin again.

    procrastinate's worker also *returns*, without an error, when a heartbeat fails: that is no end either.
    """
    while True:
        app = jobs(services, settings)
        try:
            # The library waits half a minute for a server that is not there; we look every second.
            async with services.db.read(None):
                pass
            async with app.open_async():
                log.info("worker.ready")
                await app.run_worker_async(
                    concurrency=8,
                    fetch_job_polling_interval=1.0,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=3,
                    stalled_worker_timeout=STALLED_AFTER.total_seconds(),
                    shutdown_graceful_timeout=10,
                )
                log.warning("worker.begins_again")
        except Unavailable as gone:
            log.warning("worker.waits", dependency=str(gone.facts.get("dependency")))
        except (procrastinate.exceptions.ConnectorException, psycopg.Error, OSError, TimeoutError) as error:
            log.warning("worker.waits", exc_info=error)
        await asyncio.sleep(1)


async def run(
    settings: Settings,
    *,
    signals: bool = True,
    clock: Clock | None = None,
    expire_after: asyncio.Event | None = None,
) -> None:
    """Work until SIGINT or SIGTERM (or until cancelled, where the caller owns the signals).

    ``expire_after``: registrations expire from then on only. The demo's seed lives in an earlier time, and what
    it has open is over by this clock.
    """
    telemetry.configure(settings.log_level)
    services = build(settings.for_worker(), clock or SystemClock())
    async with services.running(sends=True):
        stop = asyncio.Event()
        tasks = [asyncio.create_task(_work(services, settings))]
        tasks += [
            asyncio.create_task(_every(period, name, chore, expire_after if name == "expire" else None))
            for period, name, chore in chores(Upkeep(services))
        ]
        sealing, sealer_db = sealer(services)
        tasks.append(asyncio.create_task(sealing.run(stop)))
        if signals:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
        try:
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in [stopping, *tasks]:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await sealer_db.close()
