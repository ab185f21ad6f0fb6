"""The gate of ``response.toml``."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from service.response.model import ResponsePolicy, Step

_DAY = timedelta(days=1)
_COUNTS = {
    "repeats": (1, 100),
    "suspend_strength": (0, 1_001),
    "few_lines": (0, 1_000),
    "sole_percent": (0, 100),
    "dealer_lines": (1, 10_000),
    "dealer_percent": (0, 100),
    "dealer_days": (1, 730),
}
_SPANS = {
    "notice_hours": ("notice", timedelta(hours=1), 1, 720),
    "label_days": ("label", _DAY, 1, 365),
    "hold_days": ("hold", _DAY, 1, 365),
    "memory_days": ("memory", _DAY, 1, 3_650),
    "tenure_days": ("tenure", _DAY, 1, 3_650),
    "appeal_days": ("appeal_within", _DAY, 1, 365),
    "proposal_days": ("proposal", _DAY, 1, 90),
}
"""Setting: the field, its unit, the least and the most of it. No restriction on reports alone comes without notice."""
_LISTS = ("bars_days", "on_confirmed")
_MAY = (Step.RESTRICT, Step.HOLD, Step.SUSPEND)


def load_policy(table: Any) -> ResponsePolicy:
    """What is left out stands as in :class:`ResponsePolicy`. ``ValueError`` says which setting is wrong and why."""
    if not isinstance(table, Mapping):
        raise ValueError("a table is needed")
    known = {*_COUNTS, *_SPANS, *_LISTS}
    if extra := sorted(str(name) for name in table if name not in known):
        raise ValueError(f"{extra[0]}: there is no such setting")
    given: dict[str, Any] = {
        name: _whole(name, table[name], *bounds) for name, bounds in _COUNTS.items() if name in table
    }
    for name, (field, unit, least, most) in _SPANS.items():
        if name in table:
            given[field] = unit * _whole(name, table[name], least, most)
    if "bars_days" in table:
        bars = [_whole("bars_days", each, 1, 365) for each in _list("bars_days", table["bars_days"])]
        if bars != sorted(bars):
            raise ValueError("bars_days: a repeated breach is not barred for less")
        given["bars"] = tuple(each * _DAY for each in bars)
    if "on_confirmed" in table:
        names = _list("on_confirmed", table["on_confirmed"])
        if any(name not in [step.value for step in _MAY] for name in names):
            raise ValueError("on_confirmed: restrict, hold or suspend; a line is closed by a person alone")
        steps = tuple(Step(str(name)) for name in names)
        if list(steps) != sorted(steps, key=lambda step: step.rank):
            raise ValueError("on_confirmed: a repeated breach is not answered more mildly")
        given["on_confirmed"] = steps
    return ResponsePolicy(**given)


def _list(name: str, value: object) -> list[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= 10:
        raise ValueError(f"{name}: a list of one to ten")
    return value


def _whole(name: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name}: a whole number from {least} to {most}")
    return value
