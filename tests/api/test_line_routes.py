"""``/v1/lines`` over the application: scopes, shapes, refusals, replays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.compose import Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock, rfc3339
from service.lines.model import Line
from service.operators.workflow import Operators
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.fakes.lines import ACTOR, NUMBER, House

PATH = f"/v1/lines/{NUMBER}"
BODY = {"reason": "scam"}


@pytest.fixture
def house(db: Database, operator: UUID, services: Services) -> House:
    return House(db, operator, services.lines, services.subscribers)


@pytest.fixture
async def line(house: House) -> Line:
    return await house.open()


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert NUMBER[1:] not in answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_line_is_shown_as_the_contract_says(api: Api, line: Line) -> None:
    for path in (PATH, PATH.replace("+", "%2B")):
        answer = await api.get(path)
        assert answer.status_code == 200
        assert answer.json() == {
            "id": f"line_{line.id.hex}",
            "msisdn": NUMBER,
            "state": "active",
            "active_since": "2026-11-23T10:00:00Z",
            "holder_since": "2026-11-23T10:00:00Z",
            "sim_changed_at": None,
            "assurance": "basic",
            "probation_until": None,
            "service_until": None,
            "reasons": [],
            "labelled_until": None,
        }


async def test_its_life_over_the_wire(api: Api, line: Line) -> None:
    for action, state, reasons in (
        ("restrict", "restricted", ["scam"]),
        ("suspend", "suspended", ["scam"]),
        ("reinstate", "active", []),
        ("close", "quarantined", ["scam"]),
    ):
        answer = await api.post(f"{PATH}/{action}", BODY)
        assert (answer.status_code, answer.json()["state"], answer.json()["reasons"]) == (200, state, reasons)
    body = refused(await api.post(f"{PATH}/reinstate", BODY), 409, "state-conflict")
    assert (body["state"], body["allowed"]) == ("quarantined", [])
    assert (await api.get(PATH)).json()["state"] == "quarantined"


async def test_until_and_note(api: Api, line: Line, clock: ManualClock, services: Services) -> None:
    until = rfc3339(clock.now() + timedelta(days=1))
    body = {"reason": "scam", "note": "Three people called.", "until": until}
    assert (await api.post(f"{PATH}/suspend", body)).status_code == 200
    clock.advance(timedelta(days=1))
    assert await services.lines.expire(api.operator) == 1
    assert (await api.get(PATH)).json()["state"] == "active"


async def test_what_is_not_here(api: Api, caller: Caller, db: Database, line: Line) -> None:
    refused(await api.get("/v1/lines/+4915112345999"), 404, "not-found")
    refused(await api.post("/v1/lines/+4915112345999/close", BODY), 404, "not-found")
    refused(await api.post(f"{PATH}/delete", BODY), 404, "not-found")
    await Operators(db).add("other", "Other Telecom")
    other = await caller(slug="other")
    refused(await other.get(PATH), 404, "not-found")
    refused(await other.post(f"{PATH}/suspend", BODY), 404, "not-found")


@pytest.mark.parametrize(
    "path", ["/v1/lines/4915112345678", "/v1/lines/+49", "/v1/lines/line", "/v1/lines/+9991234567"]
)
async def test_a_number_that_is_none(api: Api, path: str) -> None:
    body = refused(await api.get(path), 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "/msisdn"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": "Scam"}, "/reason"),
        ({"reason": "call-0151"}, "/reason"),
        ({"reason": "a" * 49}, "/reason"),
        ({"reason": "awaiting-code"}, "/reason"),
        ({"reason": "scam", "note": "x" * 501}, "/note"),
        ({"reason": "scam", "note": "a\u0000b"}, "/note"),
        ({"reason": "scam", "until": "2026-11-24T10:00:00"}, "/until"),
        ({"reason": "scam", "until": "2026-11-23T09:00:00Z"}, "/until"),
        ({"reason": "scam", "untill": None}, "/untill"),
    ],
)
async def test_malformed_bodies(api: Api, line: Line, body: dict[str, Any], pointer: str) -> None:
    answer = refused(await api.post(f"{PATH}/suspend", body), 422, "invalid-request")
    assert [error["pointer"] for error in answer["errors"]] == [pointer]


async def test_until_is_not_for_closing(api: Api, line: Line) -> None:
    body = {"reason": "scam", "until": "2026-12-24T10:00:00Z"}
    refused(await api.post(f"{PATH}/close", body), 422, "invalid-request")


async def test_scopes(caller: Caller, line: Line) -> None:
    reader = await caller(scopes=[Scope.LINES])
    assert (await reader.get(PATH)).status_code == 200
    for action in ("restrict", "suspend", "reinstate", "close"):
        assert (
            refused(await reader.post(f"{PATH}/{action}", BODY), 403, "scope-missing")["scope"] == "lines:act"
        )
    actor = await caller(scopes=[Scope.LINES_ACT])
    refused(await actor.get(PATH), 403, "scope-missing")
    assert (await actor.post(f"{PATH}/suspend", BODY)).status_code == 200
    refused(await actor.get(PATH, headers={"Authorization": ""}), 401, "unauthenticated")


async def test_a_shop_sees_its_own_lines(
    caller: Caller, house: House, services: Services, operator: UUID
) -> None:
    dealers = services.dealers
    mine = await dealers.register(operator, code="D-1", name="Mine", licence="L 1", actor=ACTOR)
    theirs = await dealers.register(operator, code="D-2", name="Theirs", licence="L 2", actor=ACTOR)
    await house.open(dealer_id=mine.id)
    shop = await caller(scopes=[Scope.LINES], dealer=mine.id)
    assert (await shop.get(PATH)).status_code == 200
    other = await caller(scopes=[Scope.LINES], dealer=theirs.id)
    refused(await other.get(PATH), 404, "not-found")


async def test_a_repetition_acts_once(api: Api, line: Line, house: House) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await api.post(f"{PATH}/suspend", BODY, headers=headers)
    again = await api.post(f"{PATH}/suspend", BODY, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert (await house.now(line)).version == 2
    other = await api.post(f"{PATH}/suspend", {"reason": "spam"}, headers=headers)
    refused(other, 422, "idempotency-key-reused")
