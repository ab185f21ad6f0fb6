"""Judgement about limits, pure: the law, the names of budgets, the policy."""

from service.limits.rules.law import FAR, charge, charged, fresh, judge, peek, refund, spend, succeed
from service.limits.rules.naming import Hashes, all_charges, block_key, budget_key, charges, purse_key
from service.limits.rules.policy import (
    BLOCKS,
    SECOND_US,
    duration,
    duration_us,
    load_policy,
    seed_text,
    suffix,
)

__all__ = [
    "BLOCKS",
    "FAR",
    "SECOND_US",
    "Hashes",
    "all_charges",
    "block_key",
    "budget_key",
    "charge",
    "charged",
    "charges",
    "duration",
    "duration_us",
    "fresh",
    "judge",
    "load_policy",
    "peek",
    "purse_key",
    "refund",
    "seed_text",
    "spend",
    "succeed",
    "suffix",
]
