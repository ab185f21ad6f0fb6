"""Domain objects into view models: masked, worded, counted. Pure; the instant is passed in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from service.admin import words
from service.admin.html import short, span
from service.admin.store import Activity, ChainState, Names
from service.admin.views import (
    Badge,
    Chain,
    Check,
    Day,
    DealerRow,
    Fact,
    LineRow,
    Moment,
    ProofGroup,
    QueueRow,
    Reason,
    Related,
    Tone,
)
from service.audit.model import Actor, ActorKind, Entry
from service.dealers.model import Dealer
from service.documents.model import DocumentCheck
from service.documents.rules import describe
from service.kit import masking
from service.kit.checks import CheckOutcome
from service.kit.errors import JsonObject
from service.kit.ids import wire
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed
from service.lines.model import Line
from service.registration.model import Registration, State
from service.risk.model import Decision
from service.risk.model import Reason as RiskReason

ERASED = "erased"
"""Shown in place of what was erased with its subject."""


def masked_number(number: str | None) -> str:
    if number is None:
        return ERASED
    try:
        return Msisdn.parse(number).masked
    except Malformed:
        return masking.tail(number, 3, lead=3)


def masked_card(iccid: str | None) -> str:
    return "none yet" if iccid is None else masking.tail(iccid, 3, lead=4)


def who(actor: Actor, names: Names) -> str:
    """What an actor is called on a page."""
    if actor.kind is ActorKind.CLI:
        return "command line"
    if actor.kind is ActorKind.SYSTEM:
        return "Simward"
    try:
        known = names.staff if actor.kind is ActorKind.STAFF else names.clients
        return known.get(UUID(hex=actor.id), f"{actor.kind} {actor.id[:8]}")
    except ValueError:
        return str(actor.kind)


# Cases


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
    return Reason(reason.rule, text, tone, int(fact.value), int(fact.threshold), usual.get(fact.name), counts)


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


_CHECK: Mapping[CheckOutcome, tuple[str, Tone]] = {
    CheckOutcome.PASS: ("agrees", "approve"),
    CheckOutcome.WARN: ("needs a look", "review"),
    CheckOutcome.FAIL: ("does not agree", "deny"),
    CheckOutcome.SKIPPED: ("not checked", "plain"),
}


def evidence(registration: Registration, documents: Sequence[DocumentCheck]) -> tuple[ProofGroup, ...]:
    """Evidence by what it proves, the strongest first. Groups without any are left out, but for what is missing."""
    groups: list[ProofGroup] = []
    for proof, word, means in words.PROOF:
        checks: list[Check] = []
        rest: list[Check] = []
        for document in documents:
            if document.proof == proof:
                head, *each = _document(document)
                checks += [head, *(check for check in each if check.tone in ("review", "deny"))]
                rest += [check for check in each if check.tone not in ("review", "deny")]
        if checks:
            groups.append(ProofGroup(word, means, tuple(checks), tuple(rest)))
    if not documents:
        groups.append(ProofGroup("Document", "none was sent", ()))
    codes = tuple(
        Check(f"A code to the {proof.to} came back", "verified", "approve", _tries(proof.tries))
        for proof in registration.codes
    )
    means = "a code that came back proves that the SIM is in someone's hand, perhaps the dealer's"
    groups.append(ProofGroup("Possession", means, codes))
    return tuple(groups)


def _tries(tries: int) -> str | None:
    return None if tries <= 1 else f"at try {tries}"


def _document(document: DocumentCheck) -> list[Check]:
    outcome, tone = words.OUTCOME.get(document.outcome, (str(document.outcome), "plain"))
    kind = document.document_type.replace("_", " ").capitalize()
    state = f" {document.issuing_state}" if document.issuing_state else ""
    made = [Check(f"{kind}{state}", outcome, tone, words.DOCUMENT_KIND.get(document.kind))]
    for check in document.checks:
        result, check_tone = _CHECK[check.outcome]
        made.append(Check(describe(check), result, check_tone))
    return made


_HOLDER = (
    ("family_name", "Family name", "name"),
    ("given_names", "Given names", "name"),
    ("birth_date", "Birth date", "hidden"),
    ("nationality", "Nationality", "plain"),
    ("contact_msisdn", "Contact number", "number"),
    ("email", "E-mail", "email"),
    ("address", "Address", "address"),
)


def holder(pii: JsonObject | None, *, clear: bool = False) -> tuple[Fact, ...]:
    """The applicant, masked; in clear for a reveal that was charged and written to the audit."""
    if pii is None:
        return (Fact("Applicant", ERASED, "masked"),)
    found: list[Fact] = []
    for name, label, kind in _HOLDER:
        value = pii.get(name)
        if not value:
            continue
        text = _address(value) if kind == "address" else str(value)
        found.append(Fact(label, text if clear else _mask(kind, text), "name" if clear else "masked"))
    return tuple(found) or (Fact("Applicant", "taken from the document", "text"),)


def _mask(kind: str, text: str) -> str:
    match kind:
        case "name":
            return masking.name(text)
        case "number":
            return masked_number(text)
        case "email":
            return masking.email(text)
        case "plain":
            return text
        case _:
            return masking.DOTS


def _address(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    lines = value.get("lines")
    parts = [*(lines if isinstance(lines, list) else []), value.get("postal_code"), value.get("locality")]
    return ", ".join(str(part) for part in (*parts, value.get("country")) if part)


def moments(entries: Iterable[Entry], names: Names) -> tuple[Moment, ...]:
    """The audit's entries of one thing as its timeline, the oldest first."""
    made: list[Moment] = []
    for entry in sorted(entries, key=lambda e: (e.at, e.id)):
        text, tone = words.acted(entry.action)
        verdict = entry.facts.get("verdict")
        if isinstance(verdict, str):
            said = {"approved": "approved", "review": "sent to review", "denied": "denied"}.get(
                verdict, verdict
            )
            text, tone = f"{text}: {said}", words.VERDICT_TONE.get(verdict, tone)
        if entry.action == "otp.verified":
            text = f"A code to the {entry.facts.get('to', 'line')} came back"
        by = None if entry.action == "registration.decided" else who(entry.actor, names)
        made.append(Moment(entry.at, text, tone, by, words.reason_text(entry.reason)))
    return tuple(made)


