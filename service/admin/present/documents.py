"""Documents in words: every check by its source with what it proves, and the level that all of it reaches."""

from collections.abc import Mapping, Sequence

from service.admin import document_words as words
from service.admin.views import (
    Badge,
    Check,
    ConfirmForm,
    Evidence,
    Fact,
    Level,
    Missing,
    Paper,
    Score,
    Source,
)
from service.documents.model import CheckResult, DocumentCheck, DocumentKind, Outcome, Reading
from service.documents.rules import describe, proved, proves
from service.documents.rules.assurance import Assured, Confidence, Ial, Piece, assess, contribution
from service.documents.rules.assurance.scheme import NO_SCORE, ROWS
from service.kit.ids import wire
from service.registration.model import Registration, State
from service.registration.rules import proved_by_code


def evidence(
    registration: Registration, documents: Sequence[DocumentCheck], *, may_confirm: bool = False
) -> Evidence:
    """Documents, the strongest first; the codes; the level. ``may_confirm``: this person may say what the document of
    a picture shows, while the registration is in review. The verb checks all of it again."""
    by_code = proved_by_code(registration)
    shown = [proved(document, by_code) for document in documents]
    order = [name for name, _, _ in words.PROOF]
    shown.sort(key=lambda document: order.index(document.proof))
    codes = tuple(
        Check(f"A code to the {proof.to} came back", "verified", "approve", _tries(proof.tries))
        for proof in registration.codes
    )
    base = f"/admin/review/{wire('reg', registration.id)}/documents"
    forms = may_confirm and registration.state is State.IN_REVIEW
    papers = tuple(paper(each, base if forms else None) for each in shown)
    return Evidence(papers, codes, level(assess(shown, by_code)))


def _tries(tries: int) -> str | None:
    return None if tries <= 1 else f"at try {tries}"


def title(document: DocumentCheck) -> str:
    kind = document.document_type.replace("_", " ").capitalize()
    return f"{kind} {document.issuing_state}" if document.issuing_state else kind


def paper(document: DocumentCheck, confirm_at: str | None = None) -> Paper:
    word, means = next((word, means) for name, word, means in words.PROOF if name == document.proof)
    return Paper(
        id=wire("doc", document.id),
        title=title(document),
        badge=Badge(*words.OUTCOME[document.outcome]),
        how=words.KIND.get(document.kind, document.kind),
        proof=word,
        means=means,
        sources=_sources(document.checks),
        confirm=_confirm(document, confirm_at),
    )


def _confirm(document: DocumentCheck, at: str | None) -> ConfirmForm | None:
    if at is None or document.kind is not DocumentKind.IMAGE or document.outcome is not Outcome.REFER:
        return None
    path = f"{at}/{wire('doc', document.id)}/confirm"
    return ConfirmForm(path, words.CONFIRM_FIELDS, words.CONFIRM_REASONS)


def readings(found: Sequence[tuple[DocumentCheck, Reading]]) -> tuple[Fact, ...]:
    """What was read of pictures and what was said instead, in clear: for a reveal that was charged and audited."""
    facts: list[Fact] = []
    for document, reading in found:
        name = title(document)
        facts += [
            Fact(f"{name}, line {number} as read", line) for number, line in enumerate(reading.lines, start=1)
        ]
        for correction in reading.corrections:
            said, at = correction["said"], str(correction["at"])[:16].replace("T", " ")
            assert isinstance(said, Mapping)
            for field, value in said.items():
                shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
                facts.append(Fact(f"{words.NAMES[field]} as corrected, {at}", shown, "name"))
    return tuple(facts)


def _sources(checks: Sequence[CheckResult]) -> tuple[Source, ...]:
    """By source, in the order of the page; sources without a check are left out, and no check is."""
    found = []
    of = [each.id.partition(".")[0] for each in checks]
    named = {name for name, _, _ in words.SOURCES}
    others = [
        (name, name.replace("_", " ").capitalize(), "") for name in dict.fromkeys(of) if name not in named
    ]
    for name, word, means in (*words.SOURCES, *others):
        made = [_check(each) for each, source in zip(checks, of, strict=True) if source == name]
        seen = tuple(each for each in made if each.tone in ("review", "deny"))
        rest = tuple(each for each in made if each.tone not in ("review", "deny"))
        if made:
            found.append(Source(word, means, seen, rest, _folded(rest)))
    return tuple(found)


def _folded(rest: Sequence[Check]) -> str:
    agree = sum(1 for each in rest if each.tone == "approve")
    counts = ((agree, "agrees" if agree == 1 else "agree"), (len(rest) - agree, "not checked"))
    return ", ".join(f"{count} {text}" for count, text in counts if count)


def _check(result: CheckResult) -> Check:
    outcome, tone = words.CHECK[result.outcome]
    gives = contribution(result.id)
    return Check(
        describe(result), outcome, tone, proves=proves(result.id), gives="" if gives == NO_SCORE else gives
    )


def level(found: Assured) -> Level:
    is_low = found.confidence is not Confidence.NONE
    name = f"{words.CONFIDENCE[found.confidence]}{f', {found.profile.name}' if found.profile else ''}"
    says = words.SPEAKS_AGAINST if found.against else words.A_LEVEL if is_low else words.NO_LEVEL
    has_ial = found.ial is not Ial.NONE
    return Level(
        gpg=Badge(f"GPG 45: {name}", "approve" if is_low else "plain"),
        ial=Badge(f"NIST: {found.ial if has_ial else 'no IAL'}", "approve" if has_ial else "plain"),
        says=says,
        scores=(*(score for piece in found.pieces for score in _piece(piece)), *_person(found)),
        missing=_missing(found),
        waiting=tuple(dict.fromkeys(map(_waiting, found.waiting))),
    )


def _piece(piece: Piece) -> tuple[Score, ...]:
    name = title(piece.document) if piece.document else "Phone account"
    strength, validity, grade = (ROWS[row] for row in piece.rows)
    return (
        Score(f"{name}: strength", strength.gives, strength.why),
        Score(f"{name}: validity", validity.gives, validity.why),
        Score(f"{name}: NIST evidence", grade.gives, grade.why),
    )


def _person(found: Assured) -> tuple[Score, ...]:
    rows = ((label, ROWS[found.rows[part]]) for part, label in words.PARTS)
    return tuple(Score(label, row.gives, row.why) for label, row in rows)


def _missing(found: Assured) -> tuple[Missing, ...]:
    confidence = "medium" if found.confidence is Confidence.LOW else "low"
    ial = Ial.IAL2 if found.ial is Ial.IAL1 else Ial.IAL1
    both = (
        Missing(f"For {confidence} confidence by profile {found.aims_at} of GPG 45", found.missing),
        Missing(f"For {ial} of NIST SP 800-63A-4", found.missing_ial),
    )
    return tuple(each for each in both if each.wants)


def _waiting(document: DocumentCheck) -> str:
    why = "it does not pass" if document.outcome is Outcome.FAIL else "a person has to look at it first"
    return f"{title(document)} does not count: {why}."
