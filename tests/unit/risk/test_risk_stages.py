"""Stages: what is asked and what only listens; what is usual beside a value; and what would have passed."""

import copy
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.risk.model import (
    CATALOGUE,
    WITHHELD,
    Baseline,
    Decision,
    Fact,
    RuleError,
    Signals,
    Stage,
    Value,
    Verdict,
    ordinary,
)
from service.risk.rules import RiskPolicy, decide, load_policy, replay, ways_out, with_usual
from tests.unit.risk.test_risk_rules import NOW, SEED, STRICT

QUIET_EXAMPLES = [
    {"given": {"dealer_quota_day": 900}, "expect": "fires"},
    {"expect": "quiet"},
]


def extra(**changes: Any) -> dict[str, Any]:
    rule = {
        "id": "large-quota",
        "when": "dealer_quota_day >= 300",
        "verdict": "review",
        "staff": "A quota of {dealer_quota_day} a day",
        "code": "needs-a-person",
        "owner": "codes",
        "example": QUIET_EXAMPLES,
        **changes,
    }
    return {key: value for key, value in rule.items() if value is not None}


def policy(*rules: dict[str, Any], without: str | None = None, **parameters: Any) -> RiskPolicy:
    raw = copy.deepcopy(SEED)
    raw["rule"] = [*(rule for rule in raw["rule"] if rule["id"] != without), *rules]
    raw["parameters"] |= parameters
    return load_policy(raw)


def seen(**values: Value | None) -> Signals:
    return ordinary().having(values)


class TestStages:
    @pytest.mark.parametrize("effect", [{"verdict": "review"}, {"verdict": None, "weight": 10_000}])
    def test_a_rule_in_shadow_is_asked_and_changes_nothing(self, effect: dict[str, Any]) -> None:
        shadow, live = (policy(extra(stage=stage, **effect)) for stage in ("shadow", "live"))
        signals = seen(dealer_quota_day=400)
        quiet, loud = decide(signals, shadow, NOW), decide(signals, live, NOW)
        assert (quiet.verdict, quiet.score, quiet.reasons) == (Verdict.APPROVED, 0, ())
        assert loud.verdict is Verdict.REVIEW
        assert [reason.rule for reason in quiet.shadow] == ["large-quota"]
        assert quiet.shadow == loud.reasons
        assert loud.shadow == ()

    def test_a_rule_in_shadow_that_fails_or_knows_nothing_does_not_refer(self) -> None:
        broken = extra(
            id="breaks-at-zero",
            when="10 / lines_on_device > 4",
            stage="shadow",
            example=[
                {"given": {"lines_on_device": 3}, "expect": "quiet"},
                {"given": {"lines_on_device": 2}, "expect": "fires"},
            ],
        )
        made = policy(broken, extra(stage="shadow", when="dealer_quota_day >= 300 and age_years >= 0"))
        judgement = decide(seen(dealer_quota_day=400, age_years=None, guardian=True), made, NOW)
        assert {reason.rule for reason in judgement.shadow} == {"breaks-at-zero", "large-quota"}
        assert judgement.failed_rules == ("breaks-at-zero",)
        assert all(reason.rule not in ("breaks-at-zero", "large-quota") for reason in judgement.reasons)

    def test_a_retired_rule_is_kept_and_not_asked(self) -> None:
        made = policy(extra(stage="retired", version=3))
        rule = made.rule("large-quota")
        assert rule is not None
        assert (rule.stage, rule.version) == (Stage.RETIRED, 3)
        judgement = decide(seen(dealer_quota_day=900), made, NOW)
        assert (judgement.verdict, judgement.reasons, judgement.shadow) == (Verdict.APPROVED, (), ())

    @pytest.mark.parametrize("stage", ["draft", "on", 1, None, ["live"], {"live": True}])
    def test_no_other_stage_comes_into_force(self, stage: object) -> None:
        with pytest.raises(RuleError, match="stage is shadow, live, retired"):
            load_policy({**SEED, "rule": [*SEED["rule"], {**extra(), "stage": stage}]})

    @pytest.mark.parametrize("stage", ["shadow", "retired"])
    def test_what_no_policy_may_approve_needs_rules_that_are_live(self, stage: str) -> None:
        for name in ("cap-on-identity", "document-revoked"):
            raw = copy.deepcopy(SEED)
            next(rule for rule in raw["rule"] if rule["id"] == name)["stage"] = stage
            with pytest.raises(RuleError, match="would approve"):
                load_policy(raw)

    @pytest.mark.parametrize("version", [0, -1, True, "2", 1.0, 10_001])
    def test_a_version_is_a_whole_number(self, version: object) -> None:
        with pytest.raises(RuleError, match="version is a whole number"):
            policy(extra(version=version))