# Lines


def line_row(line: Line, number: str | None, names: Names) -> LineRow:
    return LineRow(
        id=wire("line", line.id),
        msisdn=masked_number(number),
        badge=words.LINE[line.state],
        since=line.holder_since,
        dealer=names.dealers.get(line.dealer_id) if line.dealer_id else None,
        assurance=line.assurance,
        until=line.probation_until,
    )


def line_facts(line: Line, card: str | None, names: Names) -> tuple[Fact, ...]:
    dealer = names.dealers.get(line.dealer_id) if line.dealer_id else None
    reg = wire("reg", line.registration_id)
    found = [
        Fact("Registration", reg, "id", f"/admin/review/{reg}"),
        Fact("SIM", masked_card(card), "masked"),
        Fact("Holder since", _day(line.holder_since)),
        Fact("Assurance", line.assurance),
        Fact("Dealer", dealer or "none", "text", f"/admin/dealers/{dealer}" if dealer else None),
    ]
    if line.probation_until:
        found.append(Fact("Watched until", _day(line.probation_until)))
    if line.reasons:
        told = ", ".join(words.reason_text(code) or code for code in line.reasons)
        found.append(Fact("Because", told))
    if line.held_until:
        found.append(Fact("Until", _day(line.held_until)))
    if line.quarantine_until:
        found.append(Fact("Number rests until", _day(line.quarantine_until)))
    network = line.apply_failed or (
        "as it should be" if line.applied_version >= line.version else "on its way"
    )
    found.append(Fact("At the network", network))
    return tuple(found)


def _day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


# Dealers


def dealer_row(dealer: Dealer, done: Activity, licence: str) -> DealerRow:
    return DealerRow(
        ref=dealer.code,
        name=dealer.name,
        badge=words.DEALER[dealer.state],
        licence=masking.tail(licence, 3),
        today=done.today,
        daily_quota=dealer.quotas.daily,
        hour=done.hour,
        hourly_quota=dealer.quotas.hourly,
        waiting=done.waiting,
    )


# Overview


def days_of(counted: Mapping[date, Mapping[str, int]], now: datetime, count: int = 30) -> tuple[Day, ...]:
    """The last ``count`` UTC days up to today, the oldest first."""
    made: list[Day] = []
    for back in range(count - 1, -1, -1):
        day = (now - timedelta(days=back)).astimezone(UTC).date()
        states = counted.get(day, {})
        approved, waits, denied = (
            states.get("approved", 0) + states.get("active", 0),
            states.get("in_review", 0),
            states.get("denied", 0),
        )
        rest = sum(states.values()) - approved - waits - denied
        made.append(Day(datetime.combine(day, time(), UTC), approved, waits, denied, rest))
    return tuple(made)


def usual_range(past: Sequence[int]) -> tuple[int, int] | None:
    """What eight of ten days lie within; None where fewer than seven days had anything to count."""
    if sum(1 for value in past if value) < 7:
        return None
    ranked = sorted(past)
    last = len(ranked) - 1
    return ranked[round(last * 0.1)], ranked[round(last * 0.9)]


def usual_text(past: Sequence[int]) -> str:
    found = usual_range(past)
    if found is None:
        return "not enough days yet"
    low, high = found
    return f"usually {low}" if low == high else f"usually {low} to {high}"


# Audit


LATE = timedelta(seconds=60)


def chain(state: ChainState, now: datetime) -> Chain:
    """How far the chain is sealed and signed, and whether anything waits longer than it should."""
    # By the sealer's own clock too: the seed writes entries of sixty days ago, and they are not late.
    idle = state.sealed_at is None or now - state.sealed_at > LATE
    late = idle and state.oldest is not None and now - state.oldest > LATE
    head = None if state.link is None else state.link.hex()
    if late and state.oldest is not None:
        waits = f"{state.waits} {'entry waits' if state.waits == 1 else 'entries wait'} for a number since "
        text = waits + f"{state.oldest:%H:%M}. Is the worker running?"
        return Chain("Not sealed in time", "review", text, head)
    if not state.sealed:
        return Chain("Nothing sealed yet", "plain", "The sealer numbers entries within a second.", head)
    signed = (
        f"Signed to entry {state.head_n} at {state.head_at:%H:%M}."
        if state.head_at
        else "No head is signed yet; one is each minute."
    )
    check = "The command simward audit verify recomputes all of it."
    return Chain(f"Sealed to entry {state.sealed}", "approve", f"{signed} {check}", head)


def facts_text(entry: Entry) -> str:
    """An entry's facts in one line of ``name value`` pairs."""
    return ", ".join(
        f"{name.replace('_', ' ')} {'none' if value is None else short(str(value))}"
        for name, value in entry.facts.items()
    )
