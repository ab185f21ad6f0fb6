"""What belongs to another operator or another dealer is not there: on every route with an id, from the OpenAPI."""

from typing import Any

import pytest
from fastapi import FastAPI

from service.audit.workflow import Actor
from service.compose import Services
from service.infra.postgres import Database
from service.kit.ids import new_id, parse, wire
from service.operators.workflow import Operators
from service.web.auth import NOT_FOR_DEALERS, Scope
from tests.api.conftest import Api, Caller
from tests.api.test_keys import filled, routes
from tests.fakes.pipeline import Applicant, applicant, refused, somebody, work

CLI = Actor.cli()
BODIES: dict[str, Any] = {
    "/v1/registrations/{registration_id}": {"subscriber": {"family_name": "Elsewhere"}},
    "/v1/registrations/{registration_id}/documents": {"kind": "mrz", "lines": list(somebody(9).lines)},
    "/v1/registrations/{registration_id}/documents/nonce": {},
    "/v1/registrations/{registration_id}/documents/{document_id}/confirm": {"fields": {"sex": "X"}},
    "/v1/registrations/{registration_id}/otp": {"to": "line"},
    "/v1/registrations/{registration_id}/otp/check": {"code": "123456"},
    "/v1/registrations/{registration_id}/submit": {},
    "/v1/registrations/{registration_id}/cancel": {},
    "/v1/registrations/{registration_id}/appeal": {"text": "Please look again."},
}
"""A body that each route takes; a new route with an id fails here until it has one."""


@pytest.fixture
async def other(db: Database, caller: Caller) -> Api:
    await Operators(db).add("other", "Other Telecom")
    return await caller(slug="other")


def with_registration(app: FastAPI) -> list[tuple[str, str]]:
    found = [(method, path) for method, path in routes(app) if "{registration_id}" in path]
    assert {path for _, path in found} == set(BODIES)
    return found


async def is_not_there(app: FastAPI, stranger: Api, owner: Applicant) -> None:
    """404 on every route, word for word as for an id that never was, and nothing has happened."""
    before = await owner.get()
    never = wire("reg", new_id())
    for method, template in with_registration(app):
        json = None if method == "GET" else BODIES[template]
        theirs = await stranger.ask(method, filled(template, owner.id), json=json)
        nobodys = await stranger.ask(method, filled(template, never), json=json)
        assert refused(theirs, 404, "not-found") == refused(nobodys, 404, "not-found")
        assert owner.id not in theirs.text
    assert await owner.get() == before


@pytest.mark.parametrize("state", ["collecting", "in_review", "denied", "active"])
async def test_another_operators(app: FastAPI, api: Api, other: Api, services: Services, state: str) -> None:
    mine = await in_state(api, services, state)
    await is_not_there(app, other, mine)


@pytest.mark.parametrize("state", ["collecting", "active"])
async def test_another_dealers(
    app: FastAPI, api: Api, caller: Caller, services: Services, state: str
) -> None:
    shops = [
        await services.dealers.register(api.operator, code=f"D-{n}", name="Shop", licence=f"L{n}", actor=CLI)
        for n in (1, 2)
    ]
    scopes = [scope for scope in Scope if scope not in NOT_FOR_DEALERS]
    mine = await caller(scopes=scopes, dealer=shops[0].id)
    theirs = await caller(scopes=scopes, dealer=shops[1].id)
    registered = await in_state(mine, services, state)
    await is_not_there(app, theirs, registered)
    assert (await theirs.get("/v1/registrations")).json()["items"] == []
    assert [each["id"] for each in (await mine.get("/v1/registrations")).json()["items"]] == [registered.id]
    if state == "active":
        refused(await theirs.get(f"/v1/lines/{registered.msisdn}"), 404, "not-found")
        assert (await mine.get(f"/v1/lines/{registered.msisdn}")).status_code == 200
    # One that names no dealer at all is no dealer's.
    nobodys = applicant(api, 77)
    await nobodys.open()
    await is_not_there(app, theirs, nobodys)


async def test_lines_of_another_operator(app: FastAPI, api: Api, other: Api, services: Services) -> None:
    mine = await in_state(api, services, "active")
    for method, template in routes(app):
        if "{msisdn}" not in template:
            continue
        body = {"text": "I called nobody."} if template.endswith("/appeal") else {"reason": "scam"}
        json = None if method == "GET" else body
        refused(await other.ask(method, filled(template, msisdn=mine.msisdn), json=json), 404, "not-found")
    assert (await api.get(f"/v1/lines/{mine.msisdn}")).json()["state"] == "active"


async def test_two_operators_may_hold_the_same_number(api: Api, other: Api) -> None:
    mine, theirs = applicant(api), applicant(other)
    await mine.open()
    await theirs.open()
    for api_, own in ((api, mine), (other, theirs)):
        listed = (await api_.get("/v1/registrations", params={"msisdn": own.msisdn})).json()
        assert [item["id"] for item in listed["items"]] == [own.id]


@pytest.mark.parametrize(
    "given",
    [
        "reg_", "reg_0", "dec_" + "0" * 32, "REG_" + "0" * 32, "reg_" + "G" * 32, "0" * 32, "reg_" + "0" * 33,
        "%00", "..", "reg_%2e%2e", "'; DROP TABLE registration; --", "reg_\u0660" + "0" * 31,
    ],
)  # fmt: skip
async def test_what_is_no_id(api: Api, given: str) -> None:
    answer = await api.get(f"/v1/registrations/{given}")
    refused(answer, 404, "not-found")


async def in_state(api: Api, services: Services, state: str) -> Applicant:
    """A registration that came to ``state`` by the ordinary way."""
    one = applicant(api)
    if state == "collecting":
        await one.open()
        return one
    if state == "active":
        decided = await one.decided()
        await work(services)
    else:
        # initials alone agree in part: a person looks
        decided = await one.decided(
            subscriber={**one.person.subscriber(), "given_names": one.person.given_names[0]}
        )
        assert decided["state"] == "in_review"
        if state == "denied":
            await services.registrations.decide_by_person(
                operator=api.operator,
                registration_id=parse("reg", one.id),
                staff=Actor.staff(new_id()),
                verdict="denied",
                reason_code="not-accepted",
                note=None,
                expected_version=await version(services, one),
            )
    assert (await one.get())["state"] == state
    return one


async def version(services: Services, one: Applicant) -> int:
    from service.registration import store

    async with services.db.read(one.api.operator) as reader:
        return (await store.load(reader, one.uuid)).version
