"""Port-in, SIM swap and re-verification by HTTP: each its own evidence, decision and end."""

import asyncio
from datetime import timedelta

import pytest

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.documents.model import RegistryAnswer
from service.kit.clock import ManualClock
from service.kit.errors import StateConflict
from service.otp.model import Accepted, Message
from service.otp.ports import SenderUnavailable
from service.registration import store
from service.upkeep import Upkeep
from tests.api.conftest import Api
from tests.fakes.pipeline import (
    PATH,
    Applicant,
    TurnableProvisioner,
    TurnableRegistry,
    applicant,
    card,
    number,
    refused,
    somebody,
    work,
)

OLD, NEW = card(1), card(2)
CONTACT = "+31612000001"


@pytest.fixture
def provisioner() -> TurnableProvisioner:
    return TurnableProvisioner()


@pytest.fixture
def registry() -> TurnableRegistry:
    return TurnableRegistry()


@pytest.fixture
def instead(provisioner: TurnableProvisioner, registry: TurnableRegistry) -> Instead:
    return Instead(provisioner=provisioner, registry=registry)


async def in_service(api: Api, services: Services, turn: int = 1, **changes: object) -> Applicant:
    """A holder with a line on the card OLD and a contact on file."""
    one = applicant(api, turn)
    subscriber = {**one.person.subscriber(), "contact_msisdn": CONTACT}
    await one.decided(**{"iccid": OLD, "subscriber": subscriber, **changes})
    await work(services)
    assert (await one.get())["state"] == "active"
    later(services, days=1)
    return one


def later(services: Services, **span: float) -> None:
    assert isinstance(services.clock, ManualClock)
    services.clock.advance(timedelta(**span))


def again(one: Applicant) -> Applicant:
    """The same person, about the same number."""
    return Applicant(one.api, one.person, one.msisdn)


async def line(one: Applicant) -> dict[str, object]:
    answer = await one.api.get(f"/v1/lines/{one.msisdn}")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_number_comes_from_another_network(
    api: Api, services: Services, provisioner: TurnableProvisioner, registry: TurnableRegistry
) -> None:
    provisioner.can_receive = False  # the new card cannot; the code goes to the old one, at the donor
    one = applicant(api)
    opened = await one.open(purpose="port_in", iccid=NEW)
    assert opened["missing"] == ["document", "otp"]
    await one.show()
    assert registry.phones[-1].line == one.msisdn, "it was somebody's before, perhaps the applicant's"
    await one.send("line")
    await one.answer()
    decided = await one.submit()
    assert decided["decision"]["verdict"] == "approved"
    assert decided["evidence"]["documents"][0]["proof"] == "confirmed"
    await work(services)
    assert (await one.get())["state"] == "active"
    assert (await line(one))["state"] == "active"
    assert [order.is_ported for order in provisioner.activated] == [True]


async def test_a_card_is_changed(api: Api, services: Services, provisioner: TurnableProvisioner) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    opened = await swap.open(purpose="sim_swap", iccid=NEW, subscriber=None)
    assert opened["missing"] == ["document", "otp"]
    await swap.show()
    await swap.send("line")
    await swap.answer()
    decided = await swap.submit()
    assert decided["decision"]["verdict"] == "approved", decided
    assert decided["activation"] == {"state": "pending", "detail": None}
    await work(services)
    done = await swap.get()
    assert (done["state"], done["activation"]["state"]) == ("active", "done")
    now = await line(holder)
    assert now["state"] == "active"
    assert now["sim_changed_at"] is not None
    order = provisioner.changed[0]
    assert (order.before, order.iccid, order.msisdn) == (OLD, NEW, holder.msisdn)
    assert len(provisioner.activated) == 1, "a swap opens no line"
    async with services.db.read(api.operator) as reader:
        changed = await services.lines.on_number(reader, holder.msisdn)
        numbers = await services.lines.numbers(reader, changed)
    assert numbers is not None
    assert numbers.iccid == NEW
    await applicant(api, 2).open(iccid=OLD)  # the old card is free


async def test_a_holder_is_confirmed_again(api: Api, services: Services) -> None:
    holder = await in_service(api, services)
    check = again(holder)
    assert (await check.open(purpose="reverify", subscriber=None))["missing"] == ["document", "otp"]
    await check.show()
    await check.send("contact")
    await check.answer(CONTACT)
    decided = await check.submit()
    assert decided["decision"]["verdict"] == "approved", decided
    await work(services)
    assert (await check.get())["state"] == "active"
    assert (await line(holder))["assurance"] == "substantial"


# What is refused, and what waits for a person


async def ready(about: Applicant, to: str = "line", reached: str | None = None, **changes: object) -> None:
    """Everything but the submit."""
    await about.open(**{"subscriber": None, **changes})
    await about.show()
    await about.send(to)
    await about.answer(reached)


