"""One finding about a piece of evidence: which check, how it went, why. Codes only, so that it may be stored."""

from dataclasses import dataclass
from enum import StrEnum


class CheckOutcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``id`` is public and stable (``mrz.document_number_digit``), ``code`` says why; neither holds personal data."""

    id: str
    outcome: CheckOutcome
    code: str
