"""One suite for every Lookup; then what only a real server can do to us."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.caller import Breaker, Caller
from service.adapters.hlr import http as hlr
from service.adapters.hlr.http import HttpLookup
from service.infra.telemetry import REGISTRY
from service.kit.clock import ManualClock
from service.kit.msisdn import Msisdn
from service.otp.ports import Lookup, NullLookup
from tests.fakes.hlr import FakeHlr, Fate
from tests.fakes.wire import Fault

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
NUMBER = Msisdn.parse("+4915112345678")
POLICY = {"mobile", "fixed_or_mobile"}


def counted(answer: str) -> float:
    return REGISTRY.get_sample_value("simward_lookups_total", {"answer": answer}) or 0.0


@pytest.fixture
async def fake() -> AsyncIterator[FakeHlr]:
    async with FakeHlr() as server:
        yield server


@pytest.fixture
def manual() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def http(fake: FakeHlr, manual: ManualClock) -> AsyncIterator[HttpLookup]:
    caller = Caller(fake.url, manual, deadline_s=30, pause_s=0)
    port = HttpLookup(caller, lambda line_type: line_type in POLICY, manual)
    yield port
    await port.close()


@pytest.fixture(params=["null", "http"])
def lookup(request: pytest.FixtureRequest, http: HttpLookup) -> Lookup:
    return NullLookup() if request.param == "null" else http


async def test_a_subscriber_may_be_sent_to(fake: FakeHlr, lookup: Lookup) -> None:
    fake.tell(NUMBER.value)
    assert await lookup.may_receive(NUMBER) is True


async def test_a_register_that_cannot_say_turns_nobody_away(fake: FakeHlr, lookup: Lookup) -> None:
    fake.closed = True
    assert await lookup.may_receive(NUMBER) is True


async def test_a_lookup_never_raises(fake: FakeHlr, lookup: Lookup) -> None:
    fake.misbehave(Fault.DIE_BEFORE, times=10)
    assert await lookup.may_receive(NUMBER) is True


async def test_the_history_of_a_number(fake: FakeHlr, http: HttpLookup, manual: ManualClock) -> None:
    said = []
    for fate in (None, Fate.ACTIVE, Fate.ABSENT, Fate.TAKEN_BACK):
        if fate is not None:
            fake.tell(NUMBER.value, fate)
        said.append(await http.may_receive(NUMBER))
        manual.advance(hlr.LIFE)
    assert said == [False, True, True, False]


@pytest.mark.parametrize(
    ("line_type", "allowed"),
    [
        ("mobile", True),
        ("fixed_or_mobile", True),
        ("voip", False),
        ("premium", False),
        (None, True),
        ("unknown", True),
        ("satellite", True),
        (7, True),
        (["voip"], True),
    ],
)
async def test_a_sort_of_line_that_the_policy_does_not_send_to(
    fake: FakeHlr, http: HttpLookup, line_type: object, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is not the kit's says nothing."""
    monkeypatch.setattr(fake, "answer", lambda _: (200, {"status": "active", "line_type": line_type}))
    assert await http.may_receive(NUMBER) is allowed


async def test_what_is_asked(fake: FakeHlr, http: HttpLookup) -> None:
    await http.may_receive(NUMBER)
    assert [(each.path, each.body) for each in fake.requests] == [
        ("/v1/hlr/look-up", {"msisdn": NUMBER.value})
    ]


async def test_a_clear_answer_is_kept_and_the_policy_is_not(fake: FakeHlr, manual: ManualClock) -> None:
    allowed = {"mobile"}
    port = HttpLookup(Caller(fake.url, manual, deadline_s=30), lambda kind: kind in allowed, manual)
    fake.tell(NUMBER.value)
    assert await port.may_receive(NUMBER) is True
    allowed.clear()
    assert await port.may_receive(NUMBER) is False, "a new policy binds at once"
    assert len(fake.requests) == 1
    manual.advance(hlr.LIFE - timedelta(microseconds=1))
    await port.may_receive(NUMBER)
    assert len(fake.requests) == 1
    manual.advance(timedelta(microseconds=1))
    await port.may_receive(NUMBER)
    assert len(fake.requests) == 2
    await port.close()


async def test_what_is_kept_is_bounded(
    fake: FakeHlr, http: HttpLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hlr, "MOST", 2)
    others = [Msisdn.parse(f"+491511234567{n}") for n in (1, 2)]
    for number in (NUMBER, *others, others[0]):
        await http.may_receive(number)
    assert len(fake.requests) == 3
    await http.may_receive(NUMBER)
    assert len(fake.requests) == 4, "the oldest was dropped"


@pytest.mark.parametrize(
    "fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_MIDWAY, Fault.GARBAGE, Fault.HUGE, Fault.EMPTY]
)
async def test_gone_is_sent_to_and_counted_and_not_kept(
    fake: FakeHlr, http: HttpLookup, fault: Fault
) -> None:
    fake.misbehave(fault, times=3 if fault is not Fault.EMPTY else 1)
    before = counted("gone")
    assert await http.may_receive(NUMBER) is True
    assert counted("gone") == before + 1
    assert await http.may_receive(NUMBER) is False, "asked again, it knows no such subscriber"
    assert counted("gone") == before + 1


async def test_a_hanging_register_is_not_waited_for(fake: FakeHlr, manual: ManualClock) -> None:
    port = HttpLookup(Caller(fake.url, manual, deadline_s=0.2), lambda _: True, manual)
    fake.misbehave(Fault.HOLD_AFTER)
    assert await port.may_receive(NUMBER) is True
    await port.close()


async def test_a_register_that_is_down_is_left_alone(fake: FakeHlr, manual: ManualClock) -> None:
    breaker = Breaker(manual, threshold=3)
    caller = Caller(fake.url, manual, deadline_s=30, pause_s=0, breaker=breaker)
    port = HttpLookup(caller, lambda _: True, manual)
    fake.misbehave(Fault.FAIL, times=3)
    for _ in range(4):
        assert await port.may_receive(NUMBER) is True
    assert len(fake.requests) == 3
    manual.advance(timedelta(seconds=10))
    assert await port.may_receive(NUMBER) is False
    await port.close()


@pytest.mark.parametrize("status", ["ACTIVE", "gone", True, None, ["unknown"], {"unknown": 1}, 0])
async def test_only_its_own_words_count(
    fake: FakeHlr, http: HttpLookup, status: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (200, {"status": status, "line_type": "voip"}))
    assert await http.may_receive(NUMBER) is True


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 404, 422])
async def test_it_counts_with_status_200_alone(
    fake: FakeHlr, http: HttpLookup, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (status, {"status": "unknown", "line_type": None}))
    assert await http.may_receive(NUMBER) is True
