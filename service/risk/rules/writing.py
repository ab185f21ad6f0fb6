"""Rules back into ``risk.toml``: what a person changed goes into the text, and all the rest stays as it was written.

TOML has one canonical reader here (``tomllib``) and no writer, so each text is read back and compared with what it
should say before it is used.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from service.risk.model import RawRule, RuleError, Stage
from service.risk.rules.loading import RULE_KEYS
from service.risk.rules.policy import RiskPolicy, Rule

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEAD = "[[rule]]"


def digest_of(base_version: str, changes: Mapping[str, RawRule]) -> str:
    """What an approval is bound to: the changes and the version that they change."""
    body = json.dumps([base_version, changes], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()


def plain(value: object, depth: int = 0) -> Any:
    """Tables, lists, texts, whole numbers and truths alone; anything else, and more than four levels, is refused."""
    if depth <= 4:
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {key: plain(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain(each, depth + 1) for each in value]
        if type(value) in (str, int, bool):
            return value
    raise RuleError("only tables, lists, codes, whole numbers and truths are accepted")


def changed(risk: Mapping[str, Any], changes: Mapping[str, RawRule]) -> dict[str, Any]:
    """The policy with each changed rule in its place, and new ones at the end."""
    rules = [changes.get(rule["id"], rule) for rule in risk["rule"]]
    known = {rule["id"] for rule in risk["rule"]}
    return {**risk, "rule": [*rules, *(changes[name] for name in sorted(changes.keys() - known))]}


def rewritten(text: str, changes: Mapping[str, RawRule]) -> str:
    """The text of ``risk.toml`` with the changes in it. Remarks and untouched rules stay letter by letter."""
    wanted = changed(tomllib.loads(text), changes)
    for made in (_spliced(text, changes), _whole(wanted)):
        if made is not None and _reads_as(made, wanted):
            return made
    raise RuleError("the rules cannot be written down")


def _reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except ValueError:
        return False


def _spliced(text: str, changes: Mapping[str, RawRule]) -> str | None:
    """None where the text is not of the plain form, one ``[[rule]]`` after another."""
    lines = text.splitlines(keepends=True)
    starts = [n for n, line in enumerate(lines) if line.strip() == _HEAD]
    if not starts:
        return None
    parts = ["".join(lines[: starts[0]])]
    left = dict(changes)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        block = lines[start:end]
        try:
            (rule,) = tomllib.loads("".join(block))["rule"]
        except (ValueError, KeyError):
            return None
        after = len(block)
        while after > 1 and (not block[after - 1].strip() or block[after - 1].lstrip().startswith("#")):
            after -= 1
        new = left.pop(rule.get("id"), None)
        parts.append("".join(block[:after]) if new is None or new == rule else written(new))
        parts.append("".join(block[after:]))
    if parts[-1] == "" and left:
        parts.append("\n")
    return "".join(parts) + "\n".join(written(left[name]) for name in sorted(left))


def _whole(policy: Mapping[str, Any]) -> str:
    tables = ["[parameters]\n" + _pairs(policy["parameters"])]
    tables += [f"[texts.{_key(name)}]\n{_pairs(texts)}" for name, texts in policy["texts"].items()]
    return "\n".join([*tables, *(written(rule) for rule in policy["rule"])])


def _pairs(table: Mapping[str, Any]) -> str:
    return "".join(f"{_key(name)} = {_value(value)}\n" for name, value in table.items())


def written(rule: RawRule) -> str:
    """One ``[[rule]]``, its keys in the order of the house, each example on a line of its own."""
    keys = sorted(rule, key=lambda key: (RULE_KEYS.index(key) if key in RULE_KEYS else len(RULE_KEYS), key))
    lines = [_HEAD]
    for key in keys:
        if key == "example":
            lines += ["example = [", *(f"  {_value(each)}," for each in rule[key]), "]"]
        else:
            lines.append(f"{_key(key)} = {_value(rule[key])}")
    return "\n".join(lines) + "\n"


def examples_text(rule: RawRule) -> str:
    """The examples of a rule as a person edits them: a table a line."""
    return "\n".join(f"{_value(each)}," for each in rule.get("example", ()))


def examples_of(text: str) -> list[Any]:
    """Back from what was edited, or :class:`RuleError`. Nothing but the list can be said in it."""
    try:
        read = tomllib.loads(f"example = [\n{text}\n]")
    except (ValueError, RecursionError):
        raise RuleError('each line is a table: { given = { signal = 1 }, expect = "fires" },') from None
    if read.keys() != {"example"}:
        raise RuleError("only examples can stand here")
    made: list[Any] = plain(read["example"])
    return made


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    raise RuleError("only tables, lists, codes, whole numbers and truths can be written")


def _text(value: str) -> str:
    """A literal string where quotes would have to be escaped and nothing forbids it, else a basic one."""
    if '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    # JSON's escapes are TOML's, but for the one control character that JSON leaves alone.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# Once a rule was live its body belongs to its version.


def following_version(before: Rule | None, after: Rule) -> int:
    """The version that a changed rule gets: the next one, if its body was in force before."""
    if before is None:
        return 1
    was_in_force = before.stage in (Stage.LIVE, Stage.RETIRED)
    return before.version + 1 if was_in_force and before.body != after.body else before.version


def silently_changed(before: RiskPolicy, after: RiskPolicy) -> str | None:
    """A rule whose body changed under the version that is live already, in words; None if there is none."""
    for rule in after.rules:
        old = before.rule(rule.id)
        was_in_force = old is not None and old.stage in (Stage.LIVE, Stage.RETIRED)
        if old is None or not was_in_force or old.version != rule.version or old.body == rule.body:
            continue
        if rule.stage is Stage.LIVE:
            following = rule.version + 1
            return f"rule {rule.id}: version {rule.version} is in force with another body; say version = {following}"
    return None


_FIELDS = (
    ("would approve", "stage"), ("stage", "stage"), ("live rule", "stage"), ("example", "example"), (": code", "code"),
    (": staff", "staff"), ("no numbers", "staff"), (": owner", "owner"), ("denied without a person", "ground"),
    ("has a ground", "ground"), (": weight", "weight"), ("verdict", "effect"), ("an id of", "id"),
)  # fmt: skip


def field_of(refused: str) -> str:
    """The field of the form that a refusal of the gate is about; the condition where it does not say."""
    return next((field for words, field in _FIELDS if words in refused), "when")
