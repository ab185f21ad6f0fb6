"""Assessments over real PostgreSQL: bands, quotas that a bad day shrinks, and what operators share of an outlet."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from service.audit.workflow import Actor, entries
from service.dealers.model import Band, Quotas, Record
from service.dealers.workflow import OUTLET_SAID, Dealers
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.errors import LimitExceeded
from service.operators.workflow import Operators
from tests.conftest import Backend

ACTOR = Actor.cli()
BAD = Record(lines=100, stopped=20)


@pytest.fixture
def dealers(db: Database, vault: Vault) -> Dealers:
    return Dealers(db, vault)


async def shop(dealers: Dealers, operator: UUID, code: str, licence: str) -> UUID:
    dealer = await dealers.register(
        operator, code=code, name="Shop", licence=licence, quotas=Quotas(100, 20), actor=ACTOR
    )
    return dealer.id


async def bands(db: Database, dealers: Dealers, operator: UUID, code: str) -> tuple[Band, Band]:
    async with db.read(operator) as reader:
        standing = (await dealers.find(reader, code)).standing
    return standing.band, standing.outlet


async def test_another_operator_learns_the_band_of_an_outlet_and_nothing_else(
    db: Database, dealers: Dealers, operator: UUID, clock: ManualClock, backend: Backend
) -> None:
    other = (await Operators(db).add("other", "Other Telecom")).id
    here, peer = await shop(dealers, operator, "D-1", "HRB 1"), await shop(dealers, operator, "D-2", "HRB 2")
    await shop(dealers, other, "X-9", "hrb 1")
    await dealers.assess(operator, {here: BAD, peer: Record(lines=1000, stopped=5)})
    await dealers.assess(other, {})
    assert await bands(db, dealers, operator, "D-1") == (Band.HIGH, Band.HIGH)
    assert await bands(db, dealers, operator, "D-2") == (Band.LOW, Band.LOW)
    assert await bands(db, dealers, other, "X-9") == (Band.NONE, Band.HIGH)
    async with db.read(operator) as reader:
        told = [each for each in await entries(reader) if each.action == "dealer.band_changed"]
        made, _ = (await dealers.assessments(reader))[here]
    assert sorted(str(each.facts["to"]) for each in told) == ["high", "low"]
    assert (made.record, made.mean, made.outlet) == (BAD, 5, Band.HIGH)
    url = backend.servers.app_url.replace("+psycopg", "")
    with psycopg.connect(url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SELECT band FROM outlet_band")
    # A band that is not said again is forgotten.
    clock.advance(OUTLET_SAID + timedelta(seconds=1))
    await dealers.assess(other, {})
    assert await bands(db, dealers, other, "X-9") == (Band.NONE, Band.NONE)


async def test_day_that_goes_to_review_shrinks_the_quota_of_that_day_alone(
    db: Database, dealers: Dealers, operator: UUID, clock: ManualClock
) -> None:
    here = await shop(dealers, operator, "D-1", "HRB 1")
    assert await dealers.assess(operator, {here: Record(lines=5, decided=10, reviewed=3)}) == 0
    assert await dealers.assess(operator, {here: Record(lines=5, decided=10, reviewed=6)}) == 1
    assert await dealers.assess(operator, {here: Record(lines=5, decided=10, reviewed=6)}) == 0, "told once"
    for _ in range(10):
        async with db.write(operator) as tx:
            await dealers.take(tx, here)
    with pytest.raises(LimitExceeded):
        async with db.write(operator) as tx:
            await dealers.take(tx, here)
    async with db.read(operator) as reader:
        told = [each for each in await entries(reader) if each.action == "dealer.quota_shrunk"]
    assert [each.facts["daily"] for each in told] == [10]
    clock.advance(timedelta(days=1))
    async with db.write(operator) as tx:
        await dealers.take(tx, here)
