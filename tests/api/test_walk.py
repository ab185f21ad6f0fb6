"""The main walk: from create to an active line, by HTTP."""

from service.compose import Services
from tests.api.conftest import Api

NUMBER = "+4915112345678"


async def test_a_new_line_goes_live(api: Api, services: Services) -> None:
    from random import Random

    from service.kit.people import invent

    person = invent(Random(1), services.clock.now().date())
    answer = await api.post(
        "/v1/registrations",
        {
            "msisdn": NUMBER,
            "purpose": "new",
            "subscriber": {
                "family_name": person.family_name,
                "given_names": person.given_names,
                "birth_date": person.birth_date.isoformat(),
            },
        },
    )
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert created["state"] == "collecting"
    assert created["missing"] == ["document", "otp"]
    path = f"/v1/registrations/{created['id']}"
    answer = await api.post(f"{path}/documents", {"kind": "mrz", "lines": list(person.lines)})
    assert answer.status_code == 201, answer.text
    assert answer.json()["outcome"] == "pass", answer.text
    answer = await api.post(f"{path}/otp", {"to": "line"})
    assert answer.status_code == 202, answer.text
    answer = await api.post(f"{path}/otp/check", {"code": await api.code(NUMBER)})
    assert answer.status_code == 200, answer.text
    answer = await api.post(f"{path}/submit")
    assert answer.status_code == 200, answer.text
    decided = answer.json()
    assert decided["decision"]["verdict"] == "approved", decided
    from service.kit.ids import parse

    await services.registrations.activate(api.operator, parse("reg", created["id"]))
    answer = await api.get(path)
    assert answer.json()["state"] == "active", answer.text
    answer = await api.get(f"/v1/lines/{NUMBER}")
    assert answer.json()["state"] == "active", answer.text
