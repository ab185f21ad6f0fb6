"""How a registration ends: cancelled, expired, denied and appealed, decided by people, activated or not."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.documents.model import RegistryAnswer
from service.kit.clock import ManualClock
from service.kit.errors import Refusal, Stale, StateConflict
from service.kit.ids import new_id
from service.lines.model import ConditionsOrder, Done, Failed, Outcome
from service.registration import store
from tests.api.conftest import Api
from tests.fakes.pipeline import (
    PATH,
    Applicant,
    TurnableProvisioner,
    TurnableRegistry,
    applicant,
    refused,
    work,
)

EVE, BOB = Actor.staff(new_id()), Actor.staff(new_id())


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry(RegistryAnswer.NOT_AVAILABLE)


@pytest.fixture
def provisioner() -> TurnableProvisioner:
    return TurnableProvisioner()


@pytest.fixture
def instead(registry: TurnableRegistry, provisioner: TurnableProvisioner) -> Instead:
    return Instead(registry=registry, provisioner=provisioner)


async def in_review(api: Api, turn: int = 1, **changes: Any) -> Applicant:
    """Initials alone agree in part: a person looks."""
    one = applicant(api, turn)
    person = {**one.person.subscriber(), "given_names": one.person.given_names[0]}
    assert (await one.decided(subscriber=person, **changes))["state"] == "in_review"
    return one


async def person_decides(
    services: Services, one: Applicant, verdict: str, staff: Actor = EVE, version: int | None = None
) -> Any:
    return await services.registrations.decide_by_person(
        operator=one.api.operator,
        registration_id=one.uuid,
        staff=staff,
        verdict=verdict,
        reason_code="looked-at",
        note=None,
        expected_version=version or await version_of(services, one),
    )


async def version_of(services: Services, one: Applicant) -> int:
    from service.registration import store

    async with services.db.read(one.api.operator) as reader:
        return (await store.load(reader, one.uuid)).version


async def history(services: Services, operator: UUID, one: Applicant) -> list[str]:
    async with services.db.read(operator) as reader:
        return [decision.verdict.value for decision in await services.risk.history(reader, one.uuid)]


async def audit(services: Services, operator: UUID, one: Applicant) -> list[tuple[str, str]]:
    """(action, actor's kind) of everything about a registration."""
    import json

    import sqlalchemy as sa

    async with services.db.read(operator) as reader:
        rows = await reader.all(sa.text("SELECT body FROM audit_entry ORDER BY at, id"))
    bodies = [json.loads(row.body) for row in rows]
    return [(body["action"], body["actor"].split(":")[0]) for body in bodies if body["object"] == one.id]


# Cancelled


async def test_cancelled_while_collecting(api: Api) -> None:
    one = await applicant(api).ready()
    assert (await api.post(f"{one.path}/cancel")).json()["state"] == "cancelled"
    for path, body in (
        ("/submit", {}),
        ("/cancel", {}),
        ("/otp", {"to": "line"}),
        ("/otp/check", {"code": "123456"}),
    ):
        assert refused(await api.post(one.path + path, body), 409, "state-conflict")["state"] == "cancelled"
    assert (await one.get())["next_actions"] == []
    await applicant(api).open()


async def test_cancelled_in_review(api: Api, services: Services) -> None:
    one = await in_review(api)
    assert (await one.get())["next_actions"] == [{"action": "cancel", "not_before": None}]
    assert (await api.post(f"{one.path}/cancel")).json()["state"] == "cancelled"
    with pytest.raises(StateConflict):
        await person_decides(services, one, "approved")


async def test_cancelled_after_the_approval(
    api: Api, services: Services, provisioner: TurnableProvisioner
) -> None:
    """Nothing is provisioned, the network is told so whatever it knows, and the place under the cap is free again."""
    one = applicant(api)
    await one.decided()
    assert (await api.post(f"{one.path}/cancel")).json()["state"] == "cancelled"
    await work(services)
    assert provisioner.activated == []
    assert [order.conditions.connected for order in provisioner.applied] == [False]
    refused(await api.get(f"/v1/lines/{one.msisdn}"), 404, "not-found")
    for turn in (2, 3):
        assert (await applicant(api, turn, person=one.person).decided())["state"] == "approved"


async def test_cancelled_while_the_network_brings_it_up(
    api: Api, services: Services, provisioner: TurnableProvisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = applicant(api)
    await one.decided()
    activate = provisioner.activate

    async def slow(order: Any) -> Any:
        assert (await api.post(f"{one.path}/cancel")).status_code == 200
        return await activate(order)

    monkeypatch.setattr(provisioner, "activate", slow)
    await work(services)
    assert (await one.get())["state"] == "cancelled"
    assert [order.conditions.connected for order in provisioner.applied] == [False]
    refused(await api.get(f"/v1/lines/{one.msisdn}"), 404, "not-found")


async def test_a_network_that_does_not_take_it_down_is_asked_until_it_has(
    api: Api, services: Services, provisioner: TurnableProvisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the holder was erased meanwhile, and where the attempts were given up before it was cancelled."""
    one, given_up = applicant(api), applicant(api, 2)
    provisioner.outcome = Failed(retryable=False, code="sim-blocked")
    await given_up.decided()
    await work(services)
    assert (await api.post(f"{given_up.path}/cancel")).status_code == 200
    await work(services)
    [told] = provisioner.applied
    assert (told.registration_id, told.conditions.connected) == (given_up.uuid, False)

    provisioner.outcome = Done()
    await one.decided()
    assert (await api.post(f"{one.path}/cancel")).status_code == 200
    apply, answers = provisioner.apply, [Failed(retryable=True, code="busy")] * 2

    async def refuses(order: ConditionsOrder) -> Outcome:
        await apply(order)
        return answers.pop() if answers else Done()

    monkeypatch.setattr(provisioner, "apply", refuses)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await services.registrations.activate(api.operator, one.uuid)
    async with services.db.write(api.operator) as tx:
        registration = await store.load(tx, one.uuid)
        await services.subscribers.erase(tx, registration.subscriber_id)
    await services.registrations.activate(api.operator, one.uuid)
    assert [order.registration_id for order in provisioner.applied[1:]] == [one.uuid] * 3
    assert provisioner.applied[-1].numbers is None, "found by its registration"


# Expired


async def test_only_collecting_expires(api: Api, services: Services, clock: ManualClock) -> None:
    collecting, waiting = applicant(api, 1), await in_review(api, 2)
    await collecting.open()
    approved = applicant(api, 3)
    await approved.decided()
    clock.advance(timedelta(days=400))
    assert await services.registrations.expire(api.operator) == 1
    assert await services.registrations.expire(api.operator) == 0
    assert (await collecting.get())["state"] == "expired"
    assert (await waiting.get())["state"] == "in_review"
    assert (await approved.get())["state"] == "approved"
    assert ("registration.expired", "system") in await audit(services, api.operator, collecting)


# Denied, and appealed


@pytest.fixture
async def denied(api: Api, services: Services) -> Applicant:
    one = await in_review(api)
    await person_decides(services, one, "denied", EVE)
    return one


async def appeal(one: Applicant) -> Any:
    return await one.api.post(
        f"{one.path}/appeal", {"text": "I was at the counter myself. Please look again."}
    )


async def test_an_appeal_is_decided_by_another_person(
    api: Api, services: Services, denied: Applicant
) -> None:
    assert (await denied.get())["next_actions"] == [{"action": "appeal", "not_before": None}]
    assert (await appeal(denied)).json()["state"] == "in_review"
    with pytest.raises(StateConflict):
        await person_decides(services, denied, "denied", EVE)
    with pytest.raises(StateConflict):
        await person_decides(services, denied, "approved", EVE)
    await person_decides(services, denied, "approved", BOB)
    await work(services)
    assert (await denied.get())["state"] == "active"
    assert await history(services, api.operator, denied) == ["review", "denied", "approved"]
    assert await audit(services, api.operator, denied) == [
        ("registration.created", "client"),
        ("document.judged", "client"),
        ("otp.verified", "client"),
        ("registration.decided", "client"),
        ("registration.decided_by_person", "staff"),
        ("registration.appealed", "client"),
        ("registration.decided_by_person", "staff"),
        ("registration.activated", "system"),
    ]


async def test_an_appeal_is_possible_once(api: Api, services: Services, denied: Applicant) -> None:
    await appeal(denied)
    refused(await appeal(denied), 409, "state-conflict")
    await person_decides(services, denied, "denied", BOB)
    refused(await appeal(denied), 409, "state-conflict")
    assert (await denied.get())["next_actions"] == []


async def test_five_appeals_at_once_are_one(api: Api, services: Services, denied: Applicant) -> None:
    answers = await asyncio.gather(*(appeal(denied) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    actions = [action for action, _ in await audit(services, api.operator, denied)]
    assert actions.count("registration.appealed") == 1


async def test_an_appeal_within_thirty_days(api: Api, denied: Applicant, clock: ManualClock) -> None:
    clock.advance(timedelta(days=30, seconds=1))
    refused(await appeal(denied), 409, "state-conflict")


async def test_an_appeal_on_the_thirtieth_day(api: Api, denied: Applicant, clock: ManualClock) -> None:
    clock.advance(timedelta(days=30))
    assert (await appeal(denied)).status_code == 200


async def test_the_text_of_an_appeal(api: Api, denied: Applicant) -> None:
    for text in ("", "   ", "x" * 2001, "data:image/png;base64,AAAA", "a\u0000b", "A" * 65, None, 7):
        refused(await api.post(f"{denied.path}/appeal", {"text": text}), 422, "invalid-request")
    answer = await api.post(f"{denied.path}/appeal", {"text": "canary " * 100})
    assert "canary" not in answer.text


async def test_an_appeal_for_a_number_that_has_gone_to_another(api: Api, denied: Applicant) -> None:
    """While it was denied the number was free: somebody else has it now."""
    other = applicant(api, 2)
    other.msisdn = denied.msisdn
    await other.open()
    refused(await appeal(denied), 409, "number-in-use")
    assert (await api.post(f"{other.path}/cancel")).status_code == 200
    assert (await appeal(denied)).status_code == 200


async def test_an_appeal_for_a_card_that_has_gone_to_another(api: Api, services: Services) -> None:
    card = "8949020000123456788"
    one = await in_review(api, 1, iccid=card)
    await person_decides(services, one, "denied")
    other = applicant(api, 2)
    await other.open(iccid=card)
    refused(await appeal(one), 409, "sim-in-use")


async def test_an_appeal_for_a_number_that_has_a_line(
    api: Api, services: Services, denied: Applicant, clock: ManualClock
) -> None:
    clock.advance(timedelta(minutes=1))
    other = applicant(api, 2)
    other.msisdn = denied.msisdn
    await other.decided()
    await work(services)
    refused(await appeal(denied), 409, "number-in-use")


async def test_denied_by_the_rules_any_person_may_look(
    api: Api, services: Services, registry: TurnableRegistry
) -> None:
    """The registry says no: denied without a person; one person looks at the appeal."""
    registry.says = RegistryAnswer.NO
    one = applicant(api)
    await one.open()
    assert (await one.show())["outcome"] == "refer"
    await one.send()
    await one.answer()
    decided = await one.submit()
    assert (decided["state"], decided["decision"]["verdict"]) == ("denied", "denied")
    assert (await appeal(one)).json()["state"] == "in_review"
    await person_decides(services, one, "denied", EVE)


# Decided by people


async def test_a_person_approves(api: Api, services: Services) -> None:
    one = await in_review(api)
    await person_decides(services, one, "approved")
    shown = await one.get()
    assert shown["state"] == "approved"
    assert shown["decision"]["verdict"] == "approved"
    assert shown["decision"]["conditions"]["probation_until"] is not None  # the papers still prove nothing
    await work(services)
    assert (await one.get())["state"] == "active"


async def test_two_persons_at_once(api: Api, services: Services) -> None:
    one = await in_review(api)
    version = await version_of(services, one)
    results = await asyncio.gather(
        person_decides(services, one, "approved", EVE, version),
        person_decides(services, one, "denied", BOB, version),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Refusal) for result in results) == 1, results
    assert len(await history(services, api.operator, one)) == 2


async def test_a_person_who_read_an_older_version(api: Api, services: Services) -> None:
    one = await in_review(api)
    with pytest.raises(Stale):
        await person_decides(services, one, "approved", version=await version_of(services, one) - 1)
    assert (await one.get())["state"] == "in_review"


async def test_persons_decide_only_what_is_in_review(api: Api, services: Services) -> None:
    one = await applicant(api).ready()
    with pytest.raises(StateConflict):
        await person_decides(services, one, "approved")
    await one.submit()
    with pytest.raises(StateConflict):
        await person_decides(services, one, "denied")


# Activated


async def test_service_until(api: Api, services: Services, clock: ManualClock) -> None:
    one = applicant(api)
    await one.decided(service_until="2026-12-24T00:00:00+01:00")
    await work(services)
    shown = (await api.get(f"/v1/lines/{one.msisdn}")).json()
    assert shown["service_until"] == "2026-12-23T23:00:00Z"
    clock.set(clock.now().replace(month=12, day=23, hour=23, minute=0))
    await services.lines.expire(api.operator)
    shown = (await api.get(f"/v1/lines/{one.msisdn}")).json()
    assert (shown["state"], shown["reasons"]) == ("quarantined", ["service-ended"])


async def test_a_network_that_refuses_for_good(
    api: Api, services: Services, provisioner: TurnableProvisioner
) -> None:
    provisioner.outcome = Failed(retryable=False, code="sim-unknown")
    one = applicant(api)
    await one.decided()
    await work(services)
    shown = await one.get()
    assert (shown["state"], shown["activation"]) == ("approved", {"state": "failed", "detail": "sim-unknown"})
    refused(await api.get(f"/v1/lines/{one.msisdn}"), 404, "not-found")
    refused(await api.post(PATH, applicant(api).body()), 409, "number-in-use")  # it keeps its number
    provisioner.outcome = type(TurnableProvisioner().outcome)()
    await services.registrations.activate_again(api.operator, one.uuid, EVE)
    await work(services)
    assert (await one.get())["state"] == "active"
    with pytest.raises(StateConflict):
        await services.registrations.activate_again(api.operator, one.uuid, EVE)


async def test_activated_ten_times_at_once_is_one_line(api: Api, services: Services) -> None:
    one = applicant(api)
    await one.decided()
    await asyncio.gather(*(services.registrations.activate(api.operator, one.uuid) for _ in range(10)))
    actions = [action for action, _ in await audit(services, api.operator, one)]
    assert actions.count("registration.activated") == 1
    assert (await api.get(f"/v1/lines/{one.msisdn}")).json()["state"] == "active"
