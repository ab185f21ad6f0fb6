"""One suite for every sender, then what each of them owes by itself."""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from service.adapters.outward import AnswerLost, NotReached, Target, TargetRefused, is_public, sign
from service.adapters.sms.outbox import KEEP_MESSAGES, KEEP_S, Outbox
from service.adapters.sms.smpp import Link, LinkRefused, SmppSender
from service.adapters.sms.webhook import VoiceSender, WebhookSender
from service.compose import receipt_secrets, senders
from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.otp.model import Accepted, Channel, Message, Receipt
from service.otp.ports import (
    NullSender,
    Sender,
    SenderRejected,
    SenderUnavailable,
    SenderUncertain,
    SendFailed,
)
from service.settings import Mode, Settings
from tests.contract.certificates import certificate
from tests.fakes.otp import OwnRedis
from tests.fakes.sms_gateway import SmsGateway
from tests.fakes.smsc_process import PASSWORD, SYSTEM_ID, Smsc

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
NUMBER = "+4915112345678"
TEXT = "Demo: 907356 is your code to register a new line (number ending 678)."


def message(id: UUID | None = None, text: str = TEXT) -> Message:
    return Message(id or new_id(), NUMBER, Channel.SMS, "en", text, NOW, NOW + timedelta(minutes=10))


async def loopback(host: str, port: int) -> Sequence[str]:
    """Every name is here: tests ask no name server."""
    return ["127.0.0.1"]


@pytest.fixture
async def gateway() -> AsyncIterator[SmsGateway]:
    async with SmsGateway() as running:
        yield running


def webhook(gateway: SmsGateway, *more: str) -> WebhookSender:
    return WebhookSender(gateway.url, [*more, gateway.secret], allow_private=True, resolver=loopback)


@pytest.fixture(params=["null", "outbox", "webhook", "voice", "smpp"])
async def sender(
    request: pytest.FixtureRequest, gateway: SmsGateway, redis: Redis, vault: Vault
) -> AsyncIterator[Sender]:
    match request.param:
        case "null":
            yield NullSender()
        case "outbox":
            yield Outbox(redis, vault, demo=True)
        case "webhook":
            yield webhook(gateway)
        case "voice":
            yield VoiceSender(gateway.url, [gateway.secret], allow_private=True, resolver=loopback)
        case "smpp":
            async with Smsc() as smsc:
                link = Link.parse(f"smpp://{SYSTEM_ID}@127.0.0.1:{smsc.port}", PASSWORD)
                bound = SmppSender(link, ManualClock(NOW))
                await bound.start()
                await bound.bound()
                yield bound
                await bound.stop()


# Every sender


async def test_a_message_is_accepted_by_name(sender: Sender) -> None:
    accepted = await sender.send(message())
    assert isinstance(accepted, Accepted)
    assert accepted.sender == sender.name
    assert sender.name.isidentifier()


async def test_a_sender_says_what_it_can_carry(sender: Sender) -> None:
    assert sender.channels
    assert sender.channels <= frozenset(Channel)


async def test_every_reference_can_be_told_again(sender: Sender) -> None:
    """What a receipt will name is a short text of visible letters, for each part one of its own."""
    accepted = await sender.send(message(text="a" * 400))
    assert all(0 < len(each) <= 64 and each.isascii() for each in accepted.references)
    assert len(set(accepted.references)) == len(accepted.references)


async def test_the_same_message_may_be_sent_again(sender: Sender) -> None:
    once = message()
    await sender.send(once)
    await sender.send(once)


async def test_nothing_that_is_printed_shows_number_or_text(sender: Sender) -> None:
    once = message()
    shown = repr(once) + repr(sender) + repr(await sender.send(once))
    assert "907356" not in shown
    assert NUMBER.removeprefix("+") not in shown


# The webhook senders


async def test_a_call_is_ordered_with_digits_that_stand_apart(gateway: SmsGateway) -> None:
    once = message()
    sender = VoiceSender(gateway.url, [gateway.secret], allow_private=True, resolver=loopback)
    await sender.send(once)
    [received] = gateway.history
    assert received.was_signed
    assert json.loads(received.body)["type"] == "call.place"
    assert received.data["text"] == (
        "Demo: 9 0 7 3 5 6 is your code to register a new line (number ending 6 7 8)."
    )
    assert received.data["to"] == NUMBER
    assert sender.channels == {Channel.VOICE}


async def test_the_gateway_is_told_all_it_needs_and_can_check_who_says_so(gateway: SmsGateway) -> None:
    once = message()
    await webhook(gateway).send(once)
    [received] = gateway.history
    assert received.was_signed
    assert received.path == "/messages"
    assert received.headers["host"] == f"gateway.test:{gateway.port}"
    assert received.headers["webhook-id"] == f"otp_{once.id.hex}"
    assert received.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert received.data == {
        "id": f"otp_{once.id.hex}",
        "to": NUMBER,
        "channel": "sms",
        "language": "en",
        "text": TEXT,
        "deliver_by": "2026-11-23T10:10:00Z",
    }


