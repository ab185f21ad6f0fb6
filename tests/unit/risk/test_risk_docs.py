"""`docs/rules.md` names every parameter and ground, `docs/signals.md` every signal as the catalogue has it."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from service.risk.model import CATALOGUE, DenyGround, Signal
from service.risk.rules import Parameters
from service.risk.rules.policy import BY_COUNTRY

DOCS = Path(__file__).parents[3] / "docs"
SEED = DOCS.parent / "service/policy/risk.toml"
PAGE = (DOCS / "rules.md").read_text("utf-8")
SIGNALS = (DOCS / "signals.md").read_text("utf-8")


def row(signal: Signal) -> str:
    """A signal's line of the page; a set that is too long to read is named by its unit."""
    values = sorted(signal.type.values)
    kind = signal.type.kind if not values else ", ".join(values) if len(values) <= 10 else "code"
    return f"| `{signal.name}` | {kind} | {signal.unit} | {signal.source} | {signal.meaning} |"


@pytest.mark.parametrize("name", [*(each.name for each in fields(Parameters)), *DenyGround])
def test_it_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("each", fields(Parameters), ids=lambda each: each.name)
def test_the_bounds_are_the_parameters(each: object) -> None:
    name, data = each.name, each.metadata  # type: ignore[attr-defined]  # a field
    if "low" in data and name != "shared_cap":
        assert f"| `{name}` | {data['low']}–{data['high']} |" in PAGE


def test_the_signals_are_the_catalogues_in_its_order() -> None:
    found = [line for line in SIGNALS.splitlines() if line.startswith("| `")]
    assert found == [row(signal) for signal in CATALOGUE.values()]


def test_the_published_caps_are_the_seeds() -> None:
    countries = tomllib.loads(SEED.read_text("utf-8"))["countries"]
    stands = {
        cells[1].strip(): {"cap": cells[3].strip(), "shared_cap": cells[4].strip()}
        for line in PAGE.splitlines()
        if len(cells := line.split("|")) == 7 and len(cells[1].strip()) == 2
    }
    assert stands == {
        country: {name: str(own.get(name, "–")) for name in ("cap", "shared_cap")}
        for country, own in countries.items()
    }


def test_what_a_country_may_set_is_named() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("A country may set"))
    assert all(f"`{name}`" in line for name in BY_COUNTRY)
