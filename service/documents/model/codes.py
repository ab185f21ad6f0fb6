"""How a document came, what it is, and what came of it: closed sets of codes."""

from enum import StrEnum


class DocumentKind(StrEnum):
    """How a document was submitted (``api.md``)."""

    MRZ = "mrz"
    IMAGE = "image"
    EMRTD = "emrtd"
    NATIONAL_ID = "national_id"
    ATTESTED = "attested"


class DocumentType(StrEnum):
    PASSPORT = "passport"
    ID_CARD = "id_card"
    RESIDENCE_PERMIT = "residence_permit"
    VISA = "visa"
    CREW_CERTIFICATE = "crew_certificate"
    DRIVING_LICENCE = "driving_licence"
    NATIONAL_NUMBER = "national_number"
    ATTESTATION = "attestation"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome: read and consistent
    REFER = "refer"  # a person must look, or the applicant correct something
    FAIL = "fail"


class Proof(StrEnum):
    """What the evidence shows about itself. Typed is consistent at most; NONE where not even that was found."""

    NONE = "none"
    CONSISTENT = "consistent"
    CONFIRMED = "confirmed"
    SIGNED = "signed"


class Reason(StrEnum):
    """What callers without scope ``evidence`` are told of an outcome other than pass."""

    DETAILS_DISAGREE = "details-disagree"
    NOT_ACCEPTED = "not-accepted"
    UNREADABLE = "unreadable"
    NEEDS_A_PERSON = "needs-a-person"


class RegistryAnswer(StrEnum):
    """The three answers of everyone who is asked: the registry, the list of lost documents, the register of deaths."""

    YES = "yes"
    NO = "no"
    NOT_AVAILABLE = "not_available"
