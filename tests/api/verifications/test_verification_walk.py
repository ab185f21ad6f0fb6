"""Codes on their own, over the application: sent, resent, checked once, looked at while and after they live."""

from datetime import timedelta
from typing import Any

import redis as sync_redis

from service.audit.workflow import Actor
from service.compose import Services
from service.kit.clock import ManualClock
from service.kit.ids import parse
from service.otp import store
from service.otp.workflow.history import History
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.conftest import Backend
from tests.fakes.pipeline import refused

PATH = "/v1/verifications"
NUMBER = "+4915112345678"
MASKED = "+49 151 •••• 678"


def told(answer: Any, status: int, code: str, **facts: Any) -> None:
    """A refusal with these facts."""
    body = refused(answer, status, code)
    assert {name: body[name] for name in facts} == facts


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def begun(api: Api, number: str = NUMBER, **more: Any) -> dict[str, Any]:
    answer = await api.post(PATH, {"to": number, **more})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def forget(backend: Backend) -> None:
    """Redis loses all."""
    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        admin.flushall()


async def drained(services: Services) -> None:
    await services.journal.flush()
    await History(services.db, services.redis).drain()


async def test_sent_checked_and_looked_at(api: Api, clock: ManualClock) -> None:
    sent = await begun(
        api, client_ref="order 7", language="de", device={"fingerprint": "a phone", "ip": "203.0.113.7"}
    )
    assert sent == {
        "id": sent["id"],
        "status": "pending",
        "to_masked": MASKED,
        "channel": "sms",
        "expires_at": "2026-11-23T10:10:00Z",
        "resend_at": "2026-11-23T10:00:30Z",
        "attempts_left": 5,
    }
    path = f"{PATH}/{sent['id']}"
    assert (await api.get(path)).json() == {**sent, "client_ref": "order 7"}
    assert api.services.outbox is not None
    [message] = await api.services.outbox.read(NUMBER)
    assert "Demo Telecom" in message["text"]
    assert "Ihr Code" in message["text"]
    code = await api.code(NUMBER)
    told(await api.post(f"{path}/check", {"code": other_than(code)}), 422, "otp-rejected", attempts_left=4)
    clock.advance(timedelta(seconds=5))
    answer = await api.post(f"{path}/check", {"code": code})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"id": sent["id"], "status": "verified", "verified_at": "2026-11-23T10:00:05Z"}
    refused(await api.post(f"{path}/check", {"code": code}), 410, "otp-expired")
    seen = (await api.get(path)).json()
    assert (seen["status"], seen["verified_at"]) == ("verified", "2026-11-23T10:00:05Z")
    assert "attempts_left" not in seen


async def test_a_resend_kills_the_old_code_and_refills_no_budget(api: Api, clock: ManualClock) -> None:
    sent = await begun(api)
    path = f"{PATH}/{sent['id']}"
    old = await api.code(NUMBER)
    early = await api.post(f"{path}/resend")
    told(early, 429, "limit-exceeded", limit="OtpSendsPerMsisdn", retry_at="2026-11-23T10:00:30Z")
    assert early.headers["retry-after"] == "30"
    clock.advance(timedelta(seconds=30))
    again = await api.post(f"{path}/resend")
    assert again.status_code == 202
    assert again.json()["id"] == sent["id"]
    assert again.json()["resend_at"] == "2026-11-23T10:01:30Z"
    new = await api.code(NUMBER)
    if new != old:
        refused(await api.post(f"{path}/check", {"code": old}), 410, "otp-expired")
    assert (await api.post(f"{path}/check", {"code": new})).status_code == 200
    told(await api.post(f"{path}/resend"), 409, "state-conflict", state="verified")


