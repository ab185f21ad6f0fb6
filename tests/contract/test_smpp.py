"""The SMPP sender against an SMSC that others wrote: what it says, what it makes of answers, and how it comes back."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.adapters.sms.smpp import Link, LinkRefused, SmppSender, Timings, pdu
from service.infra.telemetry import REGISTRY
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.otp.model import Channel, Delivery, Message, Receipt
from service.otp.ports import (
    Lived,
    SenderRejected,
    SenderUnavailable,
    SenderUncertain,
    SendFailed,
)
from tests.contract.certificates import certificate
from tests.fakes.smsc_process import PASSWORD, SYSTEM_ID, Smsc

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
NUMBER = "+4915112345678"
TEXT = "Demo: 907356 is your code to register a new line (number ending 678)."

ARABIC = "Demo: 907356 هو رمزك من أجل تسجيل خط جديد (رقم ينتهي بـ 678). لا تخبر به أي شخص يتصل بك."
EMOJI = "x" * 66 + "😀" * 40


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Smsc]:
    async with Smsc() as started:
        yield started


@pytest.fixture
async def smsc(running: Smsc) -> Smsc:
    await running.reset()
    return running


class Phone:
    """The sender, started, and the receipts that it was handed."""

    def __init__(self, smsc: Smsc, **more: Any) -> None:
        self.receipts: asyncio.Queue[Receipt] = asyncio.Queue()
        self.waits: list[int] = []
        password = more.pop("password", PASSWORD)
        scheme = more.pop("scheme", "smpp")
        host = more.pop("host", "127.0.0.1")
        link = Link.parse(f"{scheme}://{SYSTEM_ID}@{host}:{smsc.port}", password)
        self.tried = asyncio.Event()
        self.sender = SmppSender(
            link,
            ManualClock(NOW),
            on_receipt=more.pop("on_receipt", self.receipts.put),
            again=more.pop("again", self._again),
            **more,
        )

    def _again(self, tries: int) -> float:
        self.waits.append(tries)
        self.tried.set()
        return 0.01

    async def __aenter__(self) -> SmppSender:
        await self.sender.start()
        return self.sender

    async def __aexit__(self, *_: object) -> None:
        await self.sender.stop()


@pytest.fixture
async def phone(smsc: Smsc) -> AsyncIterator[Phone]:
    phone = Phone(smsc, source="Simward", timings=Timings(answer=2.0))
    async with phone as sender:
        await bound(sender)
        yield phone


async def bound(sender: SmppSender) -> None:
    async with asyncio.timeout(20):
        await sender.bound()


def message(text: str = TEXT) -> Message:
    return Message(new_id(), NUMBER, Channel.SMS, "en", text, NOW, NOW + timedelta(minutes=10))


# What the server hears


async def test_it_binds_as_a_transceiver_and_takes_its_leave(smsc: Smsc) -> None:
    phone = Phone(smsc)
    assert isinstance(phone.sender, Lived)
    async with phone as sender:
        await bound(sender)
        assert REGISTRY.get_sample_value("simward_smpp_bound") == 1
        [bind] = await smsc.got("bind_transceiver")
    assert REGISTRY.get_sample_value("simward_smpp_bound") == 0
    assert bind["system_id"] == SYSTEM_ID
    assert bind["password_is_right"]
    assert bind["interface_version"] == 0x34
    assert len(await smsc.got("unbind")) == 1


async def test_a_message_is_submitted_as_it_was_meant(smsc: Smsc, phone: Phone) -> None:
    accepted = await phone.sender.send(message())
    [unit] = await smsc.got("submit_sm")
    assert accepted.references == ("m-1",)
    assert unit["text"] == TEXT
    assert unit["destination_addr"] == NUMBER.removeprefix("+")
    assert (unit["dest_addr_ton"], unit["dest_addr_npi"]) == (1, 1)
    assert (unit["source_addr"], unit["source_addr_ton"], unit["source_addr_npi"]) == ("Simward", 5, 0)
    assert (unit["data_coding"], unit["esm_class"], unit["registered_delivery"]) == (0, 0, 1)
    assert unit["udh"] == []


async def test_the_server_is_told_how_long_a_code_is_good(smsc: Smsc, phone: Phone) -> None:
    """A time from now, which the server's codec makes an instant of by its own clock."""
    await phone.sender.send(message())
    [unit] = await smsc.got("submit_sm")
    left = datetime.fromisoformat(unit["validity_period"]) - datetime.now(UTC)
    assert timedelta(minutes=5) < left <= timedelta(minutes=10)


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("", 0, 1),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ÄÖÑÜ§¿äöñüà", 0, 1),
        ("a{b}c[d]e~f|g^h\\i€", 0, 1),
        ("a" * 160, 0, 1),
        ("a" * 161, 0, 2),
        ("a" * 152 + "€" + "b" * 153, 0, 3),
        ("x" * 100 + "ú", 8, 2),
        ("kurz € und gut " * 20, 0, 3),
        ("ó" * 70, 8, 1),
        ("ó" * 71, 8, 2),
        (ARABIC, 8, 2),
        (EMOJI, 8, 3),
        ("验证码 907356 " * 12, 8, 2),
    ],
)
async def test_its_codec_reads_what_was_written(
    smsc: Smsc, phone: Phone, text: str, coding: int, parts: int
) -> None:
    accepted = await phone.sender.send(message(text))
    units = await smsc.got("submit_sm")
    assert "".join(unit["text"] for unit in units) == text
    assert len(units) == parts == len(accepted.references)
    assert {unit["data_coding"] for unit in units} == {coding}
    if parts > 1:
        heads = [bytes.fromhex(element) for unit in units for element in unit["udh"]]
        assert [tuple(head[3:]) for head in heads] == [(parts, n) for n in range(1, parts + 1)]
        assert {head[:2] for head in heads} == {b"\x00\x03"}
        assert len({head[2] for head in heads}) == 1, "one reference joins them"
        assert {unit["esm_class"] for unit in units} == {0x40}


