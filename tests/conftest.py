"""Real PostgreSQL and Redis of our own for every test process; a database from a migrated template."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import redis as sync_redis

from service.infra.crypto import Vault, create_keysets
from service.infra.embedded import Embedded, Servers
from service.infra.embedded.binaries import redis_version
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.migrations.run import migrate
from service.operators.workflow import Operators

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Backend:
    """The servers of this test process, and the URL of the database that tests share one after another."""

    def __init__(self, embedded: Embedded, servers: Servers, folder: Path) -> None:
        self.embedded = embedded
        self.servers = servers
        self.folder = folder

    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        url = self.embedded.admin_url("simward").replace("postgresql+psycopg://", "postgresql://")
        return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    folder = Path(tempfile.mkdtemp(prefix="simward-test-"))
    folder.chmod(0o755)
    embedded = Embedded(folder / "data", fsync=False)
    try:
        servers = embedded.start()
        migrate(servers.owner_url)
        yield Backend(embedded, servers, folder)
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def modern_redis() -> Path:
    """A redis-server or valkey-server of version 7 or newer, which ``make test`` finds or installs."""
    named = os.environ.get("SIMWARD_TEST_REDIS", "")
    if not named:
        pytest.skip("SIMWARD_TEST_REDIS names no server of version 7 or newer; `sh tools/redis.sh` finds one")
    assert redis_version(Path(named)) >= (7,), (
        f"SIMWARD_TEST_REDIS: {named} is no server of version 7 or newer"
    )
    return Path(named)


@pytest.fixture(scope="session")
def _cleaner(backend: Backend) -> Iterator[Callable[[], None]]:
    """Empties every table but the migrations' own; its one connection knows them all after the first time."""
    with backend.admin() as conn:
        rows = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname <> 'alembic_version'"
        ).fetchall()
        names = sorted(str(row[0]) for row in rows)
        conn.execute("SET session_replication_role = replica")
        emptied = "; ".join(f'DELETE FROM "{name}"' for name in names)
        yield lambda: conn.execute(emptied) and None  # type: ignore[call-overload]  # ours, not a literal


@pytest.fixture
def _clean(_cleaner: Callable[[], None]) -> Iterator[None]:
    yield
    _cleaner()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def db(backend: Backend, clock: ManualClock, _clean: None) -> AsyncIterator[Database]:
    """A database as the application's role."""
    database = Database(backend.servers.app_url, clock, pool_size=20)
    yield database
    await database.close()


@pytest.fixture
async def sealer_db(backend: Backend, clock: ManualClock, _clean: None) -> AsyncIterator[Database]:
    database = Database(backend.servers.sealer_url, clock, pool_size=2)
    yield database
    await database.close()


@pytest.fixture
async def redis(backend: Backend, clock: ManualClock) -> AsyncIterator[Redis]:
    """An empty Redis; the clock of its scripts is the test's."""
    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        admin.flushall()
    wrapped = Redis(backend.servers.redis_url, clock, timeout_s=5)
    yield wrapped
    await wrapped.close()


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    create_keysets(folder)
    return folder


@pytest.fixture(scope="session")
def vault(keys_dir: Path) -> Vault:
    return Vault.load(keys_dir, production=False)


@pytest.fixture
async def operator(db: Database) -> UUID:
    """The id of operator ``demo``."""
    return (await Operators(db).add("demo", "Demo Telecom")).id


_FIRST = ("kill", "fuzz", "browser")
"""Few files, each of them long: begun last, they would end long after everything else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first (with ``--no-loadscope-reorder``), all others in their order."""
    root = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(root).parts[0] if root in item.path.parents else ""
        return 0 if name in _FIRST or item.path.stem == "test_seed" else 1

    items.sort(key=place)
