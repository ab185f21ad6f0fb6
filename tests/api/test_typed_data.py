"""What is typed: corrected, partial, one name, missing altogether; and never shown again."""

import json
from datetime import date
from random import Random
from typing import Any

import pytest

from service.compose import Instead, Services
from service.documents.model import DocumentFacts, Phones, RegistryAnswer, RegistryReply
from service.kit.people import invent, person
from tests.api.conftest import Api
from tests.fakes.pipeline import (
    PATH,
    TODAY,
    Applicant,
    TurnableRegistry,
    applicant,
    refused,
    somebody,
    work,
)


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry(RegistryAnswer.NOT_AVAILABLE)


@pytest.fixture
def instead(registry: TurnableRegistry) -> Instead:
    return Instead(registry=registry)


async def patch(one: Applicant, **changes: Any) -> Any:
    answer = await one.api.ask("PATCH", one.path, json={"subscriber": changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def stored(services: Services, one: Applicant) -> Any:
    from service.registration import store

    async with services.db.read(one.api.operator) as reader:
        registration = await store.load(reader, one.uuid)
        return await services.subscribers.read(reader, registration.subscriber_id)


# PATCH


async def test_a_correction_judges_the_documents_again(api: Api) -> None:
    one = applicant(api)
    await one.open(subscriber={**one.person.subscriber(), "family_name": "Somebodyelse"})
    shown = await one.show()
    assert (shown["outcome"], shown["reason"]) == ("fail", "details-disagree")
    made = await patch(one, family_name=one.person.family_name)
    assert made["evidence"]["documents"] == [{"id": shown["id"], "outcome": "pass", "proof": "consistent"}]
    made = await patch(one, birth_date="1950-01-01")
    assert made["evidence"]["documents"][0]["outcome"] == "fail"
    made = await patch(one, birth_date=one.person.birth_date.isoformat())
    assert made["evidence"]["documents"][0]["outcome"] == "pass"
    await one.send()
    await one.answer()
    assert (await one.submit())["state"] == "approved"


async def test_three_corrections_and_no_more(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.open()
    for email in ("a@example.org", "b@example.org", "c@example.org"):
        await patch(one, email=email)
    answer = await api.ask("PATCH", one.path, json={"subscriber": {"email": "d@example.org"}})
    refused(answer, 409, "state-conflict")
    assert (await stored(services, one))["email"] == "c@example.org"


async def test_a_refused_correction_is_not_counted(api: Api) -> None:
    one = applicant(api)
    await one.open()
    for wrong in (
        {"email": "no"},
        {"birth_date": "3000"},
        {"family_name": None},
        {"nickname": "x"},
        {"birth_date": "2026-12"},
    ):
        answer = await api.ask("PATCH", one.path, json={"subscriber": wrong})
        refused(answer, 422, "invalid-request")
    for email in ("a@example.org", "b@example.org", "c@example.org"):
        await patch(one, email=email)


async def test_codes_are_kept(api: Api) -> None:
    one = applicant(api)
    await one.open()
    await one.send()
    made = await patch(one, email="a@example.org")
    assert made["evidence"]["otp"] == [{"to": "line", "status": "pending"}]
    await one.answer()
    made = await patch(one, email="b@example.org")
    assert made["evidence"]["otp"] == [{"to": "line", "status": "verified"}]
    assert made["missing"] == ["document"]


async def test_what_is_given_replaces_and_the_rest_stays(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.open(subscriber={**one.person.subscriber(), "email": "a@example.org"})
    await patch(one, given_names=None, nationality="NLD")
    assert await stored(services, one) == {
        "family_name": one.person.family_name,
        "birth_date": one.person.birth_date.isoformat(),
        "nationality": "NLD",
        "email": "a@example.org",
    }


async def test_a_correction_without_a_subscriber_before(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.open(subscriber=None)
    await patch(one, contact_msisdn="+31612000001")
    assert await stored(services, one) == {"contact_msisdn": "+31612000001"}
    await one.show()
    assert (await stored(services, one))["family_name"]


async def test_a_correction_while_a_document_is_being_judged(
    api: Api, services: Services, registry: TurnableRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry is slow; meanwhile the data are corrected. The document is judged by the newer data,
    and the correction is not undone by what was read before it."""
    one = applicant(api)
    await one.open()
    look_up, asked = registry.look_up, 0

    async def slow(document: DocumentFacts, phones: Phones) -> RegistryReply:
        nonlocal asked
        asked += 1
        if asked == 1:
            await patch(one, family_name="Somebodyelse", email="new@example.org")
        return await look_up(document, phones)

    monkeypatch.setattr(registry, "look_up", slow)
    shown = await one.show()
    assert (shown["outcome"], shown["reason"]) == ("fail", "details-disagree")
    kept = await stored(services, one)
    assert (kept["family_name"], kept["email"]) == ("Somebodyelse", "new@example.org")
    assert len((await one.get())["evidence"]["documents"]) == 1


async def test_two_corrections_at_once(api: Api) -> None:
    import asyncio

    one = applicant(api)
    await one.open()
    bodies = [{"subscriber": {"email": f"{n}@example.org"}} for n in range(5)]
    answers = await asyncio.gather(*(api.ask("PATCH", one.path, json=body) for body in bodies))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, 200, 200, 409, 409]


# Partial, single, missing


@pytest.mark.parametrize(("length", "outcome"), [(4, "pass"), (7, "pass"), (10, "pass")])
async def test_partial_birth_dates(api: Api, length: int, outcome: str) -> None:
    one = applicant(api)
    born = one.person.birth_date.isoformat()[:length]
    await one.open(subscriber={**one.person.subscriber(), "birth_date": born})
    assert (await one.show())["outcome"] == outcome


async def test_a_partial_birth_date_that_disagrees(api: Api) -> None:
    one = applicant(api)
    wrong = str(one.person.birth_date.year - 1)
    await one.open(subscriber={**one.person.subscriber(), "birth_date": wrong})
    assert (await one.show())["reason"] == "details-disagree"


@pytest.mark.parametrize("typed", [{"given_names": None}, {}])
async def test_one_name_people(api: Api, services: Services, typed: dict[str, Any]) -> None:
    single = person(
        "Suharto",
        "",
        date(1981, 6, 8),
        sex="M",
        number="UX1234567",
        personal_number="",
        expiry=date(2030, 1, 2),
    )
    one = applicant(api, person=single)
    await one.open(subscriber={"family_name": "Suharto", "birth_date": "1981-06-08", **typed})
    shown = await one.show()
    assert shown["outcome"] == "pass", shown
    await one.send()
    await one.answer()
    assert (await one.submit())["state"] == "approved"
    await work(services)
    assert (await one.get())["state"] == "active"


async def test_somebody_with_two_names_is_no_one_name_person(api: Api) -> None:
    one = applicant(api)
    await one.open(subscriber={"family_name": one.person.family_name, "given_names": None})
    assert (await one.show())["outcome"] != "pass"


async def test_a_missing_subscriber_is_taken_from_the_document(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.open(subscriber=None)
    assert await stored(services, one) == {}
    shown = await one.show()
    assert shown["outcome"] == "pass"
    kept = await stored(services, one)
    assert kept["birth_date"] == one.person.birth_date.isoformat()
    assert kept["nationality"] == "UTO"
    assert set(kept) == {"family_name", "given_names", "birth_date", "nationality"}
    await one.send()
    await one.answer()
    assert (await one.submit())["state"] == "approved"


async def test_a_failed_document_gives_nothing(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.open(subscriber=None)
    top, bottom = one.person.lines
    wrong = str((int(bottom[8]) + 1) % 10)
    await one.show(lines=(top, bottom[:8] + wrong + bottom[9:]))
    assert await stored(services, one) == {}


async def test_a_second_document_of_somebody_else_disagrees(api: Api) -> None:
    """What the first document said is now the subscriber; another person's passport does not fit."""
    one = applicant(api)
    await one.open(subscriber=None)
    await one.show()
    other = await one.show(lines=somebody(2).lines)
    assert (other["outcome"], other["reason"]) == ("fail", "details-disagree")


@pytest.mark.parametrize("layout", ["TD1", "TD2", "TD3", "MRV_A", "MRV_B"])
async def test_every_layout(api: Api, layout: str) -> None:
    from service.kit.mrz import Layout

    who = invent(Random(7), TODAY, layout=Layout[layout])
    one = applicant(api, person=who)
    await one.open()
    shown = await one.show()
    assert shown["outcome"] == ("refer" if layout.startswith("MRV") else "pass"), shown


# Never shown again


async def test_personal_data_are_never_echoed(api: Api, services: Services) -> None:
    """The whole walk with everything typed: apart from the number of the registration itself, no answer and no
    refusal repeats a thing."""
    one = applicant(api)
    typed = {
        **one.person.subscriber(),
        "contact_msisdn": "+31612000001",
        "email": "canary@example.org",
        "address": {
            "lines": ["Canary Street 7"],
            "postal_code": "10999",
            "locality": "Canaryville",
            "country": "DE",
        },
    }
    await one.open(
        subscriber=typed,
        imei="490154203237518",
        iccid="8949020000123456788",
        device={"fingerprint": "canary-device", "ip": "203.0.113.77", "role": "applicant"},
        payment={"token": "canary-token"},
    )
    await one.show()
    await patch(one, email="canary2@example.org")
    await one.send()
    await one.answer()
    await api.post(f"{one.path}/otp/check", {"code": "123456"})
    await api.post(PATH, one.body(subscriber={**typed, "email": "canary at example"}))
    await api.post(PATH, one.body())
    await one.submit()
    await work(services)
    await one.get()
    await api.get(PATH, params={"msisdn": one.msisdn})
    await api.post(f"/v1/lines/{one.msisdn}/suspend", {"reason": "scam", "note": "Canary note"})
    await api.get(f"/v1/lines/{one.msisdn}")
    said = "\n".join(f"{answer.text} {json.dumps(dict(answer.headers))}" for answer in api.calls).casefold()
    who = one.person
    for secret in (
        who.family_name, who.given_names, who.birth_date.isoformat(), who.document_number, who.personal_number,
        *who.lines, "31612000001", "canary", "10999", "490154203237518", "8949020000123456788", "203.0.113.77",
        api.key.split("_", 2)[2],
    ):  # fmt: skip
        assert secret.casefold() not in said, secret
    assert who.expiry.isoformat() in said  # a document's end is in the contract
