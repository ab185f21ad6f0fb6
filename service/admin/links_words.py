"""Words of the links of a case."""

from collections.abc import Mapping

from service.admin.views.pieces import Badge
from service.risk.model import HoldingKind

KIND: Mapping[HoldingKind, tuple[str, str]] = {
    HoldingKind.DOCUMENT: ("Document", "documents"),
    HoldingKind.PERSONAL_NUMBER: ("Personal number", "personal numbers"),
    HoldingKind.PERSON: ("Person", "persons"),
    HoldingKind.DEVICE: ("Device", "devices"),
    HoldingKind.DEALER: ("Dealer", "dealers"),
    HoldingKind.ADDRESS: ("Address", "addresses"),
    HoldingKind.CONTACT: ("Contact number", "contact numbers"),
    HoldingKind.AGENT: ("Agent", "agents"),
    HoldingKind.PAYMENT: ("Payment", "payments"),
    HoldingKind.BLOCK: ("Number block", "number blocks"),
}
"""One of a kind, and many."""

STATE: Mapping[str, Badge] = {
    "approved": Badge("Being set up", "approve"),
    "live": Badge("Active", "approve"),
    "closed": Badge("Closed"),
    "waiting": Badge("No line yet", "review"),
}
STOPPED = Badge("Stopped for scam", "deny")
STRUCK = Badge("Confirmed scam", "deny")


def via(kinds: tuple[HoldingKind, ...]) -> str:
    """``Device, contact number``: what a line hangs by."""
    words = ", ".join(KIND[kind][0] for kind in kinds)
    return words[:1] + words[1:].lower() if words else "this line"
