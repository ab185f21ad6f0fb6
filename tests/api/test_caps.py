"""What is scarce is granted once: the cap on papers, the share of unproven ones, and what scam leaves behind."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.dealers.model import Quotas
from service.documents.model import RegistryAnswer
from service.kit.clock import ManualClock
from service.kit.errors import Refusal
from service.kit.ids import new_id
from tests.api.conftest import Api
from tests.fakes.pipeline import Applicant, TurnableRegistry, applicant, refused, somebody, work

CLI, EVE = Actor.cli(), Actor.staff(new_id())


@pytest.fixture
def registry() -> TurnableRegistry:
    """Says yes: the evidence is confirmed, so the full cap holds."""
    return TurnableRegistry()


@pytest.fixture
def instead(registry: TurnableRegistry) -> Instead:
    return Instead(registry=registry)


async def approvals(api: Api, turns: range, **changes: Any) -> list[str]:
    """States of one person's registrations, one after another."""
    who = somebody()
    return [(await applicant(api, turn, person=who).decided(**changes))["state"] for turn in turns]


async def person_approves(services: Services, one: Applicant) -> Any:
    from service.registration import store

    async with services.db.read(one.api.operator) as reader:
        version = (await store.load(reader, one.uuid)).version
    return await services.registrations.decide_by_person(
        operator=one.api.operator,
        registration_id=one.uuid,
        staff=EVE,
        verdict="approved",
        reason_code="looked-at",
        note=None,
        expected_version=version,
    )


