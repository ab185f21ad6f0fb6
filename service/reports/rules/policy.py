"""The gate of ``reports.toml``."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from service.reports.model import ReportPolicy

_COUNTS = {
    "required": (2, 100),
    "most_per_client": (1, 99),
    "most_per_dealer": (1, 99),
    "falls_by": (1, 1_000),
    "rises_by": (0, 1_000),
    "least_reputation": (1, 1_000),
}
_SPANS = {
    "window_days": ("window", timedelta(days=1), 1, 90),
    "least_line_days": ("least_line", timedelta(days=1), 1, 3_650),
    "sim_rest_hours": ("sim_rest", timedelta(hours=1), 0, 720),
    "proof_minutes": ("proof", timedelta(minutes=1), 1, 60),
    "memory_days": ("memory", timedelta(days=1), 1, 3_650),
    "appeal_days": ("appeal", timedelta(days=1), 1, 365),
    "told_days": ("told", timedelta(days=1), 1, 365),
    "keep_days": ("keep", timedelta(days=1), 1, 3_650),
}
"""Setting: the field, its unit, the least and the most of it. A proof is looked up where the codes are, which forget
one after an hour."""


def load_policy(table: Any) -> ReportPolicy:
    """What is left out stands as in :class:`ReportPolicy`. ``ValueError`` says which setting is wrong and why."""
    if not isinstance(table, Mapping):
        raise ValueError("a table is needed")
    if extra := sorted(str(name) for name in table if name not in _COUNTS and name not in _SPANS):
        raise ValueError(f"{extra[0]}: there is no such setting")
    given: dict[str, Any] = {
        name: _whole(name, table[name], *bounds) for name, bounds in _COUNTS.items() if name in table
    }
    for name, (field, unit, least, most) in _SPANS.items():
        if name in table:
            given[field] = unit * _whole(name, table[name], least, most)
    policy = ReportPolicy(**given)
    for name in ("most_per_client", "most_per_dealer"):
        if getattr(policy, name) >= policy.required:
            raise ValueError(f"{name}: below required, or one of them could corroborate alone")
    if policy.memory > policy.keep:
        raise ValueError("memory_days: no longer than keep_days, for what is gone is not remembered")
    return policy


def _whole(name: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name}: a whole number from {least} to {most}")
    return value
