"""One face for every number: whatever is known of it, the answers differ in ids and instants alone, and in no wait.

The wait is told by the recorded durations of earlier messages and a sleep that is handed in: no clock decides.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.infra.telemetry import CODES, LIMITS
from service.kit.clock import ManualClock
from service.kit.ids import parse
from service.limits.model import Limit
from service.otp import store
from service.otp.ports import SenderUnavailable, SenderUncertain, SendFailed
from service.otp.volatile.challenges import CHECK
from service.otp.workflow.dispatch import Pace
from tests.api.conftest import Api, Caller
from tests.api.verifications.conftest import Teller
from tests.api.verifications.faces import block_number
from tests.api.verifications.test_verification_walk import PATH, drained, other_than
from tests.fakes.pipeline import applicant

FRESH = "+4915112345600"
NUMBERS = {
    "fresh": FRESH,
    "known": "+4915112345601",
    "registered here": "+4915112345602",
    "registered elsewhere": "+4915112345603",
    "stopped by its holder": "+4915112345604",
    "in a guarded block": "+4915119995605",
    "full everywhere": "+4915112345606",
}
HELD_BACK = {
    "stopped by its holder": Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
    "in a guarded block": Limit.OTP_BLOCKED_BLOCK,
    "full everywhere": Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
}


@pytest.fixture
def instead(teller: Teller) -> Instead:
    return Instead(senders=[teller])


def face(answer: httpx2.Response) -> tuple[int, tuple[str, ...], str]:
    """Status, header names and values, and the body, but for ids, instants and the number's own digits."""
    text = re.sub(r"ver_[0-9a-f]{32}", "ID", answer.text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "AT", text)
    text = re.sub(r"•••• \d{3}", "•••• NNN", text)
    headers = tuple(f"{name}: {value}" for name, value in answer.headers.items() if name != "x-trace-id")
    return answer.status_code, headers, text


@dataclass
class Walk:
    """Every answer about one number, as its caller sees it."""

    answers: list[httpx2.Response] = field(default_factory=list)

    @property
    def faces(self) -> list[tuple[int, tuple[str, ...], str]]:
        return [face(answer) for answer in self.answers]


async def prepared(api: Api, caller: Caller, services: Services, clock: ManualClock) -> None:
    """Something is known of each number, and none of it is this client's doing."""
    other = await caller()
    await services.operators.add("other", "Other")
    stranger = await caller(slug="other")
    assert (await other.post(PATH, {"to": NUMBERS["known"]})).status_code == 202
    for asker, number in ((other, "registered here"), (stranger, "registered elsewhere")):
        one = applicant(asker, 1)
        one.msisdn = NUMBERS[number]
        await one.open(channel="shop")
    await block_number(services, api.operator, NUMBERS["stopped by its holder"])
    await services.blocks.set(
        api.operator,
        Limit.OTP_BLOCKED_BLOCK,
        until=clock.now() + timedelta(days=1),
        reason="unanswered-messages",
        actor=Actor.system("guard"),
        made_by="guard",
        place=NUMBERS["in a guarded block"][:-4],
    )
    for turn in range(15):
        bomber = await caller(slug="demo" if turn % 2 else "other")
        answer = await bomber.post(PATH, {"to": NUMBERS["full everywhere"]})
        assert answer.status_code == 202
    clock.advance(timedelta(minutes=5))


async def walked(api: Api, clock: ManualClock, number: str) -> Walk:
    """A send, a look, wrong codes, an early and a late resend, the way to the end of tries."""
    walk = Walk()

    async def note(call: Any) -> httpx2.Response:
        walk.answers.append(await call)
        return walk.answers[-1]

    sent = (await note(api.post(PATH, {"to": number, "client_ref": "r", "language": "de"}))).json()
    path = f"{PATH}/{sent['id']}"
    await note(api.get(path))
    await note(api.post(PATH, {"to": number}))  # too early: by this client's own doing
    await note(api.post(f"{path}/resend"))
    await note(api.post(f"{path}/check", {"code": WRONG}))
    clock.advance(timedelta(seconds=30))
    await note(api.post(f"{path}/resend"))
    for _ in range(6):
        await note(api.post(f"{path}/check", {"code": WRONG}))
    await note(api.get(path))
    clock.advance(timedelta(minutes=11))
    await note(api.post(f"{path}/check", {"code": WRONG}))
    await note(api.get(path))
    return walk


WRONG = "000000"