async def test_two_long_messages_have_references_of_their_own(smsc: Smsc, phone: Phone) -> None:
    for _ in range(2):
        await phone.sender.send(message("a" * 161))
    references = [unit["udh"][0][4:6] for unit in await smsc.got("submit_sm")]
    assert references[0] == references[1] != references[2] == references[3]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("", ("", 0, 0)),
        ("12345", ("12345", 3, 0)),
        ("+4915100000000", ("4915100000000", 1, 1)),
        ("My Shop", ("My Shop", 5, 0)),
    ],
)
async def test_who_it_is_from(smsc: Smsc, source: str, wanted: tuple[str, int, int]) -> None:
    async with Phone(smsc, source=source) as sender:
        await bound(sender)
        await sender.send(message())
    [unit] = await smsc.got("submit_sm")
    assert (unit["source_addr"], unit["source_addr_ton"], unit["source_addr_npi"]) == wanted


# What is made of its answers


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (pdu.SYSERR, SenderUnavailable),
        (pdu.MSGQFUL, SenderUnavailable),
        (pdu.THROTTLED, SenderUnavailable),
        (pdu.SUBMITFAIL, SenderUnavailable),
        (pdu.INVBNDSTS, SenderUnavailable),
        (pdu.INVDSTADR, SenderRejected),
        (0x0A, SenderRejected),
        (0x33, SenderRejected),
        (0x0411, SenderRejected),
        (pdu.UNKNOWNERR, SenderUncertain),
    ],
)
async def test_a_refused_submit(smsc: Smsc, phone: Phone, status: int, failure: type[SendFailed]) -> None:
    await smsc.submits([status])
    with pytest.raises(failure) as caught:
        await phone.sender.send(message())
    assert type(caught.value) is failure
    assert caught.value.reason == f"status-{status:04x}"
    assert len(await smsc.got("submit_sm")) == 1, "never repeated"


async def test_a_unit_that_the_server_cannot_read_was_not_sent(smsc: Smsc, phone: Phone) -> None:
    await smsc.answers({"nack": pdu.INVCMDLEN})
    with pytest.raises(SenderRejected):
        await phone.sender.send(message())


async def test_a_long_message_of_which_the_first_part_is_refused_was_not_sent(
    smsc: Smsc, phone: Phone
) -> None:
    await smsc.submits([pdu.MSGQFUL])
    with pytest.raises(SenderUnavailable):
        await phone.sender.send(message("a" * 400))
    assert len(await smsc.got("submit_sm")) == 1


