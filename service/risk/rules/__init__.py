"""Judgement: the rule language, the policy that is written in it, and the pure functions that apply it."""

from service.risk.rules.compiler import compile_expression
from service.risk.rules.decide import by_person, decide, evidence_of, is_at_cap, replay, with_usual
from service.risk.rules.language import EvaluationError, Expression, RuleFailed, Unknown, Vocabulary
from service.risk.rules.loading import load_policy
from service.risk.rules.policy import VOCABULARY, Parameters, RiskPolicy, Rule
from service.risk.rules.wayout import WayOut, ways_out

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
    "WayOut",
    "by_person",
    "compile_expression",
    "decide",
    "evidence_of",
    "is_at_cap",
    "load_policy",
    "replay",
    "ways_out",
    "with_usual",
]
