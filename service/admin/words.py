"""The console's words: states, reasons, acts. Plain, short, exact, in one place."""

import re
from collections.abc import Mapping
from typing import Literal

from service.admin import document_words, mark_words, report_words, ring_words
from service.admin.views import Badge, Choice, Flash, Tone

REGISTRATION: Mapping[str, Badge] = {
    "collecting": Badge("Collecting"),
    "in_review": Badge("In review", "review"),
    "approved": Badge("Approved", "approve"),
    "active": Badge("Active", "approve"),
    "denied": Badge("Denied", "deny"),
    "expired": Badge("Expired"),
    "cancelled": Badge("Cancelled"),
}
LINE: Mapping[str, Badge] = {
    "active": Badge("Active", "approve"),
    "restricted": Badge("Restricted", "review"),
    "suspended": Badge("Suspended", "deny"),
    "quarantined": Badge("Closed, number resting"),
    "closed": Badge("Closed"),
}
DEALER: Mapping[str, Badge] = {
    "active": Badge("Active", "approve"),
    "paused": Badge("Paused", "review"),
    "suspended": Badge("Suspended", "deny"),
}
VERDICT_TONE: Mapping[str | None, Tone] = {"approved": "approve", "review": "review", "denied": "deny"}
CHANNEL = {"shop": "Shop", "app": "App", "web": "Web", "call_centre": "Call centre"}
PLAN = {"prepaid": "prepaid", "postpaid": "postpaid", "data": "data", "iot": "for a device"}
PURPOSE = {"new": "New line", "port_in": "Port-in", "sim_swap": "SIM swap", "reverify": "Check again"}

APPROVE_REASONS = (
    Choice("evidence-checked", "I checked the evidence and it holds"),
    Choice("sharing-explained", "What is shared has an honest reason: shop, hostel, family"),
    Choice("applicant-reached", "The applicant was reached and confirmed it"),
    Choice("typing-slip", "A typing slip; document and person agree"),
    Choice("appeal-upheld", "The appeal is right"),
)
DENY_REASONS = (
    Choice("details-disagree", "Details and document disagree"),
    Choice("not-accepted", "The document cannot be accepted"),
    Choice("limit-reached", "Too many lines on this identity"),
    Choice("opened-for-others", "Signs that the line is opened for somebody else"),
    Choice("applicant-not-reached", "The applicant could not be reached"),
    Choice("appeal-dismissed", "The appeal changes nothing"),
)
REVEAL_REASONS = (
    Choice("compare-document", "I compare it with a document in hand"),
    Choice("call-applicant", "I have to reach the applicant"),
    Choice("answer-applicant", "The applicant asks about this registration"),
    Choice("check-report", "I follow up a report about this line"),
    Choice("lawful-request", "A lawful request asks for it"),
)
LINE_REASONS: Mapping[str, tuple[Choice, ...]] = {
    "restrict": (
        Choice("unusual-calls", "Unusual calls or messages"),
        Choice("under-review", "Being looked into"),
        Choice("holder-asked", "The holder asked for it"),
    ),
    "suspend": (
        Choice("scam", "Scam, suspected"),
        Choice("scam-confirmed", "Scam, confirmed: counts as a strike on the document"),
        Choice("sim-stolen", "SIM or phone stolen"),
        Choice("holder-asked", "The holder asked for it"),
        Choice("lawful-request", "A lawful request asks for it"),
    ),
    "reinstate": (
        Choice("looked-into", "Looked into; nothing found"),
        Choice("holder-proved", "The holder proved who they are"),
        Choice("mistake", "It was a mistake"),
    ),
    "close": (
        Choice("scam-confirmed", "Scam, confirmed: counts as a strike on the document"),
        Choice("holder-asked", "The holder gave the line back"),
        Choice("opened-in-error", "Opened in error"),
    ),
}
LINE_ACTS: Mapping[str, tuple[str, str, str, str, str]] = {
    # act: key, verb, tone, effect, button
    "reinstate": (
        "i",
        "Reinstate",
        "yes",
        "The line works in full again, within a minute.",
        "Reinstate the line",
    ),
    "restrict": (
        "t",
        "Restrict",
        "no",
        "Outgoing calls and messages stop; incoming, emergency and operator care go on. It can be reinstated.",
        "Restrict the line",
    ),
    "suspend": (
        "s",
        "Suspend",
        "no",
        "Calls and messages stop, except to emergency and operator care. It can be reinstated.",
        "Suspend the line",
    ),
    "close": (
        "c",
        "Close",
        "no",
        "The line ends and its number rests for 90 days. This cannot be undone.",
        "Close the line for good",
    ),
}
DEALER_REASONS: Mapping[str, tuple[Choice, ...]] = {
    "suspend": (
        Choice("scam", "Lines of this shop were used for scams"),
        Choice("licence-withdrawn", "The licence was withdrawn"),
        Choice("false-evidence", "The shop sent evidence that was made up"),
        Choice("contract-ended", "The contract has ended"),
    ),
    "pause": (
        Choice("being-looked-into", "Being looked into"),
        Choice("shop-asked", "The shop asked for it"),
    ),
    "resume": (
        Choice("looked-into", "Looked into; nothing found"),
        Choice("shop-asked", "The shop asked for it"),
    ),
}
DEALER_ACTS: Mapping[str, tuple[str, str, str, str, str]] = {
    "resume": ("e", "Resume", "yes", "The shop may open registrations again, at once.", "Resume the dealer"),
    "pause": (
        "p",
        "Pause",
        "no",
        "The shop opens no registrations until it is resumed. What it sent goes on.",
        "Pause",
    ),
    "suspend": (
        "s",
        "Suspend",
        "no",
        "The shop opens no registrations, and what it sent before goes to a person. It can be resumed.",
        "Suspend the dealer",
    ),
}
LIFT_REASONS = (
    Choice("messages-honest", "Looked into; the messages were honest"),
    Choice("traffic-is-over", "Whatever it was, it has stopped"),
    Choice("known-campaign", "A campaign or an opening that we knew of"),
    Choice("holder-asked", "The holder of the number asked for it"),
    Choice("mistake", "It was a mistake"),
)
BLOCK_REASONS = (
    Choice("pumped-traffic", "Messages that nobody answers, to earn from them"),
    Choice("client-key-abused", "A client's key seems to be in other hands"),
    Choice("network-asked", "The network there asked for it"),
    Choice("being-looked-into", "Being looked into"),
)

