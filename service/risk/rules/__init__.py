"""Judgement: the rule language, the policy that is written in it, and the pure functions that apply it."""

from service.risk.rules.compiler import compile_expression
from service.risk.rules.decide import by_person, decide, evidence_of, is_at_cap, replay, with_usual
from service.risk.rules.language import EvaluationError, Expression, RuleFailed, Unknown, Vocabulary
from service.risk.rules.loading import load_policy
from service.risk.rules.policy import VOCABULARY, Parameters, RiskPolicy, Rule
from service.risk.rules.wayout import WayOut, ways_out
from service.risk.rules.writing import (
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
    "changed",
    "compile_expression",
    "decide",
    "digest_of",
    "evidence_of",
    "examples_of",
    "examples_text",
    "field_of",
    "following_version",
    "is_at_cap",
    "load_policy",
    "plain",
    "replay",
    "rewritten",
    "silently_changed",
    "ways_out",
    "with_usual",
    "written",
]
