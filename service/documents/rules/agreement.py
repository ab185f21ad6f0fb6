"""What the documents of one registration say of each other, field by field.

Typed data stand against each document alone (``typed.…``); here a zone (typed or photographed), a chip and a bare
number stand against each other, so that every pair of sources is compared once. A finding lies on the newer document
and warns at most: which of the two is wrong only a person can say.

Names are compared as ICAO Doc 9303-3, 6, lets them be written: both tables of transliteration, truncation (4.6),
initials. A field that one of the two does not show is not compared. A number and a last day are compared only where
both are one kind of document of one issuer: a passport and a card have numbers of their own.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from service.documents.model import CheckOutcome, CheckResult, DocumentFacts
from service.kit import states
from service.kit.names import Agreement, ZoneNames, names_agree

PREFIX: Final = "agreement."
_PASS, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.WARN, CheckOutcome.SKIPPED
_Compare = Callable[[DocumentFacts, DocumentFacts], bool | None]
"""Whether both agree; None where there is nothing to compare."""


def agreement_findings(facts: DocumentFacts, others: Iterable[DocumentFacts]) -> tuple[CheckResult, ...]:
    """The ``agreement.…`` findings of a document beside ``others``; none where it stands alone."""
    beside = list(others)
    return tuple(_finding(name, facts, beside) for name in FIELDS) if beside else ()


def sources_agree(findings: Iterable[CheckResult]) -> str:
    """The signal: ``differs`` where any two sources do, ``agrees`` where some were compared, else ``one_source``."""
    found = [each for each in findings if each.id.startswith((PREFIX, "typed."))]
    if any(each.code in ("sources-differ", "disagrees") for each in found):
        return "differs"
    return "agrees" if any(each.outcome is _PASS for each in found) else "one_source"


def _finding(name: str, facts: DocumentFacts, others: list[DocumentFacts]) -> CheckResult:
    said = [FIELDS[name](facts, other) for other in others]
    if False in said:
        return CheckResult(PREFIX + name, _WARN, "sources-differ")
    if True in said:
        return CheckResult(PREFIX + name, _PASS, "sources-agree")
    return CheckResult(PREFIX + name, _SKIPPED, "one-source")


def _names(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    """Either side may have been cut, and each may be the one that writes a name out: one direction is enough."""
    if not one.primary or not other.primary:
        return None
    return Agreement.DISAGREE not in (said := {_spelt(one, other), _spelt(other, one)}) or len(said) > 1


def _spelt(one: DocumentFacts, other: DocumentFacts) -> Agreement:
    zone = ZoneNames(other.primary, other.secondary, other.truncated)
    return names_agree(one.primary.replace("<", " "), one.secondary.replace("<", " ") or None, zone)


def _birth(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    if one.birth is None or other.birth is None or None in (one.birth.year, other.birth.year):
        return None
    return one.birth.agrees(other.birth)


def _sex(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    return one.sex == other.sex if one.sex and other.sex else None


def _nationality(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    """Whoever has two nationalities has a document of each: a state that names its own citizen contradicts nobody."""
    if not one.nationality or not other.nationality:
        return None
    if states.agree(one.nationality, other.nationality):
        return True
    own = all(states.agree(each.nationality, each.issuing_state) for each in (one, other))
    return None if own else False


def _is_one_kind(one: DocumentFacts, other: DocumentFacts) -> bool:
    return one.type_class == other.type_class and states.agree(one.issuing_state, other.issuing_state)


def _number(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    return _plain(one.number) == _plain(other.number) if _is_one_kind(one, other) else None


def _expiry(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    """Of one number: a renewed document has another."""
    if one.expires_on is None or other.expires_on is None or not _number(one, other):
        return None
    return one.expires_on == other.expires_on


def _personal(one: DocumentFacts, other: DocumentFacts) -> bool | None:
    if one.personal_number is None or other.personal_number is None:
        return None
    if not states.agree(one.issuing_state, other.issuing_state):
        return None
    return _plain(one.personal_number) == _plain(other.personal_number)


def _plain(number: str) -> str:
    return "".join(char for char in number.upper() if char.isalnum())


FIELDS: Final[Mapping[str, _Compare]] = {
    "names": _names,
    "birth_date": _birth,
    "sex": _sex,
    "nationality": _nationality,
    "document_number": _number,
    "expiry_date": _expiry,
    "personal_number": _personal,
}