async def test_two_secrets_sign_while_one_replaces_the_other(gateway: SmsGateway) -> None:
    await webhook(gateway, "whsec_" + base64.b64encode(b"n" * 32).decode()).send(message())
    assert gateway.history[0].was_signed
    assert gateway.history[0].headers["webhook-signature"].count("v1,") == 2


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks reference libraries."""
    headers = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, SenderUnavailable),
        (503, SenderUnavailable),
        (400, SenderRejected),
        (401, SenderRejected),
        (422, SenderRejected),
        (302, SenderRejected),
        (500, SenderUncertain),
        (502, SenderUncertain),
    ],
)
async def test_an_answer_that_is_not_yes(gateway: SmsGateway, status: int, failure: type[SendFailed]) -> None:
    gateway.status = status
    gateway.extra_headers = {"Location": gateway.url}
    with pytest.raises(failure) as caught:
        await webhook(gateway).send(message())
    assert caught.value.reason == f"status-{status}"
    assert len(gateway.history) == 1, "never retried, no redirect followed"


@pytest.mark.parametrize("behaviour", ["drop", "garbage"])
async def test_a_lost_answer_leaves_it_open(gateway: SmsGateway, behaviour: str) -> None:
    gateway.behaviour = behaviour
    with pytest.raises(SenderUncertain):
        await webhook(gateway).send(message())
    assert len(gateway.history) == 1


async def test_a_slow_answer_leaves_it_open(gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.behaviour = "hang"
    monkeypatch.setattr("service.adapters.outward.TOTAL_S", 0.3)
    with pytest.raises(SenderUncertain):
        await webhook(gateway).send(message())
    assert len(gateway.history) == 1


async def test_a_gateway_that_is_not_there_has_sent_nothing(gateway: SmsGateway) -> None:
    sender = webhook(gateway)
    await gateway.__aexit__()
    with pytest.raises(SenderUnavailable) as caught:
        await sender.send(message())
    assert caught.value.reason == "not-reached"


async def test_a_name_that_is_not_known_has_sent_nothing(gateway: SmsGateway) -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    sender = WebhookSender(gateway.url, [gateway.secret], allow_private=True, resolver=unknown)
    with pytest.raises(SenderUnavailable):
        await sender.send(message())


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1", "224.0.0.1", "0.0.0.0"],
)
async def test_our_own_network_is_never_called(gateway: SmsGateway, address: str) -> None:
    async def private(host: str, port: int) -> Sequence[str]:
        return ["93.184.215.14", address]

    sender = WebhookSender("https://gateway.test/x", [gateway.secret], resolver=private)
    with pytest.raises(SenderUnavailable) as caught:
        await sender.send(message())
    assert caught.value.reason == "address-not-public"
    assert gateway.history == []


async def test_the_address_that_was_judged_is_the_one_that_is_called(gateway: SmsGateway) -> None:
    """A name server that answers differently the second time is not asked a second time."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    target = Target.parse(gateway.url, allow_private=True)
    assert await target.post(b"{}", {}, resolver=rebinding) == 202
    assert asked == ["gateway.test"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("::ffff:8.8.8.8", True),
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("192.88.99.1", False),
        ("198.18.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("fe80::1", False),
        ("ff0e::1", False),
        ("::7f00:1", False),
        ("3fff::1", False),
    ],
)
def test_what_public_means(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.test/",
        "ftp://gateway.test/",
        "https://",
        "https://a:b@gateway.test/",
        "https://x/#y",
        "//x",
    ],
)
def test_a_url_that_can_never_do_is_refused_at_once(url: str) -> None:
    with pytest.raises(TargetRefused):
        WebhookSender(url, ["whsec_" + base64.b64encode(b"k" * 32).decode()])


@pytest.mark.parametrize(
    "secrets", [[], ["whsec_!!"], ["whsec_" + base64.b64encode(b"short").decode()], ["a"] * 3]
)
def test_a_secret_that_can_never_do_is_refused_at_once(secrets: list[str]) -> None:
    with pytest.raises(TargetRefused):
        WebhookSender("https://gateway.test/", secrets)


async def test_an_ipv6_address_is_called_as_one(gateway: SmsGateway) -> None:
    async def six(host: str, port: int) -> Sequence[str]:
        return ["::1"]

    # Nothing listens there: what matters is that a connection was tried and none was made.
    with pytest.raises((NotReached, AnswerLost)):
        await Target.parse(gateway.url, allow_private=True).post(b"{}", {}, resolver=six)


