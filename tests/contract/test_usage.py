"""One suite for every Usage; then what only a real server can do to us."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.adapters.caller import Caller
from service.adapters.usage.http import HttpUsage
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.kit.ids import wire
from service.lines.model import DayOfUse, UseAsked
from service.lines.ports import Calendar, Usage
from service.lines.rules.probation import is_used
from tests.fakes.usage import FakeUsage
from tests.fakes.wire import Fault

NUMBER, OTHER = "+4915112345678", "+4915112345679"
SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 20)
ASKED = UseAsked(UUID(int=3), UUID(int=2), NUMBER, SINCE, UNTIL)
UNKNOWN = UseAsked(UUID(int=5), UUID(int=4), OTHER, SINCE, UNTIL)
DAYS = [SINCE + timedelta(days=n) for n in range(20)]


@pytest.fixture
async def fake() -> AsyncIterator[FakeUsage]:
    async with FakeUsage() as server:
        server.use(NUMBER, *DAYS)
        yield server


@pytest.fixture
async def http(fake: FakeUsage) -> AsyncIterator[HttpUsage]:
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    port = HttpUsage(Caller(fake.url, clock, token="t0ken", deadline_s=30, pause_s=0))
    yield port
    await port.close()


@pytest.fixture(params=["calendar", "http"])
def usage(request: pytest.FixtureRequest, http: HttpUsage) -> Usage:
    return Calendar() if request.param == "calendar" else http


async def test_says_of_each_line_on_which_days_it_was_used(usage: Usage) -> None:
    told = await usage.of([ASKED])
    assert [day.day for day in told[ASKED.line_id].days if is_used(day)] == DAYS
    assert told[ASKED.line_id].handset_changed_at is None
    assert await usage.of([]) == {}


# Over HTTP


async def test_the_wire_is_as_documented(fake: FakeUsage, http: HttpUsage) -> None:
    fake.days[NUMBER] = {UNTIL: (9, 5, 3)}
    fake.handsets[NUMBER] = "2026-11-20T09:30:00Z"
    told = await http.of([ASKED, UNKNOWN])
    assert set(told) == {ASKED.line_id}, "nothing follows for a line that the other side does not know"
    assert told[ASKED.line_id].days == (DayOfUse(UNTIL, 9, 5, 3),)
    assert told[ASKED.line_id].handset_changed_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    (request,) = fake.requests
    assert request.headers["authorization"] == "Bearer t0ken"
    assert request.body["lines"][0] == {
        "line": wire("line", ASKED.line_id),
        "registration": wire("reg", ASKED.registration_id),
        "msisdn": NUMBER,
        "since": "2026-11-01",
        "until": "2026-11-20",
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"days": None},
        {"days": [{"day": "2026-11-01", "outgoing": 1, "callees": 1}]},
        {"days": [{"day": "2026-11-01", "outgoing": -1, "callees": 1, "incoming": 0}]},
        {"days": [{"day": "2026-11-01", "outgoing": True, "callees": 1, "incoming": 0}]},
        {"days": [{"day": "yesterday", "outgoing": 1, "callees": 1, "incoming": 0}]},
        {"days": [{"day": "2026-11-01", "outgoing": 10**9, "callees": 1, "incoming": 0}]},
        {"handset_changed_at": "2026-11-01T00:00:00"},
        {"handset_changed_at": 17},
    ],
)
async def test_what_is_not_as_agreed_counts_for_nothing(
    fake: FakeUsage, http: HttpUsage, odd: dict[str, Any]
) -> None:
    fake.odd = odd
    with pytest.raises(Unavailable) as gone:
        await http.of([ASKED])
    assert gone.value.facts == {"dependency": "usage"}


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_MIDWAY, Fault.GARBAGE])
async def test_it_is_asked_again_and_then_gone(fake: FakeUsage, http: HttpUsage, fault: Fault) -> None:
    fake.misbehave(fault, times=2)
    assert ASKED.line_id in await http.of([ASKED])
    fake.misbehave(fault, times=3)
    with pytest.raises(Unavailable):
        await http.of([ASKED])


async def test_an_empty_answer_is_none(fake: FakeUsage, http: HttpUsage) -> None:
    fake.misbehave(Fault.EMPTY)
    with pytest.raises(Unavailable):
        await http.of([ASKED])


async def test_numbers_are_never_logged(
    fake: FakeUsage, http: HttpUsage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        fake.misbehave(Fault.DIE_MIDWAY)
        await http.of([ASKED])
    assert "4915112345678" not in caplog.text