RULE: Mapping[str, str] = {
    "cap-on-identity": "As many lines as one identity may hold",
    "signature-failed": "The document's own signature fails",
    "document-revoked": "Listed as lost, stolen or withdrawn",
    "registry-says-no": "The registry answered no",
    "strike-on-document": "A confirmed strike on the document",
    "unproven-not-accepted": "Evidence that proves nothing, not accepted",
    "unproven-evidence": "Evidence that proves nothing",
    "unproven-per-identity": "Evidence that proves nothing, and lines on it already",
    "unproven-share-of-dealer": "Much unproven evidence at one dealer",
    "holder-deceased": "A death of the holder is recorded",
    "document-doubtful": "A document in doubt, or expired",
    "typed-data-differs": "Typed data and document differ",
    "specimen": "A published specimen",
    "no-code": "No code came back",
    "under-age": "Under age, without guardian",
    "same-person-at-cap": "Many lines on the same name and birth date",
    "renewed-document-at-cap": "Many lines over a renewed document",
    "scam-on-links": "Linked to lines stopped for scam",
    "strike-on-links": "Linked to a confirmed strike",
    "busy-device": "Many lines from one device",
    "dealer-not-in-order": "The dealer is paused, suspended or over quota",
    "nobody-at-the-counter": "No dealer or agent named in a shop",
    "no-device-outside-shop": "No device named outside a shop",
    "guessing-codes": "Many wrong codes",
    "document-about-to-end": "A document about to expire",
}
RELATED: tuple[tuple[str, str, Tone], ...] = (
    # signal, text, tone where it is above zero
    ("lines_on_document", "Lines on this document", "plain"),
    ("lines_on_personal_number", "Lines on this personal number", "plain"),
    ("lines_on_predecessor", "Lines on the document that this one seems to renew", "plain"),
    ("lines_on_person", "Lines on the same name, birth date and issuer", "plain"),
    ("lines_on_device", "Lines from this applicant's device", "plain"),
    ("dealer_lines_today", "Lines of this dealer within 24 hours", "plain"),
    ("scam_on_document", "Lines on this document that were stopped for scam", "deny"),
    ("scam_on_personal_number", "Lines on this personal number that were stopped for scam", "deny"),
    ("scam_on_person", "Lines of the same person that were stopped for scam", "review"),
    ("scam_on_device", "Lines from this device that were stopped for scam", "review"),
    ("scam_on_dealer", "Lines of this dealer that were stopped for scam", "review"),
    ("strikes_on_document", "Confirmed strikes on this document", "deny"),
    ("strikes_on_person", "Confirmed strikes on the same person", "deny"),
    ("strikes_on_device", "Confirmed strikes on this device", "deny"),
)
ACTED: Mapping[str, tuple[str, Tone]] = {
    "registration.created": ("Opened", "plain"),
    "registration.patched": ("Typed data corrected", "plain"),
    "registration.document_added": ("Document read", "plain"),
    "document.judged": ("Document judged", "plain"),
    "document.confirmed": ("Said what the document of the picture shows", "plain"),
    "otp.verified": ("A code came back", "approve"),
    "registration.decided": ("Judged by the rules", "plain"),
    "registration.decided_by_person": ("Decided by a person", "plain"),
    "registration.appealed": ("Appealed by the applicant", "review"),
    "registration.cancelled": ("Cancelled", "plain"),
    "registration.expired": ("Expired", "plain"),
    "registration.activated": ("Set up by the network", "approve"),
    "registration.activation_failed": ("The network did not set it up", "deny"),
    "registration.holder_told": ("Holder told of a lost card", "plain"),
    "registration.activation_asked": ("Asked the network again", "plain"),
    "line.opened": ("Opened", "approve"),
    "line.code_proved": ("Its own code came back", "approve"),
    "line.sim_changed": ("Put on another card", "plain"),
    "line.reverified": ("Holder confirmed again", "approve"),
    "line.insisted": ("Network told once more", "plain"),
    "line.probation_ended": ("Probation ended", "approve"),
    "line.probation_restarted": ("Probation began again", "plain"),
    "line.restrict": ("Restricted", "review"),
    "line.suspend": ("Suspended", "deny"),
    "line.reinstate": ("Reinstated", "approve"),
    "line.close": ("Closed", "plain"),
    "line.labelled": ("Labelled as reported", "review"),
    "line.unlabelled": ("The label was taken off", "approve"),
    "line.elapsed": ("Changed by time", "plain"),
    "line.apply_failed": ("The network did not take the change", "deny"),
    "line.apply_asked": ("Asked the network again", "plain"),
    "pii.revealed": ("Data shown in clear", "plain"),
    "block.set": ("Set", "review"),
    "block.lifted": ("Lifted", "approve"),
    **report_words.ACTED,
    **ring_words.ACTED,
    **mark_words.ACTED,
}
FLASHES: Mapping[str, Flash] = {
    "rule-drafted": Flash("Kept in the draft. It decides nothing until a second person publishes it."),
    "rules-propose": Flash("Proposed. A second person can publish it now."),
    "rules-approve": Flash("Published. The rules are in force."),
    "rules-withdraw": Flash("Given back. The draft can be edited again."),
    "rules-rebase": Flash("Brought up to date. The changes stand on the rules in force now."),
    "backtest-asked": Flash("Asked for. The worker begins at once."),
    "backtest-cancelled": Flash("Cancelled. What was counted is dropped."),
    "rules-drop": Flash("Dropped. The rules in force stay as they are."),
    "rule-undone": Flash("Taken out of the draft."),
    "approved": Flash("Approved. The network is setting the line up."),
    "denied": Flash("Denied. The applicant is told, and may appeal once within 30 days."),
    "restrict": Flash("Restricted. The network is told."),
    "suspend": Flash("Suspended. The network is told."),
    "reinstate": Flash("Reinstated. The network is told."),
    "close": Flash("Closed. The number rests for 90 days."),
    "again": Flash("The network is asked again."),
    "document-confirmed": Flash("Written down and judged anew. What was read stays beside it."),
    "dealer-added": Flash("The dealer is registered and may open registrations."),
    "quotas": Flash("The quotas are saved and hold at once."),
    "pause": Flash("Paused. The shop opens no registrations."),
    "resume": Flash("Resumed."),
    "dealer-suspend": Flash("Suspended. The shop opens no registrations."),
    "look": Flash("Saved."),
    "block-set": Flash("Set. No codes go there until it ends or is lifted."),
    "block-lifted": Flash("Lifted. Codes go there again."),
    **report_words.FLASHES,
    **ring_words.FLASHES,
    **mark_words.FLASHES,
}


