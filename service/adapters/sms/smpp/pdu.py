"""Protocol data units of SMPP 3.4 to and from bytes. Pure; numbers in brackets are clauses of the specification.

Every length that the other side names is bounded before it is believed, and what does not fit is
:class:`PduInvalid`, whatever else is in it. Only what a client of codes says or hears has a form of its own here.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

HEADER_BYTES = 16
MAX_BYTES = 70_000
"""Of a unit: a ``message_payload`` of 64 KiB (5.3.2.32) and everything that may stand around it."""
MAX_TLVS = 64
MAX_SHORT_MESSAGE = 254
"""Octets (5.2.21, 5.2.22)."""

_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")

RESPONSE = 0x8000_0000
"""The bit that tells an answer from a request (5.1.2.1)."""
LAST_SEQUENCE = 0x7FFF_FFFF
"""Sequence numbers run from 1 to this and begin again (5.1.4)."""

GENERIC_NACK = 0x8000_0000
SUBMIT_SM = 0x0000_0004
DELIVER_SM = 0x0000_0005
UNBIND = 0x0000_0006
BIND_TRANSCEIVER = 0x0000_0009
OUTBIND = 0x0000_000B
ENQUIRE_LINK = 0x0000_0015
ALERT_NOTIFICATION = 0x0000_0102

# Statuses (5.1.3), by their names without ESME_R.
OK = 0x00
INVCMDLEN = 0x02
INVCMDID = 0x03
INVBNDSTS = 0x04
ALYBND = 0x05
SYSERR = 0x08
INVDSTADR = 0x0B
BINDFAIL = 0x0D
INVPASWD = 0x0E
INVSYSID = 0x0F
MSGQFUL = 0x14
SUBMITFAIL = 0x45
THROTTLED = 0x58
RX_T_APPN = 0x64
RX_P_APPN = 0x65
UNKNOWNERR = 0xFF

RECEIPTED_MESSAGE_ID = 0x001E
MESSAGE_STATE = 0x0427

UDH_INDICATOR = 0x40
"""Bit of ``esm_class``: the message begins with a user data header (5.2.12)."""


class PduInvalid(Exception):
    """The bytes are no such unit; the text is a code of ours and holds nothing of them."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One unit. ``body`` may hold a password, a number or a text."""

    command: int
    status: int
    sequence: int
    body: bytes = field(default=b"", repr=False)

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)


@dataclass(frozen=True, slots=True)
class Header:
    """``length`` is that of the whole unit, in octets."""

    length: int
    command: int
    status: int
    sequence: int

    @property
    def body_bytes(self) -> int:
        return self.length - HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Address:
    """Type of number and numbering plan (5.2.5, 5.2.6), and what they say how to read."""

    ton: int = 0
    npi: int = 0
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """The body of ``submit_sm`` (4.4.1) and of ``deliver_sm`` (4.6.1), which have one layout.

    ``validity`` is a time of 7.1.1 or empty. ``tlvs``: the optional parameters by their tag; of one that comes
    twice the last counts.
    """

    source: Address
    destination: Address
    data: bytes = field(repr=False)
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    validity: str = ""
    service_type: str = ""
    tlvs: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)


def encode(pdu: Pdu) -> bytes:
    """A unit as it is written; :class:`PduInvalid` where it is longer than one may be."""
    length = HEADER_BYTES + len(pdu.body)
    if length > MAX_BYTES:
        raise PduInvalid("too-long")
    return _HEADER.pack(length, pdu.command, pdu.status, pdu.sequence) + pdu.body


def header(data: bytes) -> Header:
    """The first sixteen octets of a unit; :class:`PduInvalid` for a length that none has."""
    if len(data) != HEADER_BYTES:
        raise PduInvalid("header")
    found = Header(*_HEADER.unpack(data))
    if not HEADER_BYTES <= found.length <= MAX_BYTES:
        raise PduInvalid("command-length")
    return found


