"""The ASGI application over real PostgreSQL and Redis, and a client with a key of every scope."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from starlette.datastructures import State

from service.app import create_app
from service.compose import Instead, Services
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.operators.workflow import Operators
from service.settings import Mode, Settings
from service.web.auth import Scope
from tests.conftest import Backend


@pytest.fixture
def settings(backend: Backend, keys_dir: Path) -> Settings:
    return Settings(
        mode=Mode.TEST,
        database_url=backend.servers.app_url,
        sealer_database_url=backend.servers.sealer_url,
        redis_url=backend.servers.redis_url,
        keys_dir=keys_dir,
        sender="outbox",
        log_level="error",
        pool_size=20,
        public_url="http://testserver",
    )


@pytest.fixture
def instead() -> Instead:
    """What stands in the place of the null ports; test modules override it."""
    return Instead()


_SHELLS: dict[tuple[Mode, tuple[str, ...]], FastAPI] = {}
"""By what :func:`service.app.mount` looks at: routes and middleware hold nothing of a test, and cost most."""


@pytest.fixture
async def app(
    settings: Settings, clock: ManualClock, instead: Instead, db: Database, redis: Redis, operator: UUID
) -> AsyncIterator[FastAPI]:
    """The application, started; operator ``demo`` is there. Everything but its routes is the test's own."""
    built = create_app(settings, clock, instead)
    shell = _SHELLS.setdefault((settings.mode, tuple(settings.senders)), built)
    shell.state = State()
    async with built.router.lifespan_context(shell):
        counters = shell.state.services.risk.velocity
        await counters.now_whole(operator)  # the worker's chore says so of an operator without registrations
        yield shell


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


@dataclass
class Api:
    """A caller: its HTTP client, and the ordinary steps of a registration."""

    http: httpx2.AsyncClient
    services: Services
    operator: UUID
    key: str
    has_registry: bool = False
    """Whether there is one to say yes; applicants then name a contact number."""
    calls: list[httpx2.Response] = field(default_factory=list)

    async def ask(self, method: str, path: str, **extra: Any) -> httpx2.Response:
        answer = await self.http.request(method, path, **extra)
        self.calls.append(answer)
        return answer

    async def post(self, path: str, body: Any = None, **extra: Any) -> httpx2.Response:
        return await self.ask("POST", path, json={} if body is None else body, **extra)

    async def get(self, path: str, **extra: Any) -> httpx2.Response:
        return await self.ask("GET", path, **extra)

    async def code(self, number: str) -> str:
        """The newest code that the outbox holds for a number."""
        assert self.services.outbox is not None
        texts = await self.services.outbox.read(number)
        words = texts[0]["text"].replace(".", " ").replace(":", " ").split()
        return next(word for word in words if len(word) == 6 and word.isdigit())


Caller = Callable[..., Awaitable[Api]]


@pytest.fixture
async def caller(app: FastAPI, services: Services, db: Database, instead: Instead) -> AsyncIterator[Caller]:
    """Makes callers: ``await caller(scopes=[…], dealer=…, operator=…)``."""
    opened: list[httpx2.AsyncClient] = []
    numbers = iter(range(1, 1000))

    async def make(
        *, scopes: list[Scope] | None = None, dealer: UUID | None = None, slug: str = "demo", **extra: Any
    ) -> Api:
        operators = Operators(db)
        operator = await operators.by_slug(slug)
        wanted = list(Scope) if scopes is None else scopes
        key = await operators.create_key(
            operator, f"client-{next(numbers)}", wanted, dealer_id=dealer, **extra
        )
        http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app, client=("127.0.0.1", 50000)),
            base_url="http://testserver",
            headers={"Authorization": f"Bearer {key.text}"},
            timeout=30,
        )
        opened.append(http)
        return Api(http, services, operator.id, key.text, instead.registry is not None)

    yield make
    await asyncio.gather(*(http.aclose() for http in opened))


@pytest.fixture
async def api(caller: Caller) -> Api:
    """A caller with every scope and no dealer."""
    return await caller()
