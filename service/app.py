"""Composition root of the HTTP service: builds every part once, mounts every router, owns their lives."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from service.admin import console
from service.compose import Instead, Services, build
from service.infra import telemetry
from service.kit.clock import Clock, SystemClock
from service.settings import Settings
from service.upkeep import Upkeep
from service.version import version
from service.web import ops, problems
from service.web.auth import Gate
from service.web.idempotency import kept_refusal
from service.web.middleware import Edge
from service.web.upload import Uploads

log = structlog.get_logger("app")


def create_app(settings: Settings, clock: Clock | None = None, instead: Instead | None = None) -> FastAPI:
    """The ASGI application. Nothing is connected before its lifespan starts; ``instead`` is for tests."""
    telemetry.configure(settings.log_level)
    clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = build(settings, clock, instead)
        state = app.state
        state.settings = settings
        state.services = services
        state.db = services.db
        state.vault = services.vault
        state.gate = Gate(services.operators, clock, time.monotonic)
        state.probes = services.probes()
        state.read_outbox = services.outbox.read if services.outbox else None
        state.console = console.build(services)
        state.uploads = Uploads()
        state.measure = Upkeep(services).measure
        state.metrics_token = settings.metrics_token.get_secret_value()
        async with services.running(sends=True, reads=True):
            yield

    app = FastAPI(
        title="Simward",
        version=version(),
        summary="Registers phone lines safely without any biometric",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    problems.install(app, kept_refusal)
    mount(app, settings)
    app.add_middleware(Edge)
    return app


def mount(app: FastAPI, settings: Settings) -> None:
    """Every router there is. ``/dev/outbox`` exists in demo mode alone."""
    from service.lines import routes as lines
    from service.notices import routes as notices
    from service.otp import routes as otp
    from service.registration import routes as registrations
    from service.reports import routes as reports
    from service.response import routes as response

    app.include_router(ops.router)
    app.include_router(registrations.router)
    app.include_router(otp.verifications)
    app.include_router(lines.router)
    app.include_router(reports.router)
    app.include_router(response.router)
    app.include_router(otp.receipts)
    app.include_router(notices.router)
    if settings.is_demo and "outbox" in settings.senders:
        from service.web import dev

        app.include_router(dev.router)
    console.mount(app)


def _listen(host: str, port: int) -> socket.socket:
    """The socket, or the end of the process with a line that says why: uvicorn would only log it."""
    link = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind((host, port))
    except OSError as error:
        link.close()
        raise SystemExit(f"simward: cannot listen on {host}, port {port}: {error.strerror}.") from None
    return link


async def run(
    app: FastAPI, host: str, port: int, ready: Callable[[int], Awaitable[None]] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is told the port once requests are answered."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[_listen(host, port)]))
    while not server.started and not serving.done():  # noqa: ASYNC110  uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    if server.started and ready is not None:
        await ready(server.servers[0].sockets[0].getsockname()[1])
    await serving
    if not server.started:
        raise SystemExit(1)


__all__ = ["Services", "create_app", "run"]
