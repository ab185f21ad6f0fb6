"""Keys at the door: 401 and 403 on every route, made from the OpenAPI; dealers of bound keys."""

import base64
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from service.audit.workflow import Actor
from service.compose import Services
from service.infra.postgres import Database
from service.kit.clock import ManualClock
from service.operators.model import ScopeNotForDealers, TooManyKeys
from service.operators.workflow import Operators
from service.web.auth import Gate, Scope
from tests.api.conftest import Api, Caller
from tests.fakes.pipeline import PATH, applicant, refused

ID = "reg_" + "0" * 32


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every route of the contract: (method, template)."""
    found = [
        (method.upper(), path)
        for path, item in app.openapi()["paths"].items()
        for method in item
        if path.startswith("/v1/")
    ]
    assert len(found) > 14
    return found


def filled(template: str, registration: str = ID, msisdn: str = "+4915112345678") -> str:
    path = template.replace("{registration_id}", registration).replace("{msisdn}", msisdn)
    return re.sub(r"\{[a-z_]+\}", "x_" + "0" * 32, path)


async def test_nobody_comes_in_without_a_key(app: FastAPI, api: Api) -> None:
    for method, template in routes(app):
        answer = await api.ask(method, filled(template), json={}, headers={"Authorization": ""})
        body = refused(answer, 401, "unauthenticated")
        assert body["instance"] == template
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Digest"])
async def test_no_other_scheme(api: Api, scheme: str) -> None:
    secret = base64.b64encode(api.key.encode()).decode()
    for given in (f"{scheme} {api.key}", f"{scheme} {secret}"):
        refused(await api.get(PATH, headers={"Authorization": given}), 401, "unauthenticated")


async def test_a_cookie_is_no_key(api: Api) -> None:
    for name in ("session", "__Host-session", "key", "Authorization"):
        headers = {"Authorization": "", "Cookie": f"{name}={api.key}"}
        refused(await api.get(PATH, headers=headers), 401, "unauthenticated")
    refused(await api.get(f"{PATH}?key={api.key}", headers={"Authorization": ""}), 401, "unauthenticated")


async def test_a_wrong_secret(api: Api, caller: Caller) -> None:
    head, key_id, secret = api.key.split("_", 2)
    other = (await caller()).key.split("_", 2)
    wrong = [
        f"{head}_{key_id}_{other[2]}",
        f"{head}_{other[1]}_{secret}",
        f"{head}_{key_id}_{secret[:-1]}",
        f"{head}_{key_id}_{secret}A",
        f"{head}_{key_id}_",
        f"{head}_{key_id.upper()}_{secret}",
        f"{head}_{'a' * 16}_{secret}",
        f"{head}_{key_id}%00_{secret}",
        "sk_",
        "sk",
        "x" * 5000,
    ]
    for key in wrong:
        refused(await api.get(PATH, headers={"Authorization": f"Bearer {key}"}), 401, "unauthenticated")
    assert (await api.get(PATH)).status_code == 200


async def test_hostile_bytes_in_the_key(api: Api) -> None:
    for raw in (b"Bearer sk_\xff\xfe_" + b"a" * 43, b"Bearer sk_abc_" + b"\xc3\xbc" * 30, b"Bearer \x80"):
        answer = await api.get(PATH, headers={b"Authorization": raw})
        refused(answer, 401, "unauthenticated")


async def test_a_revoked_key_stops_within_two_seconds(
    app: FastAPI, api: Api, db: Database, clock: ManualClock
) -> None:
    passed = [0.0]
    app.state.gate = Gate(Operators(db), clock, lambda: passed[0])
    assert (await api.get(PATH)).status_code == 200
    operators = Operators(db)
    await operators.revoke_key(await operators.by_slug("demo"), api.key.split("_")[1])
    passed[0] = Gate.KEEP_S
    refused(await api.get(PATH), 401, "unauthenticated")
    assert Gate.KEEP_S <= 5


async def test_an_expired_key(caller: Caller, clock: ManualClock) -> None:
    api = await caller(expires_at=clock.now() + timedelta(hours=1))
    assert (await api.get(PATH)).status_code == 200
    clock.advance(timedelta(hours=1))
    refused(await api.get(PATH), 401, "unauthenticated")


async def test_a_key_for_one_network(caller: Caller) -> None:
    assert (await (await caller(cidr="127.0.0.0/8")).get(PATH)).status_code == 200
    away = await caller(cidr="10.0.0.0/8")
    refused(await away.get(PATH), 401, "unauthenticated")
    forwarded = {"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1", "X-Real-IP": "10.0.0.1"}
    refused(await away.get(PATH, headers=forwarded), 401, "unauthenticated")


async def test_at_most_two_live_keys(db: Database, api: Api) -> None:
    operators = Operators(db)
    demo = await operators.by_slug("demo")
    first = await operators.create_key(demo, "till", [Scope.READ])
    await operators.create_key(demo, "till", [Scope.READ])
    with pytest.raises(TooManyKeys):
        await operators.create_key(demo, "till", [Scope.READ])
    await operators.revoke_key(demo, first.text.split("_")[1])
    await operators.create_key(demo, "till", [Scope.READ])


async def test_every_route_asks_for_a_scope(app: FastAPI, caller: Caller) -> None:
    nothing = await caller(scopes=[])
    for method, template in routes(app):
        body = refused(await nothing.ask(method, filled(template), json={}), 403, "scope-missing")
        assert body["scope"] in {scope.value for scope in Scope}


@pytest.mark.parametrize(
    ("held", "method", "path", "lacks"),
    [
        ("registrations", "GET", PATH, "read"),
        ("read", "GET", f"{PATH}/{ID}", "registrations"),
        ("read", "POST", PATH, "registrations"),
        ("registrations", "GET", "/v1/lines/+4915112345678", "lines"),
        ("lines", "POST", "/v1/lines/+4915112345678/suspend", "lines:act"),
        ("lines:act", "GET", "/v1/lines/+4915112345678", "lines"),
        ("evidence", "GET", f"{PATH}/{ID}", "registrations"),
    ],
)
async def test_one_scope_is_not_another(
    caller: Caller, held: str, method: str, path: str, lacks: str
) -> None:
    api = await caller(scopes=[Scope(held)])
    assert refused(await api.ask(method, path, json={}), 403, "scope-missing")["scope"] == lacks


CLI = Actor.cli()


@pytest.fixture
async def shops(services: Services, api: Api) -> Any:
    """Two dealers, the first with an agent."""
    one = await services.dealers.register(api.operator, code="D-1", name="One", licence="L1", actor=CLI)
    two = await services.dealers.register(api.operator, code="D-2", name="Two", licence="L2", actor=CLI)
    await services.dealers.register_agent(api.operator, "D-1", "A-7", actor=CLI)
    return one, two


async def test_the_dealer_comes_from_the_key(caller: Caller, api: Api, shops: Any) -> None:
    bound = await caller(scopes=[Scope.REGISTRATIONS], dealer=shops[0].id)
    for other in ("D-2", "D-404"):
        body = applicant(bound).body(dealer=other)
        refused(await bound.post(PATH, body), 403, "dealer-mismatch")
    by_key, by_name = applicant(bound, 1), applicant(bound, 2)
    await by_key.open(agent="A-7")
    await by_name.open(dealer="D-1", agent="A-7")
    unbound = await caller(scopes=[Scope.REGISTRATIONS])
    assert (await unbound.get(by_key.path)).status_code == 200


async def test_no_such_dealer(api: Api, shops: Any) -> None:
    body = refused(await api.post(PATH, applicant(api).body(dealer="D-404")), 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "/dealer"


@pytest.mark.parametrize("agent", ["A-8", "A-7x", "a-7"])
async def test_no_such_agent(api: Api, shops: Any, agent: str) -> None:
    refused(await api.post(PATH, applicant(api).body(dealer="D-1", agent=agent)), 422, "agent-unknown")


async def test_an_agent_of_another_dealer(api: Api, shops: Any) -> None:
    refused(await api.post(PATH, applicant(api).body(dealer="D-2", agent="A-7")), 422, "agent-unknown")


async def test_an_agent_without_a_dealer_is_not_silently_dropped(api: Api) -> None:
    refused(await api.post(PATH, applicant(api).body(agent="A-7")), 422, "agent-unknown")


@pytest.mark.parametrize("verb", ["pause", "suspend"])
async def test_a_stopped_dealer_opens_nothing(
    api: Api, caller: Caller, services: Services, shops: Any, verb: str
) -> None:
    bound = await caller(scopes=[Scope.REGISTRATIONS], dealer=shops[0].id)
    earlier = applicant(bound, 5)
    await earlier.open()
    if verb == "pause":
        await services.dealers.pause(api.operator, "D-1", actor=CLI)
    else:
        await services.dealers.suspend(api.operator, "D-1", "scam", actor=CLI)
    refused(await bound.post(PATH, applicant(bound).body()), 403, "dealer-suspended")
    refused(await api.post(PATH, applicant(api).body(dealer="D-1")), 403, "dealer-suspended")
    assert (await earlier.get())["state"] == "collecting"
    await applicant(api, 6).open(dealer="D-2")


async def test_what_a_dealers_key_never_carries(db: Database, shops: Any) -> None:
    operators = Operators(db)
    demo = await operators.by_slug("demo")
    for scope in (Scope.LINES_ACT, Scope.EVIDENCE):
        with pytest.raises(ScopeNotForDealers):
            await operators.create_key(demo, "shop", [scope], dealer_id=shops[0].id)


async def test_quota_of_a_dealer(api: Api, services: Services, shops: Any, clock: ManualClock) -> None:
    from service.dealers.model import Quotas

    await services.dealers.set_quotas(api.operator, "D-1", Quotas(hourly=2, daily=3), actor=CLI)
    for turn in (1, 2):
        await applicant(api, turn).open(dealer="D-1")
    answer = await api.post(PATH, applicant(api, 3).body(dealer="D-1"))
    body = refused(answer, 429, "limit-exceeded")
    assert (body["limit"], body["retry_at"]) == ("RegistrationsPerDealer", "2026-11-23T11:00:00Z")
    assert answer.headers["retry-after"] == "3600"
    clock.advance(timedelta(hours=1))
    await applicant(api, 3).open(dealer="D-1")
    body = refused(await api.post(PATH, applicant(api, 4).body(dealer="D-1")), 429, "limit-exceeded")
    assert body["retry_at"] == "2026-11-24T00:00:00Z"
    await applicant(api, 5).open(dealer="D-2")


async def test_unknown_paths_tell_nothing(api: Api) -> None:
    for method, path in (("GET", "/v1/nothing"), ("DELETE", PATH), ("PUT", f"{PATH}/{ID}")):
        answer = await api.ask(method, path)
        body = refused(answer, answer.status_code, "not-found")
        assert body["status"] in (404, 405)
        assert ID not in answer.text


async def test_the_peer_is_not_taken_from_a_header(app: FastAPI, caller: Caller) -> None:
    """Two callers of one key, from two addresses: only the socket's own counts."""
    api = await caller(cidr="192.0.2.0/24")
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app, client=("192.0.2.7", 1)),
        base_url="http://testserver",
        headers={"Authorization": f"Bearer {api.key}"},
    ) as inside:
        assert (await inside.get(PATH)).status_code == 200
    refused(await api.get(PATH), 401, "unauthenticated")
