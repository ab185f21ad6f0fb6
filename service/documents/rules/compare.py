"""What was typed against what the document says, and what the document adds where nothing was typed."""

from collections.abc import Mapping

from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentFacts,
    DocumentPolicy,
    DocumentType,
    Treatment,
)
from service.kit import states
from service.kit.errors import JsonObject, JsonValue
from service.kit.mrz import MrzDate
from service.kit.names import Agreement, ZoneNames, names_agree
from service.kit.values import Malformed

Typed = Mapping[str, JsonValue]


def typed_findings(facts: DocumentFacts, typed: Typed, policy: DocumentPolicy) -> tuple[CheckResult, ...]:
    """``typed.names``, ``typed.birth_date``, ``typed.nationality``: skipped where one side has nothing to compare."""
    return (_names(facts, typed, policy), _birth(facts, typed), _nationality(facts, typed))


def _names(facts: DocumentFacts, typed: Typed, policy: DocumentPolicy) -> CheckResult:
    family = _text(typed, "family_name")
    if family is None:
        return _skipped("typed.names", "not-typed")
    if not facts.primary:
        return _skipped("typed.names", "not-shown")
    zone = ZoneNames(facts.primary, facts.secondary, facts.truncated)
    # the French licence's zone has no room for given names: their absence says nothing
    only_family = facts.type is DocumentType.DRIVING_LICENCE and not facts.secondary
    found = names_agree(family, None if only_family else _text(typed, "given_names"), zone)
    if found is Agreement.AGREE:
        return CheckResult("typed.names", CheckOutcome.PASS, "agrees")
    if found is Agreement.DISAGREE:
        return CheckResult("typed.names", CheckOutcome.FAIL, "disagrees")
    accepted = policy.partial_names is Treatment.ACCEPT
    return CheckResult("typed.names", CheckOutcome.PASS if accepted else CheckOutcome.WARN, "partial")


def _birth(facts: DocumentFacts, typed: Typed) -> CheckResult:
    text = _text(typed, "birth_date")
    if text is None:
        return _skipped("typed.birth_date", "not-typed")
    if facts.birth is None or facts.birth.year is None:
        return _skipped("typed.birth_date", "not-shown")
    try:
        agrees = MrzDate.parse(text).agrees(facts.birth)
    except Malformed:
        agrees = False
    outcome = CheckOutcome.PASS if agrees else CheckOutcome.FAIL
    return CheckResult("typed.birth_date", outcome, "agrees" if agrees else "disagrees")


def _nationality(facts: DocumentFacts, typed: Typed) -> CheckResult:
    """People have several nationalities and write them in several ways: a difference is for a person to see."""
    text = _text(typed, "nationality")
    if text is None:
        return _skipped("typed.nationality", "not-typed")
    if not facts.nationality:
        return _skipped("typed.nationality", "not-shown")
    if states.agree(text, facts.nationality):
        return CheckResult("typed.nationality", CheckOutcome.PASS, "agrees")
    return CheckResult("typed.nationality", CheckOutcome.WARN, "disagrees")


def subscriber_from(facts: DocumentFacts) -> JsonObject:
    """The typed data that the document can stand in for, under the names of ``api.md``."""
    found: JsonObject = {}
    if facts.primary:
        found["family_name"] = facts.primary.replace("<", " ")
        found["given_names"] = facts.secondary.replace("<", " ") or None
    if facts.birth and facts.birth.iso:
        found["birth_date"] = facts.birth.iso
    if facts.nationality:
        found["nationality"] = facts.nationality
    return found


def complete(typed: Typed | None, facts: DocumentFacts) -> JsonObject:
    """``typed`` with what is missing taken from the document. Names are one thing: whoever typed a family name
    has said the whole name, and is not given another first name."""
    shown = subscriber_from(facts)
    given: JsonObject = {name: value for name, value in (typed or {}).items() if value is not None}
    if "family_name" in given:
        shown.pop("given_names", None)
    return {**shown, **given}


def _text(typed: Typed, name: str) -> str | None:
    value = typed.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _skipped(check_id: str, code: str) -> CheckResult:
    return CheckResult(check_id, CheckOutcome.SKIPPED, code)