@pytest.mark.parametrize("second", [{"status": pdu.MSGQFUL}, {"status": pdu.INVDSTADR}, {"drop": True}])
async def test_a_long_message_that_stops_half_way_may_have_been_read(
    smsc: Smsc, phone: Phone, second: dict[str, Any]
) -> None:
    await smsc.answers({}, second)
    with pytest.raises(SenderUncertain):
        await phone.sender.send(message("a" * 400))
    assert len(await smsc.got("submit_sm")) == 2


async def test_no_answer_leaves_it_open(smsc: Smsc) -> None:
    await smsc.answers({"silent": True})
    async with Phone(smsc, timings=Timings(answer=1.0)) as sender:
        await bound(sender)
        with pytest.raises(SenderUncertain):
            await sender.send(message())
        assert (await sender.send(message())).references == ("m-1",), "the session goes on"


async def test_a_late_answer_is_not_taken_for_anothers(smsc: Smsc) -> None:
    await smsc.answers({"hold": True, "id": "late"})
    async with Phone(smsc, timings=Timings(answer=1.0)) as sender:
        await bound(sender)
        with pytest.raises(SenderUncertain):
            await sender.send(message())
        await smsc.tell("release")
        assert (await sender.send(message())).references == ("m-1",)


async def test_a_connection_lost_after_the_submit_leaves_it_open(smsc: Smsc, phone: Phone) -> None:
    await smsc.answers({"drop": True})
    with pytest.raises(SenderUncertain) as caught:
        await phone.sender.send(message())
    assert caught.value.reason == "answer-lost"


async def test_a_caller_that_gives_up_leaves_nothing_behind(smsc: Smsc, phone: Phone) -> None:
    await smsc.answers({"hold": True})
    waiting = asyncio.create_task(phone.sender.send(message()))
    await smsc.wait("submit_sm")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await smsc.tell("release")
    assert (await phone.sender.send(message())).references == ("m-2",)


async def test_an_answer_without_an_id_is_still_a_yes(smsc: Smsc, phone: Phone) -> None:
    await smsc.answers({"id": ""})
    assert (await phone.sender.send(message())).references == ()


@pytest.mark.parametrize("status", [pdu.THROTTLED, pdu.MSGQFUL])
async def test_a_throttled_account_is_left_in_peace(smsc: Smsc, phone: Phone, status: int) -> None:
    await smsc.submits([status])
    for _ in range(3):
        with pytest.raises(SenderUnavailable):
            await phone.sender.send(message())
    assert len(await smsc.got("submit_sm")) == 1


async def test_no_more_wait_for_an_answer_than_agreed(smsc: Smsc) -> None:
    await smsc.answers(*[{"hold": True}] * 3)
    async with Phone(smsc, window=3, timings=Timings(answer=20)) as sender:
        await bound(sender)
        sends = [asyncio.create_task(sender.send(message())) for _ in range(5)]
        await smsc.wait("submit_sm", 3)
        assert len(await smsc.got("submit_sm")) == 3
        await smsc.tell("release")
        assert len({(await each).reference for each in sends}) == 5


