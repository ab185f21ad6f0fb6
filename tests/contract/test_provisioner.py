"""One suite for every Provisioner; then what only a real server can do to us."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from service.adapters.caller import Breaker, Caller
from service.adapters.provisioning.http import HttpProvisioner
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.kit.ids import wire
from service.lines.model import (
    ActivationOrder,
    Conditions,
    ConditionsOrder,
    Done,
    Failed,
    Numbers,
    Readiness,
    SimOrder,
)
from service.lines.ports import NullProvisioner, Provisioner
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.wire import Fault

ORDER = ActivationOrder(
    operator_id=UUID(int=1),
    registration_id=UUID(int=2),
    msisdn="+4915112345678",
    iccid="8949020000012345675",
    imei=None,
    plan="prepaid",
    form="sim",
)
CHANGE = ConditionsOrder(
    operator_id=UUID(int=1),
    line_id=UUID(int=3),
    registration_id=UUID(int=2),
    version=2,
    numbers=Numbers(ORDER.msisdn, ORDER.iccid),
    conditions=Conditions(connected=True, outgoing=False, incoming=True, label="reported"),
)
SWAP = SimOrder(
    operator_id=UUID(int=1),
    line_id=UUID(int=3),
    registration_id=UUID(int=2),
    change_id=UUID(int=4),
    msisdn=ORDER.msisdn,
    before=ORDER.iccid,
    iccid="8949020000012345683",
    imei=None,
    form="sim",
)
SWAPPING = wire("reg", SWAP.change_id)
REG, LINE = wire("reg", ORDER.registration_id), wire("line", CHANGE.line_id)


@pytest.fixture(params=["null", "http"])
async def provisioner(request: pytest.FixtureRequest) -> AsyncIterator[Provisioner]:
    if request.param == "null":
        yield NullProvisioner()
        return
    async with FakeProvisioner() as fake:
        http = HttpProvisioner(
            Caller(fake.url, ManualClock(datetime(2026, 11, 23, tzinfo=UTC)), deadline_s=30)
        )
        yield http
        await http.close()


async def test_says_whether_the_sim_can_receive(provisioner: Provisioner) -> None:
    assert await provisioner.prepare(ORDER) == Readiness(can_receive=True)


async def test_activates_however_often_it_is_asked(provisioner: Provisioner) -> None:
    assert await provisioner.activate(ORDER) == Done()
    assert await provisioner.activate(ORDER) == Done()


async def test_applies_conditions_however_often_it_is_asked(provisioner: Provisioner) -> None:
    assert await provisioner.apply(CHANGE) == Done()
    assert await provisioner.apply(CHANGE) == Done()
    assert await provisioner.apply(replace(CHANGE, version=3, numbers=None)) == Done()


async def test_changes_a_card_however_often_it_is_asked_and_back(provisioner: Provisioner) -> None:
    assert await provisioner.change_sim(SWAP) == Done()
    assert await provisioner.change_sim(SWAP) == Done()
    back = replace(SWAP, before=SWAP.iccid, iccid=SWAP.before, is_undo=True)
    assert await provisioner.change_sim(back) == Done()


# Over HTTP


@dataclass
class Pair:
    fake: FakeProvisioner
    port: HttpProvisioner
    clock: ManualClock


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    clock = ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))
    async with FakeProvisioner() as fake:
        port = HttpProvisioner(
            Caller(
                fake.url, clock, deadline_s=30, pause_s=0, token="t0ken", breaker=Breaker(clock, threshold=6)
            )
        )
        yield Pair(fake, port, clock)
        await port.close()


async def test_the_wire_is_as_documented(pair: Pair) -> None:
    await pair.port.activate(ORDER)
    await pair.port.apply(CHANGE)
    await pair.port.change_sim(SWAP)
    first, second, third = pair.fake.requests
    full = {"emergency_and_care": True, "premium": True, "callees_a_day": None, "label": None}
    assert (first.path, first.key) == ("/v1/activations", REG)
    assert first.headers["authorization"] == "Bearer t0ken"
    assert first.body == {
        "operator": wire("op", ORDER.operator_id),
        "registration": REG,
        "msisdn": "+4915112345678",
        "iccid": "8949020000012345675",
        "imei": None,
        "plan": "prepaid",
        "form": "sim",
        "conditions": {"connected": True, "outgoing": True, "incoming": True, **full},
        "ported": False,
    }
    assert (second.path, second.key) == ("/v1/conditions", f"{LINE}:2")
    assert second.body["conditions"] == {
        "connected": True,
        "outgoing": False,
        "incoming": True,
        **full,
        "label": "reported",
    }

    assert (third.path, third.key) == ("/v1/sims", SWAPPING)
    assert third.body == {
        "operator": wire("op", SWAP.operator_id),
        "line": LINE,
        "registration": REG,
        "change": SWAPPING,
        "msisdn": "+4915112345678",
        "iccid_before": ORDER.iccid,
        "iccid": SWAP.iccid,
        "imei": None,
        "form": "sim",
        "undo": False,
    }


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.DIE_MIDWAY])
async def test_a_card_is_changed_once_and_put_back_under_a_key_of_its_own(pair: Pair, fault: Fault) -> None:
    pair.fake.misbehave(fault, times=2)
    assert await pair.port.change_sim(SWAP) == Done()
    assert pair.fake.swapped == {SWAPPING: 1}
    assert pair.fake.sims == {LINE: SWAP.iccid}
    await pair.port.change_sim(replace(SWAP, before=SWAP.iccid, iccid=SWAP.before, is_undo=True))
    assert pair.fake.sims == {LINE: SWAP.before}
    assert pair.fake.requests[-1].key == f"{SWAPPING}:undo"


async def test_a_line_that_is_cut_off_gets_no_card(pair: Pair) -> None:
    await pair.port.apply(replace(CHANGE, conditions=Conditions(False, False, False)))
    assert await pair.port.change_sim(SWAP) == Failed(False, "line-not-connected")


@pytest.mark.parametrize(
    "fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.DIE_MIDWAY, Fault.GARBAGE]
)
async def test_a_lost_attempt_is_repeated_and_provisions_once(pair: Pair, fault: Fault) -> None:
    pair.fake.misbehave(fault, times=2)
    assert await pair.port.activate(ORDER) == Done()
    assert pair.fake.provisioned == {REG: 1}
    assert len(pair.fake.requests) == 3
    assert {request.key for request in pair.fake.requests} == {REG}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.FAIL, "answered-503"),
        (Fault.DIE_AFTER, "unreachable"),
        (Fault.GARBAGE, "unreadable-answer"),
        (Fault.HUGE, "unreadable-answer"),
    ],
)
async def test_what_stays_lost_is_a_failure_that_may_pass(pair: Pair, fault: Fault, code: str) -> None:
    pair.fake.misbehave(fault, times=3)
    assert await pair.port.activate(ORDER) == Failed(retryable=True, code=code)
    assert await pair.port.activate(ORDER) == Done()
    assert pair.fake.provisioned == {REG: 1}


async def test_an_empty_answer_is_not_taken_for_a_yes(pair: Pair) -> None:
    pair.fake.misbehave(Fault.EMPTY)
    assert await pair.port.activate(ORDER) == Failed(True, "unreadable-answer")
    pair.fake.misbehave(Fault.EMPTY)
    with pytest.raises(Unavailable):
        await pair.port.prepare(ORDER)


async def test_a_hanging_server_is_left_at_the_deadline() -> None:
    clock = ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))
    async with FakeProvisioner() as fake:
        port = HttpProvisioner(Caller(fake.url, clock, deadline_s=0.2))
        fake.misbehave(Fault.HOLD_AFTER)
        assert await port.activate(ORDER) == Failed(True, "timeout")
        assert fake.held.is_set()
        fake.misbehave(Fault.HOLD_BEFORE)
        with pytest.raises(Unavailable) as gone:
            await port.prepare(ORDER)
        assert gone.value.facts == {"dependency": "provisioner"}
        await port.close()
        assert fake.provisioned == {REG: 1}


async def test_nobody_there() -> None:
    clock = ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))
    async with FakeProvisioner() as fake:
        url = fake.url
    port = HttpProvisioner(Caller(url, clock, deadline_s=30, pause_s=0))
    assert await port.activate(ORDER) == Failed(True, "unreachable")
    await port.close()


@pytest.mark.parametrize("retryable", [True, False])
async def test_a_clear_no_is_handed_on_and_not_repeated(pair: Pair, retryable: bool) -> None:
    pair.fake.refusal = (retryable, "sim-blocked")
    assert await pair.port.activate(ORDER) == Failed(retryable, "sim-blocked")
    assert len(pair.fake.requests) == 1


@pytest.mark.parametrize("code", ["+4915112345678", "Kaputt!", "", "a" * 65])
async def test_a_code_that_is_none_does_not_get_in(pair: Pair, code: str) -> None:
    pair.fake.refusal = (False, code)
    assert await pair.port.activate(ORDER) == Failed(False, "unnamed")


async def test_after_failures_in_a_row_it_rests_and_then_tries_once(pair: Pair) -> None:
    pair.fake.misbehave(Fault.DIE_BEFORE, times=7)
    await pair.port.activate(ORDER)
    await pair.port.activate(ORDER)
    assert len(pair.fake.requests) == 6
    assert await pair.port.activate(ORDER) == Failed(True, "circuit-open")
    with pytest.raises(Unavailable) as resting:
        await pair.port.prepare(ORDER)
    assert resting.value.retry_after_s == 10
    assert len(pair.fake.requests) == 6, "nothing is sent while it rests"
    pair.clock.advance(timedelta(seconds=10))
    assert await pair.port.activate(ORDER) == Failed(True, "circuit-open"), "the one trial failed"
    assert len(pair.fake.requests) == 7
    pair.clock.advance(timedelta(seconds=10))
    assert await pair.port.activate(ORDER) == Done()


async def test_an_older_version_changes_nothing(pair: Pair) -> None:
    newer = replace(CHANGE, version=5, conditions=Conditions(True, True, True))
    await pair.port.apply(newer)
    await pair.port.apply(CHANGE)
    assert pair.fake.conditions[LINE]["version"] == 5


async def test_numbers_are_never_logged(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        pair.fake.misbehave(Fault.DIE_MIDWAY)
        await pair.port.activate(ORDER)
        await pair.port.prepare(ORDER)
        await pair.port.apply(CHANGE)
    assert "4915112345678" not in caplog.text
    assert "89490200000" not in caplog.text