async def test_every_number_has_the_same_face(
    api: Api,
    caller: Caller,
    services: Services,
    clock: ManualClock,
    teller: Teller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.otp.workflow.engine.new_code", lambda: "135790")
    await prepared(api, caller, services, clock)
    before = {name: teller.to(number) for name, number in NUMBERS.items()}
    walks = {name: await walked(api, clock, number) for name, number in NUMBERS.items()}
    sent = {name: teller.to(number) - before[name] for name, number in NUMBERS.items()}
    assert sent == {name: 0 if name in HELD_BACK else 2 for name in NUMBERS}
    statuses = [answer.status_code for answer in walks["fresh"].answers]
    assert statuses == [202, 200, 429, 429, 422, 202, 422, 422, 422, 422, 422, 410, 200, 410, 200]
    for name, walk in walks.items():
        assert walk.faces == walks["fresh"].faces, name


async def test_under_a_key_too(
    api: Api, caller: Caller, services: Services, clock: ManualClock, teller: Teller
) -> None:
    await prepared(api, caller, services, clock)
    found = {}
    for name, number in NUMBERS.items():
        walk = Walk()
        for _ in range(2):
            walk.answers.append(await api.post(PATH, {"to": number}, headers={"Idempotency-Key": number}))
        assert walk.answers[0].content == walk.answers[1].content
        found[name] = walk.faces
    assert len({tuple(faces) for faces in found.values()}) == 1


async def test_silent_refusals_are_in_metrics_and_in_the_history(
    api: Api, caller: Caller, services: Services, clock: ManualClock
) -> None:
    await prepared(api, caller, services, clock)

    def counted(counter: Any, *labels: str) -> float:
        return float(counter.labels(*labels)._value.get())

    for name, limit in HELD_BACK.items():
        before = counted(CODES, "suppressed"), counted(LIMITS, limit.value, "enforced")
        answer = await api.post(PATH, {"to": NUMBERS[name]})
        assert answer.status_code == 202
        after = counted(CODES, "suppressed"), counted(LIMITS, limit.value, "enforced")
        assert after == (before[0] + 1, before[1] + 1)
        await drained(services)
        async with services.db.read(api.operator) as reader:
            [event] = await store.of_subject(reader, parse("ver", answer.json()["id"]))
        assert (event.kind, event.outcome, event.limit) == ("send", "suppressed", limit.value)


@pytest.mark.parametrize(
    "failure", [SenderUnavailable("teller", "down"), SenderUncertain("teller", "lost")], ids=["down", "lost"]
)
async def test_where_nothing_can_be_sent_no_number_is_told_apart(
    api: Api,
    caller: Caller,
    services: Services,
    clock: ManualClock,
    teller: Teller,
    failure: SendFailed,
) -> None:
    """An outage of the sender: a number that is held back fails as the others do, and comes back with them. A failure
    that may be one number's own is nobody else's."""
    await prepared(api, caller, services, clock)
    teller.fails = failure
    walks = {name: Walk() for name in NUMBERS}
    for _ in range(2):
        for name, walk in walks.items():
            walk.answers.append(await api.post(PATH, {"to": NUMBERS[name]}))
    if isinstance(failure, SenderUnavailable):
        assert {answer.status_code for walk in walks.values() for answer in walk.answers} == {503}
        assert len({tuple(walk.faces) for walk in walks.values()}) == 1
    else:
        assert [answer.status_code for answer in walks["fresh"].answers] == [503, 429]
        assert [answer.status_code for answer in walks["full everywhere"].answers] == [202, 429]
    teller.fails = None
    clock.advance(timedelta(minutes=1))
    after = {
        name: await api.post(PATH, {"to": number}, headers={"Idempotency-Key": name.replace(" ", "-")})
        for name, number in NUMBERS.items()
    }
    assert {answer.status_code for answer in after.values()} == {202}
    assert len({face(answer) for answer in after.values()}) == 1


# How long it takes


class Sleeps:
    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


@pytest.fixture
def paced(services: Services) -> Callable[[], Sleeps]:
    """The application's pace with a sleep of the test's; called again it forgets."""
    dispatch = services.verifications._engine.tools.dispatch

    def put() -> Sleeps:
        sleeps = Sleeps()
        dispatch.pace = Pace(sleeps)
        return sleeps

    return put


async def test_what_is_held_back_waits_as_long_as_a_message_took(
    api: Api, services: Services, paced: Callable[[], Sleeps], teller: Teller
) -> None:
    sleeps = paced()
    pace = services.verifications._engine.tools.dispatch.pace
    await block_number(services, api.operator, FRESH)
    assert (await api.post(PATH, {"to": "+4915112345699"})).status_code == 202
    [took] = pace._took
    assert sleeps.asked == []  # what is sent waits for its sender alone
    await api.post(PATH, {"to": FRESH})
    assert sleeps.asked == [took]
    assert teller.to(FRESH) == 0


async def test_the_wait_is_one_of_the_last_messages_and_not_always_the_same(
    api: Api, caller: Caller, services: Services, paced: Callable[[], Sleeps]
) -> None:
    sleeps = paced()
    pace = services.verifications._engine.tools.dispatch.pace
    for turn in range(100):
        pace.note(float(turn))
    await block_number(services, api.operator, FRESH)
    for _ in range(24):
        other = await caller()
        assert (await other.post(PATH, {"to": FRESH})).status_code == 202
    assert len(sleeps.asked) == 24
    assert set(sleeps.asked) <= {float(turn) for turn in range(36, 100)}
    assert len(set(sleeps.asked)) > 1


async def test_a_right_code_and_a_wrong_one_are_compared_the_same_way(
    api: Api, services: Services, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One script, the same keys and arguments in number and kind, whether the number is held back or not."""
    await block_number(services, api.operator, FRESH)
    asked: list[tuple[int, int]] = []
    real = services.redis.run

    async def run(script: Any, keys: Any, args: Any) -> Any:
        if script is CHECK:
            asked.append((len(keys), len(args)))
        return await real(script, keys, args)

    ids = [(await api.post(PATH, {"to": number})).json()["id"] for number in (FRESH, "+4915112345699")]
    monkeypatch.setattr(services.redis, "run", run)
    for ref in ids:
        await api.post(f"{PATH}/{ref}/check", {"code": other_than(teller.code)})
    assert len(asked) == 2
    assert asked[0] == asked[1]