async def test_there_must_be_a_line_in_service_and_a_free_card(api: Api, services: Services) -> None:
    holder = await in_service(api, services)
    other = await in_service(api, services, 2, iccid=card(3))
    swap = again(holder).body(purpose="sim_swap", iccid=NEW)
    refused(await api.post(PATH, {**swap, "msisdn": number(9)}), 404, "not-found")
    refused(await api.post(PATH, {**swap, "iccid": None}), 422, "invalid-request")
    refused(await api.post(PATH, {**swap, "iccid": card(3)}), 409, "sim-in-use")
    refused(await api.post(PATH, {**swap, "iccid": OLD}), 409, "sim-in-use")
    refused(await api.post(PATH, {**swap, "purpose": "reverify", "sim_lost": True}), 422, "invalid-request")
    await api.post(f"/v1/lines/{holder.msisdn}/suspend", {"reason": "asked"})
    body = refused(await api.post(PATH, swap), 409, "state-conflict")
    assert (body["state"], body["allowed"]) == ("suspended", ["active"])
    await api.post(f"/v1/lines/{other.msisdn}/close", {"reason": "asked"})
    closed = {**swap, "msisdn": other.msisdn, "purpose": "reverify"}
    assert refused(await api.post(PATH, closed), 409, "state-conflict")["state"] == "quarantined"
    refused(await api.post(PATH, {**swap, "purpose": "port_in"}), 409, "number-in-use")


