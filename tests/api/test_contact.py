"""A SIM that cannot receive yet: the code goes to the contact, and a changed contact is proved anew."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from service.compose import Services
from service.kit.ids import parse
from service.kit.people import invent
from service.lines.model import ActivationOrder, Readiness
from service.lines.ports import NullProvisioner
from service.registration.workflow import Registrations
from tests.api.conftest import Api

LINE, CONTACT, OTHER = "+4915112345681", "+4915112345682", "+4915112345683"


class NotYet(NullProvisioner):
    """A network whose cards get messages only once they are activated."""

    async def prepare(self, order: ActivationOrder) -> Readiness:
        return Readiness(can_receive=False)


@pytest.fixture
def not_yet(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    registrations: Registrations = services.registrations
    monkeypatch.setattr(registrations, "parts", replace(registrations.parts, provisioner=NotYet()))


async def _opened(api: Api) -> tuple[str, Any]:
    person = invent(Random(5), api.services.clock.now().date())
    body = {
        "msisdn": LINE,
        "purpose": "new",
        "subscriber": {**person.subscriber(), "contact_msisdn": CONTACT},
    }
    answer = await api.post("/v1/registrations", body)
    assert answer.status_code == 201, answer.text
    path = f"/v1/registrations/{answer.json()['id']}"
    answer = await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
    assert answer.json()["outcome"] == "pass", answer.text
    return path, person


async def test_the_code_goes_to_the_contact_and_the_line_waits_for_its_own(api: Api, not_yet: None) -> None:
    path, _ = await _opened(api)
    refused = await api.post(f"{path}/otp", {"to": "line"})
    assert refused.status_code == 409
    assert refused.json()["allowed"] == ["contact"]
    assert (await api.post(f"{path}/otp", {"to": "contact"})).status_code == 202
    checked = await api.post(f"{path}/otp/check", {"code": await api.code(CONTACT)})
    assert checked.json()["to"] == "contact", checked.text
    decided = await api.post(f"{path}/submit")
    assert decided.json()["state"] == "approved", decided.text
    await api.services.registrations.activate(api.operator, parse("reg", path.rsplit("/", 1)[1]))
    line = (await api.get(f"/v1/lines/{LINE}")).json()
    assert (line["state"], line["reasons"]) == ("restricted", ["awaiting-code"])
    assert (await api.post(f"{path}/otp", {"to": "line"})).status_code == 202
    checked = await api.post(f"{path}/otp/check", {"code": await api.code(LINE)})
    assert checked.json()["to"] == "line", checked.text
    assert (await api.get(f"/v1/lines/{LINE}")).json()["state"] == "active"


async def test_a_code_to_the_old_contact_proves_nothing_of_the_new(api: Api, not_yet: None) -> None:
    path, _ = await _opened(api)
    await api.post(f"{path}/otp", {"to": "contact"})
    old = await api.code(CONTACT)
    changed = await api.ask("PATCH", path, json={"subscriber": {"contact_msisdn": OTHER}})
    assert changed.status_code == 200, changed.text
    late = await api.post(f"{path}/otp/check", {"code": old})
    assert (late.status_code, late.json()["code"]) == (410, "otp-expired")
    await api.post(f"{path}/otp", {"to": "contact"})
    assert (await api.post(f"{path}/otp/check", {"code": await api.code(OTHER)})).status_code == 200


async def test_a_proof_of_the_old_contact_falls_with_it(api: Api, not_yet: None) -> None:
    path, _ = await _opened(api)
    await api.post(f"{path}/otp", {"to": "contact"})
    await api.post(f"{path}/otp/check", {"code": await api.code(CONTACT)})
    changed = await api.ask("PATCH", path, json={"subscriber": {"contact_msisdn": OTHER}})
    assert changed.json()["missing"] == ["otp"], changed.text
