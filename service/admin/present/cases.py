"""A case in words: badge, clock, reasons, evidence, what hangs on it."""

from collections.abc import Mapping
from datetime import datetime

from service.admin import words
from service.admin.html import span
from service.admin.present.people import masked_number
from service.admin.store import Names
from service.admin.views import (
    Badge,
    QueueRow,
    Reason,
    Related,
    Tone,
)
from service.kit.errors import JsonObject
from service.kit.ids import wire
from service.registration.model import Registration, State
from service.risk.model import Decision
from service.risk.model import Reason as RiskReason


def badge_of(registration: Registration) -> Badge:
    if registration.state is State.IN_REVIEW and registration.appealed_at:
        return Badge("Appealed, in review", "review")
    if registration.activation and registration.activation.state == "failed":
        return Badge("Approved, not set up", "review")
    return words.REGISTRATION[registration.state]


def queue_row(registration: Registration, number: str | None, since: datetime, names: Names) -> QueueRow:
    told = registration.outcome.reasons if registration.outcome else ()
    return QueueRow(
        id=wire("reg", registration.id),
        msisdn=masked_number(number),
        since=since,
        badge=badge_of(registration),
        reasons=tuple(_in_short(reason) for reason in told),
        dealer=names.dealers.get(registration.dealer_id) if registration.dealer_id else None,
        channel=words.CHANNEL.get(registration.channel, registration.channel),
        is_appeal=registration.appealed_at is not None,
    )


def _in_short(told: JsonObject) -> str:
    """A reason for one line of a table: what the rule is about, and the number that decided."""
    rule = str(told.get("rule", ""))
    text = words.RULE.get(rule) or str(told.get("staff") or told.get("text") or "")
    facts = told.get("facts")
    numbers = [
        (value, threshold)
        for fact in (facts if isinstance(facts, list) else [])
        if isinstance(fact, Mapping)
        and type(value := fact.get("value")) is int
        and type(threshold := fact.get("threshold")) is int
    ]
    if not numbers:
        return words.sentence(text)
    value, threshold = max(numbers, key=lambda pair: abs(pair[0] - pair[1]))
    return words.sentence(f"{text}: {value}")


def clock_of(registration: Registration, since: datetime, now: datetime) -> str:
    """The clock of a case in words: how long it waits, or what it came to."""
    if registration.state is State.IN_REVIEW:
        return f"Waiting {span(now - since)}"
    if registration.state is State.COLLECTING:
        return f"Collecting evidence for {span(now - registration.created_at)}"
    return f"{badge_of(registration).word} for {span(now - since)}"


_COUNTS = {">=": "counts from {}", ">": "counts above {}", "<": "counts below {}", "<=": "counts up to {}"}


def reason_of(reason: RiskReason, usual: Mapping[str, int]) -> Reason:
    """A rule that fired, with the number that decided: of the comparisons that held, the one furthest past its mark."""
    counted = [
        fact
        for fact in reason.facts
        if fact.holds and type(fact.value) is int and type(fact.threshold) is int and fact.op in _COUNTS
    ]
    tone: Tone = "review" if reason.failed else words.VERDICT_TONE.get(reason.effect, "plain")
    text = _said(reason)
    if not counted:
        return Reason(reason.rule, text, tone)
    fact = max(counted, key=lambda f: abs(int(f.value) - int(f.threshold)))
    counts = _COUNTS[fact.op].format(fact.threshold)
    value, threshold = int(fact.value), int(fact.threshold)
    if fact.baseline is not None:
        at_most = fact.baseline.p99
        return Reason(
            reason.rule, text, tone, value, threshold, at_most, counts, f"99 % have at most {at_most}"
        )
    near = usual.get(fact.name)
    usually = "" if near is None else f"usually {near}"
    return Reason(reason.rule, text, tone, value, threshold, near, counts, usually)


def _said(reason: RiskReason) -> str:
    """The rule's own sentence; where that lists zeros too, only what was found."""
    found = [fact for fact in reason.facts if fact.holds and type(fact.value) is int]
    known = {name: text for name, text, _ in words.RELATED}
    if " 0 " not in reason.staff or not found or any(fact.name not in known for fact in found):
        return words.sentence(reason.staff)
    said = [f"{fact.value} {_low(known[fact.name])}" for fact in found]
    return words.sentence(", and ".join(said))


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]


def counted_signals(decision: Decision | None) -> set[str]:
    if decision is None:
        return set()
    return {fact.name for reason in decision.judgement.reasons for fact in reason.facts}


def related(decision: Decision | None) -> tuple[Related, ...]:
    """What hung on the same papers, device and dealer when the case was judged; zeros say nothing."""
    if decision is None:
        return ()
    found: list[Related] = []
    for name, text, tone in words.RELATED:
        value = decision.signals.values.get(name)
        if type(value) is int and value > 0:
            found.append(Related(text, value, None, tone))
    return tuple(found)
