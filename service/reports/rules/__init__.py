"""Judgement on reports, pure: which step is legal, what a vote is worth, the policy's gate."""

from service.reports.rules.policy import load_policy
from service.reports.rules.states import allowed, appeal, corroborate, decide, shown
from service.reports.rules.weighing import FULL, clusters, reputation, weigh

__all__ = [
    "FULL",
    "allowed",
    "appeal",
    "clusters",
    "corroborate",
    "decide",
    "load_policy",
    "reputation",
    "shown",
    "weigh",
]
