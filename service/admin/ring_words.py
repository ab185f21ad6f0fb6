"""The words of what follows from reports: steps, why a person comes first, rings."""

from collections.abc import Mapping

from service.admin.views import Badge, Choice, Flash, Tone

STEP: Mapping[str, str] = {
    "label": "Label",
    "restrict": "Restrict outgoing",
    "hold": "Hold until verified again",
    "suspend": "Suspend",
    "close": "Close",
}
EFFECT: Mapping[str, str] = {
    "label": "Whoever is called may be told that the number was reported. Nothing is barred.",
    "restrict": "Outgoing calls and messages stop for a time; incoming, emergency and operator care go on.",
    "hold": "Outgoing calls and messages stop until the holder is verified again; incoming go on.",
    "suspend": "Calls and messages stop, except to emergency and operator care. It can be taken back.",
    "close": "The line ends and its number rests for 90 days. This cannot be undone.",
}
GROUND: Mapping[str, str] = {
    "reported": "Reports by people who are not linked to one another",
    "confirmed": "A report that one of us confirmed",
    "ownership": "A report, confirmed, that the line is not its holder's; their papers are not struck",
    "ring": "An action on a ring that two of us approved",
    "hand": "An act by hand",
}
GUARD: Mapping[str, str] = {
    "tenured": "its holder has had it for long",
    "business": "a business's line",
    "public-service": "a public service's line",
    "repeated": "it was reported again and again",
    "final": "it cannot be undone",
    "unreached": "the holder could not be told",
}
STATE: Mapping[str, Badge] = {
    "waiting": Badge("Announced", "review"),
    "referred": Badge("Waits for a person", "review"),
    "in_force": Badge("In force", "deny"),
    "over": Badge("Over"),
    "lifted": Badge("Lifted by hand", "approve"),
    "undone": Badge("Taken back", "approve"),
    "refused": Badge("Refused", "approve"),
    "void": Badge("The line ended first"),
}
RING: Mapping[str, Badge] = {
    "found": Badge("Found", "review"),
    "proposed": Badge("Proposed", "review"),
    "expired": Badge("Proposal ran out"),
    "approved": Badge("Approved, under way", "deny"),
    "done": Badge("Done", "deny"),
    "refused": Badge("Left alone", "approve"),
    "undone": Badge("Undone", "approve"),
}
MEMBER: Mapping[str, str] = {
    "planned": "",
    "taken": "done",
    "referred": "waits for a person",
    "skipped": "line has ended",
    "undone": "taken back",
}
MARK: Mapping[str, str] = {
    "business": "A business's line",
    "public-service": "A public service's line",
}
KIND: Mapping[str, str] = {
    "document": "document",
    "personal_number": "personal number",
    "person": "name and birth date",
    "device": "device",
    "dealer": "shop",
    "agent": "person in the shop",
    "address": "address",
    "contact": "contact number",
    "payment": "payment",
    "block": "number block",
}
APPEAL: Mapping[str, str] = {"upheld": "Appeal upheld", "dismissed": "Appeal dismissed"}
REFUSE_REASONS = (
    Choice("sharing-explained", "What is shared has an honest reason: shop, hostel, family"),
    Choice("too-weak", "The links are too weak"),
    Choice("being-looked-into", "Being looked into elsewhere"),
)
FLASHES: Mapping[str, Flash] = {
    "ring-proposed": Flash("Proposed. Another person approves it."),
    "ring-approved": Flash("Approved. The lines are acted on now, one by one."),
    "ring-refused": Flash("Left alone. Nothing was done."),
    "action-accepted": Flash("Done. The network and the holder are told."),
    "action-refused": Flash("Refused. Nothing was done to the line."),
    "appeal-upheld": Flash("Upheld. The step is taken back, and its strikes with it."),
    "appeal-dismissed": Flash("Dismissed. The step stays."),
    "marked": Flash("Saved. It holds for what follows from now on."),
}
ACTED: Mapping[str, tuple[str, Tone]] = {
    "response.asked": ("A step was asked for by reports", "review"),
    "response.taken": ("A step is in force", "deny"),
    "response.told": ("The holder was told", "plain"),
    "response.not_told": ("The holder could not be told", "review"),
    "response.referred": ("A step was left to a person", "review"),
    "response.refused": ("A person refused the step", "approve"),
    "response.undone": ("A step was taken back", "approve"),
    "response.lifted": ("A step was lifted by hand", "approve"),
    "response.void": ("A step found no line any more", "plain"),
    "response.appealed": ("The holder appealed a step", "review"),
    "response.appeal_upheld": ("The appeal was upheld", "approve"),
    "response.appeal_dismissed": ("The appeal was dismissed", "plain"),
    "response.struck": ("Struck", "deny"),
    "response.unstruck": ("Strikes undone", "approve"),
    "ring.found": ("Found", "review"),
    "ring.proposed": ("Proposed", "review"),
    "ring.approved": ("Approved", "deny"),
    "ring.refused": ("Left alone", "approve"),
    "ring.done": ("Carried out", "deny"),
    "ring.undone": ("Undone", "approve"),
    "line.marked": ("Marked", "plain"),
    "line.unmarked": ("A mark was taken off", "plain"),
}


def kinds(found: tuple[str, ...]) -> str:
    """``document, device``."""
    return ", ".join(KIND.get(kind, kind) for kind in found)
