"""One suite for every Captcha; what only a real server can do to us; and what is asked for while it is gone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.caller import Caller
from service.adapters.captcha.http import HttpCaptcha
from service.infra.telemetry import REGISTRY
from service.kit.clock import ManualClock
from service.otp.ports import Captcha, NullCaptcha
from service.otp.workflow.challenge import CAPTCHA_TOKEN, REST, CaptchaChallenger, WorkChallenger
from tests.fakes.captcha import FakeCaptcha
from tests.fakes.otp import Ring
from tests.fakes.wire import Fault
from tests.fakes.work import solve

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ABOUT = b"operator, client"
FAULTS = [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.DIE_MIDWAY, Fault.GARBAGE, Fault.HUGE]


@pytest.fixture
async def fake() -> AsyncIterator[FakeCaptcha]:
    async with FakeCaptcha() as server:
        yield server


@pytest.fixture
async def http(fake: FakeCaptcha) -> AsyncIterator[HttpCaptcha]:
    port = HttpCaptcha(Caller(fake.url, ManualClock(NOW), deadline_s=30, pause_s=0), "site-1")
    yield port
    await port.close()


@pytest.fixture(params=["null", "http"])
def captcha(request: pytest.FixtureRequest, http: HttpCaptcha) -> Captcha:
    return NullCaptcha() if request.param == "null" else http


@pytest.fixture
def challenger(http: HttpCaptcha) -> CaptchaChallenger:
    return CaptchaChallenger(http, WorkChallenger(Ring([1]), lambda: 8))


async def test_a_captcha_that_nobody_answered_is_never_right(captcha: Captcha) -> None:
    assert not await captcha.is_right("made-up")


async def test_a_captcha_never_raises(fake: FakeCaptcha, captcha: Captcha) -> None:
    fake.misbehave(Fault.DIE_BEFORE, times=10)
    assert await captcha.is_right("x") is None


async def test_an_answer_is_good_once(fake: FakeCaptcha, http: HttpCaptcha) -> None:
    answer = fake.answered("a" * 2000)
    assert [await http.is_right(answer) for _ in range(2)] == [True, False]


async def test_what_is_asked(fake: FakeCaptcha, http: HttpCaptcha) -> None:
    """The answer alone: not the number, not the person's address."""
    await http.is_right("x")
    assert [(each.path, each.body) for each in fake.requests] == [("/v1/captcha/verify", {"token": "x"})]


@pytest.mark.parametrize("fault", [*FAULTS, Fault.EMPTY])
async def test_gone_is_neither_right_nor_wrong_and_is_not_repeated(
    fake: FakeCaptcha, http: HttpCaptcha, fault: Fault
) -> None:
    """A second call would spend an answer whose first yes was lost."""
    fake.answered("x")
    fake.misbehave(fault)
    assert await http.is_right("x") is None
    assert len(fake.requests) == 1


async def test_a_hanging_verifier_is_not_waited_for(fake: FakeCaptcha) -> None:
    port = HttpCaptcha(Caller(fake.url, ManualClock(NOW), deadline_s=0.2), "site-1")
    fake.misbehave(Fault.HOLD_AFTER)
    assert await port.is_right("x") is None
    await port.close()


@pytest.mark.parametrize("word", ["true", 1, [True], {"solved": True}, None, "yes"])
async def test_only_true_is_a_yes(
    fake: FakeCaptcha, http: HttpCaptcha, word: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (200, {"solved": word}))
    assert await http.is_right("x") is None


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 404, 422])
async def test_a_yes_counts_with_status_200_alone(
    fake: FakeCaptcha, http: HttpCaptcha, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (status, {"solved": True}))
    assert await http.is_right("x") is None


# The challenger over it


async def test_a_captcha_is_asked_for_and_its_answer_counts(
    fake: FakeCaptcha, challenger: CaptchaChallenger
) -> None:
    assert challenger.ask(ABOUT, NOW) == {"kind": "captcha", "site_key": "site-1", "token": CAPTCHA_TOKEN}
    assert not await challenger.is_solved(ABOUT, CAPTCHA_TOKEN, "made-up", NOW)
    assert await challenger.is_solved(ABOUT, CAPTCHA_TOKEN, fake.answered("x"), NOW)
    assert challenger.ask(ABOUT, NOW)["kind"] == "captcha"


async def test_while_the_verifier_is_gone_nothing_is_solved_and_work_is_asked_for(
    fake: FakeCaptcha, challenger: CaptchaChallenger
) -> None:
    labels = {"kind": "captcha", "outcome": "gone"}
    before = REGISTRY.get_sample_value("simward_challenges_total", labels) or 0.0
    fake.misbehave(Fault.FAIL)
    assert not await challenger.is_solved(ABOUT, CAPTCHA_TOKEN, fake.answered("x"), NOW)
    assert REGISTRY.get_sample_value("simward_challenges_total", labels) == before + 1
    late = NOW + REST - timedelta(microseconds=1)
    asked = challenger.ask(ABOUT, late)
    assert asked["kind"] == "proof-of-work"
    token = str(asked["token"])
    assert not await challenger.is_solved(ABOUT, token, "", late)
    assert await challenger.is_solved(ABOUT, token, solve(token, 8), late)
    assert challenger.ask(ABOUT, NOW + REST)["kind"] == "captcha"
    # What was given out meanwhile is still good, in any process.
    assert await challenger.is_solved(ABOUT, token, solve(token, 8), NOW + REST)


async def test_nobody_may_choose_work_while_the_verifier_is_there(challenger: CaptchaChallenger) -> None:
    """Work of a neighbour's making is no token of ours."""
    foreign = str(WorkChallenger(Ring([2]), lambda: 8).ask(ABOUT, NOW)["token"])
    assert not await challenger.is_solved(ABOUT, foreign, solve(foreign, 8), NOW)
