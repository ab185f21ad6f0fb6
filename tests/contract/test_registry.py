"""One suite for everyone who is asked about documents; then what only a real server can do to us."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service.adapters.caller import Breaker, Caller
from service.adapters.registry.http import HttpDeaths, HttpLostStolen, HttpRegistry
from service.documents.model import (
    NO_PHONES,
    DocumentFacts,
    DocumentType,
    Phone,
    Phones,
    RegistryAnswer,
    RegistryReply,
)
from service.documents.ports import NullDeaths, NullLostStolen, NullRegistry
from service.kit.clock import ManualClock
from service.kit.mrz import MrzDate
from tests.fakes.registry import FakeAuthority, FakeDeaths, FakeLostStolen, FakeRegistry, Fate
from tests.fakes.wire import Fault

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ANNA = DocumentFacts(
    type=DocumentType.PASSPORT,
    type_class="P",
    issuing_state="NLD",
    number="NX1234567",
    primary="DE<JONG",
    secondary="ANNA<MARIA",
    birth=MrzDate(1974, 8, None),
    nationality="NLD",
    expires_on=date(2032, 4, 15),
    personal_number="123456782",
)
LINE, CONTACT = "+4915112345678", "+4916012345678"
YES, NO, GONE = RegistryAnswer.YES, RegistryAnswer.NO, RegistryAnswer.NOT_AVAILABLE


@dataclass
class Asked:
    """One of the three over HTTP, and how to make it say yes."""

    fake: FakeAuthority
    ask: Callable[[], Awaitable[RegistryAnswer]]
    about: tuple[Any, ...]
    yes: Fate
    no: Fate

    def tell(self, fate: Fate) -> None:
        self.fake.tell(*self.about, fate=fate)


Build = Callable[[Caller], tuple[Any, Callable[[], Awaitable[RegistryAnswer]]]]


def _registry(caller: Caller) -> tuple[Any, Callable[[], Awaitable[RegistryAnswer]]]:
    port = HttpRegistry(caller)

    async def ask() -> RegistryAnswer:
        return (await port.look_up(ANNA, NO_PHONES)).answer

    return port, ask


def _lost_stolen(caller: Caller) -> tuple[Any, Callable[[], Awaitable[RegistryAnswer]]]:
    port = HttpLostStolen(caller)
    return port, lambda: port.look_up(ANNA)


def _deaths(caller: Caller) -> tuple[Any, Callable[[], Awaitable[RegistryAnswer]]]:
    port = HttpDeaths(caller)
    return port, lambda: port.look_up(ANNA)


KINDS: dict[str, tuple[type[FakeAuthority], Build, tuple[Any, ...], Fate, Fate]] = {
    "registry": (FakeRegistry, _registry, ("NLD", "NX1234567", "DE JONG"), Fate.ISSUED, Fate.LOST),
    "lost_stolen": (FakeLostStolen, _lost_stolen, ("NLD", "NX1234567"), Fate.LOST, Fate.FOUND),
    "deaths": (FakeDeaths, _deaths, ("DE JONG", "ANNA MARIA", "1974-08"), Fate.DIED, Fate.STRUCK),
}
every = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
async def asked(kind: str) -> AsyncIterator[Asked]:
    make, build, about, yes, no = KINDS[kind]
    async with make() as fake:
        port, ask = build(Caller(fake.url, ManualClock(NOW), deadline_s=30, pause_s=0))
        yield Asked(fake, ask, about, yes, no)
        await port.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeRegistry]:
    async with FakeRegistry() as server:
        yield server


@pytest.fixture
async def http(fake: FakeRegistry) -> AsyncIterator[HttpRegistry]:
    port = HttpRegistry(Caller(fake.url, ManualClock(NOW), deadline_s=30, pause_s=0))
    yield port
    await port.close()


async def test_the_null_twins_cannot_say() -> None:
    assert await NullRegistry().look_up(ANNA, Phones(LINE, CONTACT)) == RegistryReply(GONE)
    assert await NullLostStolen().look_up(ANNA) is GONE
    assert await NullDeaths().look_up(ANNA) is GONE


@every
async def test_who_cannot_say_says_so(asked: Asked) -> None:
    asked.tell(asked.yes)
    asked.fake.closed = True
    assert await asked.ask() is GONE


@every
async def test_yes_no_and_a_history(asked: Asked) -> None:
    assert await asked.ask() is NO
    for fate, answer in ((asked.yes, YES), (asked.no, NO), (asked.yes, YES)):
        asked.tell(fate)
        assert await asked.ask() is answer


@every
async def test_an_attempt_that_was_lost_is_repeated(asked: Asked) -> None:
    asked.tell(asked.yes)
    asked.fake.misbehave(Fault.DIE_MIDWAY)
    assert await asked.ask() is YES
    first, second = asked.fake.requests
    assert first.body == second.body


@every
@pytest.mark.parametrize(
    "fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_MIDWAY, Fault.GARBAGE, Fault.HUGE, Fault.EMPTY]
)
async def test_without_a_clear_word_nobody_is_confirmed_or_condemned(asked: Asked, fault: Fault) -> None:
    asked.tell(asked.yes)
    asked.fake.misbehave(fault, times=3)
    assert await asked.ask() is GONE


@every
async def test_the_answer_to_another_question_is_none(asked: Asked) -> None:
    asked.tell(asked.yes)
    asked.fake.swapped = True
    assert await asked.ask() is GONE


@every
async def test_one_that_names_no_question_is_taken(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked.fake, "answer", lambda _: (200, {"answer": "yes"}))
    assert await asked.ask() is YES


@every
@pytest.mark.parametrize("word", [True, 1, "YES", " yes", ["yes"], {"yes": True}, None, "maybe", "confirmed"])
async def test_only_the_word_itself_is_a_yes(
    asked: Asked, word: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked.fake, "answer", lambda _: (200, {"answer": word}))
    assert await asked.ask() is GONE


@every
@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 404, 422])
async def test_a_yes_counts_with_status_200_alone(
    asked: Asked, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked.fake, "answer", lambda _: (status, {"answer": "yes"}))
    assert await asked.ask() is GONE


@every
async def test_one_that_hangs_is_not_waited_for(kind: str) -> None:
    make, build, *_ = KINDS[kind]
    async with make() as fake:
        port, ask = build(Caller(fake.url, ManualClock(NOW), deadline_s=0.2))
        fake.misbehave(Fault.HOLD_AFTER)
        assert await ask() is GONE
        await port.close()


@every
async def test_one_that_is_down_is_left_alone_and_then_tried_again(kind: str) -> None:
    make, build, about, yes, _ = KINDS[kind]
    clock = ManualClock(NOW)
    async with make() as fake:
        fake.tell(*about, fate=yes)
        breaker = Breaker(clock, threshold=3, rest=timedelta(seconds=10))
        port, ask = build(Caller(fake.url, clock, deadline_s=30, pause_s=0, breaker=breaker))
        fake.misbehave(Fault.FAIL, times=3)
        assert await ask() is GONE
        assert await ask() is GONE
        assert len(fake.requests) == 3, "the breaker is open: nothing was sent"
        clock.advance(timedelta(seconds=11))
        assert await ask() is YES
        await port.close()


async def test_a_document_of_somebody_else_is_a_no(fake: FakeRegistry, http: HttpRegistry) -> None:
    fake.tell("NLD", "NX1234567", "SMIT", fate=Fate.ISSUED)
    assert await http.look_up(ANNA, NO_PHONES) == RegistryReply(NO)


async def test_the_numbers_on_a_record(fake: FakeRegistry, http: HttpRegistry) -> None:
    fake.tell("NLD", "NX1234567", "DE JONG", fate=Fate.ISSUED)
    assert (await http.look_up(ANNA, Phones(LINE, CONTACT))).phones == frozenset()
    fake.numbers |= {CONTACT}
    assert (await http.look_up(ANNA, Phones(LINE, CONTACT))).phones == {Phone.CONTACT}
    fake.numbers |= {LINE}
    assert (await http.look_up(ANNA, Phones(LINE, CONTACT))).phones == {Phone.LINE, Phone.CONTACT}
    assert (await http.look_up(ANNA, Phones(None, LINE))).phones == {Phone.CONTACT}


@pytest.mark.parametrize(
    "phones", [None, "contact", {"contact": True}, ["CONTACT"], [["contact"]], [None, 1], ["line"], 5, True]
)
async def test_a_yes_whose_numbers_are_no_list_of_what_was_asked_names_none(
    fake: FakeRegistry, http: HttpRegistry, phones: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (200, {"answer": "yes", "phones": phones}))
    assert await http.look_up(ANNA, Phones(None, CONTACT)) == RegistryReply(YES)


async def test_each_is_told_what_its_question_takes_and_no_more(
    fake: FakeRegistry, http: HttpRegistry
) -> None:
    await http.look_up(ANNA, Phones(None, CONTACT))
    person = {
        "primary_identifier": "DE JONG",
        "secondary_identifier": "ANNA MARIA",
        "names_truncated": False,
        "birth_date": "1974-08",
        "nationality": "NLD",
        "personal_number": "123456782",
    }
    document = {"type": "passport", "issuing_state": "NLD", "number": "NX1234567"}
    assert _without_reference(fake) == {
        **document,
        **person,
        "expires_on": "2032-04-15",
        "phones": {"line": None, "contact": CONTACT},
    }
    async with FakeLostStolen() as listed, FakeDeaths() as deaths:
        for port, server, expected in (
            (HttpLostStolen(Caller(listed.url, ManualClock(NOW))), listed, document),
            (HttpDeaths(Caller(deaths.url, ManualClock(NOW))), deaths, {"issuing_state": "NLD", **person}),
        ):
            await port.look_up(replace(ANNA))
            assert _without_reference(server) == expected
            await port.close()


def _without_reference(fake: FakeAuthority) -> dict[str, Any]:
    body = dict(fake.requests[-1].body)
    assert len(body.pop("reference")) == 16
    return body
