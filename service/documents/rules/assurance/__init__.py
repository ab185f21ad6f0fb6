"""What the evidence of one registration amounts to, and why: GPG 45 and NIST SP 800-63A-4, without any face.

From judged documents and the codes that came back to scores (:mod:`.scheme`), to a profile (:mod:`.profiles`), to an
IAL (:mod:`.nist`), and to what is missing for the next level.

A document counts only where its outcome is ``pass``: while it waits for a person or contradicts itself it amounts to
nothing. Two reads of one type from one state count as one piece of evidence, since nothing kept in clear tells them
apart. What the lists of lost documents and of deaths say counts for a document that its issuer stands behind: an
invented number is on no list. What speaks against a person (a listed document, a death on record) leaves no level
until a person has looked. Most registrations at a shop have neither registry nor signature behind them and reach no
level; that is said, not hidden. ETSI TS 119 461 has no row: an uploaded picture meets none of its levels (8.3.2-02X,
-06, -07X).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentKind,
    DocumentType,
    Outcome,
    Phone,
    Proof,
)
from service.documents.rules import authorities
from service.documents.rules.assurance import nist, profiles
from service.documents.rules.assurance.missing import for_next_ial, for_next_profile
from service.documents.rules.assurance.nist import Grade, Held, Ial, Ownership
from service.documents.rules.assurance.profiles import Confidence, Profile, Scores
from service.documents.rules.assurance.scheme import ROWS, contribution

__all__ = ["Assured", "Confidence", "Ial", "Piece", "assess", "ceiling", "contribution"]

EUROPEAN: Final = frozenset(
    {
        "AUT",
        "BEL",
        "BGR",
        "HRV",
        "CYP",
        "CZE",
        "DNK",
        "EST",
        "FIN",
        "FRA",
        "D",
        "DEU",
        "GRC",
        "HUN",
        "IRL",
        "ITA",
    }
    | {
        "LVA",
        "LTU",
        "LUX",
        "MLT",
        "NLD",
        "POL",
        "PRT",
        "ROU",
        "SVK",
        "SVN",
        "ESP",
        "SWE",
        "ISL",
        "LIE",
        "NOR",
    }
)
"""Issuers, as zones write them, of cards under Regulation (EU) 2019/1157 and licences under Directive 2006/126/EC."""

_CARDS: Final = frozenset({DocumentType.ID_CARD, DocumentType.RESIDENCE_PERMIT})
_ALONE: Final = frozenset({DocumentType.NATIONAL_NUMBER, DocumentType.ATTESTATION, DocumentType.UNKNOWN})
BACKED: Final = 2
"""The validity from which an issuer stands behind a document: its registry's yes, or its signature."""

