"""A registry's yes confirms once a code comes back from a number on its record; lost documents and the dead."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from service.compose import Instead, Services
from service.documents.model import DocumentFacts, Phones, RegistryAnswer, RegistryReply
from service.kit.clock import ManualClock
from service.kit.mrz import Layout
from service.kit.people import InventedPerson, person
from service.otp.workflow import Codes
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import (
    Applicant,
    TurnableList,
    TurnableRegistry,
    applicant,
    card,
    is_on_record,
    number,
    refused,
    work,
)

OTHER = "+4916099999999"


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry()


@pytest.fixture
def lost() -> TurnableList:
    return TurnableList()


@pytest.fixture
def deaths() -> TurnableList:
    return TurnableList()


@pytest.fixture
def instead(registry: TurnableRegistry, lost: TurnableList, deaths: TurnableList) -> Instead:
    return Instead(registry=registry, lost_stolen=lost, deaths=deaths)


def carded(who: InventedPerson) -> InventedPerson:
    """The same person with a card."""
    return person(
        who.family_name,
        who.given_names,
        who.birth_date,
        sex=who.sex,
        number="UX7654321",
        personal_number=who.personal_number,
        expiry=who.expiry,
        layout=Layout.TD1,
    )


def proofs(made: dict[str, Any]) -> list[str]:
    return [each["proof"] for each in made["evidence"]["documents"]]


def finding(shown: dict[str, Any], name: str) -> tuple[str, str]:
    return next((each["outcome"], each["detail"]) for each in shown["checks"] if each["id"] == name)


async def patch(one: Applicant, **changes: Any) -> dict[str, Any]:
    answer = await one.api.ask("PATCH", one.path, json={"subscriber": changes})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def signals(services: Services, one: Applicant) -> Any:
    async with services.db.read(one.api.operator) as reader:
        history = await services.risk.history(reader, one.uuid)
    return history[-1].signals.values


async def test_first_the_document_then_the_code(
    api: Api, services: Services, registry: TurnableRegistry
) -> None:
    one = applicant(api)
    await one.open()
    shown = await one.show()
    assert shown["proof"] == "consistent"
    assert registry.phones == [Phones(None, one.contact)], "a new line's own number is nobody's yet"
    assert finding(shown, "registry.answer")[0] == "pass"
    assert finding(shown, "registry.possession")[0] == "skipped"
    await one.send()
    await one.answer()
    assert proofs(await one.get()) == ["consistent"], "the new SIM is in a hand, perhaps the dealer's"
    await one.prove()
    assert proofs(await one.get()) == ["confirmed"]
    decided = await one.submit()
    assert (decided["state"], decided["decision"]["assurance"]) == ("approved", "substantial")
    assert proofs(decided) == ["confirmed"]
    seen = await signals(services, one)
    assert (seen["proof"], seen["registry_answer"]) == ("confirmed", "yes")


async def test_first_the_code_then_the_document(api: Api) -> None:
    one = applicant(api)
    await one.open()
    await one.prove()
    shown = await one.show()
    assert shown["proof"] == "confirmed"
    assert finding(shown, "registry.possession") == (
        "pass",
        "Possession of what the registry knows: a code came back from a number that is on its record.",
    )


async def test_leaked_data_with_a_number_of_ones_own_stay_consistent(
    api: Api, services: Services, registry: TurnableRegistry
) -> None:
    registry.knows_numbers = False
    one = applicant(api)
    await one.open()
    shown = await one.show()
    assert "none of the numbers" in finding(shown, "registry.possession")[1]
    await one.send()
    await one.answer()
    await one.prove()
    decided = await one.submit()
    assert proofs(decided) == ["consistent"]
    assert decided["decision"]["assurance"] == "basic"
    assert decided["decision"]["conditions"]["probation_until"] is not None
    assert (await signals(services, one))["registry_answer"] == "yes"


async def test_who_may_not_see_evidence_learns_only_what_it_proved_itself(
    caller: Caller, registry: TurnableRegistry
) -> None:
    plain = await caller(scopes=[scope for scope in Scope if scope is not Scope.EVIDENCE])
    told = []
    for turn, knows in ((1, True), (2, False)):
        registry.knows_numbers = knows
        one = applicant(plain, turn)
        await one.open()
        shown = await one.show()
        told.append({**shown, "id": "", "expires_on": ""})
        assert "registry" not in json.dumps(await one.get())
        await one.send("contact")  # taken from both: the answer does not tell whose number is on record
    assert told[0] == told[1]


async def test_another_contact_takes_the_proof_away_and_only_a_new_document_brings_it_back(
    api: Api, registry: TurnableRegistry
) -> None:
    one = applicant(api)
    await one.open()
    await one.show()
    await one.prove()
    assert proofs(await patch(one, email="a@example.org")) == ["confirmed"]
    assert proofs(await patch(one, contact_msisdn=OTHER)) == ["consistent"]
    one.contact = OTHER
    await one.prove()
    assert proofs(await one.get()) == ["consistent"], "the registry was asked about the old one"
    assert len(registry.asked) == 1
    shown = await one.show()
    assert shown["proof"] == "confirmed"
    assert registry.phones[-1] == Phones(None, OTHER)


async def test_a_code_that_went_to_the_old_contact_is_wrong_for_the_new(api: Api) -> None:
    one = applicant(api)
    await one.open()
    await one.send("contact")
    old = one.contact
    await patch(one, contact_msisdn=OTHER)
    code = {"code": await api.code(old)}
    refused(await api.post(f"{one.path}/otp/check", code), 422, "otp-rejected")
    assert (await one.show())["proof"] == "consistent"


async def test_a_contact_that_changes_while_its_code_is_compared_is_not_proved(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is right, and then the contact is another one: nothing may be recorded of it."""
    one = applicant(api)
    await one.open()
    await one.send("contact")
    check: Callable[..., Awaitable[Any]] = Codes.check

    async def slow(self: Codes, **asked: Any) -> Any:
        found = await check(self, **asked)
        await patch(one, contact_msisdn=OTHER)
        return found

    code = {"code": await api.code(one.contact)}
    with monkeypatch.context() as patched:
        patched.setattr(Codes, "check", slow)
        refused(await api.post(f"{one.path}/otp/check", code), 410, "otp-expired")
    refused(await api.post(f"{one.path}/otp/check", code), 410, "otp-expired")
    assert not [each for each in (await one.get())["evidence"]["otp"] if each["status"] == "verified"]
    assert (await one.show())["proof"] == "consistent"


