"""Desks for codes: with the seed's limits, with none, and on a server that a test may break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
import structlog

from service.cli import main
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.otp import rules
from tests.conftest import Backend
from tests.fakes.archive import Archive
from tests.fakes.desk import Desk, limits
from tests.fakes.otp import OwnRedis


@pytest.fixture
def desk(redis: Redis, vault: Vault, clock: ManualClock) -> Desk:
    return Desk(redis, vault, clock)


@pytest.fixture
def free(redis: Redis, vault: Vault, clock: ManualClock) -> Desk:
    """A desk without any limit."""
    return Desk(redis, vault, clock, policy=limits(rules.seed_policy()))


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    server = OwnRedis()
    server.start()
    yield server
    server.close()


@pytest.fixture
async def fragile(own_redis: OwnRedis, vault: Vault, clock: ManualClock) -> AsyncIterator[Desk]:
    """A desk on a server that the test may break; what takes a fifth of a second is given up."""
    redis = Redis(own_redis.url, clock, timeout_s=0.2)
    yield Desk(redis, vault, clock)
    await redis.close()


@pytest.fixture
def archive(db: Database, redis: Redis, vault: Vault, clock: ManualClock, operator: UUID) -> Archive:
    return Archive(db, redis, vault, clock, operator)


Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def simward(
    backend: Backend, keys_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """The command line over this test's servers: exit code, standard output, standard error."""
    settings = {
        "MODE": "test",
        "DATABASE_URL": backend.servers.app_url,
        "REDIS_URL": backend.servers.redis_url,
        "KEYS_DIR": str(keys_dir),
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"SIMWARD_{name}", value)

    async def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(main, list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    # It writes to this test's standard error, which is closed when the test is over.
    structlog.reset_defaults()