_AGAINST: Final = (
    (authorities.LOST_STOLEN, "listed", "the document is listed as lost or stolen"),
    (authorities.DEATH, "recorded", "a death of this person is recorded"),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence. ``document`` is None for the phone account; ``rows`` name its scores in the scheme."""

    document: DocumentCheck | None
    held: Held | None
    rows: tuple[str, ...]
    ial1: tuple[str, ...] = ()
    """What is missing until this piece carries IAL1."""

    @property
    def scores(self) -> profiles.Pair:
        strength, validity = (ROWS[row].score for row in self.rows[:2])
        return strength, validity


@dataclass(frozen=True, slots=True)
class Assured:
    """The whole judgement. ``against``: what speaks against the person, in words; then there is no level."""

    pieces: tuple[Piece, ...]
    waiting: tuple[DocumentCheck, ...]
    """Documents that do not count: not passed."""
    rows: Mapping[str, str]
    """``activity``, ``fraud`` and ``verification`` to the row that gives each its score."""
    scores: Scores
    profile: Profile | None
    ial: Ial
    missing: tuple[str, ...]
    """For the next confidence of GPG 45."""
    aims_at: str
    """The profile that ``missing`` is for; empty where there is no further one."""
    missing_ial: tuple[str, ...]
    against: tuple[str, ...] = ()

    @property
    def confidence(self) -> Confidence:
        return self.profile.confidence if self.profile else Confidence.NONE


def assess(documents: Sequence[DocumentCheck], codes: Collection[str]) -> Assured:
    """``codes``: the targets (``line``, ``contact``) from which a code came back that counts."""
    now = _weigh([each for each in documents if each.outcome is Outcome.PASS], codes)
    against = tuple(text for check, code, text in _AGAINST if _says(documents, check, code))
    if against:
        now = replace(now, rows={**now.rows, "fraud": "fraud.nothing"})
    profile = None if against else profiles.reached(now.scores)
    ial = Ial.NONE if against else nist.level(now.held, deaths_asked=now.deaths_asked)
    aims_at, missing, missing_ial = _wanted(documents, codes, now, profile, ial)
    first = tuple(f"a person who looked at what speaks against it: {text}" for text in against)
    return Assured(
        pieces=now.pieces,
        waiting=tuple(each for each in documents if each.outcome is not Outcome.PASS),
        rows=now.rows,
        scores=now.scores,
        profile=profile,
        ial=ial,
        missing=(*first, *missing),
        aims_at=aims_at,
        missing_ial=(*first, *missing_ial),
        against=against,
    )


@dataclass(frozen=True, slots=True)
class _Weight:
    """Documents that are taken to count, as both standards see them."""

    pieces: tuple[Piece, ...]
    rows: Mapping[str, str]
    deaths_asked: bool

    @property
    def scores(self) -> Scores:
        others = {part: ROWS[row].score for part, row in self.rows.items()}
        return Scores(tuple(piece.scores for piece in self.pieces), **others)

    @property
    def held(self) -> list[Held]:
        return [piece.held for piece in self.pieces if piece.held is not None]


def _weigh(documents: Sequence[DocumentCheck], codes: Collection[str]) -> _Weight:
    counted = _best_of_each(documents)
    backed = [each for each in counted if ROWS[_validity(each)].score >= BACKED]
    rows = {
        "activity": "activity.nothing",
        "fraud": _fraud(backed),
        "verification": _verification(backed, codes),
    }
    pieces = [_piece(each, codes) for each in counted]
    if codes:
        pieces.append(_phone_account())
    return _Weight(tuple(pieces), rows, _says(backed, authorities.DEATH, "not-recorded"))


def _wanted(
    documents: Sequence[DocumentCheck],
    codes: Collection[str],
    now: _Weight,
    profile: Profile | None,
    ial: Ial,
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """(the profile aimed at, what it wants, what the next IAL wants). Where a document waits for a person and less is
    missing once it has passed, that look is the first thing that is missing."""
    aims_at, missing = for_next_profile(profile, now.scores)
    missing_ial = for_next_ial(ial, now.held, deaths_asked=now.deaths_asked)
    waiting = [each for each in documents if each.outcome is Outcome.REFER]
    if waiting:
        hoped = _weigh([each for each in documents if each.outcome is not Outcome.FAIL], codes)
        looks = tuple(dict.fromkeys(f"a person who looked at the {_name(each)}" for each in waiting))
        name, less = for_next_profile(profile, hoped.scores)
        if len(less) < len(missing):
            aims_at, missing = name, (*looks, *less)
        less_ial = for_next_ial(ial, hoped.held, deaths_asked=hoped.deaths_asked)
        if less_ial != missing_ial:
            missing_ial = (*looks, *less_ial)
    return aims_at, missing, missing_ial


def _name(document: DocumentCheck) -> str:
    return document.document_type.value.replace("_", " ")


def ceiling(assured: Assured) -> str:
    """The most that the wire's ``assurance`` may say: ``substantial`` only where an issuer stands behind a document,
    by its signature or its registry; ``high`` never, since nothing here compares a person with a document."""
    documents = [piece for piece in assured.pieces if piece.document is not None]
    if not documents or assured.against:
        return "none"
    return "substantial" if any(piece.scores[1] >= BACKED for piece in documents) else "basic"


def _best_of_each(documents: Iterable[DocumentCheck]) -> list[DocumentCheck]:
    best: dict[tuple[DocumentType, str | None], DocumentCheck] = {}
    for each in documents:
        kind = (each.document_type, each.issuing_state)
        if kind not in best or _rank(each) > _rank(best[kind]):
            best[kind] = each
    return list(best.values())


def _rank(document: DocumentCheck) -> tuple[int, int]:
    return ROWS[_validity(document)].score, ROWS[_strength(document)].score


def _strength(document: DocumentCheck) -> str:
    kind, chip = document.document_type, "_chip" if _is_signed(document) else ""
    european = "european_" if document.issuing_state in EUROPEAN else ""
    if kind is DocumentType.PASSPORT:
        return f"strength.passport{chip}"
    if kind in _CARDS:
        return f"strength.{european if kind is DocumentType.ID_CARD else ''}card{chip}"
    if kind is DocumentType.DRIVING_LICENCE:
        return f"strength.{european}licence"
    return "strength.nothing" if kind in _ALONE else "strength.visa"


def _validity(document: DocumentCheck) -> str:
    if _is_signed(document):
        asked = _passed(document.checks, authorities.REGISTRY) or _passed(
            document.checks, authorities.LOST_STOLEN
        )
        return "validity.signature_and_issuer" if asked else "validity.signature"
    return "validity.registry" if _passed(document.checks, authorities.REGISTRY) else "validity.agrees"


def _piece(document: DocumentCheck, codes: Collection[str]) -> Piece:
    rows = (_strength(document), _validity(document))
    grade = _grade(document)
    if grade is None:
        return Piece(document, None, (*rows, "nist.none"))
    held = Held(
        name=_name(document),
        grade=grade,
        genuine=_is_signed(document),
        accurate=_is_signed(document) or _passed(document.checks, authorities.REGISTRY),
        owned=frozenset({Ownership.CODE}) if _code_came(document, codes) else frozenset(),
    )
    return Piece(document, held, (*rows, f"nist.{grade.value}"))


def _grade(document: DocumentCheck) -> Grade | None:
    if document.document_type is DocumentType.PASSPORT and _is_signed(document):
        return Grade.SUPERIOR
    strong = {DocumentType.PASSPORT, DocumentType.DRIVING_LICENCE, *_CARDS}
    return Grade.STRONG if document.document_type in strong else None


def _phone_account() -> Piece:
    """An SMS code counts for the phone account only, and whose account it is, nobody was asked."""
    held = Held("phone account", Grade.FAIR, False, False, frozenset({Ownership.CODE}))
    return Piece(None, held, ("strength.phone_account", "validity.not_asked", "nist.fair"))


def _fraud(backed: Sequence[DocumentCheck]) -> str:
    if not _says(backed, authorities.LOST_STOLEN, "not-listed"):
        return "fraud.nothing"
    return "fraud.not_deceased" if _says(backed, authorities.DEATH, "not-recorded") else "fraud.not_listed"


def _verification(backed: Sequence[DocumentCheck], codes: Collection[str]) -> str:
    if any(_code_came(document, codes) for document in backed):
        return "verification.code"
    if any(_is_signed(document) and _passed(document.checks, authorities.CHIP) for document in backed):
        return "verification.chip"
    return "verification.nothing"


def _code_came(document: DocumentCheck, codes: Collection[str]) -> bool:
    """Whether a code came back from a number that the registry has on its record of this person."""
    proved = any(
        result.id == authorities.POSSESSION and result.code == "number-proved" for result in document.checks
    )
    return proved or bool(authorities.ties(document.checks) & {Phone(code) for code in codes})


def _is_signed(document: DocumentCheck) -> bool:
    return document.kind is DocumentKind.EMRTD and document.proof is Proof.SIGNED


def _passed(findings: Iterable[CheckResult], check_id: str) -> bool:
    return any(result.id == check_id and result.outcome is CheckOutcome.PASS for result in findings)


def _says(documents: Iterable[DocumentCheck], check_id: str, code: str) -> bool:
    return any(result.id == check_id and result.code == code for each in documents for result in each.checks)