async def test_two_submits_at_once(api: Api, services: Services) -> None:
    one = await applicant(api).ready()
    answers = await asyncio.gather(*(api.post(f"{one.path}/submit") for _ in range(8)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1, statuses
    for answer in answers:
        if answer.status_code != 200:
            assert refused(answer, 409, "state-conflict")["state"] == "approved"
    async with services.db.read(api.operator) as reader:
        assert len(await services.risk.history(reader, one.uuid)) == 1
    await work(services)
    assert (await one.get())["state"] == "active"


async def test_fifty_submits_at_once_never_pass_the_cap(api: Api, services: Services) -> None:
    """Fifty registrations on one confirmed document, all ready, all submitted in the same moment."""
    who = somebody()
    ring = [applicant(api, turn, person=who) for turn in range(1, 51)]
    for each in ring:
        await each.ready()
    answers = await asyncio.gather(*(api.post(f"{each.path}/submit") for each in ring))
    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["state"] for answer in answers) == {"approved": 5, "denied": 45}
    for answer in answers:
        if answer.json()["state"] == "denied":
            assert [reason["code"] for reason in answer.json()["decision"]["reasons"]][:1] == [
                "limit-reached"
            ]
    await work(services)
    states = Counter([(await each.get())["state"] for each in ring])
    assert states == {"active": 5, "denied": 45}


async def test_a_renewed_number_on_the_passport_is_the_same_person_number(api: Api) -> None:
    """Another document with the government's personal number of the first: the cap is on both."""
    assert await approvals(api, range(1, 6)) == ["approved"] * 5
    from service.kit.people import person

    who = somebody()
    renewed = person(
        who.family_name, who.given_names, who.birth_date, sex=who.sex, number="UX7654321",
        personal_number=who.personal_number, expiry=who.expiry + timedelta(days=2000),
    )  # fmt: skip
    assert (await applicant(api, 6, person=renewed).decided())["state"] == "denied"


async def test_a_namesake_born_on_the_same_day_is_not_denied(api: Api) -> None:
    assert await approvals(api, range(1, 6)) == ["approved"] * 5
    from service.kit.people import person

    who = somebody()
    namesake = person(
        who.family_name, who.given_names, who.birth_date, sex=who.sex, number="UX7654321",
        personal_number="9901010001", expiry=who.expiry,
    )  # fmt: skip
    assert (await applicant(api, 6, person=namesake).decided())["state"] == "in_review"


async def test_closing_refills_nothing_for_thirty_days(
    api: Api, services: Services, clock: ManualClock
) -> None:
    assert await approvals(api, range(1, 6)) == ["approved"] * 5
    await work(services)
    clock.advance(timedelta(days=200))  # past the window of 180 days: only what lives counts
    first = applicant(api, 1)
    assert (await api.post(f"/v1/lines/{first.msisdn}/close", {"reason": "ended"})).status_code == 200
    await work(services)
    assert await approvals(api, range(6, 7)) == ["denied"]
    clock.advance(timedelta(days=29, hours=23))
    assert await approvals(api, range(7, 8)) == ["denied"]
    clock.advance(timedelta(hours=2))
    assert await approvals(api, range(8, 10)) == ["approved", "denied"]


async def test_lines_opened_in_the_window_count_though_closed(
    api: Api, services: Services, clock: ManualClock
) -> None:
    """Open, close, open: five in 180 days, whatever became of them."""
    for turn in range(1, 6):
        assert await approvals(api, range(turn, turn + 1)) == ["approved"]
        await work(services)
        await api.post(f"/v1/lines/{applicant(api, turn).msisdn}/close", {"reason": "ended"})
        await work(services)
        clock.advance(timedelta(days=32))
    assert await approvals(api, range(6, 7)) == ["denied"]
    clock.advance(timedelta(days=21))  # the first one was opened 181 days ago
    assert await approvals(api, range(7, 8)) == ["approved"]


async def test_the_cap_holds_for_people_too(api: Api, services: Services) -> None:
    assert await approvals(api, range(1, 6)) == ["approved"] * 5
    one = applicant(api, 6, person=somebody())
    assert (await one.decided())["state"] == "denied"
    assert (await api.post(f"{one.path}/appeal", {"text": "I need a sixth."})).status_code == 200
    with pytest.raises(Refusal) as refusal:
        await person_approves(services, one)
    assert refusal.value.code == "holdings-limit"
    assert (await one.get())["state"] == "in_review"


async def test_ten_approvals_by_people_at_once_do_not_pass_the_cap(api: Api, services: Services) -> None:
    """Ten in review on one document; persons approve them all in the same moment."""
    who = somebody()
    waiting = [applicant(api, turn, person=who) for turn in range(1, 11)]
    typed = {**who.subscriber(), "given_names": who.given_names[0]}
    for each in waiting:
        assert (await each.decided(subscriber=typed))["state"] == "in_review"
    results = await asyncio.gather(
        *(person_approves(services, each) for each in waiting), return_exceptions=True
    )
    refusals = [result for result in results if isinstance(result, BaseException)]
    assert [getattr(each, "code", each) for each in refusals] == ["holdings-limit"] * 5


# Papers that prove nothing


async def test_unproven_evidence_gets_two_lines(api: Api, registry: TurnableRegistry) -> None:
    registry.says = RegistryAnswer.NOT_AVAILABLE
    assert await approvals(api, range(1, 5)) == ["approved", "approved", "in_review", "in_review"]
    registry.says = RegistryAnswer.YES  # now confirmed: the full cap
    assert await approvals(api, range(5, 9)) == ["approved", "approved", "approved", "denied"]


async def test_thirty_unproven_submits_at_once_get_two(api: Api, registry: TurnableRegistry) -> None:
    registry.says = RegistryAnswer.NOT_AVAILABLE
    who = somebody()
    ring = [applicant(api, turn, person=who) for turn in range(1, 31)]
    for each in ring:
        await each.ready()
    answers = await asyncio.gather(*(api.post(f"{each.path}/submit") for each in ring))
    assert Counter(answer.json()["state"] for answer in answers) == {"approved": 2, "in_review": 28}


async def test_a_dealers_share_of_unproven_lines(
    api: Api, services: Services, registry: TurnableRegistry, clock: ManualClock
) -> None:
    """A fifth of a dealer's lines in 24 hours, and three in any case; another dealer's day is its own."""
    for code in ("D-1", "D-2"):
        await services.dealers.register(api.operator, code=code, name="Shop", licence=code, actor=CLI)
    await services.dealers.register_agent(api.operator, "D-1", "A-1", actor=CLI)
    turns = iter(range(1, 200))

    async def one_more(code: str = "D-1") -> str:
        turn = next(turns)
        return str((await applicant(api, turn).decided(dealer=code))["state"])

    registry.says = RegistryAnswer.NOT_AVAILABLE
    assert [await one_more() for _ in range(4)] == ["approved", "approved", "approved", "in_review"]
    assert await one_more("D-2") == "approved"
    registry.says = RegistryAnswer.YES
    assert {await one_more() for _ in range(16)} == {"approved"}
    registry.says = RegistryAnswer.NOT_AVAILABLE
    assert [await one_more() for _ in range(2)] == ["approved", "in_review"]  # 4 of 20, not 5 of 21
    clock.advance(timedelta(days=1))
    assert await one_more() == "approved"


async def test_ten_unproven_at_once_keep_the_dealers_share(
    api: Api, services: Services, registry: TurnableRegistry
) -> None:
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=CLI)
    registry.says = RegistryAnswer.NOT_AVAILABLE
    people = [await applicant(api, turn).ready(dealer="D-1") for turn in range(1, 11)]
    answers = await asyncio.gather(*(api.post(f"{each.path}/submit") for each in people))
    assert Counter(answer.json()["state"] for answer in answers) == {"approved": 3, "in_review": 7}


