"""Delivery receipts: who may bring one, what it must be, and what is noted of it."""

import base64
import dataclasses
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
import redis as sync_redis
from fastapi import FastAPI

from service.compose import Instead, Services
from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.kit.ids import new_id
from service.otp.model import Accepted, Delivery, Receipt
from service.otp.workflow import Receipts
from service.settings import Mode, Settings
from tests.conftest import START, Backend
from tests.fakes.journal import Noted, Notes
from tests.fakes.otp import OwnRedis, Ring

OLD, NEW, VOICE, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in range(4))
NOW_S = int(START.timestamp())
OPERATOR = UUID("01890000-0000-7000-8000-000000000001")


@pytest.fixture
def settings(backend: Backend, keys_dir: Path) -> Settings:
    return Settings(
        mode=Mode.TEST,
        database_url=backend.servers.app_url,
        redis_url=backend.servers.redis_url,
        keys_dir=keys_dir,
        sender="outbox,webhook",
        sender_webhook_url="https://gateway.test/messages",
        sender_webhook_secret=f"{OLD} {NEW}",
        sender_voice_url="https://calls.test/calls",
        sender_voice_secret=VOICE,
        log_level="error",
        public_url="http://testserver",
    )


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def instead(notes: Notes) -> Instead:
    return Instead(journal=notes)


