"""The daily judgement of lines, over PostgreSQL and a server with a history of use."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest

from service.adapters.caller import Caller
from service.adapters.usage.http import HttpUsage
from service.audit.workflow import Actor
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.lines.model import Action, ConditionsOrder, Done, Outcome, UseAsked, UseByLine
from service.lines.ports import NullProvisioner
from service.lines.workflow import Lines, Probation, change_sim
from service.subscribers.workflow import Subscribers
from tests.fakes.lines import NUMBER, OTHER_CARD, OTHER_NUMBER, House
from tests.fakes.usage import FakeUsage
from tests.fakes.wire import Fault

DAY = timedelta(days=1)


class Network(NullProvisioner):
    def __init__(self) -> None:
        self.told: list[ConditionsOrder] = []

    async def apply(self, order: ConditionsOrder) -> Outcome:
        self.told.append(order)
        return Done()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def subscribers(vault: Vault) -> Subscribers:
    return Subscribers(vault)


@pytest.fixture
def lines(db: Database, vault: Vault, subscribers: Subscribers, network: Network) -> Lines:
    return Lines(db, vault, subscribers, network)


@pytest.fixture
def house(db: Database, operator: UUID, lines: Lines, subscribers: Subscribers) -> House:
    return House(db, operator, lines, subscribers)


@pytest.fixture
async def fake() -> AsyncIterator[FakeUsage]:
    async with FakeUsage() as server:
        yield server


@pytest.fixture
async def usage(fake: FakeUsage, clock: ManualClock) -> AsyncIterator[HttpUsage]:
    port = HttpUsage(Caller(fake.url, clock, deadline_s=30, pause_s=0))
    yield port
    await port.close()


def days(since: date, count: int) -> list[date]:
    return [since + n * DAY for n in range(count)]


async def test_use_ends_one_and_silence_keeps_another(
    house: House, lines: Lines, network: Network, fake: FakeUsage, usage: HttpUsage, clock: ManualClock
) -> None:
    until = clock.now() + 30 * DAY
    used = await house.open(probation_until=until)
    silent = await house.open(OTHER_NUMBER, OTHER_CARD, probation_until=until)
    fake.use(NUMBER, *days(clock.now().date(), 40))
    fake.days[OTHER_NUMBER] = {}
    probation = Probation(lines, usage)
    clock.advance(31 * DAY)
    assert await probation.judge(house.operator) == 2
    assert await probation.judge(house.operator) == 0, "each day is judged once"
    lifted, kept = await house.now(used), await house.now(silent)
    assert lifted.probation_until is None
    assert ("line.probation_ended", "ordinary-use") in await house.events()
    assert kept.probation_until is not None
    assert kept.probation_until >= clock.now() + 29 * DAY
    assert (kept.version, kept.ordinary_days) == (1, 0), "a count is no change of the line"
    await house.apply_all()
    assert [(order.line_id, order.conditions.premium) for order in network.told] == [(used.id, True)]


async def test_without_an_answer_no_probation_ends_and_the_days_are_asked_for_again(
    house: House, lines: Lines, fake: FakeUsage, usage: HttpUsage, clock: ManualClock
) -> None:
    line = await house.open(probation_until=clock.now() + 30 * DAY)
    fake.use(NUMBER, *days(clock.now().date(), 40))
    clock.advance(31 * DAY)
    probation = Probation(lines, usage)
    fake.misbehave(Fault.FAIL, times=3)
    assert await probation.judge(house.operator) == 0
    assert await house.now(line) == line
    assert await probation.judge(house.operator) == 1
    assert (await house.now(line)).probation_until is None


async def test_where_nobody_tells_the_calendar_decides(
    house: House, lines: Lines, clock: ManualClock
) -> None:
    line = await house.open(probation_until=clock.now() + 30 * DAY)
    plain = await house.open(OTHER_NUMBER, OTHER_CARD)
    probation = Probation(lines)
    clock.advance(29 * DAY)
    assert await probation.judge(house.operator) == 1
    assert (await house.now(line)).probation_until is not None
    clock.advance(2 * DAY)
    await probation.judge(house.operator)
    assert (await house.now(line)).probation_until is None
    assert await house.now(plain) == plain, "a calendar has nothing to say of other lines"


async def test_what_changed_between_question_and_answer_is_asked_again(
    house: House, lines: Lines, fake: FakeUsage, usage: HttpUsage, clock: ManualClock
) -> None:
    line = await house.open(probation_until=clock.now() + 30 * DAY)
    fake.use(NUMBER, *days(clock.now().date(), 40))
    clock.advance(31 * DAY)

    class Busy:
        is_calendar = False

        async def of(self, asked: Sequence[UseAsked]) -> UseByLine:
            await house.act(Action.SUSPEND)
            return await usage.of(asked)

    await Probation(lines, Busy()).judge(house.operator)
    now = await house.now(line)
    assert (now.state.value, now.judged_to) == ("suspended", None)
    assert now.probation_until == line.probation_until


async def test_a_dormant_line_in_a_new_handset_or_on_a_new_card_begins_again(
    house: House, lines: Lines, fake: FakeUsage, usage: HttpUsage, clock: ManualClock
) -> None:
    line = await house.open()
    other = await house.open(OTHER_NUMBER, OTHER_CARD)
    fake.use(NUMBER, clock.now().date())
    fake.use(OTHER_NUMBER, clock.now().date())
    probation = Probation(lines, usage)
    clock.advance(DAY)
    await probation.judge(house.operator)
    clock.advance(120 * DAY)
    fake.handsets[NUMBER] = (clock.now() - 2 * DAY).isoformat()
    while await probation.judge(house.operator):
        continue
    after = await house.now(line)
    assert after.probation_since == clock.now() - 2 * DAY
    assert ("line.probation_restarted", "handset-changed") in await house.events()
    async with house.db.write(house.operator) as tx:
        swapped = await change_sim(lines, tx, other.id, None, Actor.system("test"))
    assert swapped.probation_since == clock.now()
    assert ("line.sim_changed", None) in await house.events()
    assert ("line.probation_restarted", "sim-changed") in await house.events()
    assert swapped.sim_changed_at == clock.now()
