"""Rules into TOML and back, and what the gate refuses of a hostile rule, with the field that it is about."""

import copy
import tomllib
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.risk.model import RuleError, Stage
from service.risk.rules import (
    changed,
    digest_of,
    examples_of,
    examples_text,
    field_of,
    following_version,
    plain,
    rewritten,
    silently_changed,
    written,
)
from tests.unit.risk.test_risk_rules import SEED
from tests.unit.risk.test_risk_stages import extra, policy

TEXT = resources.files("service").joinpath("policy/risk.toml").read_text("utf-8")

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
plains = st.recursive(
    st.integers(-(10**12), 10**12) | st.booleans() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(texts, plains, max_size=4),
    st.lists(st.dictionaries(texts, plains, max_size=2), max_size=3),
)
def test_what_is_written_reads_back(table: dict[str, Any], examples: list[Any]) -> None:
    rule = {**table, "example": examples}
    (read,) = tomllib.loads(written(rule))["rule"]
    assert read == rule
    assert written(read) == written(rule)


@pytest.mark.parametrize("rule", SEED["rule"], ids=lambda rule: rule["id"])
def test_every_rule_of_the_seed_goes_round(rule: dict[str, Any]) -> None:
    assert tomllib.loads(written(rule))["rule"] == [rule]
    assert examples_of(examples_text(rule)) == rule["example"]


def test_a_change_leaves_every_other_line_as_it_was() -> None:
    name = SEED["rule"][3]["id"]
    made = rewritten(TEXT, {name: {**SEED["rule"][3], "owner": "somebody"}, "large-quota": extra()})
    assert [line for line in TEXT.splitlines() if line.startswith("#")] == [
        line for line in made.splitlines() if line.startswith("#")
    ]
    assert tomllib.loads(made) == changed(SEED, tomllib_changes(name))
    assert rewritten(TEXT, {}) == TEXT


def tomllib_changes(name: str) -> dict[str, Any]:
    rule = next(rule for rule in SEED["rule"] if rule["id"] == name)
    return {name: {**rule, "owner": "somebody"}, "large-quota": extra()}


def test_a_text_of_another_form_is_written_whole() -> None:
    """A header inside a string, and rules in one list: what cannot be cut is written anew, or not at all."""
    odd = copy.deepcopy(SEED)
    odd["rule"][0]["staff"] = "First\n[[rule]]\nsecond"
    listed = "\n".join(["rule = [", *("{" + _inline(rule) + "}," for rule in odd["rule"]), "]", _head()])
    assert tomllib.loads(listed) == odd
    made = rewritten(listed, {"large-quota": extra()})
    assert tomllib.loads(made) == changed(odd, {"large-quota": extra()})


def _inline(rule: dict[str, Any]) -> str:
    return ", ".join(line for line in _joined(written(rule)))


def _joined(block: str) -> list[str]:
    """The pairs of a written rule, its examples on one line."""
    head, _, examples = block.partition("example = [")
    pairs = head.splitlines()[1:]
    return [*pairs, "example = [" + examples.replace("\n", " ").strip()]


def _head() -> str:
    return TEXT.partition("[[rule]]")[0]


@pytest.mark.parametrize(
    "hostile",
    ["]\nwhen = 1\nx = [", "]\n[[rule]]\nid = [", "[" * 5_000, "9" * 5_000, "{", "1.5", "1979-05-27"],
)
def test_nothing_but_examples_can_be_said_among_examples(hostile: str) -> None:
    with pytest.raises(RuleError):
        examples_of(hostile)


@pytest.mark.parametrize("value", [1.5, None, b"x", {1: 2}, [[[[[[1]]]]]], {"a": float("nan")}])
def test_only_plain_values_are_kept(value: object) -> None:
    with pytest.raises(RuleError):
        plain(value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"when": "no_such_signal > 1"}, "when"),
        ({"when": "(" * 30 + "1" + ")" * 30}, "when"),
        ({"when": "9" * 900 + " > dealer_quota_day"}, "when"),
        ({"when": " or ".join(["dealer_quota_day > 1"] * 60)}, "when"),
        ({"when": "dealer_quota_day ** 9 > 1"}, "when"),
        ({"when": "().__class__"}, "when"),
        ({"when": "dealer_quota_day / 0 > 1"}, "when"),
        ({"when": "dealer_quota_day > 1e3"}, "when"),
        ({"when": "dealer_quota_day == True"}, "when"),
        ({"when": 7}, "when"),
        ({"when": "dealer_quota_day >= 901"}, "example"),
        ({"example": []}, "example"),
        ({"example": 3}, "example"),
        ({"example": [{"expect": "quiet"}] * 60}, "example"),
        ({"example": [{"given": {"dealer_quota_day": 1.5}, "expect": "fires"}]}, "example"),
        ({"example": [{"given": {"dealer_quota_day": True}, "expect": "fires"}]}, "example"),
        ({"example": [{"unknown": 3, "expect": "fires"}]}, "example"),
        ({"example": [{"unknown": [["x"]], "expect": "fires"}]}, "example"),
        ({"verdict": "approve"}, "effect"),
        ({"verdict": ["deny"]}, "effect"),
        ({"verdict": "deny"}, "ground"),
        ({"verdict": None, "weight": -5}, "weight"),
        ({"verdict": None, "weight": True}, "weight"),
        ({"stage": "draft"}, "stage"),
        ({"code": "busy"}, "code"),
        ({"owner": ""}, "owner"),
        ({"staff": "{nobody}"}, "staff"),
        ({"staff": "x" * 2_000}, "staff"),
        ({"id": "X"}, "id"),
        ({"id": ["x"]}, "id"),
    ],
)
def test_what_is_refused_names_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleError) as refused:
        policy(extra(**changes))
    assert field_of(str(refused.value)) == field, str(refused.value)


class TestVersions:
    def test_a_body_that_was_in_force_belongs_to_its_version(self) -> None:
        live, other = policy(extra()), policy(extra(staff="Something else"))
        before, after = live.rule("large-quota"), other.rule("large-quota")
        assert before is not None
        assert after is not None
        assert following_version(before, after) == 2
        assert following_version(before, before) == 1
        assert following_version(None, after) == 1
        why = silently_changed(live, other)
        assert why is not None
        assert "say version = 2" in why
        assert silently_changed(live, policy(extra(staff="Something else", version=2))) is None

    @pytest.mark.parametrize("same", [{"owner": "others"}, {"when": "dealer_quota_day  >=  300"}])
    def test_owner_spacing_and_examples_are_no_body(self, same: dict[str, Any]) -> None:
        assert silently_changed(policy(extra()), policy(extra(**same))) is None

    def test_a_rule_in_shadow_may_change(self) -> None:
        before, after = policy(extra(stage="shadow")), policy(extra(stage="live", staff="Other"))
        assert silently_changed(before, after) is None
        rule = before.rule("large-quota")
        assert rule is not None
        assert rule.stage is Stage.SHADOW

    def test_a_digest_is_of_base_and_changes(self) -> None:
        one = digest_of("a", {"x": extra()})
        assert one == digest_of("a", {"x": dict(reversed(extra().items()))})
        assert len({one, digest_of("b", {"x": extra()}), digest_of("a", {"x": extra(owner="y")})}) == 3
