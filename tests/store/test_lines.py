"""Lines on a real PostgreSQL: refusals, races, time, erasure, and the network being told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.adapters.caller import Caller
from service.adapters.provisioning.http import HttpProvisioner
from service.audit.workflow import entries
from service.infra.crypto import Vault
from service.infra.postgres import Database, Tx
from service.kit.clock import ManualClock
from service.kit.errors import InvalidRequest, NotFound, Refusal, Stale, StateConflict
from service.kit.ids import new_id, wire
from service.lines import store
from service.lines.jobs import blueprint, expire_all
from service.lines.model import (
    AWAITING_CODE,
    RESERVED,
    Action,
    ConditionsOrder,
    Done,
    Failed,
    Line,
    LinePolicy,
    NumberInQuarantine,
    NumberInUse,
    Numbers,
    Outcome,
    RetryPolicy,
    SimInUse,
    State,
)
from service.lines.ports import NullProvisioner
from service.lines.workflow import Lines, Probation
from service.operators.workflow import Operators
from service.subscribers.workflow import Subscribers
from tests.fakes.lines import ACTOR, CARD, NUMBER, OTHER_CARD, OTHER_NUMBER, House
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.wire import Fault

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Network(NullProvisioner):
    """Remembers what it was told, and says what the test wants."""

    def __init__(self) -> None:
        self.told: list[ConditionsOrder] = []
        self.says: Outcome = Done()

    async def apply(self, order: ConditionsOrder) -> Outcome:
        self.told.append(order)
        return self.says


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def subscribers(vault: Vault) -> Subscribers:
    return Subscribers(vault)


@pytest.fixture
def lines(db: Database, vault: Vault, subscribers: Subscribers, network: Network) -> Lines:
    return Lines(db, vault, subscribers, network, retry=RetryPolicy(attempts=3))


@pytest.fixture
def house(db: Database, operator: UUID, lines: Lines, subscribers: Subscribers) -> House:
    return House(db, operator, lines, subscribers)


async def test_a_line_is_opened_and_found(house: House, lines: Lines, operator: UUID) -> None:
    opened = await house.open(probation_until=None)
    found = await lines.get(operator, NUMBER)
    assert found == opened
    assert (found.state, found.version, found.applied_version) == (State.ACTIVE, 1, 1)
    assert await house.events() == [("line.activated", None)]
    async with house.db.read(operator) as reader:
        assert await lines.numbers(reader, found) == Numbers(NUMBER, CARD)
        assert await lines.of_registration(reader, opened.registration_id) == found
        assert await lines.of_registration(reader, operator) is None
        assert (await entries(reader))[0].action == "line.opened"


async def test_nothing_of_a_number_is_readable_in_the_row(house: House, operator: UUID) -> None:
    await house.open()
    async with house.db.read(operator) as reader:
        text = str(await reader.scalar(sa.text("SELECT line::text FROM line")))
    for canary in (NUMBER[1:], CARD, NUMBER[1:].encode().hex(), CARD.encode().hex()):
        assert canary not in text


async def test_what_is_not_there(house: House, lines: Lines, operator: UUID) -> None:
    with pytest.raises(NotFound):
        await lines.get(operator, NUMBER)
    with pytest.raises(NotFound):
        await house.act(Action.SUSPEND)
    async with house.db.read(operator) as reader:
        with pytest.raises(NotFound):
            await lines.load(reader, operator)


async def test_another_operator_sees_no_line(house: House, lines: Lines, operator: UUID) -> None:
    line = await house.open()
    other = await Operators(house.db).add("other", "Other Telecom")
    with pytest.raises(NotFound):
        await lines.get(other.id, NUMBER)
    async with house.db.write(other.id) as tx:
        with pytest.raises(NotFound):
            await lines.act_on(tx, line.id, Action.CLOSE, reason="scam", actor=ACTOR)
        await lines.refuse_taken(tx, NUMBER, CARD)


async def test_a_dealers_key_sees_its_own_lines_alone(house: House, lines: Lines, operator: UUID) -> None:
    await house.open()
    with pytest.raises(NotFound):
        await lines.get(operator, NUMBER, dealer=new_id())


async def test_taken_numbers_and_cards(house: House, operator: UUID) -> None:
    await house.open()
    with pytest.raises(NumberInUse):
        await house.open(NUMBER, OTHER_CARD)
    with pytest.raises(SimInUse):
        await house.open(OTHER_NUMBER, CARD)
    async with house.db.read(operator) as reader:
        with pytest.raises(NumberInUse):
            await house.lines.refuse_taken(reader, NUMBER, None)
        with pytest.raises(SimInUse):
            await house.lines.refuse_taken(reader, OTHER_NUMBER, CARD)
        await house.lines.refuse_taken(reader, OTHER_NUMBER, OTHER_CARD)


@pytest.mark.parametrize("same", ["number", "card"])
async def test_of_many_at_once_one_wins(house: House, same: str) -> None:
    numbers = [NUMBER if same == "number" else f"+49151123456{n}" for n in range(10, 18)]
    cards = [CARD if same == "card" else f"89490200000123456{n}" for n in range(10, 18)]
    results = await asyncio.gather(
        *(house.open(number, card) for number, card in zip(numbers, cards, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Line) for result in results) == 1
    refused = [result for result in results if not isinstance(result, Line)]
    assert {type(result) for result in refused} == {NumberInUse if same == "number" else SimInUse}


@pytest.mark.parametrize(("same", "refusal"), [("number", NumberInUse), ("card", SimInUse)])
async def test_the_second_wall_is_the_unique_index(
    house: House, operator: UUID, same: str, refusal: type[Refusal], vault: Vault
) -> None:
    """Whoever writes past the workflow is refused by PostgreSQL itself."""
    line = await house.open()
    async with house.db.read(operator) as reader:
        row = await reader.one(sa.text("SELECT msisdn_idx, iccid_idx FROM line"))
    assert row is not None
    number = row.msisdn_idx if same == "number" else b"other"
    card = row.iccid_idx if same == "card" else b"other"
    registration = new_id()
    async with house.db.write(operator) as tx:
        await house.registration(tx, registration, line.subscriber_id)
    with pytest.raises(refusal):
        async with house.db.write(operator) as tx:
            await store.add(tx, replace(line, id=new_id(), registration_id=registration), number, card)


async def test_restrict_suspend_reinstate_close(house: House, network: Network) -> None:
    await house.open()
    states = [
        (await house.act(action)).state
        for action in (Action.RESTRICT, Action.SUSPEND, Action.RESTRICT, Action.REINSTATE, Action.CLOSE)
    ]
    assert states == [State.RESTRICTED, State.SUSPENDED, State.RESTRICTED, State.ACTIVE, State.QUARANTINED]
    assert await house.events() == [
        ("line.activated", None),
        ("line.restricted", "scam"),
        ("line.suspended", "scam"),
        ("line.restricted", "scam"),
        ("line.reinstated", "scam"),
        ("line.closed", "scam"),
    ]
    with pytest.raises(StateConflict) as refused:
        await house.act(Action.REINSTATE)
    assert refused.value.facts == {"state": "quarantined", "allowed": []}


async def test_reasons_of_the_house_cannot_be_asserted(house: House) -> None:
    await house.open()
    for reason in RESERVED:
        with pytest.raises(InvalidRequest):
            await house.act(Action.SUSPEND, reason=reason)


async def test_two_acts_at_once_are_two_acts_in_a_row(house: House) -> None:
    line = await house.open()
    results = await asyncio.gather(*(house.act(Action.SUSPEND) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, Line) for result in results) == 1
    assert sum(isinstance(result, StateConflict) for result in results) == 4
    assert (await house.now(line)).version == 2


async def test_a_stale_line_is_not_written(house: House, operator: UUID) -> None:
    line = await house.open()
    await house.act(Action.SUSPEND)
    async with house.db.write(operator) as tx:
        with pytest.raises(Stale):
            await store.save(tx, line, expected=line.version)


async def test_what_is_kept_with_the_act_goes_with_it(house: House, lines: Lines, operator: UUID) -> None:
    await house.open()
    kept: list[Line] = []

    async def keep(_: Tx, line: Line) -> None:
        kept.append(line)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await house.act(Action.SUSPEND, keep=keep)
    assert kept[0].state is State.SUSPENDED
    assert (await lines.get(operator, NUMBER)).state is State.ACTIVE
    assert await house.events() == [("line.activated", None)]


async def test_a_number_rests_and_its_next_holder_starts_anew(
    house: House, lines: Lines, operator: UUID, clock: ManualClock
) -> None:
    first = await house.open()
    closed = await house.act(Action.CLOSE, reason="holder-request")
    assert (await lines.get(operator, NUMBER)).state is State.QUARANTINED
    with pytest.raises(NumberInQuarantine):
        await house.open(NUMBER, OTHER_CARD)
    clock.set(closed.quarantine_until or clock.now())
    with pytest.raises(NotFound):
        await lines.get(operator, NUMBER)
    second = await house.open(NUMBER, CARD)
    assert (await lines.get(operator, NUMBER)).id == second.id != first.id
    assert (second.holder_since, second.reasons) == (clock.now(), ())
    assert await lines.expire(operator) == 1
    assert (await house.now(first)).state is State.CLOSED
    assert await lines.expire(operator) == 0


async def test_a_line_waits_for_its_own_code(
    house: House, lines: Lines, operator: UUID, clock: ManualClock, network: Network
) -> None:
    line = await house.open(awaits_code=True)
    assert (line.state, line.reasons) == (State.RESTRICTED, (AWAITING_CODE,))
    with pytest.raises(StateConflict):
        await house.act(Action.REINSTATE)
    async with house.db.write(operator) as tx:
        proved = await lines.code_proved(tx, line.registration_id, ACTOR)
    async with house.db.write(operator) as tx:
        assert await lines.code_proved(tx, line.registration_id, ACTOR) == proved
    assert proved.state is State.ACTIVE
    assert await house.events() == [("line.restricted", AWAITING_CODE), ("line.activated", None)]
    await house.apply_all()
    assert [order.conditions.outgoing for order in network.told] == [True]
    clock.advance(timedelta(hours=72))
    assert await lines.expire(operator) == 0


async def test_a_code_that_never_came_closes_the_line(
    house: House, lines: Lines, operator: UUID, clock: ManualClock
) -> None:
    await house.open(awaits_code=True)
    clock.advance(timedelta(hours=72))
    assert await lines.expire(operator) == 1
    assert (await lines.get(operator, NUMBER)).reasons == ("code-never-came",)
    assert (await house.events())[-1] == ("line.closed", "code-never-came")


async def test_until_reinstates(house: House, lines: Lines, operator: UUID, clock: ManualClock) -> None:
    await house.open()
    await house.act(Action.SUSPEND, until=clock.now() + DAY)
    clock.advance(DAY - HOUR)
    assert await lines.expire(operator) == 0
    clock.advance(HOUR)
    await expire_all(lines, _only(operator))
    assert (await lines.get(operator, NUMBER)).state is State.ACTIVE
    assert (await house.events())[-1] == ("line.reinstated", "scam")


def _only(operator: UUID) -> Any:
    async def operators() -> list[UUID]:
        return [operator]

    return operators


async def test_what_time_did_counts_before_what_is_asked(house: House, clock: ManualClock) -> None:
    """The job is late: a line whose restriction is over is active, so reinstating it is a conflict."""
    await house.open()
    await house.act(Action.RESTRICT, until=clock.now() + HOUR)
    clock.advance(HOUR)
    with pytest.raises(StateConflict) as refused:
        await house.act(Action.REINSTATE)
    assert refused.value.facts["state"] == "active"
    assert (await house.act(Action.SUSPEND)).state is State.SUSPENDED
    assert [name for name, _ in await house.events()][-2:] == ["line.reinstated", "line.suspended"]


async def test_two_workers_share_what_is_due(
    house: House, lines: Lines, operator: UUID, clock: ManualClock
) -> None:
    for n in range(10, 16):
        await house.open(f"+49151123456{n}", None, awaits_code=True)
    clock.advance(timedelta(hours=72))
    counts = await asyncio.gather(*(lines.expire(operator) for _ in range(4)))
    assert sum(counts) == 6
    assert [name for name, _ in await house.events()].count("line.closed") == 6


async def test_an_erased_holders_line_still_closes(
    house: House, lines: Lines, subscribers: Subscribers, operator: UUID, network: Network, clock: ManualClock
) -> None:
    line = await house.open()
    async with house.db.write(operator) as tx:
        await subscribers.erase(tx, line.subscriber_id)
    closed = await house.act(Action.CLOSE, reason="holder-erased", note="asked by letter")
    assert closed.state is State.QUARANTINED
    await house.apply_all()
    assert [(order.numbers, order.conditions.connected) for order in network.told] == [(None, False)]
    with pytest.raises(NumberInQuarantine):
        await house.open(NUMBER, OTHER_CARD)
    clock.advance(90 * DAY)
    await house.open(NUMBER, OTHER_CARD)


async def test_a_closed_line_is_forgotten_whole(
    house: House, lines: Lines, operator: UUID, clock: ManualClock
) -> None:
    line = await house.open()
    async with house.db.write(operator) as tx:
        lines.forget(tx, line.subscriber_id)
    assert (await lines.get(operator, NUMBER)).sealed is not None, "a line in service is not forgotten"
    await house.act(Action.CLOSE)
    clock.advance(90 * DAY)
    await lines.expire(operator)
    async with house.db.write(operator) as tx:
        assert await lines.closed_holders(tx) == [line.subscriber_id]
        lines.forget(tx, line.subscriber_id)
        assert await lines.closed_holders(tx) == []
        row = await tx.one(sa.text("SELECT msisdn_idx, iccid_idx, sealed FROM line"))
        assert await lines.numbers(tx, await lines.load(tx, line.id)) is None
    assert row is not None
    assert tuple(row) == (None, None, None)


async def test_the_network_is_told_what_changes_for_it(house: House, network: Network) -> None:
    line = await house.open()
    suspended = await house.act(Action.SUSPEND)
    assert (suspended.version, suspended.applied_version) == (2, 1)
    await house.apply_all()
    await house.apply_all()
    (order,) = network.told
    assert (order.line_id, order.version, order.numbers) == (line.id, 2, Numbers(NUMBER, CARD))
    assert not order.conditions.incoming
    assert order.conditions.emergency_and_care
    assert (await house.now(line)).applied_version == 2


async def test_an_older_order_that_comes_late_carries_the_newest_conditions(
    house: House, network: Network
) -> None:
    await house.open()
    await house.act(Action.SUSPEND)
    await house.act(Action.REINSTATE)
    await house.apply_all()
    (order,) = network.told
    assert (order.version, order.conditions.outgoing) == (3, True)


async def test_what_the_network_does_not_take_is_tried_again_and_then_listed(
    house: House, lines: Lines, operator: UUID, network: Network
) -> None:
    line = await house.open()
    await house.act(Action.SUSPEND)
    network.says = Failed(retryable=True, code="unreachable")
    for attempt in (1, 2, 3):
        job = (await house.jobs("lines:apply"))[-1]
        assert (job["attempt"], job["version"]) == (attempt, 2)
        assert (job["scheduled_at"] is None) == (attempt == 1)
        await lines.apply(operator, line.id, 2, attempt)
    async with house.db.read(operator) as reader:
        (listed,) = await lines.listed(reader, waits_for_staff=True)
        assert (listed.id, listed.apply_failed) == (line.id, "unreachable")
        assert (await entries(reader))[0].action == "line.apply_failed"
    assert len(await house.jobs("lines:apply")) == 3
    network.says = Done()
    async with house.db.write(operator) as tx:
        await lines.apply_again(tx, line.id, ACTOR)
    await house.apply_all()
    after = await house.now(line)
    assert (after.apply_failed, after.applied_version) == (None, 2)


async def test_a_failure_that_is_final_is_listed_at_once(
    house: House, lines: Lines, operator: UUID, network: Network
) -> None:
    line = await house.open()
    await house.act(Action.SUSPEND)
    network.says = Failed(retryable=False, code="sim-blocked")
    await lines.apply(operator, line.id, 2)
    assert (await house.now(line)).apply_failed == "sim-blocked"
    await house.act(Action.REINSTATE)
    assert (await house.now(line)).apply_failed is None, "a newer change has its own attempts"


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvisioner]:
    async with FakeProvisioner() as server:
        yield server


async def test_over_http_a_lost_answer_changes_nothing_twice(
    db: Database, vault: Vault, operator: UUID, clock: ManualClock, fake: FakeProvisioner
) -> None:
    port = HttpProvisioner(Caller(fake.url, clock, deadline_s=30, attempts=1))
    subscribers = Subscribers(vault)
    lines = Lines(db, vault, subscribers, port)
    house = House(db, operator, lines, subscribers)
    line = await house.open()
    await house.act(Action.SUSPEND)
    fake.misbehave(Fault.DIE_AFTER)
    await lines.apply(operator, line.id, 2)
    retry = (await house.jobs("lines:apply"))[-1]
    assert retry["attempt"] == 2
    await lines.apply(operator, line.id, 2, 2)
    assert (await house.now(line)).applied_version == 2
    assert fake.conditions[wire("line", line.id)]["conditions"]["incoming"] is False
    assert [request.key for request in fake.requests] == [f"{wire('line', line.id)}:2"] * 2
    await port.close()


async def test_lists(house: House, lines: Lines, operator: UUID) -> None:
    opened = [await house.open(f"+49151123456{n}", None) for n in range(10, 13)]
    await house.act(Action.SUSPEND, "+4915112345611")
    newest = sorted((line.id for line in opened), reverse=True)
    async with house.db.read(operator) as reader:
        assert [line.id for line in await lines.listed(reader, limit=2)] == newest[:2]
        assert [line.id for line in await lines.listed(reader, before=newest[1])] == newest[2:]
        (one,) = await lines.listed(reader, states=(State.SUSPENDED,))
    assert one.id == opened[1].id


async def test_without_quarantine_a_number_is_free_at_once(
    db: Database, vault: Vault, operator: UUID, subscribers: Subscribers, network: Network
) -> None:
    lines = Lines(db, vault, subscribers, network, LinePolicy(quarantine=timedelta()))
    house = House(db, operator, lines, subscribers)
    await house.open()
    assert (await house.act(Action.CLOSE)).state is State.CLOSED
    await house.open()


async def test_what_retention_is_told(house: House, lines: Lines, operator: UUID, clock: ManualClock) -> None:
    line = await house.open()
    seen = []
    for step in ("open", "quarantined", "closed"):
        if step == "quarantined":
            await house.act(Action.CLOSE)
        elif step == "closed":
            clock.advance(90 * DAY)
            await lines.expire(operator)
        async with house.db.write(operator) as tx:
            (holding,) = await lines.holdings(tx, line.subscriber_id)
            seen.append((holding.state, holding.ended_at is None, await lines.closed_holders(tx)))
    assert seen == [
        ("active", True, []),
        ("quarantined", True, []),
        ("closed", False, [line.subscriber_id]),
    ]
    assert holding.country == "DE"


async def test_what_is_indexed_can_be_indexed_again(
    house: House, lines: Lines, subscribers: Subscribers, operator: UUID, vault: Vault
) -> None:
    line = await house.open()
    async with house.db.read(operator) as reader:
        key = await subscribers.key(reader, line.subscriber_id)
        values = await lines.indexed(reader, line.subscriber_id, key)
        row = await reader.one(sa.text("SELECT msisdn_idx, iccid_idx FROM line"))
    assert row is not None
    assert [vault.index(operator, kind, value) for kind, value in values] == [row.msisdn_idx, row.iccid_idx]


async def test_the_jobs_do_what_they_are_named_for(
    house: House, lines: Lines, operator: UUID, network: Network, clock: ManualClock
) -> None:
    tasks = blueprint(lines, Probation(lines), _only(operator)).tasks
    line = await house.open()
    await house.act(Action.RESTRICT, until=clock.now() + HOUR)
    (job,) = await house.jobs("lines:apply")
    del job["scheduled_at"]
    await tasks["apply"](**job)
    assert [order.version for order in network.told] == [2]
    clock.advance(HOUR)
    await tasks["expire"](timestamp=0)
    assert (await house.now(line)).state is State.ACTIVE