def acted(action: str) -> tuple[str, Tone]:
    """What an audit action is called; one without words of its own is spelled out."""
    return ACTED.get(action, (action.replace(".", " ").replace("_", " ").capitalize(), "plain"))


def reason_text(code: str | None) -> str | None:
    """A reason code in words, where it is one of ours."""
    if code is None:
        return None
    every = (*APPROVE_REASONS, *DENY_REASONS, *REVEAL_REASONS)
    lists = (
        *LINE_REASONS.values(),
        *DEALER_REASONS.values(),
        LIFT_REASONS,
        BLOCK_REASONS,
        report_words.REASONS,
        document_words.CONFIRM_REASONS,
        mark_words.SET_REASONS,
        mark_words.LIFT_REASONS,
        mark_words.COMMON_REASONS,
        mark_words.UNCOMMON_REASONS,
    )
    for choice in (*every, *(c for group in lists for c in group)):
        if choice.code == code:
            return choice.text
    return code.replace("-", " ").replace("_", " ").capitalize()


def sentence(text: str) -> str:
    """With a capital and a full stop: rule texts come without one, and with truths as Python spells them."""
    text = re.sub(r"\bFalse\b", "no", re.sub(r"\bTrue\b", "yes", text.strip()))
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def act_tone(tone: str) -> Literal["yes", "no", "main"]:
    """The tone of a drawer's button."""
    return "yes" if tone == "yes" else "no" if tone == "no" else "main"
