"""A challenge before the first message, and test numbers, over the application."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from service.compose import Services
from service.infra.telemetry import REGISTRY
from service.kit.clock import ManualClock
from service.otp import store
from service.otp.rules.work import zero_bits
from service.otp.workflow.history import History
from service.policies import Sources, seed
from service.settings import Settings
from tests.api.conftest import Api, Caller
from tests.fakes.captcha import FakeCaptcha
from tests.fakes.hlr import FakeHlr, Fate
from tests.fakes.pipeline import Applicant, applicant, refused
from tests.fakes.wire import Fault
from tests.fakes.work import solve

BITS = 8
SEED = seed(demo=True).texts
TEST_NUMBER = "+4915112349999"
CODE = "424242"


async def publish(services: Services, *changes: tuple[str, str], more: str = "") -> None:
    text = SEED["limits.toml"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    await services.policies.publish(Sources({**SEED, "limits.toml": text + more}), "test")


GATE = "[limits.OtpChallengePerClient]\n"


async def press(services: Services, *, stage: str = "enforced", floor: int = 1) -> None:
    """From now on ``floor`` unanswered messages of a client are pressure."""
    await publish(
        services,
        ("work_bits = 18", f"work_bits = {BITS}"),
        (GATE, f'{GATE}stage = "{stage}"\n'),
        ("floor = 200, per_cent = 100", f"floor = {floor}, per_cent = 100"),
    )


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"simward_{name}_total", labels) or 0.0


async def opened(api: Api, turn: int) -> Applicant:
    someone = applicant(api, turn)
    await someone.open()
    return someone


async def ask(someone: Applicant, **more: Any) -> Any:
    return await someone.api.post(f"{someone.path}/otp", {"to": "line", **more})


async def asked(someone: Applicant, **more: Any) -> dict[str, Any]:
    """The challenge of a 429."""
    answer = await ask(someone, **more)
    body = refused(answer, 429, "limit-exceeded")
    assert body["limit"] == "OtpChallengePerClient"
    assert answer.headers["retry-after"] == "1"
    found: dict[str, Any] = body["challenge"]
    return found


def solved(challenge: dict[str, Any]) -> dict[str, str]:
    return {"token": challenge["token"], "solution": solve(challenge["token"], challenge["bits"])}


def no_solution(token: str) -> str:
    """One text in 256 would solve eight bits by chance."""
    tried = (str(n) for n in range(100))
    return next(text for text in tried if zero_bits(sha256(f"{token}:{text}".encode()).digest()) < BITS)


async def messages(someone: Applicant) -> int:
    outbox = someone.api.services.outbox
    assert outbox is not None
    return len(await outbox.read(someone.msisdn))


async def test_under_pressure_the_first_message_wants_a_solved_challenge(
    api: Api, services: Services
) -> None:
    await press(services)
    first, second = await opened(api, 1), await opened(api, 2)
    await first.send()
    challenge = await asked(second)
    assert challenge == {
        "kind": "proof-of-work",
        "token": challenge["token"],
        "bits": BITS,
        "expires_at": challenge["expires_at"],
    }
    assert await messages(second) == 0
    answer = await ask(second, challenge=solved(challenge))
    assert answer.status_code == 202, answer.text
    assert await messages(second) == 1
    assert (await second.answer())["status"] == "verified"


async def test_nothing_but_the_solution_of_this_number_helps(
    api: Api, caller: Caller, services: Services, clock: ManualClock
) -> None:
    await press(services)
    await (await opened(api, 1)).send()
    second, third = await opened(api, 2), await opened(api, 3)
    good = solved(await asked(second))
    for wrong in (
        {**good, "solution": no_solution(good["token"])},
        {**good, "token": "A" * 40},
        solved(await asked(third)),
    ):
        await asked(second, challenge=wrong)
    # Another client's, for the same number.
    other = await caller()
    await (await opened(other, 4)).send()
    fifth = await opened(other, 5)
    theirs = solved(await asked(fifth))
    await asked(second, challenge=theirs)
    clock.advance(timedelta(minutes=5))
    await asked(second, challenge=good)
    assert await messages(second) == 0
    refused(await ask(second, challenge={"token": "x", "solution": "a b"}), 422, "invalid-request")
    refused(await ask(second, challenge={"token": "x"}), 422, "invalid-request")


async def test_a_resend_is_not_asked(api: Api, services: Services, clock: ManualClock) -> None:
    await press(services, floor=2)
    first, second = await opened(api, 1), await opened(api, 2)
    await first.send()
    await second.send()
    clock.advance(timedelta(seconds=30))
    assert (await ask(first)).status_code == 202
    assert await messages(first) == 2
    await asked(await opened(api, 3))


async def test_a_shadow_binds_nobody_and_is_counted(api: Api, services: Services) -> None:
    await press(services, stage="shadow")
    await (await opened(api, 1)).send()
    before = counted("limits", limit="OtpChallengePerClient", stage="shadow")
    await (await opened(api, 2)).send()
    assert counted("limits", limit="OtpChallengePerClient", stage="shadow") == before + 1


async def test_answers_that_come_back_lower_the_pressure(api: Api, services: Services) -> None:
    await press(services)
    for turn in (1, 2, 3):
        someone = await opened(api, turn)
        await someone.send()
        await someone.answer()


async def test_a_verification_is_asked_as_well(api: Api, services: Services) -> None:
    await press(services)
    assert (await api.post("/v1/verifications", {"to": "+4915112340001"})).status_code == 202
    body = refused(await api.post("/v1/verifications", {"to": "+4915112340002"}), 429, "limit-exceeded")
    again = {"to": "+4915112340002", "challenge": solved(body["challenge"])}
    assert (await api.post("/v1/verifications", again)).status_code == 202


class TestCaptcha:
    @pytest.fixture
    async def fake(self) -> Any:
        async with FakeCaptcha() as server:
            yield server

    @pytest.fixture
    def settings(self, settings: Settings, fake: FakeCaptcha) -> Settings:
        return settings.model_copy(update={"captcha_url": fake.url, "captcha_site_key": "site-1"})

    async def test_a_captcha_is_asked_for_and_work_while_its_verifier_is_gone(
        self, api: Api, services: Services, fake: FakeCaptcha
    ) -> None:
        await press(services)
        await (await opened(api, 1)).send()
        second, third = await opened(api, 2), await opened(api, 3)
        assert await asked(second) == {"kind": "captcha", "site_key": "site-1", "token": "captcha"}
        answer = {"token": "captcha", "solution": fake.answered("widget-answer")}
        assert (await ask(second, challenge=answer)).status_code == 202
        # Good once, and not at all while nobody can tell.
        await asked(third, challenge=answer)
        fake.misbehave(Fault.FAIL)
        lost = {"token": "captcha", "solution": fake.answered("another")}
        challenge = await asked(third, challenge=lost)
        assert challenge["kind"] == "proof-of-work"
        assert (await ask(third, challenge=solved(challenge))).status_code == 202


class TestHlr:
    @pytest.fixture
    async def fake(self) -> Any:
        async with FakeHlr() as server:
            yield server

    @pytest.fixture
    def settings(self, settings: Settings, fake: FakeHlr) -> Settings:
        return settings.model_copy(update={"hlr_url": fake.url})

    async def test_a_number_without_a_subscriber_gets_the_ordinary_answer_and_no_message(
        self, api: Api, fake: FakeHlr
    ) -> None:
        live, dead, odd = [await opened(api, turn) for turn in (1, 2, 3)]
        fake.tell(live.msisdn)
        fake.tell(dead.msisdn, Fate.TAKEN_BACK)
        fake.tell(odd.msisdn, line_type="voip")
        before = counted("codes", outcome="withheld")
        answers = [await ask(someone) for someone in (live, dead, odd)]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert {frozenset(answer.json()) for answer in answers} == {frozenset(answers[0].json())}
        assert [await messages(someone) for someone in (live, dead, odd)] == [1, 0, 0]
        assert counted("codes", outcome="withheld") == before + 2

    async def test_a_register_that_is_gone_turns_nobody_away(self, api: Api, fake: FakeHlr) -> None:
        fake.misbehave(Fault.FAIL, times=3)
        someone = await opened(api, 1)
        await someone.send()
        assert await messages(someone) == 1


# Test numbers


def test_numbers(until: str) -> str:
    return f'\n[[test_numbers]]\nnumber = "{TEST_NUMBER}"\ncode = "{CODE}"\nuntil = {until}\n'


test_numbers.__test__ = False  # type: ignore[attr-defined]  # a text, not a test


async def test_a_test_number_is_sent_nothing_and_its_code_is_the_policys(
    api: Api, services: Services, operator: Any
) -> None:
    await press(services)
    await publish(services, ("work_bits = 18", "work_bits = 8"), more=test_numbers("2026-11-23"))
    someone = Applicant(api, applicant(api).person, TEST_NUMBER)
    await someone.open()
    used = counted("codes", outcome="test")
    for _ in range(12):
        assert (await ask(someone)).status_code == 202, "no budget of a number holds it back"
    assert await messages(someone) == 0
    assert counted("codes", outcome="test") == used + 12
    for left in (4, 3):
        body = refused(await api.post(f"{someone.path}/otp/check", {"code": "000000"}), 422, "otp-rejected")
        assert body["attempts_left"] == left
    assert (await api.post(f"{someone.path}/otp/check", {"code": CODE})).json()["status"] == "verified"
    await History(services.db, services.redis).drain()
    async with services.db.read(operator) as reader:
        rows = await store.of_subject(reader, someone.uuid)
    sends = [(each.outcome, each.price) for each in rows if each.kind == "send"]
    assert sends == [("test", 0)] * 12, "staff see them for what they are"


async def test_five_tries_hold_for_a_test_number(api: Api, services: Services) -> None:
    await publish(services, more=test_numbers("2026-11-23"))
    made = (await api.post("/v1/verifications", {"to": TEST_NUMBER})).json()["id"]
    for left in (4, 3, 2, 1, 0):
        answer = await api.post(f"/v1/verifications/{made}/check", {"code": "000000"})
        assert refused(answer, 422, "otp-rejected")["attempts_left"] == left
    refused(await api.post(f"/v1/verifications/{made}/check", {"code": CODE}), 410, "otp-exhausted")


async def test_right_answers_of_a_test_number_make_no_room_for_others(api: Api, services: Services) -> None:
    """Else whoever knows a test number could verify it a hundred times, and then pump."""
    gate = [
        ("work_bits = 18", f"work_bits = {BITS}"),
        ("floor = 200, per_cent = 100", "floor = 1, per_cent = 100"),
    ]
    await publish(services, *gate, more=test_numbers("2026-11-23"))
    for _ in range(3):
        made = (await api.post("/v1/verifications", {"to": TEST_NUMBER})).json()["id"]
        await api.post(f"/v1/verifications/{made}/check", {"code": CODE})
    assert (await api.post("/v1/verifications", {"to": "+4915112340001"})).status_code == 202
    refused(await api.post("/v1/verifications", {"to": "+4915112340002"}), 429, "limit-exceeded")


async def test_an_expired_test_number_is_an_ordinary_number(
    api: Api, services: Services, clock: ManualClock
) -> None:
    await publish(services, more=test_numbers("2026-11-23"))
    clock.advance(timedelta(days=1))
    someone = Applicant(api, applicant(api).person, TEST_NUMBER)
    await someone.open()
    await someone.send()
    assert await messages(someone) == 1
    real = await api.code(TEST_NUMBER)
    if real != CODE:
        refused(await api.post(f"{someone.path}/otp/check", {"code": CODE}), 422, "otp-rejected")
    refused(await ask(someone), 429, "limit-exceeded")
