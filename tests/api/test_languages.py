"""An applicant's reasons come in the language that was asked for, and else in English."""

from random import Random

from service.kit.people import invent
from service.web.auth import Scope
from tests.api.conftest import Api, Caller

NUMBER = "+4915112345690"


async def test_reasons_in_the_asked_language(caller: Caller) -> None:
    api: Api = await caller(scopes=[Scope.REGISTRATIONS, Scope.VERIFICATIONS])
    person = invent(Random(9), api.services.clock.now().date())
    young = {**person.subscriber(), "birth_date": "1990"}
    answer = await api.post("/v1/registrations", {"msisdn": NUMBER, "purpose": "new", "subscriber": young})
    path = f"/v1/registrations/{answer.json()['id']}"
    await api.post(f"{path}/documents", {"kind": "attested", "description": "A letter of the town hall."})
    await api.post(f"{path}/otp", {"to": "line"})
    await api.post(f"{path}/otp/check", {"code": await api.code(NUMBER)})
    decided = await api.post(f"{path}/submit", headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert decided.json()["state"] == "in_review", decided.text
    assert [reason["text"][:20] for reason in decided.json()["decision"]["reasons"]] == [
        "Ein Mensch prüft die"
    ]
    english = await api.get(path, headers={"Accept-Language": "xx"})
    assert english.json()["decision"]["reasons"][0]["text"].startswith("A person will look")
