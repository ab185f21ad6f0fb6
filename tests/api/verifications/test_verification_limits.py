"""What limits a verification: address, device, dealer, money, channel; and what of it is never written down."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis as sync_redis
from fastapi import FastAPI

from service.audit.workflow import Actor
from service.compose import Instead, Services
from service.infra import telemetry
from service.kit.clock import ManualClock
from service.otp.model import Channel
from service.otp.ports import Sender
from service.web.auth import Scope
from tests.api.conftest import Api, Caller
from tests.api.verifications.conftest import Teller
from tests.api.verifications.test_verification_walk import NUMBER, PATH, begun, drained, told
from tests.conftest import Backend


class Dialler(Teller):
    """Calls, and sends no messages."""

    name = "voice"
    channels = frozenset({Channel.VOICE})


class Texter(Teller):
    channels = frozenset({Channel.SMS})


@pytest.fixture
def teller() -> Teller:
    return Texter()


@pytest.fixture
def voice() -> Teller:
    return Dialler()


@pytest.fixture
def others(voice: Teller) -> Sequence[Sender]:
    return [voice]


@pytest.fixture
def instead(teller: Teller, others: Sequence[Sender]) -> Instead:
    return Instead(senders=[teller, *others])


def number(turn: int) -> str:
    """Far from its neighbours, so that no budget of a block is met."""
    return f"+49151{10_000_000 + turn * 20_011}"


async def ask(api: Api, turn: int, ip: str | None = None, phone: str | None = None) -> Any:
    device = {"ip": ip, "fingerprint": phone}
    given = {name: value for name, value in device.items() if value is not None}
    return await api.post(PATH, {"to": number(turn), "device": given})


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("203.0.113.7", "::ffff:203.0.113.7", "::ffff:203.0.113.8"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
    ],
    ids=["an address", "a mapped address", "a /64"],
)
async def test_ten_an_hour_from_one_address(
    api: Api, clock: ManualClock, first: str, same: str, other: str
) -> None:
    for turn in range(10):
        assert (await ask(api, turn, first if turn % 2 else same)).status_code == 202
    told(await ask(api, 10, same), 429, "limit-exceeded", limit="OtpSendsPerIp")
    assert (await ask(api, 10, other)).status_code == 202
    clock.advance(timedelta(hours=1))
    assert (await ask(api, 11, first)).status_code == 202


@pytest.mark.parametrize(
    ("address", "outside"),
    [("203.0.113.{}", "203.0.114.1"), ("2001:db8:1:{:x}::1", "2001:db8:2::1")],
    ids=["a /24", "a /48"],
)
async def test_a_network_has_a_budget_of_its_own(api: Api, address: str, outside: str) -> None:
    for turn in range(30):
        assert (await ask(api, turn, address.format(turn + 1))).status_code == 202
    told(await ask(api, 30, address.format(77)), 429, "limit-exceeded", limit="OtpSendsPerNetwork")
    assert (await ask(api, 30, outside)).status_code == 202


async def test_ten_a_day_from_one_device_wherever_it_is(api: Api, clock: ManualClock) -> None:
    for turn in range(10):
        assert (await ask(api, turn, f"203.0.{turn}.7", "a phone")).status_code == 202
    told(await ask(api, 10, "198.51.100.1", "a phone"), 429, "limit-exceeded", limit="OtpSendsPerDevice")
    assert (await ask(api, 10, "198.51.100.1", "another phone")).status_code == 202


async def test_on_a_key_bound_to_a_dealer_the_dealers_limits_take_the_place(
    api: Api, caller: Caller, services: Services
) -> None:
    shop = await services.dealers.register(
        api.operator, code="D-1", name="S", licence="L1", actor=Actor.cli()
    )
    bound = await caller(scopes=[Scope.VERIFICATIONS], dealer=shop.id)
    for turn in range(60):
        assert (await ask(bound, turn, "203.0.113.7")).status_code == 202, turn
    told(await ask(bound, 60, "198.51.100.1"), 429, "limit-exceeded", limit="OtpSendsPerDealer")
    # A key that merely names the dealer keeps the limits by address.
    body = {"dealer": "D-1", "device": {"ip": "203.0.113.7"}}
    for turn in range(100, 110):
        assert (await api.post(PATH, {"to": number(turn), **body})).status_code == 202
    told(await api.post(PATH, {"to": number(110), **body}), 429, "limit-exceeded", limit="OtpSendsPerIp")


async def test_the_peers_address_limits_nobody(api: Api) -> None:
    for turn in range(12):
        assert (await ask(api, turn)).status_code == 202


@pytest.mark.parametrize("ip", ["203.0.113", "203.0.113.7/24", "fe80::1%eth0", "999.1.1.1", ""])
async def test_what_is_no_address_is_refused(api: Api, teller: Teller, ip: str) -> None:
    answer = await ask(api, 1, ip)
    told(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == "/device/ip"
    assert teller.messages == []


async def test_no_money_is_503_and_nothing_is_issued(
    api: Api,
    services: Services,
    clock: ManualClock,
    teller: Teller,
    backend: Backend,
    raw_redis: "sync_redis.Redis",
) -> None:
    """The day is spent: PostgreSQL leases no more, and what Redis had is gone."""
    await begun(api)
    with backend.admin() as conn:
        conn.execute("UPDATE money_day SET leased = cap")
    raw_redis.set(services.purses._key(api.operator, clock.now()), 0)
    homes = raw_redis.keys("{otp}:r:*")
    answer = await ask(api, 1)
    told(answer, 503, "unavailable", dependency="money")
    assert int(answer.headers["retry-after"]) > 0
    assert raw_redis.keys("{otp}:r:*") == homes
    assert teller.to(number(1)) == 0
    # It charged nothing: when there is money again the same number may be sent to at once.
    with backend.admin() as conn:
        conn.execute("UPDATE money_day SET leased = 0")
    assert (await ask(api, 1)).status_code == 202
    assert teller.to(number(1)) == 1


# Voice


async def test_a_call_comes_after_a_message(
    api: Api, clock: ManualClock, teller: Teller, voice: Teller
) -> None:
    early = await api.post(PATH, {"to": NUMBER, "channel": "voice"})
    told(early, 422, "invalid-request")
    assert early.json()["errors"][0] == {
        "pointer": "/channel",
        "code": "sms-first",
        "detail": "A call is offered after a message was sent.",
    }
    sent = await begun(api)
    clock.advance(timedelta(seconds=30))
    again = await api.post(f"{PATH}/{sent['id']}/resend", {"channel": "voice"})
    assert again.status_code == 202, again.text
    assert again.json()["channel"] == "voice"
    assert (len(teller.messages), len(voice.messages)) == (1, 1)
    assert voice.messages[0].channel is Channel.VOICE
    path = f"{PATH}/{sent['id']}"
    assert (await api.get(path)).json()["channel"] == "voice"
    assert (await api.post(f"{path}/check", {"code": voice.code})).status_code == 200


class TestWithoutVoice:
    @pytest.fixture
    def others(self) -> Sequence[Sender]:
        return []

    async def test_no_call_is_offered(self, api: Api, clock: ManualClock) -> None:
        sent = await begun(api)
        clock.advance(timedelta(seconds=30))
        answer = await api.post(f"{PATH}/{sent['id']}/resend", {"channel": "voice"})
        told(answer, 422, "invalid-request")
        assert answer.json()["errors"][0]["code"] == "channel-not-enabled"


# Words


@pytest.mark.parametrize(
    ("asked", "word"),
    [("de", "Ihr Code"), ("de-CH", "Ihr Code"), ("ar", "رمزك"), ("zh", "验证码"), ("fi", "your code")],
)
async def test_a_message_is_in_the_language_that_is_asked_for(
    api: Api, teller: Teller, clock: ManualClock, asked: str, word: str
) -> None:
    sent = await begun(api, language=asked)
    assert word in teller.messages[-1].text
    clock.advance(timedelta(seconds=30))
    await api.post(f"{PATH}/{sent['id']}/resend")
    assert word in teller.messages[-1].text
    clock.advance(timedelta(minutes=1))
    await api.post(f"{PATH}/{sent['id']}/resend", {"language": "fr"})
    assert "votre code" in teller.messages[-1].text


# What is written down


async def test_what_the_caller_says_of_people_is_nowhere_in_clear(
    api: Api,
    app: FastAPI,
    services: Services,
    backend: Backend,
    teller: Teller,
    raw_redis: "sync_redis.Redis",
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = {"ref": "canaryref7", "phone": "canaryphone7", "ip": "203.0.113.177", "to": NUMBER[1:]}
    telemetry.configure("debug")
    try:
        sent = await begun(
            api, client_ref=words["ref"], device={"fingerprint": words["phone"], "ip": words["ip"]}
        )
        await api.post(PATH, {"to": NUMBER, "client_ref": words["ref"] * 20})
        await api.post(f"{PATH}/{sent['id']}/check", {"code": "abc" + words["ref"]})
        await api.post(f"{PATH}/{sent['id']}/check", {"code": teller.code})
        held = b"".join(_everything(raw_redis))
        await drained(services)
    finally:
        telemetry.configure("error")
    said = "".join(capfd.readouterr())
    with backend.admin() as conn:
        rows = str(conn.execute("SELECT * FROM otp_event").fetchall())
    assert '"/v1/verifications/{verification_id}/check"' in said
    assert held
    assert sent["id"].removeprefix("ver_")[:8] in rows.replace("-", "")
    for what, word in words.items():
        assert word.encode() not in held, what
        assert word not in rows, what
        assert word not in said, what
    assert (await api.get(f"{PATH}/{sent['id']}")).json()["client_ref"] == words["ref"]


def _everything(raw: "sync_redis.Redis") -> list[bytes]:
    """Every key and every value that the codes have there."""
    found: list[Any] = []
    for key in raw.keys("{otp}*"):  # type: ignore[union-attr]  # not asyncio's
        found += [key, raw.dump(key)]
        match raw.type(key):
            case b"hash":
                fields: Any = raw.hgetall(key)
                found += [*fields, *fields.values()]
            case b"stream":
                found += [value for _, entry in raw.xrange(key) for value in entry.values()]  # type: ignore[union-attr]
            case b"string":
                found.append(raw.get(key))
    return found


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/to"),
        ({"to": NUMBER, "text": "my own words"}, "/text"),
        ({"to": NUMBER, "code": "123456"}, "/code"),
        ({"to": NUMBER, "channel": "email"}, "/channel"),
        ({"to": NUMBER, "client_ref": "x" * 65}, "/client_ref"),
        ({"to": NUMBER, "client_ref": "a\u202eb"}, "/client_ref"),
        ({"to": NUMBER, "language": "x" * 40}, "/language"),
        ({"to": NUMBER, "device": {"fingerprint": "x" * 257}}, "/device/fingerprint"),
        ({"to": NUMBER, "device": {"face": "x"}}, "/device/face"),
        ({"to": [NUMBER]}, "/to"),
        ({"to": f"{NUMBER};+4915112345679"}, "/to"),
    ],
)
async def test_a_body_of_another_form_is_refused_by_its_pointer(
    api: Api, teller: Teller, body: Any, pointer: str
) -> None:
    answer = await api.post(PATH, body)
    told(answer, 422, "invalid-request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert NUMBER not in answer.text
    assert teller.messages == []