async def test_a_message_without_a_turn_goes_to_the_next_sender(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.adapters.sms.smpp.sender.ROOM_S", 0.05)
    await smsc.answers({"hold": True})
    async with Phone(smsc, window=1, timings=Timings(answer=20)) as sender:
        await bound(sender)
        first = asyncio.create_task(sender.send(message()))
        await smsc.wait("submit_sm")
        with pytest.raises(SenderUnavailable) as caught:
            await sender.send(message())
        assert caught.value.reason == "no-room"
        await smsc.tell("release")
        assert (await first).references == ("m-1",)


async def test_past_the_agreed_rate_the_next_sender_is_tried(smsc: Smsc) -> None:
    """At one a second there is room for one now and two that wait; the fourth would wait too long."""
    async with Phone(smsc, rate=1) as sender:
        await bound(sender)
        sends = [asyncio.create_task(sender.send(message())) for _ in range(4)]
        done, _ = await asyncio.wait(sends, return_when=asyncio.FIRST_EXCEPTION)
        assert [str(each.exception()) for each in done if each.exception()] == ["smpp: no-room"]
        for each in sends:
            each.cancel()
        await asyncio.gather(*sends, return_exceptions=True)


# Binding, and coming back


async def test_before_it_is_bound_nothing_is_sent(smsc: Smsc) -> None:
    with pytest.raises(SenderUnavailable) as caught:
        await Phone(smsc).sender.send(message())
    assert caught.value.reason == "not-bound"


async def test_a_wrong_password_is_tried_again_and_again_and_sends_nothing(smsc: Smsc) -> None:
    phone = Phone(smsc, password="wrong")
    async with phone as sender:
        await smsc.wait("bind_transceiver", 3)
        with pytest.raises(SenderUnavailable):
            await sender.send(message())
    assert not any(unit["password_is_right"] for unit in await smsc.got("bind_transceiver"))
    assert phone.waits[:2] == [1, 2], "each failure in a row waits longer"
    assert await smsc.got("submit_sm") == []


async def test_a_server_that_refuses_to_bind_is_asked_until_it_does(smsc: Smsc) -> None:
    await smsc.tell("binds", status=pdu.BINDFAIL)
    async with Phone(smsc) as sender:
        await smsc.wait("bind_transceiver", 2)
        await smsc.tell("binds", status=0)
        await bound(sender)
        assert (await sender.send(message())).references == ("m-1",)


async def test_a_second_session_that_the_account_does_not_allow_is_said_once_and_asked_for(
    smsc: Smsc,
) -> None:
    """The worker's, beside that of the API: nothing of it is sent until there is room."""
    await smsc.tell("room", most=1)
    with capture_logs() as logs:
        async with Phone(smsc) as first:
            await bound(first)
            second = Phone(smsc)
            async with second as sender:
                await smsc.wait("bind_transceiver", 4)
                with pytest.raises(SenderUnavailable) as caught:
                    await sender.send(message())
                assert caught.value.reason == "not-bound"
                await first.stop()
                await bound(sender)
                assert (await sender.send(message())).references == ("m-1",)
    errors = [(each["event"], each["why"]) for each in logs if each["log_level"] == "error"]
    assert errors == [("smpp.refused", "no-session-left")]
    assert "simward@" not in str(logs)


async def test_a_server_that_is_away_stops_no_start_and_is_found_when_it_comes(smsc: Smsc) -> None:
    await smsc.stop()
    phone = Phone(smsc)
    async with phone as sender:
        async with asyncio.timeout(20):
            await phone.tried.wait()
        with pytest.raises(SenderUnavailable):
            await sender.send(message())
        await smsc.start()
        await bound(sender)
        assert (await sender.send(message())).references == ("m-1",)


async def test_it_binds_again_after_the_server_was_restarted(smsc: Smsc, phone: Phone) -> None:
    await phone.sender.send(message())
    await smsc.stop()
    async with asyncio.timeout(20):
        await phone.tried.wait()
    with pytest.raises(SenderUnavailable):
        await phone.sender.send(message())
    await smsc.start()
    await bound(phone.sender)
    assert (await phone.sender.send(message())).references == ("m-1",)


@pytest.mark.parametrize("how", ["drop", "unbind"])
async def test_it_binds_again_when_the_server_sends_it_away(smsc: Smsc, phone: Phone, how: str) -> None:
    await smsc.tell(how)
    await smsc.wait("bind_transceiver", 2)
    await bound(phone.sender)
    assert (await phone.sender.send(message())).references == ("m-1",)
    assert len(await smsc.got("unbind_resp")) == (1 if how == "unbind" else 0)


async def test_a_server_that_falls_silent_has_gone(smsc: Smsc) -> None:
    await smsc.tell("links", answered=False)
    async with Phone(smsc, timings=Timings(answer=0.2, idle=0.05)):
        await smsc.wait("enquire_link")
        before = len(await smsc.got("bind_transceiver"))
        await smsc.wait("bind_transceiver", before + 1)
    assert len(await smsc.got("unbind")) <= 1, "a dead session is not taken leave of"


async def test_a_session_that_is_asked_about_lives_on(smsc: Smsc) -> None:
    async with Phone(smsc, timings=Timings(idle=0.02)) as sender:
        await smsc.wait("enquire_link", 5)
        await sender.send(message())
    assert len(await smsc.got("bind_transceiver")) == 1


async def test_it_answers_when_it_is_asked_whether_it_is_there(smsc: Smsc, phone: Phone) -> None:
    await smsc.tell("enquire")
    await smsc.wait("enquire_link_resp")
    [answer] = await smsc.got("enquire_link_resp")
    assert answer["command_status"] == 0


async def test_what_no_client_is_asked_is_not_understood(smsc: Smsc, phone: Phone) -> None:
    # submit_sm_resp to nothing, alert_notification, outbind: no answer; then 0x00000F00 with sequence 0x2A.
    for unit in ("00000010800000040000000000007777", "00000010000001020000000000000005"):
        await smsc.tell("raw", hex=unit)
    await smsc.tell("raw", hex="0000001000000f00000000000000002a")
    await smsc.wait("generic_nack")
    [nack] = await smsc.got("generic_nack")
    assert (nack["command_status"], nack["sequence_number"]) == (pdu.INVCMDID, 0x2A)
    assert (await phone.sender.send(message())).references == ("m-1",)


@pytest.mark.parametrize("length", ["00000004", "7fffffff"])
async def test_a_length_that_cannot_be_ends_the_session(smsc: Smsc, phone: Phone, length: str) -> None:
    await smsc.tell("raw", hex=length + "000000150000000000000001")
    await smsc.wait("bind_transceiver", 2)
    [nack] = await smsc.got("generic_nack")
    assert nack["command_status"] == pdu.INVCMDLEN


# Receipts


def receipt(id: str, stat: str) -> str:
    return f"id:{id} sub:001 dlvrd:001 submit date:2611231000 done date:2611231001 stat:{stat} err:000 text:Demo: 90"


@pytest.mark.parametrize(
    ("stat", "outcome"),
    [
        ("DELIVRD", Delivery.DELIVERED),
        ("UNDELIV", Delivery.UNDELIVERED),
        ("DELETED", Delivery.UNDELIVERED),
        ("EXPIRED", Delivery.EXPIRED),
        ("REJECTD", Delivery.REJECTED),
        ("ACCEPTD", Delivery.UNKNOWN),
        ("WHATEVER", Delivery.UNKNOWN),
    ],
)
async def test_a_receipt_in_words(smsc: Smsc, phone: Phone, stat: str, outcome: Delivery) -> None:
    accepted = await phone.sender.send(message())
    fields = {"esm_class": 4, "short_message": receipt(str(accepted.reference), stat)}
    assert await smsc.tell("deliver", fields=fields) == 0
    assert await phone.receipts.get() == Receipt("smpp", "m-1", outcome, NOW)


@pytest.mark.parametrize(
    ("state", "outcome"), [(2, Delivery.DELIVERED), (5, Delivery.UNDELIVERED), (3, Delivery.EXPIRED)]
)
async def test_a_receipt_in_parameters(smsc: Smsc, phone: Phone, state: int, outcome: Delivery) -> None:
    fields = {"esm_class": 4, "short_message": "", "receipted_message_id": "0a1B-2c", "message_state": state}
    assert await smsc.tell("deliver", fields=fields) == 0
    assert await phone.receipts.get() == Receipt("smpp", "0a1B-2c", outcome, NOW)


async def test_what_is_no_receipt_is_taken_and_forgotten(smsc: Smsc, phone: Phone) -> None:
    for fields in (
        {"short_message": receipt("m-1", "DELIVRD")},  # somebody's message to us
        {"esm_class": 4, "short_message": receipt("m-1", "ENROUTE")},  # no end yet
        {"esm_class": 0x20, "short_message": receipt("m-1", "DELIVRD")},  # intermediate
        {"esm_class": 4, "short_message": "stat:DELIVRD"},  # of what
    ):
        assert await smsc.tell("deliver", fields=fields) == 0
    await smsc.tell("deliver", fields={"esm_class": 4, "short_message": receipt("m-9", "DELIVRD")})
    assert (await phone.receipts.get()).reference == "m-9"
    assert phone.receipts.empty()


async def test_a_receipt_that_is_none_is_refused(smsc: Smsc, phone: Phone) -> None:
    # deliver_sm whose body ends after three octets.
    await smsc.tell("raw", hex="00000013000000050000000000000009000101")
    await smsc.wait("deliver_sm_resp")
    [answer] = await smsc.got("deliver_sm_resp")
    assert (answer["command_status"], answer["sequence_number"]) == (pdu.RX_P_APPN, 9)
    fields = {"esm_class": 4, "short_message": "", "receipted_message_id": "x" * 70, "message_state": 2}
    assert await smsc.tell("deliver", fields=fields) == pdu.RX_P_APPN


async def test_one_receipt_that_cannot_be_noted_does_not_end_the_others(smsc: Smsc) -> None:
    noted: asyncio.Queue[str] = asyncio.Queue()

    async def note(got: Receipt) -> None:
        if got.reference == "m-1":
            raise RuntimeError("gone")
        await noted.put(got.reference)

    async with Phone(smsc, on_receipt=note) as sender:
        await bound(sender)
        for id in ("m-1", "m-2"):
            await smsc.tell("deliver", fields={"esm_class": 4, "short_message": receipt(id, "DELIVRD")})
        assert await noted.get() == "m-2"


async def test_receipts_past_what_can_be_kept_are_left_with_the_server(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.adapters.sms.smpp.sender.RECEIPTS_KEPT", 1)
    began, go = asyncio.Event(), asyncio.Event()

    async def slow(_: Receipt) -> None:
        began.set()
        await go.wait()

    fields = {"esm_class": 4, "short_message": receipt("m-1", "DELIVRD")}
    async with Phone(smsc, on_receipt=slow) as sender:
        await bound(sender)
        assert await smsc.tell("deliver", fields=fields) == 0
        await began.wait()
        assert await smsc.tell("deliver", fields=fields) == 0
        assert await smsc.tell("deliver", fields=fields) == pdu.RX_T_APPN
        go.set()


# TLS, and what is shown


@pytest.mark.parametrize(("certified", "accepted"), [("localhost", True), ("other.test", False)])
async def test_over_tls_the_certificate_must_be_that_of_the_host(
    certified: str, accepted: bool, tmp_path: Path
) -> None:
    pem, trusted = certificate(certified, tmp_path)
    async with Smsc(pem=pem) as smsc:
        phone = Phone(smsc, scheme="smpps", host="localhost", roots=trusted)
        async with phone as sender, asyncio.timeout(20):
            if accepted:
                await sender.bound()
                assert (await sender.send(message())).references == ("m-1",)
            else:
                await phone.tried.wait()
                assert await smsc.got("bind_transceiver") == [], "no password for a stranger"


@pytest.mark.parametrize(
    "url",
    [
        "http://a@host",
        "smpp://host",
        "smpp://a:b@host",
        "smpp://a@",
        "smpp://a@host/path",
        "smpp://a@host?x=1",
        "smpp://a@host:99999",
        "smpp://sixteen-letters-@host",
        "",
    ],
)
def test_an_address_that_can_never_do_is_refused_at_once(url: str) -> None:
    with pytest.raises(LinkRefused):
        Link.parse(url, PASSWORD)


def test_a_password_that_can_never_do_is_refused_at_once() -> None:
    with pytest.raises(LinkRefused) as caught:
        Link.parse("smpp://a@host", "nine-char")
    assert "nine" not in str(caught.value)


@pytest.mark.parametrize("source", ["+49", "123456789", "twelve letter", "ÄÖÜ", "12", "a\0b"])
def test_a_source_that_can_never_do_is_refused_at_once(source: str) -> None:
    with pytest.raises(LinkRefused):
        SmppSender(Link.parse("smpp://a@host", ""), ManualClock(NOW), source=source)


class Lines:
    """A log that keeps everything, whatever level other tests have set for the process."""

    def __init__(self) -> None:
        self.kept: list[object] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **facts: self.kept.append((level, event, facts))


async def test_nothing_is_told_of_password_number_or_text(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    monkeypatch.setattr("service.adapters.sms.smpp.sender.log", lines)
    phone = Phone(smsc)
    async with phone as sender:
        await bound(sender)
        await smsc.answers({"status": pdu.INVDSTADR})
        with pytest.raises(SenderRejected) as caught:
            await sender.send(message())
        await smsc.answers({"drop": True})
        with pytest.raises(SenderUncertain) as lost:
            await sender.send(message())
        async with asyncio.timeout(20):
            await phone.tried.wait()
    wrong = Phone(smsc, password="0therpwd")
    async with wrong, asyncio.timeout(20):
        await wrong.tried.wait()
    events = {event for _, event, _ in lines.kept}  # type: ignore[misc]
    assert events >= {"smpp.bound", "smpp.lost", "smpp.refused"}
    assert events <= {"smpp.bound", "smpp.lost", "smpp.refused", "smpp.not_bound"}
    things = [
        lines.kept,
        sender,
        vars(phone),
        caught.value,
        lost.value,
        Link.parse("smpp://a@host", PASSWORD),
    ]
    assert not re.search(f"{re.escape(PASSWORD)}|0therpwd|907356|15112345678", repr(things))
