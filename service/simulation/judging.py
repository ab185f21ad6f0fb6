"""The real rules, asked: the shipped policy as production loads it, and ``decide`` itself."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from service.policies.rules import build, merge, seed
from service.risk.model import CATALOGUE, Evidence, Signals, Value, Verdict, ordinary
from service.risk.rules import Parameters, RiskPolicy, by_person, decide, load_policy

_NOW = datetime(2027, 1, 1, tzinfo=UTC)
"""Only sets deadlines, which are read as days."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the simulation needs of a judgement."""

    verdict: Verdict
    is_limited: bool
    probation_days: int
    """Where it is approved, by the rules or by a person."""
    rules: tuple[str, ...]


class Judge:
    """``decide`` under one policy. It is pure, so that the same signals are asked once."""

    def __init__(self, policy: RiskPolicy) -> None:
        self._policy, self.links = policy, policy.links
        self._known: dict[tuple[Value | None, ...], Ruling] = {}
        given = ordinary().values
        self._names = tuple(CATALOGUE)
        self._place = {name: place for place, name in enumerate(self._names)}
        self._ordinary: list[Value] = [given[name] for name in self._names]

    @property
    def parameters(self) -> Parameters:
        return self._policy.parameters

    @property
    def version(self) -> str:
        return self._policy.digest

    def rule(self, given: Mapping[str, Value | None], sees: frozenset[str]) -> Ruling:
        """``given`` by name of the catalogue, None for unknown; what is not in it, or not seen, is ordinary."""
        values: list[Value | None] = [*self._ordinary]
        for name, value in given.items():
            if name in sees:
                values[self._place[name]] = value
        key = tuple(values)
        ruling = self._known.get(key)
        if ruling is None:
            ruling = self._known[key] = self._ask(dict(zip(self._names, values, strict=True)))
        return ruling

    def _ask(self, values: dict[str, Value | None]) -> Ruling:
        signals = Signals.of(values)
        judgement = decide(signals, self._policy, _NOW)
        granted = by_person(judgement, signals, Verdict.APPROVED, self._policy, _NOW)
        until = granted.conditions.probation_until
        return Ruling(
            judgement.verdict,
            judgement.evidence is Evidence.LIMITED,
            0 if until is None else (until - _NOW).days,
            tuple(reason.rule for reason in judgement.reasons),
        )


@cache
def shipped(overrides: tuple[tuple[str, Value], ...] = ()) -> Judge:
    """The seed version of the policy, through every gate that production puts it through. ``overrides`` are
    parameters that an operator might set otherwise."""
    sources = seed(demo=False)
    built = build(sources, demo=False)
    if not overrides:
        return Judge(built.risk)
    raw = tomllib.loads(sources.texts["risk.toml"])
    return Judge(load_policy(merge(raw, {"parameters": dict(overrides)})))
