"""Lines, dealers, the overview and the audit as their pages show them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from service.admin import words
from service.admin.html import short
from service.admin.present.people import masked_card, masked_number
from service.admin.present.standing import risk, shrunk_from
from service.admin.store import Activity, ChainState, Names
from service.admin.views import (
    Chain,
    Day,
    DealerRow,
    Fact,
    LineRow,
)
from service.audit.model import Entry
from service.dealers.model import Assessment, Dealer
from service.dealers.rules import quotas_of
from service.kit import masking
from service.kit.ids import wire
from service.lines.model import Line


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


def dealer_row(
    dealer: Dealer, done: Activity, licence: str, made: Assessment | None, today: date
) -> DealerRow:
    daily = quotas_of(dealer, today).daily
    return DealerRow(
        ref=dealer.code,
        name=dealer.name,
        badge=words.DEALER[dealer.state],
        licence=masking.tail(licence, 3),
        today=done.today,
        daily_quota=daily,
        hour=done.hour,
        hourly_quota=dealer.quotas.hourly,
        waiting=done.waiting,
        risk=risk(made),
        shrunk_from=shrunk_from(dealer.shrunk_on, today, dealer.quotas.daily, daily),
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
