"""The words of scam reports: states, what is said, what a vote is worth, reasons."""

from collections.abc import Mapping

from service.admin.views.pieces import Badge, Choice, Flash, Tone
from service.reports.model import Kind, State, Topic, Why

STATE: Mapping[State, Badge] = {
    State.FILED: Badge("Filed"),
    State.CORROBORATED: Badge("Corroborated", "review"),
    State.CONFIRMED: Badge("Confirmed", "deny"),
    State.DISMISSED: Badge("Dismissed", "approve"),
    State.APPEALED: Badge("Appealed", "review"),
}
ELSEWHERE = Badge("Not ours")
KIND: Mapping[Kind, str] = {
    Kind.SCAM_CALL: "Scam call",
    Kind.SCAM_SMS: "Scam message",
    Kind.SPAM: "Unwanted advertising",
    Kind.IMPERSONATION: "Somebody posing as another",
    Kind.NOT_MINE: "A line that is not theirs",
}
TOPIC: Mapping[Topic, str] = {
    Topic.CONDUCT: "What the line was used for",
    Topic.OWNERSHIP: "Whose name the line is in",
}
WHY: Mapping[Why, str] = {
    Why.COUNTS: "Counts",
    Why.NOT_WEIGHED: "Not weighed yet",
    Why.OTHER_OPERATOR: "Filed with another operator here",
    Why.OWNERSHIP: "Goes to a person by itself",
    Why.UNPROVED: "The reporter's number is not proved",
    Why.NO_LINE: "The reporter has no line with us",
    Why.OWN_LINE: "The reporter is this line",
    Why.YOUNG_LINE: "The reporter's line is too young",
    Why.FRESH_SIM: "The reporter's SIM was just changed",
    Why.EARLIER_HOLDER: "Happened before this holder had the number",
    Why.OUT_OF_TIME: "Too long ago to count with the others",
    Why.LOW_REPUTATION: "The reporter's earlier reports were false",
    Why.REPEATED: "This reporter is counted already",
    Why.LINKED: "Linked to somebody who is counted, or to this line's holder",
    Why.SAME_DEALER: "Customers of this dealer are counted already",
    Why.SAME_CLIENT: "This client has as many as may count",
    Why.ERASED: "The reporter was erased",
}
CONFIRM_REASONS = (
    Choice("reports-agree", "The reports agree and are believable"),
    Choice("evidence-seen", "There is evidence beside the reports"),
    Choice("holder-admits", "The holder admits it"),
    Choice("appeal-upheld", "The appeal is right"),
    Choice("appeal-dismissed", "The appeal changes nothing"),
)
DISMISS_REASONS = (
    Choice("false-reports", "The reports are false: lowers what these reporters count"),
    Choice("number-spoofed", "Somebody else showed this number"),
    Choice("nothing-found", "Looked into; nothing found"),
    Choice("holder-explained", "The holder explained it"),
    Choice("appeal-upheld", "The appeal is right"),
    Choice("appeal-dismissed", "The appeal changes nothing"),
)
APPEAL_REASONS = (
    Choice("holder-asked", "The holder asked for it"),
    Choice("reporter-asked", "A reporter asked for it"),
)
REASONS = (*CONFIRM_REASONS, *DISMISS_REASONS, *APPEAL_REASONS)
ACTS: Mapping[str, tuple[str, str, str, str, str, tuple[Choice, ...]]] = {
    # act: key, verb, tone, effect, button, reasons
    "dismiss": (
        "i",
        "Dismiss",
        "yes",
        "Nothing follows for the line. Reporters lose standing only where you say that the reports are false.",
        "Dismiss the report",
        DISMISS_REASONS,
    ),
    "confirm": (
        "c",
        "Confirm",
        "no",
        "What follows from a confirmed report begins, and its reporters gain standing. It can be appealed once.",
        "Confirm the report",
        CONFIRM_REASONS,
    ),
    "appeal": (
        "p",
        "Open the appeal",
        "main",
        "The decision is open again, and another person than the first decides. This can be done once.",
        "Open the appeal",
        APPEAL_REASONS,
    ),
}
ACTED: Mapping[str, tuple[str, Tone]] = {
    "report.filed": ("Reported", "review"),
    "report.corroborated": ("Enough votes count", "review"),
    "report.confirmed": ("Confirmed", "deny"),
    "report.dismissed": ("Dismissed", "approve"),
    "report.appealed": ("Appealed", "review"),
}
FLASHES: Mapping[str, Flash] = {
    "report-confirm": Flash("Confirmed. What follows from it has begun."),
    "report-dismiss": Flash("Dismissed."),
    "report-appeal": Flash("The appeal is open. Another person decides."),
}
