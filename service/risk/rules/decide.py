"""From signals to a judgement: pure, total, and never milder for a doubt."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from service.risk.model import (
    WITHHELD,
    ApplicantCode,
    Assurance,
    Baseline,
    Conditions,
    Decision,
    Evidence,
    Judgement,
    Reason,
    Signals,
    Stage,
    Value,
    Verdict,
)
from service.risk.rules.language import EvaluationError, Unknown
from service.risk.rules.policy import RiskPolicy, Rule, ground_holds, staff_text

PROVEN = ("confirmed", "signed")


def decide(signals: Signals, policy: RiskPolicy, now: datetime) -> Judgement:
    """Judge ``signals`` under ``policy`` at ``now`` (which only sets the deadlines in the conditions).

    Denied where a rule denies on a ground that stands; else review where a rule asks for it, reads what is
    not known, fails, or where the weights reach the score; else approved. Rules in shadow are asked beside it.
    """
    env = policy.env(signals)
    reasons, shadow = (_asked(policy, stage, env) for stage in (Stage.LIVE, Stage.SHADOW))
    score = sum(reason.contribution for reason in reasons)
    effects = {reason.effect for reason in reasons}
    if Verdict.DENIED in effects and signals.values.get("purpose") == "reverify":
        # It grants nothing and its line goes on: a person says what becomes of the line.
        verdict = Verdict.REVIEW
    elif Verdict.DENIED in effects:
        verdict = Verdict.DENIED
    elif Verdict.REVIEW in effects or score >= policy.parameters.review_score:
        verdict = Verdict.REVIEW
    else:
        verdict = Verdict.APPROVED
    return replace(_judgement(verdict, score, reasons, signals, policy, now), shadow=shadow)


def _asked(policy: RiskPolicy, stage: Stage, env: dict[str, Value]) -> tuple[Reason, ...]:
    rules = (rule for rule in policy.rules if rule.stage is stage)
    return tuple(reason for rule in rules if (reason := ask(rule, env, policy)) is not None)


def by_person(
    before: Judgement, signals: Signals, verdict: Verdict, policy: RiskPolicy, now: datetime
) -> Judgement:
    """The judgement of a person who looked at ``before``: its reasons stay, the verdict is the person's."""
    return _judgement(verdict, before.score, before.reasons, signals, policy, now)


def replay(decision: Decision, policy: RiskPolicy) -> Judgement:
    """The judgement that ``policy`` gives today on what was seen then; under the same policy it is the same
    (``==``), but for what was usual at the time (:attr:`Fact.baseline`), which is no part of it."""
    return decide(decision.signals, policy, decision.at)


def evidence_of(signals: Signals) -> Evidence:
    """Full only where a registry or a signature stands behind the document."""
    return Evidence.FULL if signals.values.get("proof") in PROVEN else Evidence.LIMITED


def is_at_cap(signals: Signals, policy: RiskPolicy) -> bool:
    """The hard cap, which nobody passes. Counts that are not known are at the cap."""
    cap = policy.parameters_for(signals.values).cap
    counts = [signals.values.get(name) for name in ("lines_on_document", "lines_on_personal_number")]
    return any(type(count) is not int or count >= cap for count in counts)


def with_usual(judgement: Judgement, usual: Mapping[str, Baseline]) -> Judgement:
    """The same judgement with what is usual beside each value that counts something."""

    def beside(reason: Reason) -> Reason:
        return replace(reason, facts=tuple(replace(f, baseline=usual.get(f.name)) for f in reason.facts))

    def every(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        return tuple(beside(reason) if reason.facts else reason for reason in reasons)

    if not usual:
        return judgement
    return replace(judgement, reasons=every(judgement.reasons), shadow=every(judgement.shadow))


def _judgement(
    verdict: Verdict,
    score: int,
    reasons: tuple[Reason, ...],
    signals: Signals,
    policy: RiskPolicy,
    now: datetime,
) -> Judgement:
    evidence = evidence_of(signals)
    probation = timedelta(days=policy.parameters.probation_days)
    conditions = Conditions()
    if verdict is Verdict.APPROVED and evidence is Evidence.LIMITED:
        waits = timedelta(hours=policy.parameters.notice_hours)
        conditions = Conditions(now + waits if waits else None, now + probation if probation else None)
    assurance = Assurance.NONE if verdict is Verdict.DENIED else _assurance(signals)
    return Judgement(verdict, score, reasons, assurance, evidence, conditions, policy.version)


def _assurance(signals: Signals) -> Assurance:
    """The document carries it; a code says only that the SIM is in a hand, and without one nothing is sure.
    Coarser than a standard's level, and never more than one supports (``docs/assurance.md``)."""
    seen = signals.values
    has_code = seen.get("line_code_verified") is True or seen.get("contact_code_verified") is True
    if not has_code or seen.get("document_outcome") != "pass":
        return Assurance.NONE
    if seen.get("proof") in PROVEN:
        return Assurance.SUBSTANTIAL
    return Assurance.BASIC if seen.get("proof") == "consistent" else Assurance.NONE


def ask(rule: Rule, env: dict[str, Value], policy: RiskPolicy) -> Reason | None:
    """One rule. Whatever goes wrong inside it sends to a person."""
    try:
        if not rule.when.holds(env):
            return None
        effect = rule.effect
        if rule.ground is not None and not ground_holds(rule.ground, env):
            effect = Verdict.REVIEW
        facts = tuple(fact for fact in rule.when.explain(env) if fact.name not in WITHHELD)
    except Unknown as error:
        return _doubt(
            rule, policy, f"{rule.id} needs {error.signal}, which is not known", unknown=error.signal
        )
    except EvaluationError as error:
        return _doubt(rule, policy, f"{rule.id} could not be computed: {error}")
    except Exception as error:  # noqa: BLE001  a rule that breaks must not approve, nor break the decision
        return _doubt(rule, policy, f"{rule.id} broke: {type(error).__name__}")
    return Reason(
        rule.id, effect, rule.weight, staff_text(rule.staff, env), rule.code, policy.text(rule.code), facts
    )


def _doubt(rule: Rule, policy: RiskPolicy, staff: str, unknown: str | None = None) -> Reason:
    code = ApplicantCode.NEEDS_A_PERSON
    return Reason(
        rule.id, Verdict.REVIEW, 0, staff, code, policy.text(code), unknown=unknown, failed=unknown is None
    )