def bind(system_id: str, password: str, system_type: str = "") -> bytes:
    """The body of a bind (4.1.5), for version 3.4 and any address."""
    return b"".join(
        (
            _c_octets(system_id, 16),
            _c_octets(password, 9),
            _c_octets(system_type, 13),
            bytes((0x34, 0, 0)),
            _c_octets("", 41),
        )
    )


def short_message(message: ShortMessage) -> bytes:
    """The body of a ``submit_sm``; :class:`PduInvalid` where a field is longer than the specification lets it be."""
    if len(message.data) > MAX_SHORT_MESSAGE:
        raise PduInvalid("short-message")
    if len(message.validity) not in (0, 16):
        raise PduInvalid("validity")
    return b"".join(
        (
            _c_octets(message.service_type, 6),
            _address(message.source),
            _address(message.destination),
            bytes((message.esm_class, 0, 0)),  # and protocol id and priority, which are the network's
            _c_octets("", 17),  # at once
            _c_octets(message.validity, 17),
            bytes((message.registered_delivery, 0, message.data_coding, 0, len(message.data))),
            message.data,
            *(_TLV.pack(tag, len(value)) + value for tag, value in message.tlvs.items()),
        )
    )


def read_short_message(body: bytes) -> ShortMessage:
    """A ``deliver_sm`` or ``submit_sm``; :class:`PduInvalid` where it is none."""
    reader = _Reader(body)
    service_type = reader.c_octets(6)
    source, destination = reader.address(), reader.address()
    esm_class, _protocol, _priority = reader.take(3)
    reader.c_octets(17)
    validity = reader.c_octets(17)
    registered, _replace, coding, _default, length = reader.take(5)
    if length > MAX_SHORT_MESSAGE:
        raise PduInvalid("short-message")
    return ShortMessage(
        source=source,
        destination=destination,
        data=reader.take(length),
        esm_class=esm_class,
        data_coding=coding,
        registered_delivery=registered,
        validity=validity,
        service_type=service_type,
        tlvs=MappingProxyType(reader.tlvs()),
    )


def message_id(body: bytes) -> str:
    """What a ``submit_sm_resp`` names the message by (4.4.2). Empty where the answer has no body, as a refusal."""
    return _Reader(body).c_octets(65) if body else ""


def read_c_octets(value: bytes, most: int) -> str:
    """The value of an optional parameter that is a C-octet string; some servers leave its last zero out."""
    if len(value) > most:
        raise PduInvalid("tlv")
    return value.partition(b"\0")[0].decode("latin-1")


def _c_octets(text: str, most: int) -> bytes:
    """A C-octet string (3.1) of at most ``most`` octets, the zero at its end included."""
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        raise PduInvalid("not-ascii") from None
    if len(data) >= most or 0 in data:
        raise PduInvalid("field-length")
    return data + b"\0"


def _address(address: Address) -> bytes:
    return bytes((address.ton, address.npi)) + _c_octets(address.value, 21)


class _Reader:
    """A cursor that never passes the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise PduInvalid("ends-early")
        self._at += count
        return taken

    def c_octets(self, most: int) -> str:
        """Up to and without the zero, which must come within ``most`` octets. Latin-1 reads every octet as a letter:
        an id that is not ASCII still compares equal to itself."""
        end = self._data.find(b"\0", self._at, self._at + most)
        if end < 0:
            raise PduInvalid("field-length")
        text = self._data[self._at : end].decode("latin-1")
        self._at = end + 1
        return text

    def address(self) -> Address:
        ton, npi = self.take(2)
        return Address(
            ton, npi, self.c_octets(65)
        )  # as data_sm allows (4.7.1): some servers write so here too

    def tlvs(self) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        count = 0
        while self._at < len(self._data):
            count += 1
            if count > MAX_TLVS:
                raise PduInvalid("tlv-count")
            tag, length = _TLV.unpack(self.take(4))
            found[tag] = self.take(length)
        return found
