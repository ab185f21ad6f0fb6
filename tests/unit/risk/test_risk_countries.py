"""Caps, windows and spacing go by the country of the number."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.risk.model import RuleError, Verdict, ordinary
from service.risk.rules import RiskPolicy, decide, is_at_cap, load_policy
from service.risk.rules.policy import BY_COUNTRY

SEED = tomllib.loads((Path(__file__).parents[3] / "service/policy/risk.toml").read_text("utf-8"))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PUBLISHED = {"CN": 5, "ID": 3, "IN": 9, "NG": 4, "PK": 5, "SG": 10, "TH": 5}
"""Lines of one identity, as published; ID, CN and NG at each operator."""


def policy(**countries: dict[str, Any]) -> RiskPolicy:
    return load_policy({**SEED, "countries": countries})


def verdict(of: RiskPolicy, **given: Any) -> Verdict:
    return decide(ordinary().having(given), of, NOW).verdict


@pytest.mark.parametrize(("country", "cap"), PUBLISHED.items())
def test_the_published_caps(country: str, cap: int) -> None:
    seed = load_policy(SEED)
    assert seed.countries[country].cap == cap
    assert verdict(seed, number_country=country, lines_on_document=cap - 1) is Verdict.APPROVED
    assert verdict(seed, number_country=country, lines_on_document=cap) is Verdict.DENIED
    assert verdict(seed, number_country=country, lines_on_personal_number=cap) is Verdict.DENIED
    for lines in (cap - 1, cap):
        signals = ordinary().having({"number_country": country, "lines_on_document": lines})
        assert is_at_cap(signals, seed) is (lines == cap), "nobody passes it, a supervisor neither"


def test_a_country_that_is_not_named_has_the_general_parameters() -> None:
    seed = load_policy(SEED)
    for country in ("DE", "ZZ"):
        assert verdict(seed, number_country=country, lines_on_document=seed.parameters.cap) is Verdict.DENIED
        assert seed.parameters_for({"number_country": country}) is seed.parameters
    assert seed.parameters_for({}) is seed.parameters
    unknown = decide(ordinary().having({"number_country": None, "lines_on_document": 5}), seed, NOW)
    assert unknown.verdict is Verdict.DENIED


def test_spacing_is_a_countrys() -> None:
    spaced = policy(IN={"spacing_hours": 720, "cap": 9})
    assert verdict(spaced, number_country="IN", hours_since_line_on_document=719) is Verdict.REVIEW
    assert verdict(spaced, number_country="IN", hours_since_line_on_person=0) is Verdict.REVIEW
    assert verdict(spaced, number_country="IN", hours_since_line_on_document=720) is Verdict.APPROVED
    assert verdict(spaced, number_country="DE", hours_since_line_on_document=0) is Verdict.APPROVED


def test_what_outlives_all_has_the_longest_windows() -> None:
    longest = policy(IN={"window_days": 400}, ID={"refill_days": 90}).longest()
    assert (longest.window_days, longest.refill_days) == (400, 90)
    assert longest.cap == SEED["parameters"]["cap"]


@pytest.mark.parametrize(
    ("countries", "said"),
    [
        ({"XX": {"cap": 3}}, "no ISO 3166-1"),
        ({"in": {"cap": 3}}, "no ISO 3166-1"),
        ({"IN": {}}, "a table of parameters"),
        ({"IN": 9}, "a table of parameters"),
        ({"IN": {"review_score": 1}}, "not set by country"),
        ({"IN": {"cap": 0}}, "countries.IN.cap: lies outside"),
        ({"IN": {"cap": True}}, "countries.IN.cap: takes a whole number"),
        ({"IN": {"shared_cap": 2}}, "countries.IN.shared_cap: 0, or 3 and more"),
    ],
)
def test_what_is_not_accepted(countries: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError, match=said):
        policy(**countries)


def test_the_loader_asks_its_questions_for_every_country() -> None:
    """A rule that looks away for one country does not pass."""
    rules = [dict(rule) for rule in SEED["rule"]]
    first = next(rule for rule in rules if rule["id"] == "cap-on-identity")
    first["when"] = f'number_country != "IN" and ({first["when"]})'
    first["example"] = [
        {"given": {"lines_on_document": 5}, "expect": "fires"},
        {"given": {"number_country": "IN", "lines_on_document": 50}, "expect": "quiet"},
    ]
    rules = [rule for rule in rules if rule["id"] != "same-person-at-cap"]
    with pytest.raises(RuleError, match="would approve"):
        load_policy({**SEED, "rule": rules, "countries": {"IN": {"cap": 9}}})


def test_a_version_from_before_these_parameters_means_what_it_meant() -> None:
    """It is loaded, with spacing off and the like; what it misses of the older ones is still refused."""
    added = {
        "notice_hours",
        "spacing_hours",
        "day_lines",
        "denial_days",
        "sharing_persons",
        "network_lines",
        "peer_lines",
        "dealer_rate_factor",
        "night_from",
        "night_until",
        "document_registrations",
        "device_document_fails",
        "seller_document_tries",
        "seller_document_fails_percent",
    }
    known = {name: value for name, value in SEED["parameters"].items() if name not in added}
    old = load_policy({**SEED, "parameters": known, "countries": {}})
    assert (old.parameters.spacing_hours, old.parameters.day_lines) == (0, 1_000)
    del known["cap"]
    with pytest.raises(RuleError, match=r"parameters\.cap: is missing"):
        load_policy({**SEED, "parameters": known})


def test_what_a_country_may_set_exists() -> None:
    assert set(SEED["parameters"]) >= BY_COUNTRY
