"""`docs/rules.md` names every signal, parameter and ground."""

from dataclasses import fields
from pathlib import Path

import pytest

from service.risk.model import CATALOGUE, DenyGround
from service.risk.rules import Parameters

PAGE = (Path(__file__).parents[3] / "docs/rules.md").read_text("utf-8")


@pytest.mark.parametrize("name", [*CATALOGUE, *(each.name for each in fields(Parameters)), *DenyGround])
def test_it_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("signal", CATALOGUE.values(), ids=lambda signal: signal.name)
def test_the_meaning_is_the_catalogues(signal: object) -> None:
    assert CATALOGUE[signal.name].meaning in PAGE  # type: ignore[attr-defined]