# What scam leaves behind


PHONE = {"fingerprint": "a phone", "role": "applicant"}


async def test_stopped_for_scam_the_same_papers_device_and_dealer_do_not_come_back(
    api: Api, services: Services
) -> None:
    await services.dealers.register(api.operator, code="D-1", name="Shop", licence="L", actor=CLI)
    ring = [applicant(api, turn) for turn in (1, 2, 3)]
    for each in ring:
        assert (await each.decided(dealer="D-1", device=PHONE))["state"] == "approved"
    await work(services)
    for each in ring:
        assert (await api.post(f"/v1/lines/{each.msisdn}/suspend", {"reason": "scam"})).status_code == 200
    await work(services)
    same_papers = applicant(api, 11, person=ring[0].person)
    same_device = applicant(api, 12)
    same_dealer = applicant(api, 13)
    nobody = applicant(api, 14)
    assert (await same_papers.decided())["state"] == "in_review"
    assert (await same_device.decided(device=PHONE))["state"] == "in_review"
    assert (await same_dealer.decided(dealer="D-1"))["state"] == "in_review"
    assert (await nobody.decided())["state"] == "approved"
    reasons = {reason["rule"] for reason in (await same_device.get())["decision"]["reasons"]}
    assert "scam-on-links" in reasons


async def test_confirmed_the_same_document_is_denied(api: Api, services: Services) -> None:
    one = applicant(api, 1)
    await one.decided(device=PHONE)
    await work(services)
    answer = await api.post(f"/v1/lines/{one.msisdn}/close", {"reason": "scam-confirmed"})
    assert answer.status_code == 200
    await work(services)
    assert (await applicant(api, 2, person=one.person).decided())["state"] == "denied"
    assert (await applicant(api, 3).decided(device=PHONE))["state"] == "in_review"
    assert (await applicant(api, 4).decided())["state"] == "approved"


async def test_a_dealers_device_is_not_the_applicants(api: Api, services: Services) -> None:
    """The shop's tablet registers everybody: it is no link between them."""
    tablet = {"fingerprint": "a tablet", "role": "dealer"}
    one = applicant(api, 1)
    await one.decided(device=tablet)
    await work(services)
    await api.post(f"/v1/lines/{one.msisdn}/suspend", {"reason": "scam"})
    await work(services)
    assert (await applicant(api, 2).decided(device=tablet))["state"] == "approved"


