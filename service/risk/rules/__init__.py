"""Judgement: the rule language, the policy that is written in it, and the pure functions that apply it."""

from service.risk.rules.compiler import compile_expression
from service.risk.rules.decide import by_person, decide, evidence_of, is_at_cap, replay
from service.risk.rules.language import EvaluationError, Expression, RuleFailed, Unknown, Vocabulary
from service.risk.rules.loading import load_policy
from service.risk.rules.policy import VOCABULARY, Parameters, RiskPolicy, Rule

__all__ = [
    "VOCABULARY",
    "EvaluationError",
    "Expression",
    "Parameters",
    "RiskPolicy",
    "Rule",
    "RuleFailed",
    "Unknown",
    "Vocabulary",
    "by_person",
    "compile_expression",
    "decide",
    "evidence_of",
    "is_at_cap",
    "load_policy",
    "replay",
]
