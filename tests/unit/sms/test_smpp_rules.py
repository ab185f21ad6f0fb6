"""What needs no server: pace, waiting, and receipts as servers word them."""

import pytest

from service.adapters.sms.smpp import pdu
from service.adapters.sms.smpp.pace import FIRST_HOLD_S, LONGEST_HOLD_S, Pace, reconnect_after
from service.adapters.sms.smpp.pdu import Address, PduInvalid, ShortMessage
from service.adapters.sms.smpp.receipt import Said, is_receipt, read
from service.otp.model import Delivery


def test_submits_are_spaced_by_the_rate() -> None:
    pace = Pace(4)
    waits = []
    for _ in range(4):
        waits.append(pace.wait(100.0))
        pace.take(100.0)
    assert waits == [0.0, 0.25, 0.5, 0.75]
    assert pace.wait(101.0) == 0.0, "what was not used is not saved up"
    pace.take(110.0)
    assert pace.wait(110.0) == 0.25


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(0)
    for _ in range(3):
        pace.take(5.0)
    assert pace.wait(5.0) == 0.0


def test_each_refusal_in_a_row_is_answered_by_a_longer_silence() -> None:
    pace, now, held = Pace(0), 0.0, []
    for _ in range(7):
        pace.refused(now)
        step = 0.0
        while pace.is_held(now + step):
            step += FIRST_HOLD_S
        held.append(step)
        now += step
    assert held == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_HOLD_S, LONGEST_HOLD_S]


def test_answers_to_what_was_under_way_are_no_new_refusal() -> None:
    pace = Pace(0)
    for _ in range(10):
        pace.refused(0.0)
    assert pace.is_held(FIRST_HOLD_S - 0.01)
    assert not pace.is_held(FIRST_HOLD_S)


def test_a_yes_ends_the_doubling_and_not_the_silence() -> None:
    pace = Pace(0)
    pace.refused(0.0)
    pace.accepted()
    assert pace.is_held(0.5)
    pace.refused(5.0)
    assert not pace.is_held(5.0 + FIRST_HOLD_S)


def test_connecting_again_waits_longer_each_time_and_never_at_once() -> None:
    assert [reconnect_after(tries, 0.0) for tries in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert reconnect_after(1000, 0.0) == 30.0
    assert reconnect_after(3, 0.999) == pytest.approx(1.0, abs=0.01)


def delivered(text: bytes = b"", tlvs: dict[int, bytes] | None = None, esm_class: int = 4) -> ShortMessage:
    return ShortMessage(Address(), Address(), text, esm_class=esm_class, tlvs=tlvs or {})


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (delivered(b"id:7 stat:DELIVRD"), Said("7", Delivery.DELIVERED)),
        (delivered(b"ID:AbC-9 STAT:delivrd ERR:000"), Said("AbC-9", Delivery.DELIVERED)),
        (delivered(b"id:7 sub:001 stat:UNDELIVERABLE"), Said("7", Delivery.UNDELIVERED)),
        (delivered(b"id:7 text:stat"), Said("7", Delivery.UNKNOWN)),
        (delivered(b"stat:DELIVRD"), None),
        (delivered(b"\xff\xfe\x00"), None),
        (delivered(b"id:7 stat:ENROUTE"), None),
        (delivered(b"id:7 stat:EXPIRED", {0x001E: b"8\0", 0x0427: b"\x02"}), Said("8", Delivery.DELIVERED)),
        (delivered(b"id:7 stat:EXPIRED", {0x001E: b"8"}), Said("8", Delivery.EXPIRED)),
        (delivered(b"", {0x001E: b"8\0", 0x0427: b"\x08"}), Said("8", Delivery.REJECTED)),
        (delivered(b"", {0x001E: b"8\0", 0x0427: b"\x01"}), None),
        (delivered(b"", {0x001E: b"8\0", 0x0427: b"\x63"}), Said("8", Delivery.UNKNOWN)),
        (delivered(b"", {0x001E: b"8\0", 0x0427: b"\x00\x02"}), Said("8", Delivery.UNKNOWN)),
        (delivered(b"id:7 stat:DELIVRD", {0x001E: b"\0"}), None),
    ],
)
def test_what_a_receipt_says(message: ShortMessage, said: Said | None) -> None:
    assert read(message) == said


@pytest.mark.parametrize(
    ("esm_class", "yes"), [(0, False), (4, True), (0x44, True), (0x20, False), (8, False)]
)
def test_what_is_a_receipt(esm_class: int, yes: bool) -> None:
    assert is_receipt(delivered(esm_class=esm_class)) is yes


def test_an_id_longer_than_one_may_be_is_refused() -> None:
    with pytest.raises(PduInvalid):
        read(delivered(b"", {0x001E: b"x" * 66}))


def test_a_bind_is_written_as_the_specification_draws_it() -> None:
    """SMPP 3.4, 4.1.5: the three strings, then version, type, plan and range of addresses."""
    assert pdu.bind("SMPP3TEST", "secret08", "SUBMIT1") == b"SMPP3TEST\0secret08\0SUBMIT1\0\x34\0\0\0"


@pytest.mark.parametrize(
    ("system_id", "password"), [("s" * 16, ""), ("s", "p" * 9), ("ä", ""), ("a\0b", ""), ("a", "\0")]
)
def test_a_field_that_is_too_long_is_not_written(system_id: str, password: str) -> None:
    with pytest.raises(PduInvalid) as caught:
        pdu.bind(system_id, password)
    assert str(caught.value) in ("field-length", "not-ascii")