async def test_reinstated_it_weighs_nothing(api: Api, services: Services, clock: ManualClock) -> None:
    one = applicant(api, 1)
    await one.decided(device=PHONE)
    await work(services)
    await api.post(f"/v1/lines/{one.msisdn}/suspend", {"reason": "scam"})
    await work(services)
    clock.advance(timedelta(hours=1))
    await api.post(f"/v1/lines/{one.msisdn}/reinstate", {"reason": "mistake"})
    await work(services)
    assert (await applicant(api, 2).decided(device=PHONE))["state"] == "approved"
    assert (await applicant(api, 3, person=one.person).decided())["state"] == "approved"


async def test_a_family_on_one_phone_and_a_busy_device(api: Api, registry: TurnableRegistry) -> None:
    """Five of a family on one phone are let through; more lines from it than that need a person; nobody is denied."""
    registry.knows_numbers = False  # a second code each would spend the messages that one phone gets in a day
    states = [(await applicant(api, turn).decided(device=PHONE))["state"] for turn in range(1, 9)]
    assert states[:5] == ["approved"] * 5
    assert set(states[5:]) <= {"approved", "in_review"}
    assert "in_review" in states


async def test_the_under_aged_are_looked_at(api: Api) -> None:
    from service.kit.people import person
    from tests.fakes.pipeline import TODAY

    child = person(
        "Lindqvist", "Tove", TODAY.replace(year=TODAY.year - 18) + timedelta(days=1), sex="F", number="UX1111111",
        personal_number="0811240001", expiry=TODAY + timedelta(days=900),
    )  # fmt: skip
    assert (await applicant(api, 1, person=child).decided())["state"] == "in_review"
    grown = person(
        "Lindqvist", "Alva", TODAY.replace(year=TODAY.year - 18), sex="F", number="UX1111112",
        personal_number="0811230001", expiry=TODAY + timedelta(days=900),
    )  # fmt: skip
    assert (await applicant(api, 2, person=grown).decided())["state"] == "approved"


# What a dealer is answerable for


async def test_a_shop_whose_lines_are_stopped_and_whose_day_goes_to_review(
    api: Api, services: Services, registry: TurnableRegistry
) -> None:
    """Counted from what the pipeline stored: its band sends applicants to a person, its quota of the day shrinks."""
    for code in ("D-1", "D-2"):
        quotas = Quotas(hourly=100, daily=24)
        await services.dealers.register(
            api.operator, code=code, name="Shop", licence=code, quotas=quotas, actor=CLI
        )
    shop = [applicant(api, turn) for turn in range(1, 9)]
    for each in shop:
        assert (await each.decided(dealer="D-1", device=None))["state"] == "approved"
    assert (await applicant(api, 20).decided(dealer="D-2"))["state"] == "approved"
    await work(services)
    for each in shop[:2]:
        assert (await api.post(f"/v1/lines/{each.msisdn}/suspend", {"reason": "scam"})).status_code == 200
    await work(services)
    assert await services.registrations.assess_dealers(api.operator) == 0
    doubted = applicant(api, 30)
    assert (await doubted.decided(dealer="D-1"))["state"] == "in_review"
    assert {r["rule"] for r in (await doubted.get())["decision"]["reasons"]} >= {"dealer-among-the-worst"}
    for turn in range(31, 35):
        assert (await applicant(api, turn).decided(dealer="D-1"))["state"] == "in_review"
    assert (await applicant(api, 40).decided(dealer="D-2"))["state"] == "approved"
    assert await services.registrations.assess_dealers(api.operator) == 1
    async with services.db.read(api.operator) as reader:
        dealer = await services.dealers.find(reader, "D-1")
    assert dealer.shrunk_to == 18  # 5 of 13 went to a person: 24 · 30 % · 13 / 5
    for turn in range(50, 55):
        answer = await api.post("/v1/registrations", applicant(api, turn).body(dealer="D-1"))
        assert answer.status_code == 201
    answer = await api.post("/v1/registrations", applicant(api, 55).body(dealer="D-1"))
    assert (answer.status_code, answer.json()["limit"]) == (429, "RegistrationsPerDealer")