@pytest.mark.parametrize(("certified", "accepted"), [("gateway.test", True), ("127.0.0.1", False)])
async def test_the_certificate_must_be_that_of_the_name(
    certified: str, accepted: bool, tmp_path: Path
) -> None:
    """The address is connected, the configured name is checked; a certificate for the address does not do."""
    pem, trusted = certificate(certified, tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(pem)
    async with SmsGateway(tls=served) as gateway:
        target = Target.parse(gateway.url, allow_private=True, roots=trusted)
        if accepted:
            assert await target.post(b"{}", {}, resolver=loopback) == 202
        else:
            with pytest.raises(NotReached):
                await target.post(b"{}", {}, resolver=loopback)
        with pytest.raises(NotReached):
            await Target.parse(gateway.url, allow_private=True).post(b"{}", {}, resolver=loopback)
        assert len(gateway.history) == int(accepted)


# The outbox


def test_the_outbox_is_for_the_demo_alone(redis: Redis, vault: Vault) -> None:
    with pytest.raises(ValueError, match="demo"):
        Outbox(redis, vault, demo=False)


async def test_the_outbox_is_read_newest_first_by_another_process(redis: Redis, vault: Vault) -> None:
    for number in range(KEEP_MESSAGES + 5):
        await Outbox(redis, vault, demo=True).send(message(text=f"message {number}"))
    posted = await Outbox(redis, vault, demo=True).read(NUMBER)
    assert [each["text"] for each in posted] == [f"message {n}" for n in range(KEEP_MESSAGES + 4, 4, -1)]
    assert posted[0] == {
        "to": NUMBER,
        "channel": "sms",
        "text": f"message {KEEP_MESSAGES + 4}",
        "sent_at": "2026-11-23T10:00:00Z",
    }
    assert await Outbox(redis, vault, demo=True).read("+4915112345679") == []


async def test_the_outbox_keeps_an_hour_and_shows_nothing_to_who_reads_redis(
    redis: Redis, vault: Vault
) -> None:
    await Outbox(redis, vault, demo=True).send(message())
    [key] = [found async for found in redis.client.scan_iter("*")]
    [kept] = await redis.client.lrange(key, 0, -1)
    assert 0 < await redis.client.ttl(key) <= KEEP_S
    for canary in (b"907356", b"15112345678", b"Demo"):
        assert canary not in key + kept


async def test_the_outbox_without_redis_does_not_say_that_it_took_a_message(vault: Vault) -> None:
    own = OwnRedis()
    try:
        gone = Redis(own.url, ManualClock(NOW), timeout_s=0.5)
        with pytest.raises(SenderUncertain):
            await Outbox(gone, vault, demo=True).send(message())
        await gone.close()
    finally:
        own.close()


# What the settings build


def built(**more: Any) -> list[Sender]:
    async def unread(_: Receipt) -> None: ...

    wanted = {
        "sender_webhook_url": "https://gateway.test/",
        "sender_webhook_secret": SECRET,
        "smpp_url": "smpp://simward@smsc.test",
    } | more
    return senders(Settings(mode=Mode.PRODUCTION, **wanted), None, ManualClock(NOW), unread)


SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("none", []),
        ("webhook", ["webhook"]),
        ("smpp", ["smpp"]),
        ("webhook,smpp", ["webhook", "smpp"]),
        ("smpp,webhook", ["smpp", "webhook"]),
    ],
)
def test_senders_are_tried_in_the_order_of_the_setting(setting: str, names: list[str]) -> None:
    assert [each.name for each in built(sender=setting)] == names
    calls = built(sender=setting, sender_voice_url="https://calls.test/", sender_voice_secret=SECRET)
    assert [each.name for each in calls] == [*names, "voice"]


@pytest.mark.parametrize(
    "setting", ["", "sms", "smpp,", "smpp webhook", "none,smpp", "smpp,smpp", "outbox", "smpp,outbox"]
)
def test_a_setting_that_names_no_senders_stops_the_start(setting: str) -> None:
    with pytest.raises(ValidationError):
        built(sender=setting)


@pytest.mark.parametrize(
    ("more", "failure"),
    [
        ({"sender": "smpp", "smpp_url": ""}, LinkRefused),
        ({"sender": "smpp", "smpp_source": "a name that is too long"}, LinkRefused),
        ({"sender": "webhook", "sender_webhook_secret": ""}, TargetRefused),
        ({"sender": "none", "sender_voice_url": "https://calls.test/"}, TargetRefused),
    ],
)
def test_a_sender_without_its_settings_stops_the_start(
    more: dict[str, str], failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        built(**more)


def test_only_gateways_over_http_may_call_back() -> None:
    settings = Settings(
        mode=Mode.TEST, sender="outbox,webhook,smpp", sender_webhook_secret=f"{SECRET} {SECRET[:-4]}AAA="
    )
    assert receipt_secrets(settings) == {"webhook": (SECRET, f"{SECRET[:-4]}AAA=")}
