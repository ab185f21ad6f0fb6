"""Nouns: what may be submitted, what a document says, how it was judged, and the policy that judged it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.documents.model.codes import DocumentKind, DocumentType, Outcome, Proof, Reason, RegistryAnswer
from service.documents.model.policy import DocumentPolicy, PersonalNumberRule, Treatment
from service.documents.model.trust import ImportKind, ImportRefused, TrustImport
from service.kit.checks import CheckOutcome, CheckResult
from service.kit.errors import BiometricRefused, JsonObject, JsonValue, Kind, Refusal
from service.kit.mrz import DocumentUnreadable, MrzDate

__all__ = [
    "BiometricRefused",
    "CheckOutcome",
    "CheckResult",
    "DocumentKind",
    "DocumentPolicy",
    "DocumentType",
    "DocumentUnreadable",
    "ImportKind",
    "ImportRefused",
    "Outcome",
    "PersonalNumberRule",
    "Proof",
    "Reason",
    "RegistryAnswer",
    "Treatment",
    "TrustImport",
]


class Phone(StrEnum):
    """Which of a registration's numbers: names as in ``service.registration.model.Target``."""

    LINE = "line"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True, repr=False)
class Phones:
    """The numbers (E.164) that a registry may compare with its record. ``line`` is None where the number is new to the
    applicant: a record that names it is about whoever had it before."""

    line: str | None = None
    contact: str | None = None

    @property
    def named(self) -> frozenset[Phone]:
        both = ((Phone.LINE, self.line), (Phone.CONTACT, self.contact))
        return frozenset(phone for phone, number in both if number is not None)


NO_PHONES: Final = Phones()


@dataclass(frozen=True, slots=True)
class RegistryReply:
    """A registry's answer; with a yes, which of the numbers it was asked about are on its record of this person."""

    answer: RegistryAnswer
    phones: frozenset[Phone] = frozenset()


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said outside of a document and the person on it; None where nobody was asked."""

    registry: RegistryReply | None = None
    lost_stolen: RegistryAnswer | None = None
    death: RegistryAnswer | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What was asked and answered, so that a repetition in the same request asks only what is new."""

    document: "DocumentFacts"
    phones: Phones
    answers: Answers


class KindNotEnabled(Refusal):
    """A kind of document that this installation cannot check; it was not kept."""

    code = "category-not-enabled"
    kind = Kind.INVALID
    title = "This kind is not enabled"


@dataclass(frozen=True, slots=True, repr=False)
class MrzSubmission:
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class NationalIdSubmission:
    """``country``: ISO 3166-1 alpha-2."""

    country: str
    number: str


@dataclass(frozen=True, slots=True, repr=False)
class AttestedSubmission:
    """A letter, a lost-document report: described by whoever saw it, always for a person to judge."""

    description: str


@dataclass(frozen=True, slots=True, repr=False)
class ImageSubmission:
    """A picture of a document as it came: JPEG, PNG or WebP. Lives in memory only, and is never decoded here."""

    picture: bytes


@dataclass(frozen=True, slots=True, repr=False)
class EmrtdSubmission:
    """What a chip gave (ICAO Doc 9303-10): EF.SOD, DG1, DG15, and its answer to our nonce, each in bytes."""

    sod: bytes
    dg1: bytes
    dg15: bytes | None = None
    active_authentication: bytes | None = None
    nonce: bytes | None = None
    """The challenge that was open for this registration, taken when the answer came; None where there was none."""


Submission = MrzSubmission | ImageSubmission | EmrtdSubmission | NationalIdSubmission | AttestedSubmission


@dataclass(frozen=True, slots=True)
class Quality:
    """What the gate measured of a picture: whole numbers, so that they may be stored."""

    width: int
    height: int
    blur: int
    """Variance of the Laplacian at 1000 pixels of width: sharp pictures have some hundreds."""
    glare: int
    """Saturated pixels, per mille."""


