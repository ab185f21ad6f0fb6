"""Retention: class x state x age -> due, and the file that says the terms."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import service.policy
from service.subscribers.model import Due, Holding, HoldingClass, Term
from service.subscribers.rules import judge, keep_until, parse_policy

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SEED = (Path(next(iter(service.policy.__path__))) / "retention.toml").read_text("utf-8")
POLICY = parse_policy(SEED)
R, L = HoldingClass.REGISTRATION, HoldingClass.LINE


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("holdings", "due"),
    [
        ([], Due.GOES_ON),
        ([Holding(R, "cancelled", ago(7))], Due.DUE),
        ([Holding(R, "cancelled", ago(6.99))], Due.EARLY),
        ([Holding(R, "expired", ago(8))], Due.DUE),
        ([Holding(R, "denied", ago(89))], Due.EARLY),
        ([Holding(R, "denied", ago(90))], Due.DUE),
        ([Holding(R, "denied", ago(900), on_hold=True)], Due.ON_HOLD),
        ([Holding(R, "collecting", None)], Due.GOES_ON),
        ([Holding(R, "in_review", None)], Due.GOES_ON),
        ([Holding(R, "active", ago(900))], Due.GOES_ON),
        ([Holding(R, "active", None), Holding(L, "active", None, "DE")], Due.GOES_ON),
        ([Holding(R, "active", None), Holding(L, "closed", ago(366), "NL")], Due.DUE),
        ([Holding(R, "active", None), Holding(L, "closed", ago(364), "NL")], Due.EARLY),
        ([Holding(R, "active", None), Holding(L, "closed", ago(366), "NL", on_hold=True)], Due.ON_HOLD),
        ([Holding(L, "closed", datetime(2024, 12, 31, tzinfo=UTC), "DE")], Due.DUE),
        ([Holding(L, "closed", datetime(2025, 1, 1, tzinfo=UTC), "DE")], Due.EARLY),
        ([Holding(L, "closed", ago(900), None), Holding(L, "suspended", None, None)], Due.GOES_ON),
    ],
)
def test_judge(holdings: list[Holding], due: Due) -> None:
    assert judge(holdings, POLICY, NOW) is due


def test_years_run_to_the_end_of_the_calendar_year() -> None:
    assert keep_until(datetime(2026, 1, 1, tzinfo=UTC), Term(years=1)) == datetime(2028, 1, 1, tzinfo=UTC)
    assert keep_until(datetime(2026, 12, 31, 23, tzinfo=UTC), Term(years=1)).year == 2028


@pytest.mark.parametrize(
    "text",
    [
        SEED.replace("other", "XX"),
        SEED.replace("DE =", "DEU ="),
        SEED.replace("{ days = 7 }", "7", 1),
        SEED.replace("days = 90", "days = -1"),
        SEED.replace("days = 90", "days = true"),
        SEED.replace("days = 90", "weeks = 9"),
        SEED + "\n[faces]\n",
    ],
)
def test_a_policy_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_policy(text)
