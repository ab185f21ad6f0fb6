"""Servers of the test's own, to be taken away; programs that are ended whatever happens."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import redis as sync_redis
from fastapi import FastAPI

from service.app import create_app
from service.infra.crypto import create_keysets
from service.infra.embedded import Embedded, Servers
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.migrations.run import migrate
from service.operators.model import Operator
from service.operators.workflow import Operators
from service.settings import Mode, Settings
from service.web.auth import Scope
from tests.api.conftest import Api
from tests.fakes.ordinary import ordinary_python
from tests.fakes.processes import Program, Served, free_port


@dataclass
class Own:
    """A whole installation: servers, keysets, operator ``demo`` and a key of every scope."""

    embedded: Embedded
    servers: Servers
    keys: Path
    operator: Operator
    key: str

    @property
    def variables(self) -> dict[str, str]:
        """As a process gets them."""
        return {
            "SIMWARD_MODE": "test",
            "SIMWARD_DATABASE_URL": self.servers.app_url,
            "SIMWARD_SEALER_DATABASE_URL": self.servers.sealer_url,
            "SIMWARD_REDIS_URL": self.servers.redis_url,
            "SIMWARD_KEYS_DIR": str(self.keys),
            "SIMWARD_SENDER": "outbox",
            "SIMWARD_LOG_LEVEL": "warning",
        }

    def settings(self, **other: Any) -> Settings:
        given: dict[str, Any] = {
            "mode": Mode.TEST,
            "database_url": self.servers.app_url,
            "sealer_database_url": self.servers.sealer_url,
            "redis_url": self.servers.redis_url,
            "keys_dir": self.keys,
            "sender": "outbox",
            "log_level": "error",
            "public_url": "http://127.0.0.1",
        }
        return Settings(**{**given, **other})

    def admin(self) -> "psycopg.Connection[tuple[Any, ...]]":
        url = self.embedded.admin_url("simward").replace("postgresql+psycopg://", "postgresql://")
        return psycopg.connect(url, autocommit=True)

    def redis_admin(self) -> "sync_redis.Redis":
        return sync_redis.Redis.from_url(self.servers.redis_admin_url)

    def bring_back(self) -> None:
        """Both servers run, whatever a test did to them."""
        postgres, redis = self.embedded.postgres, self.embedded.redis
        assert postgres is not None
        assert redis is not None
        for server in (postgres, redis):
            if server.child is None or server.child.poll() is not None:
                server.start()
                server.wait_ready()

    @asynccontextmanager
    async def running(self, **other: Any) -> AsyncIterator[Api]:
        """The application in this process, and a caller of it."""
        app: FastAPI = create_app(self.settings(**other), SystemClock())
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(app.router.lifespan_context(app))
            http = await stack.enter_async_context(
                httpx2.AsyncClient(
                    transport=httpx2.ASGITransport(app, client=("127.0.0.1", 50000)),
                    base_url="http://127.0.0.1",
                    headers={"Authorization": f"Bearer {self.key}"},
                    timeout=60,
                )
            )
            yield Api(http, app.state.services, self.operator.id, self.key)


@pytest.fixture(scope="module")
async def own(request: pytest.FixtureRequest) -> AsyncIterator[Own]:
    """With ``fsync``, as in production; started for this module alone."""
    folder = Path(tempfile.mkdtemp(prefix="simward-fault-"))
    folder.chmod(0o755)
    keys = folder / "keys"
    keys.mkdir()
    create_keysets(keys)
    embedded = Embedded(folder / "data")
    try:
        servers = embedded.start()
        migrate(servers.owner_url)
        db = Database(servers.app_url, SystemClock(), pool_size=2)
        operators = Operators(db)
        operator = await operators.add("demo", "Demo Telecom")
        key = await operators.create_key(operator, "load", list(Scope))
        await db.close()
        yield Own(embedded, servers, keys, operator, key.text)
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ordinary() -> Iterator[list[str]]:
    """A command that runs this Python as an ordinary user."""
    with ordinary_python() as command:
        if command is None:
            pytest.skip("no setpriv, or a checkout that an ordinary user cannot read")
        yield command


@pytest.fixture
def run(own: Own) -> Iterator[Callable[..., Program]]:
    """Starts programs on ``own``'s servers and ends what is left of them: ``run("worker")``."""
    started: list[Program] = []

    def start(*arguments: str, **variables: str) -> Program:
        program = Program(*arguments, env={**own.variables, **variables})
        started.append(program)
        return program

    yield start
    for program in started:
        program.close()


@pytest.fixture
def serve(own: Own) -> Iterator[Callable[[], Served]]:
    """Starts ``simward serve``; every call takes the same port, as an operator's supervisor would."""
    started: list[Served] = []
    port = free_port()

    def start() -> Served:
        served = Served(own.variables, port)
        started.append(served)
        served.wait_ready()
        return served

    yield start
    for served in started:
        served.close()
