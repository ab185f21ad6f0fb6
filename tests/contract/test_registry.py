"""One suite for every Registry; then what only a real server can do to us."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from service.adapters.caller import Caller
from service.adapters.registry.http import HttpRegistry
from service.documents.model import DocumentFacts, DocumentType, RegistryAnswer
from service.documents.ports import NullRegistry, Registry
from service.kit.clock import ManualClock
from service.kit.mrz import MrzDate
from tests.fakes.registry import FakeRegistry, Fate
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
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRegistry]:
    async with FakeRegistry() as server:
        yield server


@pytest.fixture
async def http(fake: FakeRegistry) -> AsyncIterator[HttpRegistry]:
    port = HttpRegistry(Caller(fake.url, ManualClock(NOW), deadline_s=30, pause_s=0))
    yield port
    await port.close()


@pytest.fixture(params=["null", "http"])
def registry(request: pytest.FixtureRequest, http: HttpRegistry) -> Registry:
    return NullRegistry() if request.param == "null" else http


async def test_a_registry_that_cannot_say_says_so(fake: FakeRegistry, registry: Registry) -> None:
    fake.closed = True
    assert await registry.look_up(ANNA) is RegistryAnswer.NOT_AVAILABLE


async def test_a_registry_never_raises(fake: FakeRegistry, registry: Registry) -> None:
    fake.misbehave(Fault.DIE_BEFORE, times=10)
    assert await registry.look_up(ANNA) is RegistryAnswer.NOT_AVAILABLE


async def test_the_history_of_a_document(fake: FakeRegistry, http: HttpRegistry) -> None:
    assert await http.look_up(ANNA) is RegistryAnswer.NO
    fake.tell("NLD", "NX1234567", "DE JONG")
    assert await http.look_up(ANNA) is RegistryAnswer.YES
    fake.tell("NLD", "NX1234567", "DE JONG", Fate.LOST)
    assert await http.look_up(ANNA) is RegistryAnswer.NO
    fake.tell("NLD", "NX1234567", "DE JONG", Fate.FOUND)
    assert await http.look_up(ANNA) is RegistryAnswer.YES


async def test_a_document_of_somebody_else_is_a_no(fake: FakeRegistry, http: HttpRegistry) -> None:
    fake.tell("NLD", "NX1234567", "SMIT")
    assert await http.look_up(ANNA) is RegistryAnswer.NO


async def test_what_is_asked(fake: FakeRegistry, http: HttpRegistry) -> None:
    await http.look_up(ANNA)
    assert fake.requests[0].body == {
        "type": "passport",
        "issuing_state": "NLD",
        "number": "NX1234567",
        "primary_identifier": "DE JONG",
        "secondary_identifier": "ANNA MARIA",
        "names_truncated": False,
        "birth_date": "1974-08",
        "nationality": "NLD",
        "expires_on": "2032-04-15",
        "personal_number": None,
    }


async def test_an_attempt_that_was_lost_is_repeated(fake: FakeRegistry, http: HttpRegistry) -> None:
    fake.tell("NLD", "NX1234567", "DE JONG")
    fake.misbehave(Fault.DIE_MIDWAY)
    assert await http.look_up(ANNA) is RegistryAnswer.YES
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    "fault", [Fault.FAIL, Fault.DIE_BEFORE, Fault.DIE_MIDWAY, Fault.GARBAGE, Fault.HUGE, Fault.EMPTY]
)
async def test_without_a_clear_word_nothing_is_confirmed(
    fake: FakeRegistry, http: HttpRegistry, fault: Fault
) -> None:
    fake.tell("NLD", "NX1234567", "DE JONG")
    fake.misbehave(fault, times=3)
    assert await http.look_up(ANNA) is RegistryAnswer.NOT_AVAILABLE


async def test_a_hanging_registry_is_not_waited_for(fake: FakeRegistry) -> None:
    port = HttpRegistry(Caller(fake.url, ManualClock(NOW), deadline_s=0.2))
    fake.misbehave(Fault.HOLD_AFTER)
    assert await port.look_up(ANNA) is RegistryAnswer.NOT_AVAILABLE
    await port.close()


@pytest.mark.parametrize("word", [True, 1, "YES", " yes", ["yes"], {"yes": True}, None, "maybe", "confirmed"])
async def test_only_the_word_itself_is_a_yes(
    fake: FakeRegistry, http: HttpRegistry, word: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (200, {"answer": word}))
    assert await http.look_up(ANNA) is RegistryAnswer.NOT_AVAILABLE


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 404, 422])
async def test_a_yes_counts_with_status_200_alone(
    fake: FakeRegistry, http: HttpRegistry, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", lambda _: (status, {"answer": "yes"}))
    assert await http.look_up(ANNA) is RegistryAnswer.NOT_AVAILABLE
