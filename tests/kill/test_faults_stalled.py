"""Jobs that a dead worker held: back into the queue, once, and not for ever."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.compose import build
from service.infra.jobs import MAX_ATTEMPTS, defer
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.settings import Mode, Settings
from service.upkeep import Upkeep
from tests.conftest import Backend

pytestmark = pytest.mark.kill
AFTER = timedelta(seconds=15)


@pytest.fixture
async def upkeep(backend: Backend, db: Database, clock: ManualClock, keys_dir: Path) -> AsyncIterator[Upkeep]:
    settings = Settings(mode=Mode.TEST, database_url=backend.servers.app_url, keys_dir=keys_dir,
                        redis_url=backend.servers.redis_url)  # fmt: skip
    services = build(settings, clock)
    async with services.running():
        yield Upkeep(services)


async def held(db: Database, operator: UUID, heartbeat_s: int | None, attempts: int = 0) -> int:
    """A job that a worker holds whose last heartbeat is so many seconds old; None: it is not registered."""
    async with db.write(operator) as tx:
        defer(tx, "registration:activate", lock=new_id().hex, registration=new_id().hex)
    async with db.write(None) as tx:
        worker = None
        if heartbeat_s is not None:
            worker = await tx.scalar(
                sa.text(
                    "INSERT INTO procrastinate_workers (last_heartbeat)"
                    " VALUES (now() - make_interval(secs => :age)) RETURNING id"
                ),
                {"age": heartbeat_s},
            )
        return int(
            await tx.scalar(
                sa.text(
                    "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker, attempts = :attempts"
                    " WHERE id = (SELECT max(id) FROM procrastinate_jobs) RETURNING id"
                ),
                {"worker": worker, "attempts": attempts},
            )
        )


async def state(db: Database, job: int) -> tuple[str, int] | None:
    async with db.read(None) as reader:
        row = await reader.one(
            sa.text("SELECT status, attempts FROM procrastinate_jobs WHERE id = :id"), {"id": job}
        )
    return None if row is None else (row.status, row.attempts)


async def test_what_a_dead_worker_held_is_done_by_another(
    db: Database, operator: UUID, upkeep: Upkeep
) -> None:
    dead, unregistered, living = [await held(db, operator, age) for age in (60, None, 1)]
    assert await upkeep.stalled(AFTER) == 2
    assert await state(db, dead) == ("todo", 1)
    assert await state(db, unregistered) == ("todo", 1)
    assert await state(db, living) == ("doing", 0)
    assert await upkeep.stalled(AFTER) == 0


async def test_what_kills_every_worker_is_given_up_and_listed(
    db: Database, operator: UUID, upkeep: Upkeep
) -> None:
    job = await held(db, operator, 60, attempts=MAX_ATTEMPTS - 1)
    assert await upkeep.stalled(AFTER) == 1
    assert await state(db, job) == ("failed", MAX_ATTEMPTS)


async def test_a_job_whose_end_was_never_written_is_given_back(
    db: Database, operator: UUID, upkeep: Upkeep
) -> None:
    job = await held(db, operator, 1)
    async with db.write(None) as tx:
        await tx.run(sa.text("UPDATE procrastinate_events SET at = at - interval '1 hour'"))
    assert await upkeep.stalled(AFTER) == 1
    assert await state(db, job) == ("todo", 1)


async def test_one_that_another_stands_for_is_dropped(db: Database, operator: UUID, upkeep: Upkeep) -> None:
    """``queueing_lock`` admits one in the queue: giving back a second would fail, and every other with it."""
    first, second, other = [await held(db, operator, 60) for _ in range(3)]
    async with db.write(None) as tx:
        await tx.run(
            sa.text("UPDATE procrastinate_jobs SET queueing_lock = 'one' WHERE id = ANY(:ids)"),
            {"ids": [first, second]},
        )
    assert await upkeep.stalled(AFTER) == 3
    assert await state(db, first) == ("todo", 1)
    assert await state(db, second) is None
    assert await state(db, other) == ("todo", 1)
