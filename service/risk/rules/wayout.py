"""What would have passed: the smallest change of one signal under which the same rules approve. For staff alone.

It explains a decision, it does not advise an applicant: whoever is told a threshold goes to stand under it.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from service.risk.model import CATALOGUE, WITHHELD, Judgement, Reason, Signal, Signals, Stage, Value, Verdict
from service.risk.rules.decide import ask
from service.risk.rules.policy import RiskPolicy, Rule

NEAR = 300
"""How far from its value a number is tried one by one; beyond it only what the rules name is."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """With ``signal`` like this, and nothing else changed, the registration would have been approved."""

    signal: str
    op: Literal["at most", "at least", "is"]
    value: Value


def ways_out(signals: Signals, judgement: Judgement, policy: RiskPolicy) -> tuple[WayOut, ...]:
    """Every signal whose change alone would have led to approval, each with its nearest such value.

    None for an approval. None where a rule that reads a withheld signal had a say, whichever part of it spoke: what
    is left out would tell what other operators know (``security.md`` 1.5).
    """
    if judgement.verdict is Verdict.APPROVED:
        return ()
    asked = {rule.id: rule for rule in policy.rules if rule.stage is Stage.LIVE}
    blocking = [reason for reason in judgement.reasons if reason.effect is not None]
    spoke = [asked[reason.rule] for reason in judgement.reasons if reason.rule in asked]
    if any(rule.when.signals & WITHHELD for rule in spoke):
        return ()
    # One change must undo every rule that blocks; where the weights alone refer, one that weighs will do.
    named = [_names(asked[reason.rule], reason) for reason in blocking if reason.rule in asked]
    weighing = [_names(asked[r.rule], r) for r in judgement.reasons if r.contribution and r.rule in asked]
    candidates = frozenset.intersection(*named) if named else frozenset[str]().union(*weighing)
    ways = (_way(CATALOGUE[name], signals, policy) for name in sorted(candidates & CATALOGUE.keys()))
    return tuple(way for way in ways if way is not None)


def _names(rule: Rule, reason: Reason) -> frozenset[str]:
    return frozenset({reason.unknown}) if reason.unknown else rule.when.signals


def _way(signal: Signal, signals: Signals, policy: RiskPolicy) -> WayOut | None:
    """The nearest value of ``signal`` under which the policy approves; None where there is none."""
    reading = [r for r in policy.rules if r.stage is Stage.LIVE and signal.name in r.when.signals]
    env = policy.env(signals)
    # Rules that do not read it say what they said: they are asked once.
    rest = [r for r in policy.rules if r.stage is Stage.LIVE and signal.name not in r.when.signals]
    fixed = [reason for rule in rest if (reason := ask(rule, env, policy)) is not None]
    if any(reason.effect is not None for reason in fixed):
        return None
    score = sum(reason.contribution for reason in fixed)
    before = signals.values.get(signal.name)
    for value in _values(signal, before, reading, policy):
        tried = {**env, signal.name: value}
        said = [reason for rule in reading if (reason := ask(rule, tried, policy)) is not None]
        passes = all(reason.effect is None for reason in said)
        if passes and score + sum(r.contribution for r in said) < policy.parameters.review_score:
            return _worded(signal, before, value)
    return None


def _worded(signal: Signal, before: Value | None, value: Value) -> WayOut:
    if type(value) is int and type(before) is int:
        return WayOut(signal.name, "at most" if value < before else "at least", value)
    return WayOut(signal.name, "is", value)


def _values(
    signal: Signal, before: Value | None, rules: Iterable[Rule], policy: RiskPolicy
) -> Iterator[Value]:
    """Other values, the nearest first; of an unknown signal the ordinary one."""
    if before is None:
        yield signal.ordinary
    elif signal.type.kind == "bool":
        yield not before
    elif type(before) is not int:
        yield from sorted(signal.type.values - {before}, key=lambda code: (code != signal.ordinary, code))
    else:
        near = set(range(max(signal.low, before - NEAR), min(signal.high, before + NEAR) + 1))
        for mark in _marks(rules, policy):
            near |= {n for n in (mark - 1, mark, mark + 1) if signal.low <= n <= signal.high}
        near.discard(before)
        yield from sorted(near, key=lambda n: (abs(n - before), n))


def _marks(rules: Iterable[Rule], policy: RiskPolicy) -> Iterator[int]:
    """The whole numbers that rules compare with: literals and parameters."""
    for rule in rules:
        for node in ast.walk(ast.parse(" ".join(rule.when.text.split()), mode="eval")):
            if isinstance(node, ast.Constant) and type(node.value) is int:
                yield node.value
        for name in rule.when.parameters:
            value = policy.constants[name]
            if type(value) is int:
                yield value
