"""Retention: class x state x age -> due. Pure."""

import tomllib
from collections.abc import Collection
from datetime import UTC, datetime

from service.subscribers.model import DAY, Due, Holding, HoldingClass, RetentionPolicy, Term


def term_of(holding: Holding, policy: RetentionPolicy) -> Term | None:
    """The term that runs from the holding's end; None where it has none of its own."""
    if holding.held_as is HoldingClass.LINE:
        return policy.lines.get(holding.country or "", policy.other_lines)
    return policy.registrations.get(holding.state)


def keep_until(ended_at: datetime, term: Term) -> datetime:
    """The instant from which it is due."""
    if term.years is not None:
        return datetime(ended_at.astimezone(UTC).year + term.years + 1, 1, 1, tzinfo=UTC)
    return ended_at + DAY * (term.days or 0)


def judge(holdings: Collection[Holding], policy: RetentionPolicy, now: datetime) -> Due:
    """Whether the subscriber of these holdings is to be erased.

    A legal hold on one keeps all. One that goes on, or has not ended long enough, keeps all: the data are the
    same person's. A registration without a term (approved, active) waits for its line; if it has none, it
    goes on.
    """
    if any(holding.on_hold for holding in holdings):
        return Due.ON_HOLD
    has_line = any(holding.held_as is HoldingClass.LINE for holding in holdings)
    ends: list[datetime] = []
    for holding in holdings:
        term = term_of(holding, policy)
        if term is None and has_line:
            continue
        if term is None or holding.ended_at is None:
            return Due.GOES_ON
        ends.append(keep_until(holding.ended_at, term))
    if not ends:
        return Due.GOES_ON
    return Due.DUE if now >= max(ends) else Due.EARLY


def parse_policy(text: str) -> RetentionPolicy:
    """``retention.toml`` as a policy. ``ValueError`` names the entry that is wrong."""
    data = tomllib.loads(text)
    unknown = set(data) - {"registration", "line"}
    if unknown:
        raise ValueError(f"unknown table {sorted(unknown)[0]}")
    registrations = {
        state: _term(f"registration.{state}", raw) for state, raw in data["registration"].items()
    }
    lines = {country: _term(f"line.{country}", raw) for country, raw in data["line"].items()}
    other = lines.pop("other", None)
    if other is None:
        raise ValueError("line.other is missing: every country has a term")
    for country in lines:
        if len(country) != 2 or not country.isascii() or not country.isupper():
            raise ValueError(f"line.{country} is no country (ISO 3166-1 alpha-2)")
    return RetentionPolicy(registrations, other, lines)


def _term(name: str, raw: object) -> Term:
    if isinstance(raw, dict) and len(raw) == 1:
        unit, value = next(iter(raw.items()))
        if unit in ("days", "years") and type(value) is int and 0 < value <= 36_500:
            return Term(**{unit: value})
    raise ValueError(f"{name} is not {{ days = n }} or {{ years = n }}")