@dataclass(frozen=True, slots=True, repr=False)
class PictureRead:
    """What the reader saw in a picture: text lines that may be a zone, as they were read, top to bottom.

    ``lines`` are not repaired. ``scores`` are the reader's own certainty of each line, per mille. ``fingerprint``:
    256 bits of the perceptual hash of the picture with its portrait zone blacked out; None where no zone was found.
    ``advice``: codes of what to do better (``too-dark``, ``blurred``, ``glare``, ``too-small``, ``no-zone``).
    ``again``: the same lines, read a second time from other pixels (another scale, another contrast); empty where they
    were read once.
    """

    lines: tuple[str, ...]
    scores: tuple[int, ...]
    quality: Quality
    advice: tuple[str, ...] = ()
    fingerprint: bytes | None = None
    again: tuple[str, ...] = ()


MAX_CORRECTIONS = 3
"""Times that what was read of one picture may be corrected."""


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """What a machine read of a picture, kept sealed until it is erased with its subject, and beside it what whoever has
    the document said instead. ``repaired``: the fields of which a character was put right."""

    lines: tuple[str, ...]
    repaired: tuple[str, ...] = ()
    corrections: tuple[Mapping[str, JsonValue], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Correction:
    """What whoever has the document says of it; None: as it was read. ``lines``: the whole zone, in place of all."""

    document_number: str | None = None
    issuing_state: str | None = None
    nationality: str | None = None
    family_name: str | None = None
    given_names: str | None = None
    birth_date: str | None = None
    expiry_date: date | None = None
    sex: str | None = None
    lines: tuple[str, ...] | None = None

    def as_json(self) -> JsonObject:
        """What was said, by the names of ``api.md``."""
        found: JsonObject = {}
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if value is not None:
                found[name] = value.isoformat() if isinstance(value, date) else value
        return found


class PictureUnreadable(DocumentUnreadable):
    """A picture in which no zone was read; ``advice`` says what to do better, ``advice_codes`` the same in codes."""

    def __init__(self, codes: Sequence[str], advice: str) -> None:
        super().__init__(advice)
        self.facts["advice_codes"] = list(codes)


@dataclass(frozen=True, slots=True, repr=False)
class DocumentFacts:
    """What a document says, whatever kind it came as. Names in the letters of a zone, words parted by ``<``."""

    type: DocumentType
    type_class: str
    """``P`` passports, ``I`` cards, ``V`` visas, ``D`` driving licences, ``N`` a bare number (with the name of its
    scheme, where it is not its state's first): one document in any layout has one class."""
    issuing_state: str
    number: str
    primary: str = ""
    secondary: str = ""
    truncated: bool = False
    birth: MrzDate | None = None
    nationality: str = ""
    expires_on: date | None = None
    personal_number: str | None = None
    sex: str = ""
    """``F``, ``M`` or ``X``; empty where it is not shown."""


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who this is, as canonical texts for blind indexes (``service.kit.canon``); dates for risk's age and renewal."""

    document: str | None
    personal_number: str | None
    person: str | None
    person_weak: bool
    born: str | None
    expires_on: str | None

    def as_json(self) -> JsonObject:
        """What the registration seals."""
        return {
            "document": self.document,
            "personal_number": self.personal_number,
            "person": self.person,
            "person_weak": self.person_weak,
            "born": self.born,
            "expires_on": self.expires_on,
        }


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    """A judged document: codes only, but for ``expires_on``, which is stored sealed."""

    id: UUID
    registration_id: UUID
    kind: DocumentKind
    document_type: DocumentType
    issuing_state: str | None
    outcome: Outcome
    proof: Proof
    reason: Reason | None
    checks: tuple[CheckResult, ...]
    at: datetime
    expires_on: date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Examination:
    """A check with what it was made of. ``facts`` is None where nothing could be read (an attestation)."""

    check: DocumentCheck
    facts: DocumentFacts | None = field(repr=False)
    identity: Identity | None = field(repr=False)
    description: str | None = field(default=None, repr=False)
    asked: Asked | None = field(default=None, repr=False)
    chip: str | None = field(default=None, repr=False)
    """Digest of the chip's signed content, of which a keyed hash is kept and nothing else."""
    signals: Mapping[str, int | bool | str] = field(default_factory=dict)
    """Codes under the names of the risk catalogue: ``document_specimen``, ``registry_answer``, ``typed_data``, …"""
    reading: Reading | None = field(default=None, repr=False)
    """Of a picture, what was read and what was corrected."""
    fingerprint: bytes | None = field(default=None, repr=False)
    """Of a picture, the perceptual hash of what was left after the black-out: 32 bytes."""
