"""Evidence of a case as it is made of judged documents: of each source, of each level, and of nothing at all."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from service.admin import views as v
from service.admin.present.documents import level, paper
from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentKind,
    DocumentType,
    Outcome,
    Proof,
    Reason,
)
from service.documents.rules.assurance import assess
from service.documents.rules.details import SUBJECTS

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
PASS, WARN, FAIL, SKIPPED = CheckOutcome.PASS, CheckOutcome.WARN, CheckOutcome.FAIL, CheckOutcome.SKIPPED


def passed(*sources: str, code: str = "agrees") -> tuple[CheckResult, ...]:
    return tuple(CheckResult(check, PASS, code) for check in SUBJECTS if check.startswith(sources))


def judged(
    number: int,
    kind: DocumentKind,
    outcome: Outcome,
    proof: Proof,
    checks: tuple[CheckResult, ...],
    form: DocumentType = DocumentType.PASSPORT,
) -> DocumentCheck:
    reason = Reason.NEEDS_A_PERSON if outcome is Outcome.REFER else None
    return DocumentCheck(
        UUID(int=number), UUID(int=9), kind, form, "NLD", outcome, proof, reason, checks, NOW
    )


ASKED = (
    CheckResult("registry.answer", PASS, "yes"),
    CheckResult("registry.possession", SKIPPED, "contact-on-record"),
    CheckResult("lost_stolen.answer", PASS, "not-listed"),
    CheckResult("death.answer", PASS, "not-recorded"),
)
SILENT = (
    CheckResult("registry.answer", SKIPPED, "not-available"),
    CheckResult("registry.possession", SKIPPED, "not-asked"),
    CheckResult("lost_stolen.answer", SKIPPED, "not-asked"),
    CheckResult("death.answer", SKIPPED, "not-asked"),
)
ZONE = judged(
    1,
    DocumentKind.MRZ,
    Outcome.REFER,
    Proof.CONSISTENT,
    (
        *passed("mrz.", code="digit-agrees"),
        *passed("document.", code="accepted"),
        CheckResult("typed.names", WARN, "partial"),
        CheckResult("typed.birth_date", PASS, "agrees"),
        *SILENT,
    ),
)
CHIP = judged(
    2,
    DocumentKind.EMRTD,
    Outcome.PASS,
    Proof.SIGNED,
    (*passed("chip.", code="verifies"), *passed("mrz.", code="digit-agrees"), *passed("typed."), *ASKED),
)
LISTED = judged(
    3,
    DocumentKind.NATIONAL_ID,
    Outcome.REFER,
    Proof.CONSISTENT,
    (
        *passed("national_id.", code="digit-agrees"),
        CheckResult("registry.answer", FAIL, "no"),
        CheckResult("lost_stolen.answer", FAIL, "listed"),
        CheckResult("death.answer", WARN, "recorded"),
    ),
    DocumentType.ID_CARD,
)
CAME = (
    v.Check("A code to the line came back", "verified", "approve", "at try 2"),
    v.Check("A code to the contact came back", "verified", "approve"),
)


PICTURE = judged(
    4,
    DocumentKind.IMAGE,
    Outcome.REFER,
    Proof.NONE,
    (
        CheckResult("image.quality", PASS, "good"),
        CheckResult("image.repaired", WARN, "number"),
        CheckResult("image.agreement", WARN, "differs"),
        CheckResult("image.read", WARN, "to-confirm"),
        *passed("mrz.", code="digit-agrees"),
    ),
)


def evidence(*documents: DocumentCheck, codes: frozenset[str] = frozenset()) -> v.Evidence:
    papers = tuple(paper(each, "/admin/review/reg_1/documents") for each in documents)
    return v.Evidence(papers, CAME[: len(codes)], level(assess(documents, codes)))


USUAL = evidence(ZONE, codes=frozenset({"line"}))
SIGNED = evidence(CHIP, codes=frozenset({"line", "contact"}))
AGAINST = evidence(CHIP, LISTED, codes=frozenset({"line", "contact"}))
READ = evidence(PICTURE, replace(PICTURE, id=UUID(int=5)), codes=frozenset({"line"}))
NOTHING = evidence()
