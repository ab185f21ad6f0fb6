"""Documents as the page of a case has them: no check is lost, and each says what it proves."""

from datetime import UTC, datetime
from uuid import UUID

from service.admin.document_words import SOURCES
from service.admin.present.documents import level, paper
from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentKind,
    DocumentType,
    Outcome,
    Proof,
)
from service.documents.rules.assurance import assess
from service.documents.rules.details import SUBJECTS
from service.documents.rules.proving import PROVES

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def judged(*checks: CheckResult, kind: DocumentKind = DocumentKind.MRZ) -> DocumentCheck:
    return DocumentCheck(
        UUID(int=1),
        UUID(int=2),
        kind,
        DocumentType.PASSPORT,
        "NLD",
        Outcome.REFER,
        Proof.NONE,
        None,
        checks,
        NOW,
    )


def test_every_check_is_on_the_page_under_a_source_that_has_words() -> None:
    assert {check.partition(".")[0] for check in SUBJECTS} == {name for name, _, _ in SOURCES}
    for outcome in CheckOutcome:
        every = [CheckResult(check, outcome, "known") for check in (*SUBJECTS, "of_tomorrow.check")]
        shown = paper(judged(*every))
        made = [check for source in shown.sources for check in (*source.checks, *source.rest)]
        assert len(made) == len(every)
        assert sorted(check.proves for check in made if check.proves) == sorted(PROVES.values())


def test_only_a_picture_that_waits_has_a_form_and_it_is_never_filled_in() -> None:
    form = paper(judged(kind=DocumentKind.IMAGE), "/base").confirm
    assert form is not None
    assert not any(field.value for field in form.fields)
    assert paper(judged(kind=DocumentKind.MRZ), "/base").confirm is None
    assert paper(judged(kind=DocumentKind.IMAGE)).confirm is None


def test_a_document_that_waits_is_named_once_and_the_page_says_plainly_that_there_is_no_level() -> None:
    shown = level(assess([judged(), judged()], {"line"}))
    assert shown.waiting == ("Passport NLD does not count: a person has to look at it first.",)
    assert "no profile" in shown.gpg.word
    assert "says nothing against the applicant" in shown.says
