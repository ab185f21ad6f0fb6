"""Port-in, SIM swap and re-verification by HTTP: each its own evidence, decision and end."""

from datetime import timedelta

import pytest

from service.compose import Instead, Services
from service.kit.clock import ManualClock
from tests.api.conftest import Api
from tests.fakes.pipeline import (
    Applicant,
    TurnableProvisioner,
    TurnableRegistry,
    applicant,
    card,
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
    api: Api, services: Services, provisioner: TurnableProvisioner
) -> None:
    provisioner.can_receive = False  # the new card cannot; the code goes to the old one, at the donor
    one = applicant(api)
    opened = await one.open(purpose="port_in", iccid=NEW)
    assert opened["missing"] == ["document", "otp"]
    await one.show()
    await one.send("line")
    await one.answer()
    assert (await one.submit())["decision"]["verdict"] == "approved"
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