@pytest.mark.parametrize(
    ("changes", "asked", "phones"),
    [
        ({"family_name": "Somebodyelse"}, 1, None),
        ({"email": "a@example.org"}, 1, None),
        ({"contact_msisdn": OTHER}, 2, OTHER),
    ],
)
async def test_a_correction_while_others_are_asked_asks_again_only_about_a_new_number(
    api: Api,
    registry: TurnableRegistry,
    lost: TurnableList,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    asked: int,
    phones: str | None,
) -> None:
    one = applicant(api)
    await one.open()
    lost.says = RegistryAnswer.NOT_AVAILABLE  # never remembered, so that each time it is asked shows
    look_up, corrected = registry.look_up, []

    async def slow(document: DocumentFacts, numbers: Phones) -> RegistryReply:
        found = await look_up(document, numbers)
        if not corrected:
            corrected.append(await patch(one, **changes))
        return found

    monkeypatch.setattr(registry, "look_up", slow)
    shown = await one.show()
    assert (len(registry.asked), len(lost.asked)) == (asked, 1)
    assert registry.phones[-1].contact == (phones or one.contact)
    assert (shown["outcome"] == "fail") is ("family_name" in changes)
    assert is_on_record(shown)


async def test_a_correction_that_breaks_the_document_keeps_no_tie_to_the_old_contact(
    api: Api, registry: TurnableRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = applicant(api)
    await one.open()
    look_up, corrected = registry.look_up, []

    async def slow(document: DocumentFacts, numbers: Phones) -> RegistryReply:
        found = await look_up(document, numbers)
        if not corrected:
            corrected.append(await patch(one, contact_msisdn=OTHER, family_name="Somebodyelse"))
        return found

    monkeypatch.setattr(registry, "look_up", slow)
    assert (await one.show())["outcome"] == "fail"
    one.contact = OTHER
    await one.prove()
    assert proofs(await patch(one, family_name=one.person.family_name)) == ["consistent"]
    assert len(registry.asked) == 1


async def test_a_listed_document_is_denied_and_the_applicant_is_not_told_why(
    api: Api, services: Services, lost: TurnableList
) -> None:
    lost.says = RegistryAnswer.YES
    one = applicant(api)
    await one.open()
    shown = await one.show()
    assert (shown["outcome"], shown["reason"], shown["proof"]) == ("refer", "not-accepted", "consistent")
    assert finding(shown, "lost_stolen.answer")[0] == "fail"
    await one.send()
    await one.answer()
    await one.prove()
    decided = await one.submit()
    assert decided["state"] == "denied"
    (reason,) = [each for each in decided["decision"]["reasons"] if each["rule"] == "document-revoked"]
    assert reason["code"] == "not-accepted"
    assert "lost" not in reason["text"]
    seen = await signals(services, one)
    assert (seen["document_revoked"], seen["holder_deceased"], seen["proof"]) == (True, False, "consistent")


async def test_a_listed_document_is_listed_whatever_is_shown_beside_it(
    api: Api, services: Services, lost: TurnableList
) -> None:
    lost.says = RegistryAnswer.YES
    one = applicant(api)
    await one.open()
    assert (await one.show())["outcome"] == "refer"
    lost.says = RegistryAnswer.NO
    another = await one.show(lines=carded(one.person).lines)
    assert another["outcome"] == "pass", "the better one, on which the decision rests"
    await one.send()
    await one.answer()
    await one.prove()
    assert (await one.submit())["state"] == "denied"
    assert (await signals(services, one))["document_revoked"] is True


async def test_somebody_who_is_recorded_as_dead_is_looked_at(
    api: Api, services: Services, deaths: TurnableList
) -> None:
    deaths.says = RegistryAnswer.YES
    one = applicant(api)
    decided = await one.decided()
    assert decided["state"] == "in_review"
    assert "holder-deceased" in [each["rule"] for each in decided["decision"]["reasons"]]
    assert (await signals(services, one))["holder_deceased"] is True


async def test_lists_that_are_away_leave_a_signal_unknown_and_nothing_more(
    api: Api, services: Services, lost: TurnableList, deaths: TurnableList
) -> None:
    lost.says = deaths.says = RegistryAnswer.NOT_AVAILABLE
    one = applicant(api)
    assert (await one.decided())["state"] == "approved"
    seen = await signals(services, one)
    assert not {"document_revoked", "holder_deceased"} & set(seen)
    kept = await api.get(one.path)
    assert "not_available" not in kept.text


async def test_a_contact_whose_card_is_young_shows_nothing(
    api: Api, services: Services, clock: ManualClock
) -> None:
    """The contact is a line here whose SIM was changed an hour ago: that is how numbers are stolen."""
    holder = applicant(api, 1)
    await holder.decided(iccid=card(1))
    await work(services)
    swap = Applicant(api, holder.person, holder.msisdn)
    clock.advance(timedelta(days=1))
    await swap.open(purpose="sim_swap", iccid=card(2), subscriber=None)
    await swap.show()
    await swap.send("line")
    await swap.answer()
    await swap.submit()
    await work(services)
    clock.advance(timedelta(hours=1))
    thief = applicant(api, 2)
    await thief.open(subscriber={**thief.person.subscriber(), "contact_msisdn": number(1)})
    await thief.show()
    await thief.send()
    await thief.answer()
    await thief.prove()
    decided = await thief.submit()
    assert proofs(decided) == ["consistent"]
    assert (await signals(services, thief))["proof"] == "consistent"


async def test_the_number_that_is_bought_is_no_contact_from_before(
    api: Api, registry: TurnableRegistry
) -> None:
    one = applicant(api)
    await one.open(subscriber={**one.person.subscriber(), "contact_msisdn": one.msisdn})
    await one.show()
    assert registry.phones == [Phones(None, None)]


async def test_a_contact_whose_holder_is_new_shows_nothing(
    api: Api, services: Services, clock: ManualClock
) -> None:
    """The record may be about whoever had the number before."""
    await applicant(api, 1).decided()
    await work(services)
    clock.advance(timedelta(hours=1))
    thief = applicant(api, 2)
    await thief.open(subscriber={**thief.person.subscriber(), "contact_msisdn": number(1)})
    await thief.show()
    await thief.send()
    await thief.answer()
    await thief.prove()
    assert proofs(await thief.submit()) == ["consistent"]
    assert (await signals(services, thief))["proof"] == "consistent"
