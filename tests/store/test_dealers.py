"""Dealers on a real PostgreSQL: every refusal, and a quota that haste does not pass."""

import asyncio
from argparse import Namespace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.audit.workflow import Actor, entries
from service.dealers import commands
from service.dealers.model import (
    AgentCodeTaken,
    AgentUnknown,
    DealerCodeTaken,
    DealerSuspended,
    LicenceInUse,
    Quotas,
    State,
)
from service.dealers.workflow import Dealers
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.kit.errors import InvalidRequest, LimitExceeded, NotFound, StateConflict
from service.operators.workflow import Operators

ACTOR = Actor.cli()


@pytest.fixture
def dealers(db: Database, vault: Vault) -> Dealers:
    return Dealers(db, vault)


@pytest.fixture
async def shop(dealers: Dealers, operator: UUID) -> UUID:
    """Dealer D-0042 with agent A-7, ten registrations an hour and fifteen a day."""
    dealer = await dealers.register(
        operator, code="D-0042", name="Corner shop", licence="HRB 1234", quotas=Quotas(10, 15), actor=ACTOR
    )
    await dealers.register_agent(operator, "D-0042", "A-7", actor=ACTOR)
    return dealer.id


async def test_admits_by_code_and_by_id(db: Database, dealers: Dealers, operator: UUID, shop: UUID) -> None:
    async with db.read(operator) as reader:
        dealer, agent = await dealers.admit(reader, "D-0042", "A-7")
        assert (dealer.id, dealer.quotas, agent and agent.code) == (shop, Quotas(10, 15), "A-7")
        assert await dealers.admit(reader, shop) == (dealer, None)


async def test_refuses_whom_it_does_not_know(
    db: Database, dealers: Dealers, operator: UUID, shop: UUID
) -> None:
    await dealers.register(operator, code="D-0043", name="Other", licence="HRB 5", actor=ACTOR)
    await dealers.register_agent(operator, "D-0043", "A-8", actor=ACTOR)
    async with db.read(operator) as reader:
        with pytest.raises(InvalidRequest) as unknown:
            await dealers.admit(reader, "D-9999", "A-7")
        assert unknown.value.facts["errors"][0]["pointer"] == "/dealer"  # type: ignore[index,call-overload]
        with pytest.raises(AgentUnknown):
            await dealers.admit(reader, "D-0042", "A-8")
        with pytest.raises(NotFound):
            await dealers.find(reader, "D-9999")


async def test_another_operators_dealer_is_unknown(
    db: Database, dealers: Dealers, operator: UUID, shop: UUID
) -> None:
    other = await Operators(db).add("other", "Other Telecom")
    async with db.read(other.id) as reader:
        for named in ("D-0042", shop):
            with pytest.raises(InvalidRequest):
                await dealers.admit(reader, named, "A-7")
    with pytest.raises(NotFound):
        await dealers.suspend(other.id, shop, "scam", actor=ACTOR)


async def test_paused_and_suspended_dealers_open_nothing(
    db: Database, dealers: Dealers, operator: UUID, shop: UUID
) -> None:
    await dealers.pause(operator, "D-0042", actor=ACTOR)
    async with db.write(operator) as tx:
        with pytest.raises(DealerSuspended):
            await dealers.admit(tx, "D-0042", "A-7")
        with pytest.raises(DealerSuspended):
            await dealers.take(tx, shop)
    suspended = await dealers.suspend(operator, shop, "scam", actor=ACTOR, note="three reports")
    assert suspended.state is State.SUSPENDED
    with pytest.raises(StateConflict):
        await dealers.pause(operator, "D-0042", actor=ACTOR)
    resumed = await dealers.resume(operator, "D-0042", actor=ACTOR)
    assert (resumed.state, resumed.version) == (State.ACTIVE, 4)
    async with db.read(operator) as reader:
        await dealers.admit(reader, "D-0042", "A-7")
        told = [(entry.action, entry.reason) for entry in await entries(reader)]
    assert told[:3] == [("dealer.resumed", None), ("dealer.suspended", "scam"), ("dealer.paused", None)]


@pytest.mark.parametrize("reason", ["Scam!", "", "call-0151", "a" * 49])
async def test_a_reason_is_a_code(dealers: Dealers, operator: UUID, shop: UUID, reason: str) -> None:
    with pytest.raises(InvalidRequest):
        await dealers.suspend(operator, shop, reason, actor=ACTOR)


async def test_codes_and_licences_are_taken_once(dealers: Dealers, operator: UUID, shop: UUID) -> None:
    with pytest.raises(DealerCodeTaken):
        await dealers.register(operator, code="D-0042", name="Copy", licence="HRB 99", actor=ACTOR)
    with pytest.raises(AgentCodeTaken):
        await dealers.register_agent(operator, "D-0042", "A-7", actor=ACTOR)
    await dealers.suspend(operator, shop, "scam", actor=ACTOR)
    with pytest.raises(LicenceInUse):
        await dealers.register(operator, code="D-0100", name="New door", licence="hrb-1234", actor=ACTOR)


