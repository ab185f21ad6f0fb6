"""What a ``deliver_sm`` says of a message that was submitted. Pure."""

import re
from dataclasses import dataclass

from service.adapters.sms.smpp import pdu
from service.adapters.sms.smpp.pdu import ShortMessage
from service.otp.model import Delivery

_TYPE = 0x3C
_DELIVERY_RECEIPT = 0x04
"""Bits 5 to 2 of ``esm_class`` in a ``deliver_sm`` (5.2.12)."""

_STATES = {
    2: Delivery.DELIVERED,
    3: Delivery.EXPIRED,
    4: Delivery.UNDELIVERED,  # deleted
    5: Delivery.UNDELIVERED,
    6: Delivery.UNKNOWN,  # accepted: someone read it for the holder
    7: Delivery.UNKNOWN,
    8: Delivery.REJECTED,
}
"""``message_state`` (5.2.28). ENROUTE, 1, is no end of a message and so no receipt."""
_ENROUTE = 1

_WORDS = {
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
    "ENROUTE": _ENROUTE,
}

# Appendix B gives the form of common servers; others leave fields out or write the names in capitals.
_TEXT_ID = re.compile(rb"\bid:([!-~]{1,64})", re.IGNORECASE)
_TEXT_STATE = re.compile(rb"\bstat:([A-Za-z]{3,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """``reference`` is the server's id of the message, as ``submit_sm_resp`` gave it."""

    reference: str
    outcome: Delivery


def is_receipt(message: ShortMessage) -> bool:
    """Whether this is a receipt by its type. Anything else is somebody's message to us, which nobody reads."""
    return message.esm_class & _TYPE == _DELIVERY_RECEIPT


def read(message: ShortMessage) -> Said | None:
    """The optional parameters where they are given, else the text; None where it names no message or no end.

    Raises :class:`service.adapters.sms.smpp.pdu.PduInvalid` for an id that is longer than one may be.
    """
    given = message.tlvs.get(pdu.RECEIPTED_MESSAGE_ID)
    if given is not None:
        reference = pdu.read_c_octets(given, 65)
    else:
        found = _TEXT_ID.search(message.data)
        reference = found[1].decode("ascii") if found else ""
    state = _state(message)
    if not reference or state == _ENROUTE:
        return None
    return Said(reference, _STATES.get(state, Delivery.UNKNOWN))


def _state(message: ShortMessage) -> int:
    given = message.tlvs.get(pdu.MESSAGE_STATE)
    if given is not None and len(given) == 1:
        return given[0]
    found = _TEXT_STATE.search(message.data)
    return _WORDS.get(found[1].decode("ascii").upper()[:7], 0) if found else 0
