"""SMPP 3.4 as a client: the codec of its units, a session, and a sender that keeps one."""

from service.adapters.sms.smpp.address import Link, LinkRefused
from service.adapters.sms.smpp.sender import OnReceipt, SmppSender
from service.adapters.sms.smpp.session import Timings

__all__ = ["Link", "LinkRefused", "OnReceipt", "SmppSender", "Timings"]