async def test_two_registrations_of_one_licence_at_once_are_one(dealers: Dealers, operator: UUID) -> None:
    results = await asyncio.gather(
        *(
            dealers.register(operator, code=f"D-{n}", name="Shop", licence="HRB 7", actor=ACTOR)
            for n in range(5)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, LicenceInUse) for result in results) == 4


@pytest.mark.parametrize(
    ("code", "name", "licence", "pointer"),
    [
        ("d-1", "Shop", "HRB 1", "/code"),
        ("D 1", "Shop", "HRB 1", "/code"),
        ("D-1", " ", "HRB 1", "/name"),
        ("D-1", "x" * 121, "HRB 1", "/name"),
        ("D-1", "Shop", "---", "/licence"),
        ("D-1", "Shop", "1" * 65, "/licence"),
    ],
)
async def test_malformed_dealers(
    dealers: Dealers, operator: UUID, code: str, name: str, licence: str, pointer: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await dealers.register(operator, code=code, name=name, licence=licence, actor=ACTOR)
    assert refused.value.facts["errors"][0]["pointer"] == pointer  # type: ignore[index,call-overload]


async def test_the_licence_is_sealed(db: Database, dealers: Dealers, operator: UUID, shop: UUID) -> None:
    async with db.read(operator) as reader:
        dealer = await dealers.find(reader, shop)
        row = await reader.one(sa.text("SELECT * FROM dealer"))
    assert dealers.licence(dealer) == "HRB 1234"
    assert row is not None
    assert b"1234" not in b"".join(bytes(v) for v in row if isinstance(v, bytes | memoryview))


async def test_fifty_at_once_take_ten(db: Database, dealers: Dealers, operator: UUID, shop: UUID) -> None:
    async def one() -> bool:
        try:
            async with db.write(operator) as tx:
                await dealers.take(tx, shop)
        except LimitExceeded:
            return False
        return True

    assert sum(await asyncio.gather(*(one() for _ in range(50)))) == 10
    async with db.read(operator) as reader:
        counts = await dealers.counts(reader, shop)
    assert (counts.hour, counts.day) == (10, 10)


async def test_a_registration_that_is_rolled_back_took_nothing(
    db: Database, dealers: Dealers, operator: UUID, shop: UUID
) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the transaction is what is left by the exception
        async with db.write(operator) as tx:
            await dealers.take(tx, shop)
            raise RuntimeError
    async with db.read(operator) as reader:
        assert (await dealers.counts(reader, shop)).day == 0


async def test_the_day_binds_over_its_hours(
    db: Database, dealers: Dealers, operator: UUID, shop: UUID, clock: ManualClock
) -> None:
    async def takes(n: int) -> int:
        taken = 0
        for _ in range(n):
            try:
                async with db.write(operator) as tx:
                    await dealers.take(tx, shop)
                taken += 1
            except LimitExceeded as refused:
                last.append(str(refused.facts["retry_at"]))
        return taken

    last: list[str] = []
    assert await takes(12) == 10
    assert last[-1] == "2026-11-23T11:00:00Z"
    clock.advance(timedelta(hours=1))
    assert await takes(12) == 5
    assert last[-1] == "2026-11-24T00:00:00Z"
    clock.advance(timedelta(hours=13))
    assert await takes(12) == 10


async def test_quotas_are_set_and_bind_at_once(
    db: Database, dealers: Dealers, operator: UUID, shop: UUID
) -> None:
    await dealers.set_quotas(operator, "D-0042", Quotas(0, 15), actor=ACTOR)
    async with db.write(operator) as tx:
        with pytest.raises(LimitExceeded):
            await dealers.take(tx, shop)


async def test_the_commands(db: Database, dealers: Dealers, operator: UUID) -> None:
    async def run(verb: str, **args: object) -> list[dict[str, object]]:
        return await commands.COMMANDS[verb](dealers, db, operator, Namespace(**args))  # type: ignore[return-value]

    (added,) = await run("add", code="D-1", name="Shop", licence="HRB 1", hourly=None, daily=7)
    assert (added["state"], added["hourly"], added["daily"]) == ("active", 100, 7)
    assert await run("agent-add", code="D-1", agent="A-1") == [
        {"dealer": "D-1", "agent": "A-1", "active": True}
    ]
    assert (await run("pause", code="D-1"))[0]["state"] == "paused"
    assert (await run("resume", code="D-1"))[0]["state"] == "active"
    assert (await run("suspend", code="D-1", reason="scam"))[0]["state"] == "suspended"
    assert (await run("quotas", code="D-1", hourly=3, daily=None))[0]["hourly"] == 3
    assert await run("list") == [{**added, "state": "suspended", "hourly": 3}]


async def test_licences_are_indexed_again(db: Database, dealers: Dealers, operator: UUID, shop: UUID) -> None:
    async with db.write(operator) as tx:
        before = await tx.scalar(sa.text("SELECT licence_idx FROM dealer"))
        await tx.run(sa.text("UPDATE dealer SET licence_idx = 'old'"))
    assert await dealers.reindex(operator) == 1
    async with db.read(operator) as reader:
        assert await reader.scalar(sa.text("SELECT licence_idx FROM dealer")) == before
