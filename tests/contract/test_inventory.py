"""One suite for every Inventory; then what only a real server can do to us."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from service.adapters.caller import Caller
from service.adapters.inventory.http import HttpInventory
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.lines.model import NumberNotAllowed, SimNotInStock
from service.lines.ports import Inventory, NullInventory
from service.lines.rules import refuse_stock
from tests.fakes.inventory import FakeInventory, Item
from tests.fakes.wire import Fault

NUMBER, CARD = "+4915112345678", "8949020000012345675"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
async def fake() -> AsyncIterator[FakeInventory]:
    async with FakeInventory(numbers={NUMBER: Item()}, cards={CARD: Item()}) as server:
        yield server


@pytest.fixture
async def http(fake: FakeInventory) -> AsyncIterator[HttpInventory]:
    port = HttpInventory(Caller(fake.url, ManualClock(NOW), deadline_s=30, pause_s=0))
    yield port
    await port.close()


@pytest.fixture(params=["null", "http"])
def inventory(request: pytest.FixtureRequest, http: HttpInventory) -> Inventory:
    return NullInventory() if request.param == "null" else http


@pytest.mark.parametrize("card", [CARD, None])
@pytest.mark.parametrize("dealer", ["D-0042", None])
async def test_what_is_free_may_be_sold(inventory: Inventory, card: str | None, dealer: str | None) -> None:
    answer = await inventory.check(NUMBER, card, dealer)
    assert (answer.sim is None) == (card is None)
    refuse_stock(answer)


@pytest.mark.parametrize(
    ("number", "card", "refusal"),
    [
        (None, Item(), NumberNotAllowed),
        (Item(used=True), Item(), NumberNotAllowed),
        (Item(dealer="D-0001"), Item(), NumberNotAllowed),
        (Item(), None, SimNotInStock),
        (Item(), Item(used=True), SimNotInStock),
        (Item(), Item(dealer="D-0001"), SimNotInStock),
    ],
)
async def test_what_may_not_be_sold(
    fake: FakeInventory,
    http: HttpInventory,
    number: Item | None,
    card: Item | None,
    refusal: type[Exception],
) -> None:
    fake.numbers = {NUMBER: number} if number else {}
    fake.cards = {CARD: card} if card else {}
    with pytest.raises(refusal):
        refuse_stock(await http.check(NUMBER, CARD, "D-0042"))


async def test_set_aside_for_this_dealer(fake: FakeInventory, http: HttpInventory) -> None:
    fake.numbers[NUMBER] = Item(dealer="D-0042")
    fake.cards[CARD] = Item(dealer="D-0042")
    refuse_stock(await http.check(NUMBER, CARD, "D-0042"))
    with pytest.raises(NumberNotAllowed):
        refuse_stock(await http.check(NUMBER, CARD, None))


async def test_an_attempt_that_was_lost_is_repeated(fake: FakeInventory, http: HttpInventory) -> None:
    fake.misbehave(Fault.DIE_MIDWAY)
    refuse_stock(await http.check(NUMBER, CARD, None))
    assert len(fake.requests) == 2
    assert fake.requests[0].body == {"msisdn": NUMBER, "iccid": CARD, "dealer": None}


@pytest.mark.parametrize(
    "fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_MIDWAY, Fault.GARBAGE, Fault.HUGE, Fault.EMPTY]
)
async def test_without_a_clear_answer_it_fails_closed(
    fake: FakeInventory, http: HttpInventory, fault: Fault
) -> None:
    fake.misbehave(fault, times=3)
    with pytest.raises(Unavailable) as gone:
        await http.check(NUMBER, CARD, None)
    assert gone.value.facts == {"dependency": "inventory"}


async def test_a_hanging_stock_fails_closed(fake: FakeInventory) -> None:
    port = HttpInventory(Caller(fake.url, ManualClock(NOW), deadline_s=0.2))
    fake.misbehave(Fault.HOLD_AFTER)
    with pytest.raises(Unavailable):
        await port.check(NUMBER, CARD, None)
    await port.close()


@pytest.mark.parametrize("value", ["true", 1, None])
async def test_a_fact_that_is_no_boolean_is_no_answer(
    fake: FakeInventory, http: HttpInventory, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"ours": True, "allotted": True, "unused": value}
    monkeypatch.setattr(fake, "answer", lambda _: (200, {"number": facts, "sim": facts}))
    with pytest.raises(Unavailable):
        await http.check(NUMBER, CARD, None)