class TestUsual:
    def test_what_is_usual_stands_beside_the_value_and_is_not_compared(self) -> None:
        judgement = decide(seen(lines_on_device=9), STRICT, NOW)
        usual = {"lines_on_device": Baseline(0, 1, 4_000)}
        told = with_usual(judgement, usual)
        facts = [fact for reason in told.reasons for fact in reason.facts]
        assert [fact.baseline for fact in facts if fact.name == "lines_on_device"] == [Baseline(0, 1, 4_000)]
        assert told == judgement, "what is usual judges nothing"
        decision = Decision(UUID(int=1), UUID(int=2), NOW, told, seen(lines_on_device=9))
        assert replay(decision, STRICT) == decision.judgement
        assert with_usual(judgement, {}) is judgement

    def test_a_fact_that_differs_in_anything_else_differs(self) -> None:
        fact = Fact("lines_on_device", ">", 9, 5, True, Baseline(0, 1, 9))
        assert fact == Fact("lines_on_device", ">", 9, 5, True)
        assert fact != Fact("lines_on_device", ">", 8, 5, True, Baseline(0, 1, 9))


class TestWaysOut:
    def ways(self, made: RiskPolicy = STRICT, **values: Value | None) -> dict[str, tuple[str, Value]]:
        signals = seen(**values)
        found = ways_out(signals, decide(signals, made, NOW), made)
        return {way.signal: (way.op, way.value) for way in found}

    def test_the_nearest_value_that_passes(self) -> None:
        assert self.ways(lines_on_device=9)["lines_on_device"] == ("at most", 5)
        assert self.ways(policy(extra()), dealer_quota_day=400) == {"dealer_quota_day": ("at most", 299)}
        assert self.ways(proof="consistent") == {"proof": ("is", "confirmed")}
        assert self.ways(age_years=15)["age_years"] == ("at least", 18)

    def test_an_approval_has_none_and_two_troubles_have_none_in_common(self) -> None:
        assert self.ways() == {}
        assert self.ways(lines_on_device=9, proof="consistent") == {}

    def test_what_is_not_known_would_pass_if_it_were_ordinary(self) -> None:
        assert self.ways(lines_on_device=None) == {"lines_on_device": ("is", 0)}

    def test_a_far_threshold_is_found_by_the_number_that_the_rule_names(self) -> None:
        far = extra(
            when="dealer_quota_day >= 3000",
            example=[{"given": {"dealer_quota_day": 9_000}, "expect": "fires"}, {"expect": "quiet"}],
        )
        assert self.ways(policy(far), dealer_quota_day=9_000) == {"dealer_quota_day": ("at most", 2_999)}

    def test_weights_that_refer_together_need_one_of_them_less(self) -> None:
        quota = extra(verdict=None, weight=60)
        plan = extra(
            id="odd-plan",
            when='plan == "iot"',
            verdict=None,
            weight=60,
            staff="An odd plan",
            example=[{"given": {"plan": "iot"}, "expect": "fires"}, {"expect": "quiet"}],
        )
        made = policy(quota, plan)
        assert self.ways(made, dealer_quota_day=400) == {}, "sixty points refer nobody"
        found = self.ways(made, dealer_quota_day=400, plan="iot")
        assert found == {"dealer_quota_day": ("at most", 299), "plan": ("is", "prepaid")}

    def test_nothing_tells_what_other_operators_know(self) -> None:
        """The own cap and the shared one give the same answer: none."""
        own, both = self.ways(lines_on_document=6), self.ways(lines_on_document=6, shared_limit_exceeded=True)
        shared = self.ways(shared_limit_exceeded=True)
        assert own == both == shared == {}

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_each_way_is_true_and_none_is_nearer(self, data: st.DataObject) -> None:
        names = data.draw(
            st.lists(st.sampled_from(sorted(CATALOGUE.keys() - WITHHELD)), max_size=2, unique=True)
        )
        given_values: dict[str, Value | None] = {}
        for name in names:
            kind = CATALOGUE[name].type
            value = {
                "int": st.integers(0, 12),
                "bool": st.booleans(),
                "choice": st.sampled_from(sorted(kind.values or {"-"})),
            }[kind.kind]
            given_values[name] = data.draw(st.none() | value)
        signals = seen(**given_values)
        judgement = decide(signals, STRICT, NOW)
        for way in ways_out(signals, judgement, STRICT):
            assert way.signal not in WITHHELD
            assert decide(signals.having({way.signal: way.value}), STRICT, NOW).verdict is Verdict.APPROVED
            before = signals.values.get(way.signal)
            if type(before) is int and type(way.value) is int:
                step = 1 if way.value > before else -1
                between = range(before + step, way.value, step)
                assert all(
                    decide(signals.having({way.signal: n}), STRICT, NOW).verdict is not Verdict.APPROVED
                    for n in between
                )
