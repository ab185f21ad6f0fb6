"""From a plain mapping (``service/policy/risk.toml``) to a policy: the gate.

It compiles every rule, runs every example, holds each denial to its ground, and asks the finished policy a
few questions that no policy may answer with an approval. What it refuses is a :class:`RuleError` whose text
names the place, for the person who wrote it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from service.risk.model import (
    CATALOGUE,
    WITHHELD,
    ApplicantCode,
    DenyGround,
    RuleError,
    Stage,
    Value,
    Verdict,
    ordinary,
)
from service.risk.model.catalogue import INT, NO_COUNTRY
from service.risk.rules.compiler import compile_expression
from service.risk.rules.countries import load_countries
from service.risk.rules.decide import decide
from service.risk.rules.language import Env, Expression, RuleFailed, Unknown
from service.risk.rules.links import load_links
from service.risk.rules.policy import PLACEHOLDER, VOCABULARY, Parameters, RiskPolicy, Rule


def load_policy(mapping: Mapping[str, Any], version: str | None = None) -> RiskPolicy:
    """The policy behind ``{parameters, texts, rule}``, or :class:`RuleError`.

    ``version`` is the name under which a whole policy set is known; without it the content's own digest.
    """
    _only(mapping, "the risk policy", "parameters", "countries", "texts", "rule", "links")
    parameters = _parameters(_mapping(mapping.get("parameters"), "parameters"))
    countries = load_countries(_mapping(mapping.get("countries", {}), "countries"), parameters, _parameters)
    constants: dict[str, Value] = asdict(parameters)
    raw_rules = mapping.get("rule")
    if not isinstance(raw_rules, Sequence) or not 1 <= len(raw_rules) <= 500:
        raise RuleError("rule: 1 to 500 rules are needed")
    rules = tuple(_rule(_mapping(raw, f"rule {n}"), constants) for n, raw in enumerate(raw_rules, 1))
    if not any(rule.stage is Stage.LIVE for rule in rules):
        raise RuleError("rule: at least one live rule is needed")
    ids = [rule.id for rule in rules]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise RuleError(f"rule {min(twice)}: the id is used twice")
    digest = hashlib.sha256(json.dumps(mapping, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    texts = _texts(_mapping(mapping.get("texts"), "texts"))
    policy = RiskPolicy(
        version or digest[:16],
        digest,
        parameters,
        rules,
        texts,
        MappingProxyType(constants),
        countries,
        load_links(_mapping(mapping.get("links", {}), "links")),
    )
    for country in (NO_COUNTRY, *countries):
        _ask_house_questions(policy, country)
    return policy


def _only(mapping: Mapping[str, Any], place: str, *allowed: str) -> None:
    if extra := sorted(str(key) for key in mapping if key not in allowed):
        raise RuleError(f"{place}: {extra[0]} is not known here")


def _mapping(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RuleError(f"{place}: a table is needed")
    return value


def _text(value: object, place: str, most: int = 1_000) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise RuleError(f"{place}: a text of 1 to {most} characters is needed")
    return value


def _parameters(given: Mapping[str, Any], at: str = "parameters") -> Parameters:
    _only(given, at, *VOCABULARY.parameters)
    given = {e.name: e.metadata["before"] for e in fields(Parameters) if "before" in e.metadata} | dict(given)
    for each in fields(Parameters):
        place = f"{at}.{each.name}"
        if each.name not in given:
            raise RuleError(f"{place}: is missing")
        value, kind = given[each.name], VOCABULARY.parameters[each.name]
        if not kind.holds(value):
            wanted = ", ".join(sorted(kind.values)) if kind.values else "a whole number"
            raise RuleError(f"{place}: takes {wanted}")
        if kind == INT and not each.metadata["low"] <= value <= each.metadata["high"]:
            raise RuleError(f"{place}: lies outside {each.metadata['low']}-{each.metadata['high']}")
    if given["shared_cap"] in (1, 2):
        raise RuleError(f"{at}.shared_cap: 0, or 3 and more: a lower one would tell of single lines")
    return Parameters(**given)


def _texts(given: Mapping[str, Any]) -> Mapping[str, Mapping[ApplicantCode, str]]:
    if "en" not in given:
        raise RuleError("texts: English is needed")
    found: dict[str, Mapping[ApplicantCode, str]] = {}
    for language, raw in given.items():
        table = _mapping(raw, f"texts.{language}")
        _only(table, f"texts.{language}", *ApplicantCode)
        found[language] = MappingProxyType(
            {code: _text(table.get(code), f"texts.{language}.{code}") for code in ApplicantCode}
        )
    return MappingProxyType(found)


MAX_EXAMPLES = 50
IN_FORCE = (Stage.SHADOW, Stage.LIVE, Stage.RETIRED)
"""The stages that a rule of a policy in force may have."""


@lru_cache(1_000)
def _compiled(text: str) -> Expression:
    """The same rule comes in version after version of a policy."""
    return compile_expression(text, VOCABULARY)


RULE_KEYS = (
    "id", "version", "stage", "when", "verdict", "ground", "weight", "staff", "code", "owner", "example",
)  # fmt: skip
_EFFECTS = {"review": Verdict.REVIEW, "deny": Verdict.DENIED}


def _rule(raw: Mapping[str, Any], constants: Mapping[str, Value]) -> Rule:
    name = raw.get("id")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]{2,59}", name):
        raise RuleError("rule: an id of lower-case letters, digits and hyphens is needed")
    place = f"rule {name}"
    _only(raw, place, *RULE_KEYS)
    try:
        when = _compiled(_text(raw.get("when"), f"{place}: when"))
    except RuleError as error:
        raise RuleError(f"{place}: {error}") from None
    effect, weight = _effect(raw, place)
    if raw.get("code") not in list(ApplicantCode):
        raise RuleError(f"{place}: code is one of {', '.join(ApplicantCode)}")
    staff = _text(raw.get("staff"), f"{place}: staff")
    for placeholder in PLACEHOLDER.findall(staff):
        if VOCABULARY.type_of(placeholder) is None:
            raise RuleError(f"{place}: staff names {placeholder}, which is no signal or parameter")
    if when.signals & WITHHELD and (raw["code"] != ApplicantCode.LIMIT_REACHED or PLACEHOLDER.search(staff)):
        raise RuleError(f"{place}: what other operators know reads as the own cap: limit-reached, no numbers")
    rule = Rule(
        name,
        when,
        effect,
        _ground(raw, effect, place),
        weight,
        " ".join(staff.split()),
        ApplicantCode(raw["code"]),
        _text(raw.get("owner"), f"{place}: owner", 60),
        _stage(raw, place),
        _version(raw, place),
    )
    _run_examples(rule, raw.get("example", ()), constants)
    return rule


def _stage(raw: Mapping[str, Any], place: str) -> Stage:
    stage = raw.get("stage", Stage.LIVE)
    if stage not in IN_FORCE:
        raise RuleError(f"{place}: stage is {', '.join(IN_FORCE)}; a draft is not published")
    return Stage(stage)


def _version(raw: Mapping[str, Any], place: str) -> int:
    version = raw.get("version", 1)
    if type(version) is not int or not 1 <= version <= 10_000:
        raise RuleError(f"{place}: version is a whole number, 1-10000")
    return version


def _effect(raw: Mapping[str, Any], place: str) -> tuple[Verdict | None, int]:
    if ("verdict" in raw) == ("weight" in raw):
        raise RuleError(f"{place}: either a verdict or a weight is needed")
    if "verdict" in raw:
        if raw["verdict"] not in tuple(_EFFECTS):
            raise RuleError(f"{place}: verdict is review or deny; no rule approves")
        return _EFFECTS[raw["verdict"]], 0
    weight = raw["weight"]
    if type(weight) is not int or not 1 <= weight <= 10_000:
        raise RuleError(f"{place}: weight is a whole number, 1-10000; no rule takes weight off")
    return None, weight


def _ground(raw: Mapping[str, Any], effect: Verdict | None, place: str) -> DenyGround | None:
    ground = raw.get("ground")
    if effect is not Verdict.DENIED:
        if ground is not None:
            raise RuleError(f"{place}: only a denial has a ground")
        return None
    if ground not in list(DenyGround):
        raise RuleError(f"{place}: nobody is denied without a person but on one of: {', '.join(DenyGround)}")
    return DenyGround(ground)


def _run_examples(rule: Rule, raw: object, constants: Mapping[str, Value]) -> None:
    """Each example puts a few signals on an ordinary registration: ``{given, unknown, with, expect}``."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MAX_EXAMPLES:
        raise RuleError(f"rule {rule.id}: example is a list of {MAX_EXAMPLES} tables at most")
    expected = set()
    for n, item in enumerate(raw, 1):
        place = f"rule {rule.id}, example {n}"
        example = _mapping(item, place)
        _only(example, place, "given", "unknown", "with", "expect")
        expect = example.get("expect")
        if expect not in ("fires", "quiet", "unknown"):
            raise RuleError(f"{place}: expect is fires, quiet or unknown")
        expected.add(expect)
        outcome = _outcome(rule, _example_env(example, constants, place))
        if outcome != expect:
            raise RuleError(f"{place}: expected {expect}, and it is {outcome}")
    if not {"fires", "quiet"} <= expected:
        raise RuleError(f"rule {rule.id}: an example that fires and one that stays quiet are needed")


