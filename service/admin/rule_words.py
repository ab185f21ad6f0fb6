"""The words of rules: stages, effects, the acts on a draft. Beside ``words.py``, which is long enough."""

from collections.abc import Mapping

from service.admin.views import Badge, Choice, Tone
from service.risk.model import DenyGround, DraftState, Stage, Verdict

STAGE: Mapping[Stage, Badge] = {
    Stage.DRAFT: Badge("Draft", "plain"),
    Stage.SHADOW: Badge("Shadow", "review"),
    Stage.LIVE: Badge("Live", "approve"),
    Stage.RETIRED: Badge("Retired", "plain"),
}
STAGES = (
    Choice("shadow", "Shadow: asked, changes nothing"),
    Choice("live", "Live: decides"),
    Choice("retired", "Retired: kept, not asked"),
)
EFFECT: Mapping[Verdict | None, tuple[str, Tone]] = {
    Verdict.DENIED: ("denies", "deny"),
    Verdict.REVIEW: ("asks for a person", "review"),
    None: ("weighs", "plain"),
}
EFFECTS = (
    Choice("review", "Asks for a person"),
    Choice("deny", "Denies, on a ground"),
    Choice("weight", "Weighs"),
)
GROUNDS = (
    Choice("", "None: it does not deny"),
    *(Choice(ground.value, ground.value.replace("-", " ").capitalize()) for ground in DenyGround),
)
CODES = (
    Choice("details-disagree", "Details disagree"),
    Choice("not-accepted", "Not accepted"),
    Choice("limit-reached", "Limit reached"),
    Choice("needs-a-person", "Needs a person"),
)
DRAFT: Mapping[DraftState, Badge] = {
    DraftState.OPEN: Badge("Being written", "plain"),
    DraftState.PROPOSED: Badge("Waits for a second person", "review"),
    DraftState.PUBLISHED: Badge("Published", "approve"),
    DraftState.DROPPED: Badge("Dropped", "plain"),
}
REASONS = (
    Choice("new-pattern", "A pattern that no rule catches yet"),
    Choice("false-alarms", "It stops honest people"),
    Choice("misses-scams", "It lets scams through"),
    Choice("clearer-text", "The texts were unclear"),
    Choice("law-or-contract", "Law or contract asks for it"),
    Choice("out-of-use", "It is not needed any more"),
)
ACTS: Mapping[str, tuple[str, str, str, str, str]] = {
    "propose": (
        "p",
        "Propose",
        "main",
        "A second person is asked to publish it. Until then it decides nothing, and cannot be edited.",
        "Propose the draft",
    ),
    "approve": (
        "a",
        "Publish",
        "yes",
        "These rules come into force at once, in every process within two seconds, exactly as shown.",
        "Publish these rules",
    ),
    "withdraw": (
        "b",
        "Give back",
        "no",
        "It can be edited again, and has to be proposed again.",
        "Give the draft back",
    ),
    "rebase": (
        "m",
        "Bring up to date",
        "main",
        "The changes are tried on the rules that are in force now, and are open to be edited.",
        "Bring the draft up to date",
    ),
    "drop": (
        "x",
        "Drop",
        "no",
        "All its changes are thrown away. Rules in force stay as they are.",
        "Drop the draft",
    ),
}
"""(key, verb, tone, effect, button) of what may be done with a draft."""

FIELDS: Mapping[str, str] = {
    "stage": "Stage",
    "when": "Condition",
    "verdict": "Effect",
    "ground": "Ground",
    "weight": "Weight",
    "staff": "Text for staff",
    "code": "Text for the applicant",
    "owner": "Owner",
    "example": "Examples",
}
HINTS: Mapping[str, str] = {
    "id": "Small letters, digits and hyphens; it stays the rule's name for good.",
    "when": "True where the rule speaks. Signals and parameters are listed below.",
    "weight": "1 to 10000; only for a rule that weighs.",
    "ground": "Only for a rule that denies.",
    "staff": "One sentence. {signal} shows what was seen.",
    "code": "The applicant reads the text of this code.",
    "owner": "Who answers for the rule.",
    "example": "A table a line, at least one that fires and one that stays quiet.",
    "stage": "Begin in shadow; see what it would have done.",
}
ENTRIES: Mapping[str, str] = {
    "rules.drafted": "Rule changed",
    "rules.undone": "Change taken out",
    "rules.proposed": "Proposed",
    "rules.withdrawn": "Taken back",
    "rules.declined": "Given back by a second person",
    "rules.rebased": "Brought up to date",
    "rules.dropped": "Dropped",
    "rules.published": "Published",
}
MOVED = "Other rules came into force since this draft was begun. Bring it up to date first."
OWN = "You wrote or proposed this. Somebody else has to publish it."
NOT_HERE = "The rules of this installation are changed by another operator."


def way(signal: str, op: str, value: object) -> str:
    """``Would pass if lines_on_device were at most 5.``"""
    said = {True: "yes", False: "no"}.get(value, value) if type(value) is bool else value
    return (
        f"Would pass if {signal} were {said}." if op == "is" else f"Would pass if {signal} were {op} {said}."
    )
