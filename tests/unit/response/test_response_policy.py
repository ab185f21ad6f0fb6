"""The gate of ``response.toml``."""

import tomllib
from importlib import resources

import pytest

from service.policies import seed
from service.policies.model import PolicyRefused, Sources
from service.policies.rules import build
from service.response.model import ResponsePolicy, Step
from service.response.rules import load_policy

SEED = resources.files("service").joinpath("policy/response.toml").read_text("utf-8")


def test_the_seed_says_what_the_code_says() -> None:
    assert load_policy(tomllib.loads(SEED)) == ResponsePolicy() == load_policy({})


@pytest.mark.parametrize(
    "text",
    [
        "notice_hours = 0",
        "notice_hours = 1.5",
        "repeats = true",
        "bars_days = []",
        "bars_days = 15",
        "bars_days = [15, 0]",
        "bars_days = [30, 15]",
        'on_confirmed = ["hold", "close"]',
        'on_confirmed = ["suspend", "hold"]',
        "on_confirmed = [1]",
        'on_confirmed = ["label"]',
        "close_days = 1",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.split(" ", 1)[0]):
        load_policy(tomllib.loads(text))


def test_a_version_takes_it_in_and_may_lack_it() -> None:
    texts = {name: text for name, text in seed(demo=False).texts.items() if name != "response.toml"}
    assert build(Sources(texts), demo=False).response == ResponsePolicy()
    other = build(Sources({**texts, "response.toml": 'on_confirmed = ["suspend"]'}), demo=False)
    assert other.response.on_confirmed == (Step.SUSPEND,)
    with pytest.raises(PolicyRefused, match=r"response\.toml"):
        build(Sources({**texts, "response.toml": 'on_confirmed = ["close"]'}), demo=False)
