"""From a plain mapping (``service/policy/documents.toml``) to a policy, or a refusal that names the place."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from service.documents.model import DocumentPolicy, DocumentType, PersonalNumberRule, Treatment
from service.documents.rules.plausible import PATTERN, SHOWN_TYPES
from service.kit import states
from service.kit.mrz import Layout


class PolicyInvalid(ValueError):
    """The text names the place, for the person who wrote it."""


_NUMBERS = {"min_validity_days": (0, 3650), "expired_grace_days": (0, 3650), "max_age_years": (60, 150)}
_TABLES = ("types", "issuers", "specimen", "fake", "number_format", "longest_months", "personal_number")


def load_policy(mapping: Mapping[str, Any]) -> DocumentPolicy:
    """Raise :class:`PolicyInvalid` on anything that is not understood whole."""
    _only(mapping, "documents", {*_NUMBERS, *_TABLES, "specimens", "partial_names"})
    specimen = _table(mapping.get("specimen", {}), "specimen")
    _only(specimen, "specimen", {"numbers", "names"})
    fake = _table(mapping.get("fake", {}), "fake")
    _only(fake, "fake", {"treatment", "numbers"})
    return DocumentPolicy(
        types=_types(_table(mapping.get("types"), "types")),
        issuers=_issuers(_table(mapping.get("issuers", {}), "issuers")),
        specimens=_one_of(mapping.get("specimens"), "specimens", ("refuse", "allow")) == "allow",
        specimen_numbers=frozenset(_texts(specimen.get("numbers", []), "specimen.numbers")),
        specimen_names=_names(specimen.get("names", [])),
        known_fake=Treatment(_one_of(fake.get("treatment", "refer"), "fake.treatment", ("refer", "refuse"))),
        known_fakes=_fakes(fake.get("numbers", [])),
        number_formats=_number_formats(mapping.get("number_format", [])),
        longest_months=_months(_table(mapping.get("longest_months", {}), "longest_months")),
        partial_names=Treatment(_one_of(mapping.get("partial_names"), "partial_names", ("accept", "refer"))),
        personal_numbers=_personal_numbers(mapping.get("personal_number", [])),
        **{name: _number(mapping.get(name), name, *bounds) for name, bounds in _NUMBERS.items()},
    )


def _types(table: Mapping[str, Any]) -> Mapping[DocumentType, Treatment]:
    known = {kind.value for kind in DocumentType} - {DocumentType.UNKNOWN.value}
    _only(table, "types", known)
    if DocumentType.ATTESTATION.value in table:
        # a description proves nothing, whatever a policy would like
        raise PolicyInvalid("types.attestation: always goes to a person")
    return {DocumentType(name): _treatment(value, f"types.{name}") for name, value in table.items()}


def _issuers(table: Mapping[str, Any]) -> Mapping[str, Mapping[str, Treatment]]:
    found: dict[str, Mapping[str, Treatment]] = {}
    known = {kind.value for kind in DocumentType} - {"unknown", "attestation"} | {"all"}
    for state, raw in table.items():
        if state not in states.ISSUERS:
            raise PolicyInvalid(f"issuers.{state}: no such issuer in ICAO Doc 9303-3")
        rules = _table(raw, f"issuers.{state}")
        _only(rules, f"issuers.{state}", known)
        found[state] = MappingProxyType(
            {name: _treatment(value, f"issuers.{state}.{name}") for name, value in rules.items()}
        )
    return found


def _names(raw: Any) -> frozenset[tuple[str, str]]:
    if not isinstance(raw, list):
        raise PolicyInvalid("specimen.names: a list of [primary, secondary] is needed")
    found: set[tuple[str, str]] = set()
    for pair in raw:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise PolicyInvalid("specimen.names: a list of [primary, secondary] is needed")
        found.add((pair[0].replace(" ", "<"), pair[1].replace(" ", "<")))
    return frozenset(found)


def _fakes(raw: Any) -> frozenset[tuple[str, str]]:
    """``STATE:NUMBER``, or ``*:NUMBER`` for any state."""
    found: set[tuple[str, str]] = set()
    for text in _texts(raw, "fake.numbers"):
        state, colon, number = text.partition(":")
        if not colon or not number.isalnum() or (state != "*" and state not in states.ISSUERS):
            raise PolicyInvalid("fake.numbers: STATE:NUMBER or *:NUMBER is needed")
        found.add(("" if state == "*" else states.canonical(state), number))
    return frozenset(found)


def _months(table: Mapping[str, Any]) -> Mapping[DocumentType, int]:
    _only(table, "longest_months", {each.value for each in SHOWN_TYPES})
    return MappingProxyType(
        {
            DocumentType(name): _number(value, f"longest_months.{name}", 1, 600)
            for name, value in table.items()
        }
    )


def _number_formats(raw: Any) -> Mapping[tuple[str, DocumentType], tuple[str, ...]]:
    """By (state, type). Raise :class:`PolicyInvalid` for a pattern that could take long."""
    if not isinstance(raw, list):
        raise PolicyInvalid("number_format: a list of tables is needed")
    found: dict[tuple[str, DocumentType], tuple[str, ...]] = {}
    for at, entry in enumerate(raw, 1):
        place = f"number_format {at}"
        table = _table(entry, place)
        _only(table, place, {"state", "type", "patterns", "source"})
        state = table.get("state")
        if state not in states.ISSUERS:
            raise PolicyInvalid(f"{place}: state is not in ICAO Doc 9303-3")
        types = tuple(sorted(each.value for each in SHOWN_TYPES))
        kind = DocumentType(_one_of(table.get("type"), f"{place}: type", types))
        patterns = tuple(_texts(table.get("patterns"), f"{place}: patterns"))
        if not patterns or len(patterns) > 8 or not all(PATTERN.fullmatch(each) for each in patterns):
            raise PolicyInvalid(f"{place}: patterns are classes and characters with bounded counts")
        try:
            for each in patterns:
                re.compile(each)
        except re.error:
            raise PolicyInvalid(f"{place}: a pattern is not one") from None
        key = (states.canonical(str(state)), kind)
        if key in found:
            raise PolicyInvalid(f"{place}: this state and type stand above already")
        found[key] = patterns
    return MappingProxyType(found)


def _personal_numbers(raw: Any) -> tuple[PersonalNumberRule, ...]:
    if not isinstance(raw, list):
        raise PolicyInvalid("personal_number: a list of tables is needed")
    found: list[PersonalNumberRule] = []
    for at, entry in enumerate(raw, 1):
        place = f"personal_number {at}"
        table = _table(entry, place)
        _only(table, place, {"state", "layout", "field", "checked"})
        state = table.get("state")
        if state not in states.ISSUERS:
            raise PolicyInvalid(f"{place}: state is not in ICAO Doc 9303-3")
        checked = table.get("checked", True)
        if not isinstance(checked, bool):
            raise PolicyInvalid(f"{place}: checked is true or false")
        layout = _one_of(table.get("layout"), f"{place}: layout", tuple(layout.value for layout in Layout))
        field = _one_of(table.get("field"), f"{place}: field", ("optional", "optional_2"))
        found.append(PersonalNumberRule(str(state), layout, field, checked))
    return tuple(found)


def _only(table: Mapping[str, Any], place: str, allowed: set[str]) -> None:
    if extra := sorted(str(name) for name in table if name not in allowed):
        raise PolicyInvalid(f"{place}: {extra[0]} is not known here")


def _table(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PolicyInvalid(f"{place}: a table is needed")
    return value


def _treatment(value: Any, place: str) -> Treatment:
    return Treatment(_one_of(value, place, tuple(treatment.value for treatment in Treatment)))


def _one_of(value: Any, place: str, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise PolicyInvalid(f"{place}: one of {', '.join(allowed)} is needed")
    return value


def _number(value: Any, place: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise PolicyInvalid(f"{place}: a whole number from {low} to {high} is needed")
    return value


def _texts(value: Any, place: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise PolicyInvalid(f"{place}: a list of texts is needed")
    return [text.replace(" ", "").upper() for text in value]
