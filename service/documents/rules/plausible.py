"""What a document's number and last day look like beside others of its kind: built otherwise, valid for longer.

Both only warn. Issuers change the form of their numbers before any table knows of it, and some carry what was left of
an old document over to the new one, so neither is a reason to turn anybody away: rules of the decision weigh them.
"""

import re
from datetime import date
from typing import Final

from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentFacts,
    DocumentPolicy,
    DocumentType,
    Treatment,
)
from service.kit import states

FORMAT: Final = "document.number_format"
LENGTH: Final = "document.validity_length"
KNOWN_FAKE: Final = "document.known_fake"
UNUSUAL: Final = frozenset({(FORMAT, "another-form"), (LENGTH, "longer")})
"""Said, and weighed by the decision, but by itself no reason for a person to look."""
_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED


def plausible_findings(facts: DocumentFacts, policy: DocumentPolicy, today: date) -> tuple[CheckResult, ...]:
    """``document.known_fake``, ``document.number_format``, ``document.validity_length``."""
    return (_known_fake(facts, policy), _format(facts, policy), _length(facts, policy, today))


def _known_fake(facts: DocumentFacts, policy: DocumentPolicy) -> CheckResult:
    """Forgers copy real numbers too, so that their owner is not turned away unless policy wants it."""
    number = _plain(facts.number)
    state = states.canonical(facts.issuing_state)
    if not {(state, number), ("", number)} & policy.known_fakes:
        return CheckResult(KNOWN_FAKE, _PASS, "not-on-list")
    refused = policy.known_fake is Treatment.REFUSE
    return CheckResult(KNOWN_FAKE, _FAIL if refused else _WARN, "on-list")


def _format(facts: DocumentFacts, policy: DocumentPolicy) -> CheckResult:
    patterns = policy.number_formats.get((states.canonical(facts.issuing_state), facts.type))
    if not patterns:
        return CheckResult(FORMAT, _SKIPPED, "no-form-known")
    number = _plain(facts.number)
    if any(re.fullmatch(pattern, number) for pattern in patterns):
        return CheckResult(FORMAT, _PASS, "usual-form")
    return CheckResult(FORMAT, _WARN, "another-form")


def _length(facts: DocumentFacts, policy: DocumentPolicy, today: date) -> CheckResult:
    """A zone does not show when it was issued, and nothing is issued ahead: the last day is no further from today than
    the longest that documents of this type are issued for."""
    months = policy.longest_months.get(facts.type)
    if facts.expires_on is None or months is None:
        return CheckResult(LENGTH, _SKIPPED, "not-shown" if facts.expires_on is None else "no-length-known")
    longer = facts.expires_on > _after(today, months)
    return CheckResult(LENGTH, _WARN if longer else _PASS, "longer" if longer else "usual-length")


def _after(day: date, months: int) -> date:
    """The first of the month after ``months``: a day that every month has, and never too early."""
    at = day.year * 12 + day.month + months
    return date(at // 12, at % 12 + 1, 1)


def _plain(number: str) -> str:
    return "".join(char for char in number.upper() if char.isalnum())


PATTERN: Final = re.compile(r"(?:(?:\[[A-Z0-9-]{1,30}\]|[A-Z0-9])(?:\{\d{1,2}(?:,\d{1,2})?\})?){1,8}")
"""What a pattern of policy may be: at most eight classes or characters, each with a bounded count, so that none takes
long over the at most 22 characters of a number."""
SHOWN_TYPES: Final = frozenset(DocumentType) - {DocumentType.UNKNOWN, DocumentType.ATTESTATION}