async def test_of_two_swaps_at_once_one_wins(api: Api, services: Services) -> None:
    holder = await in_service(api, services)
    bodies = [again(holder).body(purpose="sim_swap", iccid=card(turn)) for turn in (2, 3)]
    answers = await asyncio.gather(*(api.post(PATH, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    refused(lost, 409, "number-in-use")


async def test_somebody_else_waits_for_a_person_and_learns_nothing(api: Api, services: Services) -> None:
    holder = await in_service(api, services)
    thief = Applicant(api, somebody(7), holder.msisdn)
    await ready(thief, purpose="sim_swap", iccid=NEW)
    decision = (await thief.submit())["decision"]
    assert decision["verdict"] == "review"
    assert decision["reasons"][0]["rule"] == "not-the-holder"
    assert {reason["code"] for reason in decision["reasons"]} == {"needs-a-person"}


async def test_the_contact_is_the_one_on_file(api: Api, services: Services) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    mine = {**holder.person.subscriber(), "contact_msisdn": "+31612000009"}
    await swap.open(purpose="sim_swap", iccid=NEW, subscriber=mine)
    await swap.send("contact")
    assert services.outbox is not None
    assert await services.outbox.read("+31612000009") == []
    await swap.answer(CONTACT)
    # Another contact in the request changes nothing about that code.
    changed = await api.ask(
        "PATCH", swap.path, json={"subscriber": {**mine, "contact_msisdn": "+31612000008"}}
    )
    assert changed.status_code == 200, changed.text
    await swap.show()
    assert (await swap.submit())["decision"]["verdict"] == "approved"


async def decide(services: Services, about: Applicant, verdict: str = "approved") -> None:
    async with services.db.read(about.api.operator) as reader:
        version = (await store.load(reader, about.uuid)).version
    await services.registrations.decide_by_person(
        operator=about.api.operator,
        registration_id=about.uuid,
        staff=Actor.system("tester"),
        verdict=verdict,
        reason_code="seen",
        note=None,
        expected_version=version,
    )


async def test_a_lost_card_is_replaced_by_a_person_a_day_after_the_holder_was_told(
    api: Api, services: Services
) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    opened = await swap.open(purpose="sim_swap", iccid=NEW, sim_lost=True, subscriber=None)
    assert opened["missing"] == ["document"]
    refused(await api.post(f"{swap.path}/otp", {"to": "line"}), 409, "state-conflict")
    await swap.show()
    assert [each["action"] for each in (await swap.get())["next_actions"]] == ["submit", "send_otp"]
    decision = (await swap.submit())["decision"]
    assert decision["verdict"] == "review"
    assert "card-lost" in [reason["rule"] for reason in decision["reasons"]]
    assert services.outbox is not None
    before = len(await services.outbox.read(holder.msisdn))
    with pytest.raises(StateConflict):
        await decide(services, swap)
    await work(services)
    assert len(await services.outbox.read(holder.msisdn)) == before + 1, "a job's message, not the request's"
    for reached in (holder.msisdn, CONTACT):
        newest = (await services.outbox.read(reached))[0]["text"]
        assert " sim" in newest.casefold()
        assert not any(part in newest for part in (holder.msisdn[-3:], holder.person.family_name))
    later(services, hours=23)
    with pytest.raises(StateConflict):
        await decide(services, swap)
    later(services, hours=1)
    await decide(services, swap)
    await work(services)
    assert (await line(holder))["sim_changed_at"] is not None


async def test_until_a_holder_could_be_told_nobody_approves_a_lost_card(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 24 hours begin with the first message that leaves, however late that is."""
    holder = await in_service(api, services)
    swap = again(holder)
    await swap.open(purpose="sim_swap", iccid=NEW, sim_lost=True, subscriber=None)
    await swap.show()
    assert services.outbox is not None

    async def away(message: Message) -> Accepted:
        raise SenderUnavailable("outbox", "away")

    with monkeypatch.context() as patched:
        patched.setattr(services.outbox, "send", away)
        assert (await swap.submit())["state"] == "in_review", "the request does not wait for a sender"
        await work(services)
        later(services, hours=30)
        await work(services)
        await services.courier.again(api.operator)
        with pytest.raises(StateConflict):
            await decide(services, swap)
    before = len(await services.outbox.read(CONTACT))
    later(services, minutes=11)
    await services.courier.again(api.operator)
    assert len(await services.outbox.read(CONTACT)) == before + 1
    with pytest.raises(StateConflict):
        await decide(services, swap)
    await work(services)
    assert len(await services.outbox.read(CONTACT)) == before + 1, "sent once"
    later(services, hours=23)
    with pytest.raises(StateConflict):
        await decide(services, swap)
    later(services, hours=1)
    await decide(services, swap)


async def test_a_changed_card_proves_nothing_elsewhere_for_72_hours(
    api: Api, services: Services, provisioner: TurnableProvisioner
) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    await ready(swap, purpose="sim_swap", iccid=NEW)
    await swap.submit()
    await work(services)
    provisioner.can_receive = False
    for turn, (span, verdict) in enumerate(((71, "review"), (1, "approved")), 5):
        later(services, hours=span)
        friend = applicant(api, turn)
        subscriber = {**friend.person.subscriber(), "contact_msisdn": holder.msisdn}
        await ready(friend, "contact", holder.msisdn, subscriber=subscriber)
        decision = (await friend.submit())["decision"]
        assert decision["verdict"] == verdict, decision
        rules = [reason["rule"] for reason in decision["reasons"]]
        assert ("no-code" in rules) is (verdict == "review"), rules


async def test_a_line_that_was_closed_meanwhile_gets_no_card(
    api: Api, services: Services, provisioner: TurnableProvisioner
) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    await ready(swap, purpose="sim_swap", iccid=NEW)
    await swap.submit()

    async def closes() -> None:
        await api.post(f"/v1/lines/{holder.msisdn}/close", {"reason": "asked"})

    provisioner.before_change = closes
    await work(services)
    shown = await swap.get()
    assert (shown["state"], shown["activation"]) == (
        "approved",
        {"state": "failed", "detail": "line-not-in-service"},
    )
    assert (await line(holder))["sim_changed_at"] is None
    assert not provisioner.applied[-1].conditions.connected, "the network is told once more"
    assert provisioner.applied[-1].version > 2


async def test_a_swap_that_is_cancelled_meanwhile_is_undone(
    api: Api, services: Services, provisioner: TurnableProvisioner
) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    await ready(swap, purpose="sim_swap", iccid=NEW)
    await swap.submit()

    async def cancels() -> None:
        await api.post(f"{swap.path}/cancel")

    provisioner.before_change = cancels
    await work(services)
    assert [(order.iccid, order.is_undo) for order in provisioner.changed] == [(NEW, False), (OLD, True)]
    assert (await line(holder))["sim_changed_at"] is None
    assert (await swap.get())["state"] == "cancelled"


async def test_a_pass_lifts_the_hold_that_asked_for_it_and_a_fail_goes_to_a_person(
    api: Api, services: Services, registry: TurnableRegistry
) -> None:
    holder = await in_service(api, services)
    await api.post(f"/v1/lines/{holder.msisdn}/suspend", {"reason": "reverify-due"})
    failing = again(holder)
    registry.says = RegistryAnswer.NO
    await ready(failing, "contact", CONTACT, purpose="reverify")
    assert (await failing.submit())["state"] == "in_review", "a registry's no denies others"
    await decide(services, failing, "denied")
    assert (await line(holder))["state"] == "suspended"
    registry.says = RegistryAnswer.YES
    later(services, hours=1)
    passing = again(holder)
    await ready(passing, "contact", CONTACT, purpose="reverify")
    await passing.submit()
    await work(services)
    now = await line(holder)
    assert (now["state"], now["reasons"]) == ("active", [])


async def test_a_swaps_papers_are_kept_as_long_as_its_line(api: Api, services: Services) -> None:
    holder = await in_service(api, services)
    swap = again(holder)
    await ready(swap, purpose="sim_swap", iccid=NEW)
    before = services.db.statements
    await swap.submit()
    assert services.db.statements - before <= 10
    await work(services)
    upkeep = Upkeep(services)
    later(services, days=900)
    assert [run.erased for run in await upkeep.retention()] == [0], "the line is in service"
    await api.post(f"/v1/lines/{holder.msisdn}/close", {"reason": "asked"})
    later(services, days=91)
    await services.lines.expire(api.operator)
    later(services, days=800)
    assert [run.erased for run in await upkeep.retention()] == [2], "its holder, and who asked for the swap"
