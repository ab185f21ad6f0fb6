"""The gate of ``reports.toml``."""

import tomllib
from importlib import resources
from typing import Any

import pytest

from service.policies import PolicyRefused, Sources, build, seed
from service.reports.model import ReportPolicy
from service.reports.rules import load_policy

SEED = resources.files("service").joinpath("policy/reports.toml").read_text("utf-8")


def test_the_seed_says_what_the_code_says() -> None:
    assert load_policy(tomllib.loads(SEED)) == ReportPolicy() == load_policy({})


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"face": 1}, "face"),
        ({"required": 1}, "required"),
        ({"required": "5"}, "required"),
        ({"required": True}, "required"),
        ({"required": 5.0}, "required"),
        ({"window_days": 0}, "window_days"),
        ({"proof_minutes": 61}, "proof_minutes"),
        ({"most_per_client": 5}, "most_per_client"),
        ({"required": 2, "most_per_client": 1}, "most_per_dealer"),
        ({"memory_days": 400}, "memory_days"),
        ([], "table"),
    ],
)
def test_what_is_wrong_is_named(table: Any, where: str) -> None:
    with pytest.raises(ValueError, match=where):
        load_policy(table)


def test_a_version_that_is_older_than_the_file_still_builds() -> None:
    texts = {name: text for name, text in seed(demo=False).texts.items() if name != "reports.toml"}
    assert build(Sources(texts), demo=False).reports == ReportPolicy()
    other = build(Sources({**texts, "reports.toml": "required = 7"}), demo=False)
    assert other.reports.required == 7
    with pytest.raises(PolicyRefused, match=r"^reports\.toml: required"):
        build(Sources({**texts, "reports.toml": "required = 0"}), demo=False)
