"""What a national number says by itself, and against the document that shows it."""

from datetime import date
from typing import Final

from service.documents.model import CheckOutcome, CheckResult, DocumentFacts
from service.kit.national_id import NationalId

_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED

_FAULTS: Final = {
    "number-digit": (CheckResult("national_id.number", _FAIL, "digit-wrong"),),
    "number-shape": (CheckResult("national_id.number", _FAIL, "shape-wrong"),),
    "number-part": (CheckResult("national_id.number", _FAIL, "part-unreal"),),
    "number-birth": (
        CheckResult("national_id.number", _FAIL, "part-unreal"),
        CheckResult("national_id.birth_date", _FAIL, "unreal"),
    ),
    "number-region": (
        CheckResult("national_id.number", _FAIL, "part-unreal"),
        CheckResult("national_id.region", _FAIL, "region-unknown"),
    ),
}


def findings_of_fault(fault: str) -> tuple[CheckResult, ...]:
    """One of ``national_id.FAULTS`` in findings."""
    return _FAULTS[fault]


def findings_of(number: NationalId, today: date) -> tuple[CheckResult, ...]:
    """A number that is built as its state builds them. What was typed is compared under ``typed.``, and what other
    documents say under ``agreement.``."""
    return (
        CheckResult("national_id.number", _PASS, "digit-agrees" if number.scheme.digit else "shape-agrees"),
        _birth(number, today),
        CheckResult("national_id.sex", *((_PASS, "told") if number.sex else (_SKIPPED, "not-shown"))),
        _region(number),
    )


def _birth(number: NationalId, today: date) -> CheckResult:
    born = number.birth
    if born is None or born.year is None:
        return CheckResult("national_id.birth_date", _SKIPPED, "not-shown")
    if (born.year, born.month or 1, born.day or 1) > (today.year, today.month, today.day):
        return CheckResult("national_id.birth_date", _FAIL, "unreal")
    return CheckResult("national_id.birth_date", _PASS, "real")


def _region(number: NationalId) -> CheckResult:
    if number.region is None:
        return CheckResult("national_id.region", _SKIPPED, "not-shown")
    if number.region:
        return CheckResult("national_id.region", _PASS, "region-known")
    return CheckResult("national_id.region", _WARN, "region-unknown")


def findings_in_zone(facts: DocumentFacts, today: date) -> tuple[CheckResult, ...]:
    """The personal number in a zone against the zone's own birth date and sex: whoever alters one forgets the other.

    None where policy knows no such field of this document. A difference is for a person: registers hold errors, and
    people whose sex was corrected keep documents that say so in one place.
    """
    if facts.personal_number is None:
        return ()
    number = NationalId.of_state(facts.issuing_state, facts.personal_number, today)
    if number is None:
        return ()
    born = sex = None
    if number.birth is not None and facts.birth is not None:
        born = number.birth.agrees(facts.birth)
    if number.sex and facts.sex in ("F", "M"):
        sex = number.sex == facts.sex
    return (_agreement("national_id.birth_date", born), _agreement("national_id.sex", sex))


def _agreement(check_id: str, agrees: bool | None) -> CheckResult:
    if agrees is None:
        return CheckResult(check_id, _SKIPPED, "not-shown")
    return CheckResult(check_id, _PASS if agrees else _WARN, "agrees" if agrees else "disagrees")