def _example_env(example: Mapping[str, Any], constants: Mapping[str, Value], place: str) -> dict[str, Value]:
    given = dict(_mapping(example.get("given", {}), f"{place}: given"))
    override = _mapping(example.get("with", {}), f"{place}: with")
    for name, value in override.items():
        kind = VOCABULARY.parameters.get(name)
        if kind is None or not kind.holds(value):
            raise RuleError(f"{place}: with {name} is no parameter of that type")
    unknown = example.get("unknown", ())
    if not isinstance(unknown, Sequence) or isinstance(unknown, str):
        raise RuleError(f"{place}: unknown is a list of signals")
    for name in unknown:
        if name not in tuple(CATALOGUE):
            raise RuleError(f"{place}: there is no signal {name}")
    try:
        signals = ordinary().having(given | dict.fromkeys(unknown))
    except ValueError as error:
        raise RuleError(f"{place}: {error}") from None
    return {**signals.values, **constants, **cast(Mapping[str, Value], override)}


def _outcome(rule: Rule, env: Env) -> str:
    try:
        return "fires" if rule.when.holds(env) else "quiet"
    except Unknown:
        return "unknown"
    except RuleFailed as error:
        return f"failed ({error})"


_ANY_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)


def _ask_house_questions(policy: RiskPolicy, country: str = NO_COUNTRY) -> None:
    """What no policy may approve by rule, whatever it says, of a number of ``country``: the floor under every
    operator's wishes."""
    p = policy.countries.get(country, policy.parameters)
    usual = ordinary().having({"number_country": country})
    questions: dict[str, dict[str, Value | None]] = {
        "a document at the cap": {"lines_on_document": p.cap},
        "a personal number at the cap": {"lines_on_personal_number": p.cap},
        "unknown lines on the document": {"lines_on_document": None},
        "a document that failed": {"document_outcome": "fail"},
        "a doubtful document": {"document_outcome": "refer"},
        "no document": {"document_outcome": "none", "proof": "none"},
        "an expired document": {"document_expired": True},
        "a failed signature": {"document_signature": "failed"},
        "a revoked document": {"document_revoked": True},
        "too many lines over all operators": {"shared_limit_exceeded": True},
        "a registry's no": {"registry_answer": "no"},
        "a strike on the document": {"strikes_on_document": 1},
        "a document whose line was stopped for scam": {"scam_on_document": 1},
        "no code that came back": {"line_code_verified": False, "contact_code_verified": False},
    }
    if p.min_age:
        questions["a minor without a guardian"] = {"age_years": p.min_age - 1}
    if p.specimens == "refuse":
        questions["a specimen"] = {"document_specimen": True}
    limited = p.unproven_lines if p.unproven_evidence == "limited" else 0
    questions["unproven evidence beyond its share"] = {"proof": "consistent", "lines_on_document": limited}
    for what, given in questions.items():
        if decide(usual.having(given), policy, _ANY_INSTANT).verdict is Verdict.APPROVED:
            raise RuleError(f"the policy would approve {what}; no policy may")