async def test_after_redis_forgot_the_history_speaks(api: Api, services: Services, backend: Backend) -> None:
    one, other = await begun(api), await begun(api, "+4915112345679")
    code = await api.code(NUMBER)
    assert (await api.post(f"{PATH}/{one['id']}/check", {"code": code})).status_code == 200
    await drained(services)
    forget(backend)
    assert (await api.get(f"{PATH}/{one['id']}")).json() == {
        "id": one["id"],
        "status": "verified",
        "verified_at": "2026-11-23T10:00:00Z",
    }
    assert (await api.get(f"{PATH}/{other['id']}")).json() == {"id": other["id"], "status": "expired"}
    refused(await api.post(f"{PATH}/{one['id']}/check", {"code": code}), 410, "otp-expired")
    refused(await api.post(f"{PATH}/{other['id']}/resend"), 410, "otp-expired")
    never = f"ver_{'0' * 32}"
    refused(await api.get(f"{PATH}/{never}"), 404, "not-found")
    refused(await api.post(f"{PATH}/{never}/check", {"code": code}), 404, "not-found")


async def test_another_operator_and_another_dealer_see_nothing(
    api: Api, caller: Caller, services: Services, backend: Backend
) -> None:
    await services.operators.add("other", "Other")
    stranger = await caller(slug="other")
    shop = await services.dealers.register(
        api.operator, code="D-1", name="S", licence="L1", actor=Actor.cli()
    )
    rival = await services.dealers.register(
        api.operator, code="D-2", name="R", licence="L2", actor=Actor.cli()
    )
    mine = await caller(scopes=[Scope.VERIFICATIONS], dealer=shop.id)
    theirs = await caller(scopes=[Scope.VERIFICATIONS], dealer=rival.id)
    sent = await begun(mine)
    code = await api.code(NUMBER)
    path = f"{PATH}/{sent['id']}"
    for eye in (stranger, theirs):
        refused(await eye.get(path), 404, "not-found")
        refused(await eye.post(f"{path}/check", {"code": code}), 404, "not-found")
        refused(await eye.post(f"{path}/resend"), 404, "not-found")
    refused(await mine.post(PATH, {"to": NUMBER, "dealer": "D-2"}), 403, "dealer-mismatch")
    refused(await api.post(PATH, {"to": NUMBER, "dealer": "D-9"}), 422, "invalid-request")
    assert (await mine.post(f"{path}/check", {"code": code})).status_code == 200
    await drained(services)
    forget(backend)
    assert (await mine.get(path)).json()["status"] == "verified"
    refused(await theirs.get(path), 404, "not-found")
    await services.dealers.suspend(api.operator, shop.id, "fraud", actor=Actor.cli())
    services.verifications._admitted.clear()
    refused(await mine.post(PATH, {"to": NUMBER}), 403, "dealer-suspended")


async def test_the_scope_is_asked_for(caller: Caller) -> None:
    blind = await caller(scopes=[Scope.REGISTRATIONS])
    told(await blind.post(PATH, {"to": NUMBER}), 403, "scope-missing", scope="verifications")


async def test_the_history_has_the_way_of_a_code(api: Api, services: Services) -> None:
    sent = await begun(api)
    code = await api.code(NUMBER)
    await api.post(f"{PATH}/{sent['id']}/check", {"code": other_than(code)})
    await api.post(f"{PATH}/{sent['id']}/check", {"code": code})
    await drained(services)
    async with services.db.read(api.operator) as reader:
        events = await store.of_subject(reader, parse("ver", sent["id"]))
        [country] = await store.conversion(reader, "country", reader.now - timedelta(hours=1))
        [sender] = await store.conversion(reader, "sender", reader.now - timedelta(hours=1))
    assert [(each.kind, each.outcome) for each in events if each.subject] == [
        ("send", "sent"),
        ("check", "rejected"),
        ("check", "verified"),
    ]
    assert [(each.kind, each.sender) for each in events if not each.subject] == [("accepted", "outbox")]
    assert (country.name, country.sent, country.verified) == ("DE", 1, 1)
    assert (sender.name, sender.sent, sender.verified) == ("outbox", 1, 1)
    assert not await services.redis.client.exists("{otp}:log")