class Gateway:
    """Signs as the specification of Standard Webhooks says, written down here once more."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self._ids = itertools.count(1)

    async def tell(
        self,
        data: Any = None,
        *,
        sender: str = "webhook",
        secret: str = NEW,
        id: str | None = None,
        at: int = NOW_S,
        body: bytes | None = None,
        leave_out: str = "",
        **headers: str,
    ) -> httpx2.Response:
        said = json.dumps({"type": "message.receipt", "data": data}).encode() if body is None else body
        id = id or f"msg_{next(self._ids)}"
        content = b".".join((id.encode(), str(at).encode(), said))
        mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256)
        every = {
            "webhook-id": id,
            "webhook-timestamp": str(at),
            "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
            "content-type": "application/json",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        every.pop(leave_out, None)
        return await self.http.post(f"/callbacks/receipts/{sender}", content=said, headers=every)


@pytest.fixture
async def gateway(app: FastAPI) -> AsyncIterator[Gateway]:
    transport = httpx2.ASGITransport(app, client=("203.0.113.9", 50000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as http:
        yield Gateway(http)


Sent = Callable[..., Awaitable[str]]


@pytest.fixture
def sent(services: Services) -> Sent:
    """A message that a sender took, remembered; its reference, which is ours as webhooks are given it."""

    async def make(challenge: UUID | None = None, sender: str = "webhook") -> str:
        challenge = challenge or new_id()
        reference = f"otp_{challenge.hex}"
        await services.receipts.remember(Accepted(sender, reference), OPERATOR, challenge)
        return reference

    return make


def said(reference: str, outcome: str = "delivered", **more: Any) -> dict[str, Any]:
    return {"id": reference, "outcome": outcome, "at": "2026-11-23T09:59:58Z", **more}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# What is taken


async def test_what_became_of_a_message_is_noted(gateway: Gateway, notes: Notes, sent: Sent) -> None:
    for outcome in Delivery:
        challenge = new_id()
        answer = await gateway.tell(said(await sent(challenge), outcome.value))
        assert (answer.status_code, answer.content) == (202, b"")
        facts = {"sender": "webhook", "outcome": outcome.value}
        assert notes.entries.pop() == Noted("receipt", OPERATOR, challenge, facts)
        assert notes.entries == []


async def test_a_gateways_own_reference_is_known_by_what_was_remembered(
    gateway: Gateway, services: Services, notes: Notes
) -> None:
    challenge = new_id()
    await services.receipts.remember(Accepted("webhook", "gw-1", ("gw-2",)), OPERATOR, challenge)
    for reference in ("gw-1", "gw-2"):
        assert (await gateway.tell(said(reference))).status_code == 202
    wanted = Noted("receipt", OPERATOR, challenge, {"sender": "webhook", "outcome": "delivered"})
    assert notes.entries == [wanted, wanted]


async def test_a_reference_is_one_senders_alone(gateway: Gateway, services: Services, notes: Notes) -> None:
    await services.receipts.remember(Accepted("smpp", "gw-1"), OPERATOR, new_id())
    assert (await gateway.tell(said("gw-1"))).status_code == 202
    assert notes.entries == []


async def test_an_unknown_reference_is_taken_without_a_word(gateway: Gateway, notes: Notes) -> None:
    answer = await gateway.tell(said("never-heard-of"))
    assert (answer.status_code, answer.content) == (202, b"")
    assert notes.entries == []


async def test_a_receipt_may_overtake_the_answer_that_names_the_message(
    gateway: Gateway, services: Services, notes: Notes
) -> None:
    challenge = new_id()
    assert (await gateway.tell(said("gw-1", "undelivered"))).status_code == 202
    assert notes.entries == []
    await services.receipts.remember(Accepted("webhook", "gw-1"), OPERATOR, challenge)
    assert notes.outcomes == ["undelivered"]
    assert notes.entries[0].challenge == challenge
    await gateway.tell(said("gw-1"))
    assert notes.outcomes == ["undelivered", "delivered"]


async def test_both_secrets_hold_while_one_replaces_the_other(
    gateway: Gateway, notes: Notes, sent: Sent
) -> None:
    for secret in (OLD, NEW):
        assert (await gateway.tell(said(await sent()), secret=secret)).status_code == 202
    assert len(notes.entries) == 2


async def test_one_right_signature_among_several_is_enough(gateway: Gateway) -> None:
    challenge = said("gw-1")
    right = (await gateway.tell(challenge)).request.headers["webhook-signature"]
    answer = await gateway.tell(challenge, id="msg_1", webhook_signature=f"v1a,xx v1,yy {right}")
    assert answer.status_code == 202


async def test_the_voice_gateway_has_a_secret_of_its_own(gateway: Gateway, notes: Notes, sent: Sent) -> None:
    data = said(await sent(sender="voice"))
    assert code_of(await gateway.tell(data, sender="voice", secret=NEW)) == (401, "unauthenticated")
    assert (await gateway.tell(data, sender="voice", secret=VOICE)).status_code == 202
    assert [each.facts["sender"] for each in notes.entries] == ["voice"]


async def test_an_id_is_used_once(gateway: Gateway, notes: Notes, sent: Sent) -> None:
    challenge = new_id()
    data = said(await sent(challenge))
    await sent(challenge, "voice")
    for _ in range(3):
        assert (await gateway.tell(data, id="msg_again")).status_code == 202, (
            "so that it is not sent for ever"
        )
    assert len(notes.entries) == 1
    assert (await gateway.tell(data, id="msg_again", sender="voice", secret=VOICE)).status_code == 202
    assert len(notes.entries) == 2, "another gateway counts for itself"


async def test_five_minutes_are_near_enough_and_no_second_more(gateway: Gateway) -> None:
    for late in (-300, 300):
        assert (await gateway.tell(said("gw-1"), at=NOW_S + late)).status_code == 202
    for late in (-301, 301):
        assert code_of(await gateway.tell(said("gw-1"), at=NOW_S + late)) == (401, "unauthenticated")


# What is refused


async def test_a_sender_that_brings_no_receipts_is_not_there(gateway: Gateway) -> None:
    for sender in ("smpp", "outbox", "nobody", "null", "Webhook"):
        assert code_of(await gateway.tell(said("gw-1"), sender=sender)) == (404, "not-found")


async def test_another_secret_does_not_do(gateway: Gateway) -> None:
    assert code_of(await gateway.tell(said("gw-1"), secret=OTHER)) == (401, "unauthenticated")


async def test_a_header_that_is_not_there(gateway: Gateway) -> None:
    for header in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert code_of(await gateway.tell(said("gw-1"), leave_out=header)) == (401, "unauthenticated")


CHANGED: list[dict[str, str]] = [
    {"webhook_id": "msg_other"},
    {"webhook_id": "x" * 257},
    {"webhook_id": "with space"},
    {"webhook_timestamp": str(NOW_S + 1)},
    {"webhook_timestamp": "yesterday"},
    {"webhook_timestamp": f"{NOW_S}.0"},
    {"webhook_timestamp": "9" * 13},
    {"webhook_signature": ""},
    {"webhook_signature": "v1,"},
    {"webhook_signature": "v2,abc"},
    {"webhook_signature": "v1," + "A" * 44},
]


async def test_a_header_that_was_changed(gateway: Gateway, notes: Notes, sent: Sent) -> None:
    for headers in CHANGED:
        answer = await gateway.tell(said(await sent()), **headers)
        assert code_of(answer) == (401, "unauthenticated"), headers
    assert notes.entries == []


async def test_a_body_that_was_changed(gateway: Gateway, notes: Notes, sent: Sent) -> None:
    reference = await sent()
    genuine = await gateway.tell(said(reference), id="msg_1")
    assert genuine.status_code == 202
    headers = {name: value for name, value in genuine.request.headers.items() if name.startswith("webhook-")}
    body = genuine.request.content.replace(b"delivered", b"expired")
    answer = await gateway.http.post(
        "/callbacks/receipts/webhook", content=body, headers=headers | {"content-type": "application/json"}
    )
    assert code_of(answer) == (401, "unauthenticated")
    assert notes.outcomes == ["delivered"]


async def test_time_is_the_clocks(gateway: Gateway, clock: ManualClock) -> None:
    clock.advance(timedelta(seconds=301))
    assert code_of(await gateway.tell(said("gw-1"))) == (401, "unauthenticated")


NO_RECEIPTS: list[tuple[Any, str]] = [
    (b"", ""),
    (b"not json", ""),
    (b"[]", ""),
    (b"{}", "/type"),
    ({"type": "message.send", "data": said("gw-1")}, "/type"),
    ({"type": "message.receipt", "data": said("gw-1"), "more": 1}, "/more"),
    ({"type": "message.receipt", "data": said("gw-1", to="+4915112345678")}, "/data/to"),
    ({"type": "message.receipt", "data": said("gw-1", "arrived")}, "/data/outcome"),
    ({"type": "message.receipt", "data": said("")}, "/data/id"),
    ({"type": "message.receipt", "data": said("x" * 65)}, "/data/id"),
    ({"type": "message.receipt", "data": said("a b")}, "/data/id"),
    ({"type": "message.receipt", "data": said("gw-1") | {"id": 7}}, "/data/id"),
    ({"type": "message.receipt", "data": said("gw-1") | {"at": "2026-11-23T10:00:00"}}, "/data/at"),
    ({"type": "message.receipt", "data": said("gw-1") | {"at": 1}}, "/data/at"),
    ({"type": "message.receipt"}, "/data"),
]


async def test_a_body_that_is_no_receipt(gateway: Gateway, notes: Notes) -> None:
    for body, pointer in NO_RECEIPTS:
        answer = await gateway.tell(body=body if isinstance(body, bytes) else json.dumps(body).encode())
        assert code_of(answer) == (422, "invalid-request"), body
        assert answer.json()["errors"][0]["pointer"] == pointer, body
        assert answer.json()["instance"] == "/callbacks/receipts/{sender}"
        assert "4915112345678" not in answer.text
    assert notes.entries == []


async def test_a_signature_is_judged_before_the_body(gateway: Gateway) -> None:
    assert code_of(await gateway.tell(body=b"not json", secret=OTHER)) == (401, "unauthenticated")


async def test_a_message_of_ours_is_no_receipt(gateway: Gateway, notes: Notes) -> None:
    """Both directions are signed by the same secret; the type keeps them apart."""
    body = json.dumps({"type": "message.send", "timestamp": "2026-11-23T10:00:00Z", "data": {"id": "otp_1"}})
    assert code_of(await gateway.tell(body=body.encode())) == (422, "invalid-request")
    assert notes.entries == []


async def test_more_than_a_receipt_can_be_is_not_read(gateway: Gateway) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 1024

    headers = {"content-type": "application/json"}
    for content in (b" " * 4097, pieces()):
        answer = await gateway.http.post("/callbacks/receipts/webhook", content=content, headers=headers)
        assert code_of(answer) == (413, "too-large")
        assert answer.json()["limit"] == 4096


async def test_the_largest_receipt_is_read(gateway: Gateway) -> None:
    body = json.dumps({"type": "message.receipt", "data": said("gw-1")}).encode().ljust(4096)
    assert (await gateway.tell(body=body)).status_code == 202


async def test_another_media_type_is_refused(gateway: Gateway) -> None:
    assert code_of(await gateway.tell(said("gw-1"), content_type="text/plain")) == (415, "unsupported-media")


async def test_without_redis_it_may_come_again_and_is_noted_then(
    app: FastAPI, gateway: Gateway, services: Services, vault: Vault, notes: Notes, clock: ManualClock
) -> None:
    own = OwnRedis()
    lost = Redis(own.url, clock, timeout_s=0.5)
    app.state.services = dataclasses.replace(services, receipts=Receipts(lost, vault, notes))
    data = said("gw-1")
    answer = await gateway.tell(data, id="msg_1")
    assert code_of(answer) == (503, "unavailable")
    assert "retry-after" in answer.headers
    assert notes.entries == []
    try:
        own.start()
        await app.state.services.receipts.remember(Accepted("webhook", "gw-1"), OPERATOR, new_id())
        assert (await gateway.tell(data, id="msg_1")).status_code == 202
        assert len(notes.entries) == 1
    finally:
        await lost.close()
        own.close()


# What is kept


async def test_without_redis_a_message_is_sent_all_the_same(
    vault: Vault, notes: Notes, clock: ManualClock
) -> None:
    lost = Redis("unix:///nowhere/r.sock", clock, timeout_s=0.5)
    receipts = Receipts(lost, vault, notes)
    await receipts.remember(Accepted("smpp", "m-1"), OPERATOR, new_id())
    with pytest.raises(Unavailable):
        await receipts.received(Receipt("smpp", "m-1", Delivery.DELIVERED, START))
    await lost.close()


async def test_a_sender_that_names_no_message_has_nothing_kept(
    redis: Redis, vault: Vault, notes: Notes
) -> None:
    await Receipts(redis, vault, notes).remember(Accepted("webhook"), OPERATOR, new_id())
    assert await redis.client.dbsize() == 0


async def test_no_reference_stands_in_redis_and_nothing_stays(
    backend: Backend, redis: Redis, vault: Vault, notes: Notes
) -> None:
    receipts = Receipts(redis, vault, notes)
    await receipts.remember(Accepted("smpp", "reference-1"), OPERATOR, new_id())
    await receipts.received(Receipt("smpp", "reference-1", Delivery.DELIVERED, START), "delivery-1")
    await receipts.received(Receipt("smpp", "reference-2", Delivery.DELIVERED, START), "delivery-2")
    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        kept = {key: admin.get(key) for key in admin.keys("*")}
        times = sorted(admin.ttl(key) for key in kept)
    assert len(kept) == 4
    assert all(key.startswith((b"{otp}:d:", b"{otp}:w:")) for key in kept)
    assert not any(b"reference" in part or b"delivery" in part for pair in kept.items() for part in pair)
    ends = [300, 600, 600, 172_800]
    assert all(end - 60 < left <= end for left, end in zip(times, ends, strict=True)), times


async def test_a_key_that_is_rotated_loses_no_receipt(redis: Redis, notes: Notes) -> None:
    challenge = new_id()
    await Receipts(redis, Ring([1]), notes).remember(Accepted("smpp", "m-1"), OPERATOR, challenge)
    await Receipts(redis, Ring([1]), notes).received(
        Receipt("smpp", "m-1", Delivery.UNKNOWN, START), "delivery-1"
    )
    rotated = Receipts(redis, Ring([2, 1]), notes)
    await rotated.received(Receipt("smpp", "m-1", Delivery.UNKNOWN, START), "delivery-1")
    await rotated.received(Receipt("smpp", "m-1", Delivery.DELIVERED, START), "delivery-2")
    assert notes.outcomes == ["unknown", "delivered"]
    assert {each.challenge for each in notes.entries} == {challenge}
