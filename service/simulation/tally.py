"""What happened in one run, counted; nothing is judged here."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an attempt. Each has exactly one."""

    APPROVED = "approved"
    DENIED = "denied"
    REVIEW_APPROVED = "review approved"
    REVIEW_DENIED = "review denied"
    GIVEN_UP = "given up in review"
    FACE_REFUSED = "face refused"
    CLERK_REFUSED = "clerk refused"
    HELD = "held before service"


IN_SERVICE = (Outcome.APPROVED, Outcome.REVIEW_APPROVED)


class Stop(StrEnum):
    """Why a line was stopped."""

    DESK = "complaint desk"
    REPORTS = "report"
    RING = "ring action"
    OWNER = "owner"


class Look(StrEnum):
    """What a person looks at, beside registrations in review."""

    CORROBORATED = "a report that was corroborated"
    REPORTED = "a report that several made, not corroborated"
    RING = "a proposed ring action"
    REFERRED = "a step that waits for a person"
    DISOWNED = "a line that its owner disowns"
    RETURNED = "a holder who appeals, or is to be verified again"
    HOLD = "a hold whose day has come"


class Capped(StrEnum):
    """What an identity has at the operator that is asked, when the cap refuses it one more line. Lines in service are
    counted here; the rule counts some that were given up as well."""

    ABOVE = "more lines than the cap already"
    ADDS = "as many as the cap, and wants one more"
    REPLACES = "as many as the cap, and wants to replace one"
    GIVEN_UP = "fewer than the cap, but lines given up lately still count"


@dataclass(slots=True)
class Tally:
    """``scam`` counters are by strategy, ``honest`` ones by group. Money is cents; calls are completed ones."""

    attempts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    honest_attempts: Counter[str] = field(default_factory=Counter)
    honest_outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    """Rules that sent honest registrations to a person or denied them."""
    capped: Counter[Capped] = field(default_factory=Counter)
    """Honest refusals by the cap, by what the cap refused."""
    people_capped: dict[Capped, set[int]] = field(default_factory=lambda: {why: set() for why in Capped})
    stops: Counter[Stop] = field(default_factory=Counter)
    """Lines that may call no more, for a time or for ever, each once, by what stopped them first."""
    honest_stops: Counter[Stop] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    alive_days: Counter[str] = field(default_factory=Counter)
    reviews: int = 0
    cases: Counter[Look] = field(default_factory=Counter)
    notices: int = 0
    rings_reported: int = 0
    rings_back: int = 0
    """Rings with a line in service on the ninetieth day after their first report, registered after it."""
    lines_back: int = 0
    """Lines that rings got within ninety days after their first report."""

    def scam(self, *, mules: frozenset[str], with_mules: bool) -> "Scam":
        """Summed over strategies, with the mules or without them."""
        return self.of([name for name in self.attempts if with_mules or name not in mules])

    def of(self, names: list[str]) -> "Scam":
        chosen = set(names)
        return Scam(
            sum(self.attempts[name] for name in chosen),
            sum(
                n for (name, outcome), n in self.outcomes.items() if name in chosen and outcome in IN_SERVICE
            ),
            sum(self.calls[name] for name in chosen),
            sum(self.spent[name] for name in chosen),
            sum(self.alive_days[name] for name in chosen),
        )

    @property
    def honest(self) -> int:
        return self.honest_attempts.total()

    def refused(self, group: str | None = None) -> int:
        """Honest people who did not get their line."""
        return sum(
            n
            for (name, outcome), n in self.honest_outcomes.items()
            if outcome not in IN_SERVICE and group in (None, name)
        )


@dataclass(frozen=True, slots=True)
class Scam:
    """What some strategies came to. None where there is nothing to divide by."""

    attempts: int
    lines: int
    calls: int
    spent_cents: int
    alive_days: int

    @property
    def lines_per_1000(self) -> float | None:
        return 1000 * self.lines / self.attempts if self.attempts else None

    @property
    def dollars_per_1000_calls(self) -> float | None:
        return 10 * self.spent_cents / self.calls if self.calls else None

    @property
    def days_a_line(self) -> float | None:
        return self.alive_days / self.lines if self.lines else None
