"""The codec of SMPP on bytes that nobody meant: a value or :class:`PduInvalid`, and never more than is there."""

import asyncio
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.sms.smpp import pdu, receipt
from service.adapters.sms.smpp.pdu import Address, Pdu, PduInvalid, ShortMessage
from service.adapters.sms.smpp.session import Session, Timings

ASCII = st.characters(min_codepoint=1, max_codepoint=127)
ADDRESSES = st.builds(Address, st.integers(0, 255), st.integers(0, 255), st.text(ASCII, max_size=20))
MESSAGES = st.builds(
    ShortMessage,
    source=ADDRESSES,
    destination=ADDRESSES,
    data=st.binary(max_size=pdu.MAX_SHORT_MESSAGE),
    esm_class=st.integers(0, 255),
    data_coding=st.integers(0, 255),
    registered_delivery=st.integers(0, 255),
    validity=st.sampled_from(["", "000000001000000R"]),
    service_type=st.text(ASCII, max_size=5),
    tlvs=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=200), max_size=pdu.MAX_TLVS),
)


@given(MESSAGES)
def test_what_is_written_is_read_again(message: ShortMessage) -> None:
    assert pdu.read_short_message(pdu.short_message(message)) == message


@given(MESSAGES, st.data())
def test_what_is_cut_off_is_refused_or_shorter(message: ShortMessage, data: st.DataObject) -> None:
    """A cut between two optional parameters leaves a whole message; any other cut leaves none."""
    whole = pdu.short_message(message)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        read = pdu.read_short_message(whole[:cut])
    except PduInvalid:
        return
    assert len(read.tlvs) < len(message.tlvs)
    assert read.data == message.data


@given(MESSAGES, st.data())
def test_one_octet_changed_is_read_or_refused(message: ShortMessage, data: st.DataObject) -> None:
    whole = bytearray(pdu.short_message(message))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = pdu.read_short_message(bytes(whole))
        receipt.read(read)
    except PduInvalid:
        return
    assert len(read.data) <= pdu.MAX_SHORT_MESSAGE
    assert len(read.tlvs) <= pdu.MAX_TLVS


@settings(max_examples=500)
@given(st.binary(max_size=1500))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for reads in (pdu.read_short_message, pdu.message_id):
        try:
            found = reads(data)
        except PduInvalid:
            continue
        if isinstance(found, str):
            assert len(found) <= 64
        else:
            assert len(found.tlvs) <= pdu.MAX_TLVS
            assert sum(map(len, found.tlvs.values())) <= len(data)


@given(st.binary(max_size=40))
def test_a_header_is_sixteen_octets_of_a_length_that_can_be(data: bytes) -> None:
    try:
        found = pdu.header(data)
    except PduInvalid:
        assert len(data) != 16 or not 16 <= struct.unpack(">I", data[:4])[0] <= pdu.MAX_BYTES
    else:
        assert 0 <= found.body_bytes <= pdu.MAX_BYTES - 16


@given(
    st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=300)
)
def test_a_unit_is_written_with_its_length(command: int, status: int, sequence: int, body: bytes) -> None:
    written = pdu.encode(Pdu(command, status, sequence, body))
    found = pdu.header(written[:16])
    assert (found.length, found.command, found.status, found.sequence) == (
        len(written),
        command,
        status,
        sequence,
    )
    assert written[16:] == body


def test_more_than_a_unit_holds_is_not_written() -> None:
    with pytest.raises(PduInvalid):
        pdu.encode(Pdu(pdu.SUBMIT_SM, 0, 1, bytes(pdu.MAX_BYTES)))
    with pytest.raises(PduInvalid):
        pdu.short_message(ShortMessage(Address(), Address(), bytes(255)))
    with pytest.raises(PduInvalid):
        pdu.short_message(ShortMessage(Address(), Address(), b"", validity="tomorrow"))


def test_more_optional_parameters_than_are_looked_at_are_refused() -> None:
    plain = pdu.short_message(ShortMessage(Address(), Address(), b""))
    with pytest.raises(PduInvalid, match="tlv-count"):
        pdu.read_short_message(plain + bytes(4) * (pdu.MAX_TLVS + 1))


class Wire:
    """A writer that keeps what is written; enough of one for a session."""

    def __init__(self) -> None:
        self.written = b""
        self.transport = self
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None: ...

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def units(self) -> list[pdu.Header]:
        found, rest = [], self.written
        while rest:
            found.append(pdu.header(rest[: pdu.HEADER_BYTES]))
            rest = rest[found[-1].length :]
        return found


def heard(data: bytes) -> Wire:
    """What a session answers to bytes after which the connection ends."""
    wire = Wire()

    async def listen() -> None:
        reader: Any = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        session = Session(reader, wire, lambda _: pdu.OK, Timings())  # type: ignore[arg-type]
        await session.ended.wait()
        [reading] = session._tasks
        await reading  # what it stumbled over would be raised here

    asyncio.run(listen())
    return wire


COMMANDS = st.one_of(
    st.sampled_from([pdu.DELIVER_SM, pdu.ENQUIRE_LINK, pdu.OUTBIND, pdu.ALERT_NOTIFICATION, pdu.SUBMIT_SM]),
    st.integers(0, 2**32 - 1).filter(lambda command: command != pdu.UNBIND),
)
UNITS = st.lists(
    st.builds(Pdu, COMMANDS, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=120)),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(UNITS)
def test_every_request_has_one_answer_in_its_order(units: list[Pdu]) -> None:
    wire = heard(b"".join(map(pdu.encode, units)))
    silent = (pdu.OUTBIND, pdu.ALERT_NOTIFICATION)
    asked = [unit for unit in units if not unit.is_response and unit.command not in silent]
    known = (pdu.DELIVER_SM, pdu.ENQUIRE_LINK)
    assert [(each.command, each.sequence) for each in wire.units()] == [
        (unit.command | pdu.RESPONSE if unit.command in known else pdu.GENERIC_NACK, unit.sequence)
        for unit in asked
    ]
    assert wire.aborted


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_that_are_no_protocol_end_the_session_and_nothing_else(data: bytes) -> None:
    wire = heard(data)
    assert wire.aborted
    assert all(each.command & pdu.RESPONSE for each in wire.units())
