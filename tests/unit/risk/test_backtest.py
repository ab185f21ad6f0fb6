"""What a backtest says of cases whose answer is known by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from service.cli.judging import lines
from service.policies.rules import build, seed
from service.risk.model import Decider, Decision, Value, Verdict, ordinary
from service.risk.rules import RiskPolicy, by_person, decide
from service.risk.rules.backtest import (
    Backtest,
    Case,
    Outcome,
    Truth,
    agrees,
    judged_again,
)

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
UNKNOWN = Outcome(Truth.UNKNOWN, Truth.UNKNOWN)


@pytest.fixture(scope="module")
def policy() -> RiskPolicy:
    return build(seed(demo=False), demo=False, allows_test_numbers=True).risk


def with_cap(policy: RiskPolicy, cap: int) -> RiskPolicy:
    return replace(
        policy,
        parameters=replace(policy.parameters, cap=cap),
        constants={**policy.constants, "cap": cap},
    )


def made(policy: RiskPolicy, n: int = 1, day: int = 0, **signals: Value | None) -> Decision:
    at = NOW + timedelta(days=day)
    seen = ordinary().having(signals)
    return Decision(UUID(int=n), UUID(int=n), at, decide(seen, policy, at), seen)


def test_lower_cap_is_told_with_its_cost(policy: RiskPolicy) -> None:
    told = Backtest(with_cap(policy, 2))
    good, bad = Outcome(Truth.UNKNOWN, Truth.GOOD), Outcome(Truth.UNKNOWN, Truth.BAD)
    for n, (lines_held, outcome, channel) in enumerate(
        [(0, good, "shop"), (3, good, "shop"), (3, bad, "web"), (1, bad, "web"), (5, bad, "web")]
    ):
        decision = made(policy, n, lines_on_document=lines_held, channel=channel)
        told.add(Case(decision, outcome, {"channel": channel}))
    assert told.changes == {(Verdict.APPROVED, Verdict.DENIED): 2}
    assert [each.rules for each in told.changed] == [("cap-on-identity",)] * 2
    was, now = told.matrix("recorded", "reports"), told.matrix("next", "reports")
    assert (was.precision.permille, was.recall.permille) == (1000, 333)
    assert (now.precision.permille, now.recall.permille) == (667, 667)
    assert told.matrix("next", "analyst").recall.permille is None, "nobody looked"
    costs = {(kind, name): share.permille for kind, name, share in told.honest("next")}
    assert costs == {("all", "all"): 500, ("channel", "shop"): 500}
    said = "\n".join(lines({"from": "a", "to": "b", "policy": "p", **told.json(queue=1)}))
    assert "changed: 2" in said
    assert "66.7" in said


def test_queue_load_and_the_score_that_keeps_it(policy: RiskPolicy) -> None:
    told = Backtest(policy)
    # Weights of the seed: 25 for a shop where nobody is named, 40 for guessing codes, 10 for a document about to end.
    for n in range(3):
        told.add(Case(made(policy, n, otp_tries=4, agent_absent=True), UNKNOWN))
    told.add(Case(made(policy, 3, document_expires_in_days=3), UNKNOWN))
    told.add(Case(made(policy, 4, day=1, document_outcome="refer"), UNKNOWN))
    assert [(before, after) for _, before, after in told.days()] == [(0, 0), (1, 1)]
    assert told.load("next") == (5, 1)
    assert told.score_for(0) is None, "a rule that asks for a person does so at any score"
    assert told.score_for(3) == 11
    assert told.score_for(4) == 1
    assert told.score_for(1) == 66


def test_signal_that_was_not_recorded_is_counted(policy: RiskPolicy) -> None:
    told = Backtest(policy)
    told.add(Case(made(policy, lines_on_device=None), UNKNOWN))
    assert told.unrecorded == {"lines_on_device": 1}


def test_persons_decision_is_replayed_on_what_the_person_saw(policy: RiskPolicy) -> None:
    before = made(policy, document_outcome="refer")
    at = NOW + timedelta(hours=1)
    judgement = by_person(before.judgement, before.signals, Verdict.APPROVED, policy, at)
    said = Decision(
        UUID(int=2), before.registration_id, at, judgement, before.signals, Decider.PERSON, before.id, "seen"
    )
    assert agrees(said.judgement, judged_again(said, before, policy))
    tampered = replace(said, judgement=replace(judgement, score=judgement.score + 1))
    assert not agrees(tampered.judgement, judged_again(tampered, before, policy))


def test_changed_verdict_or_fact_does_not_agree_but_a_baseline_is_no_part_of_it(policy: RiskPolicy) -> None:
    decision = made(policy, lines_on_document=6)
    again = judged_again(decision, None, policy)
    assert agrees(decision.judgement, again)
    reason = again.reasons[0]
    usual = replace(reason, facts=tuple(replace(fact, baseline=1) for fact in reason.facts))
    assert agrees(decision.judgement, replace(again, reasons=(usual, *again.reasons[1:])))
    other = replace(reason, facts=tuple(replace(fact, value=0) for fact in reason.facts))
    assert not agrees(decision.judgement, replace(again, reasons=(other, *again.reasons[1:])))
    assert not agrees(decision.judgement, replace(again, verdict=Verdict.APPROVED))
