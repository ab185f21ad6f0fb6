"""The real rules, asked: the shipped policy as production loads it, and ``decide`` itself."""

import hashlib
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from service.policies.model import PolicySet
from service.policies.rules import build, merge, seed
from service.reports.rules import load_policy as load_reports
from service.response.rules import load_policy as load_response
from service.risk.model import CATALOGUE, Evidence, Signals, Value, Verdict, ordinary
from service.risk.rules import EvaluationError, Parameters, RiskPolicy, by_person, decide, load_policy

_NOW = datetime(2027, 1, 1, tzinfo=UTC)
"""Only sets deadlines, which are read as days."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the simulation needs of a judgement."""

    verdict: Verdict
    is_limited: bool
    probation_days: int
    """Where it is approved, by the rules or by a person."""
    waits: bool
    """Full service comes some hours later then, so that the holder of the papers can be told."""
    rules: tuple[str, ...]


OWN = frozenset({"purpose", "proof", "document_outcome", "line_code_verified", "contact_code_verified"})
"""What ``decide`` reads beside the rules."""

MOST_KNOWN = 60_000


class Judge:
    """``decide`` under one policy. It is pure, so that what it reads is asked once."""

    def __init__(self, policy: PolicySet, version: str) -> None:
        self.risk, self.links = policy.risk, policy.risk.links
        self.reports, self.response = policy.reports, policy.response
        self.version = version
        self._known: dict[tuple[Value | None, ...], Ruling] = {}
        given = ordinary().values
        self._names = tuple(CATALOGUE)
        self._place = {name: place for place, name in enumerate(self._names)}
        self._ordinary: list[Value] = [given[name] for name in self._names]
        self._read = [self._place[name] for name in sorted(OWN | _read_by(policy.risk))]

    @property
    def parameters(self) -> Parameters:
        return self.risk.parameters

    def rule(self, given: Mapping[str, Value | None], sees: frozenset[str]) -> Ruling:
        """``given`` by name of the catalogue, None for unknown; what is not in it, or not seen, is ordinary."""
        values: list[Value | None] = [*self._ordinary]
        for name, value in given.items():
            if name in sees:
                values[self._place[name]] = value
        key = tuple([values[place] for place in self._read])
        ruling = self._known.get(key)
        if ruling is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            ruling = self._known[key] = self._ask(dict(zip(self._names, values, strict=True)))
        return ruling

    def _ask(self, values: dict[str, Value | None]) -> Ruling:
        signals = Signals.of(values)
        judgement = decide(signals, self.risk, _NOW)
        granted = by_person(judgement, signals, Verdict.APPROVED, self.risk, _NOW)
        until = granted.conditions.probation_until
        return Ruling(
            judgement.verdict,
            judgement.evidence is Evidence.LIMITED,
            0 if until is None else (until - _NOW).days,
            granted.conditions.restricted_until is not None,
            tuple(reason.rule for reason in judgement.reasons),
        )


def _read_by(policy: RiskPolicy) -> frozenset[str]:
    """The signals that can change what the rules say. A rule that is false while nothing is known stays so, unless it
    asks what is known."""
    read: set[str] = set()
    for rule in policy.rules:
        with suppress(EvaluationError):
            if "known(" not in rule.when.text and not rule.when.holds(policy.constants):
                continue
        read |= rule.when.signals
    return frozenset(read)


FILES = ("risk.toml", "reports.toml", "response.toml")
"""What of a version decides here; the digest is of these."""


@cache
def shipped(overrides: tuple[tuple[str, Value], ...] = ()) -> Judge:
    """The seed version of the policy, through every gate that production puts it through. ``overrides`` are figures
    that an operator might set otherwise: parameters of the risk rules, and those of another file by ``file.name``."""
    sources = seed(demo=False)
    built = build(sources, demo=False)
    for name, value in overrides:
        file, _, own = name.rpartition(".")
        raw = tomllib.loads(sources.texts[f"{file or 'risk'}.toml"])
        if file == "reports":
            built = replace(built, reports=load_reports({**raw, own: value}))
        elif file == "response":
            built = replace(built, response=load_response({**raw, own: value}))
    if parameters := {name: value for name, value in overrides if "." not in name}:
        raw = tomllib.loads(sources.texts["risk.toml"])
        built = replace(built, risk=load_policy(merge(raw, {"parameters": parameters})))
    texts = "\0".join(sources.texts[name] for name in FILES)
    return Judge(built, hashlib.sha256(texts.encode()).hexdigest())
