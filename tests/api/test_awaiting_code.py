"""A line that is up before its SIM has proved that it is in somebody's hand: restricted, 72 hours, then closed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.compose import Instead, Services
from service.kit.clock import ManualClock
from service.lines.model import FULL, Conditions
from tests.api.conftest import Api
from tests.fakes.pipeline import PATH, Applicant, TurnableProvisioner, applicant, refused, work

CONTACT = "+31612000001"

ON_PROBATION = replace(FULL, premium=False, callees_a_day=50)
"""Papers that prove nothing come with probation."""


@pytest.fixture
def provisioner() -> TurnableProvisioner:
    return TurnableProvisioner(can_receive=False)


@pytest.fixture
def instead(provisioner: TurnableProvisioner) -> Instead:
    return Instead(provisioner=provisioner)


async def line(api: Api, one: Applicant) -> Any:
    return (await api.get(f"/v1/lines/{one.msisdn}")).json()


@pytest.fixture
async def up(api: Api, services: Services) -> Applicant:
    """Active, but restricted until the line's own code comes back."""
    one = applicant(api)
    await one.open(subscriber={**one.person.subscriber(), "contact_msisdn": CONTACT})
    await one.show()
    await one.send("contact")
    await one.answer(CONTACT)
    assert (await one.submit())["state"] == "approved"
    await work(services)
    return one


async def test_what_the_network_is_told(
    api: Api, services: Services, up: Applicant, provisioner: TurnableProvisioner
) -> None:
    restricted = replace(ON_PROBATION, outgoing=False)
    assert [order.conditions for order in provisioner.activated] == [restricted]
    assert provisioner.activated[0].conditions.emergency_and_care
    shown = await up.get()
    assert shown["state"] == "active"
    assert [each["action"] for each in shown["next_actions"]] == ["send_otp"]
    assert (await line(api, up))["reasons"] == ["awaiting-code"]
    await up.send()
    assert [each["action"] for each in (await up.get())["next_actions"]] == ["send_otp", "check_otp"]
    assert (await up.answer())["to"] == "line"
    await work(services)
    assert [order.conditions for order in provisioner.applied] == [ON_PROBATION]
    assert (await line(api, up))["state"] == "active"
    assert (await up.get())["next_actions"] == []
    refused(await api.post(f"{up.path}/otp", {"to": "line"}), 409, "state-conflict")


async def test_nobody_lifts_it_by_hand(api: Api, up: Applicant) -> None:
    body = refused(
        await api.post(f"/v1/lines/{up.msisdn}/reinstate", {"reason": "asked"}), 409, "state-conflict"
    )
    assert "reinstate" not in body["allowed"]


async def test_the_code_may_come_on_the_third_day(api: Api, up: Applicant, clock: ManualClock) -> None:
    """Long after the time for collecting evidence is over."""
    clock.advance(timedelta(hours=71))
    await up.send()
    assert (await up.answer())["status"] == "verified"
    assert (await line(api, up))["state"] == "active"


async def test_a_proof_that_was_not_recorded_is_adopted(
    api: Api, services: Services, up: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await up.send()
    code = await api.code(up.msisdn)

    async def dies(*_: Any, **__: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr("service.registration.workflow.evidence.store.save", dies)
        assert (await api.post(f"{up.path}/otp/check", {"code": code})).status_code == 500
    assert (await line(api, up))["state"] == "restricted"
    await up.get()
    assert (await line(api, up))["state"] == "active"


async def test_after_72_hours_it_is_closed(
    api: Api, services: Services, up: Applicant, clock: ManualClock, provisioner: TurnableProvisioner
) -> None:
    await up.send()
    clock.advance(timedelta(hours=72))
    await services.lines.expire(api.operator)
    await work(services)
    closed = await line(api, up)
    assert (closed["state"], closed["reasons"]) == ("quarantined", ["code-never-came"])
    assert provisioner.applied[-1].conditions == Conditions(connected=False, outgoing=False, incoming=False)
    late = refused(await api.post(f"{up.path}/otp/check", {"code": "123456"}), 409, "state-conflict")
    assert late["state"] == "quarantined"


async def test_no_code_goes_to_a_line_that_was_closed(
    api: Api, services: Services, up: Applicant, clock: ManualClock
) -> None:
    """The number rests; whoever gets it next must not be sent the last holder's codes."""
    assert (await api.post(f"/v1/lines/{up.msisdn}/close", {"reason": "ended"})).status_code == 200
    await work(services)
    refused(await api.post(f"{up.path}/otp", {"to": "line"}), 409, "state-conflict")
    assert (await up.get())["next_actions"] == []


async def test_the_contact_must_be_known(api: Api) -> None:
    one = applicant(api)
    await one.open()
    body = refused(await api.post(f"{one.path}/otp", {"to": "contact"}), 422, "invalid-request")
    assert body["errors"][0]["code"] == "no-contact"
    answer = await api.ask("PATCH", one.path, json={"subscriber": {"contact_msisdn": CONTACT}})
    assert answer.status_code == 200
    assert (await one.send("contact"))["to_masked"].startswith("+31")


async def test_the_network_is_not_there(api: Api, provisioner: TurnableProvisioner) -> None:
    from service.kit.errors import Unavailable

    async def gone(_: Any) -> Any:
        raise Unavailable("provisioner", 7)

    provisioner.prepare = gone  # type: ignore[method-assign]
    answer = await api.post(PATH, applicant(api).body())
    assert refused(answer, 503, "unavailable")["dependency"] == "provisioner"
    assert answer.headers["retry-after"] == "7"
    assert (await api.get(PATH)).json()["items"] == []
