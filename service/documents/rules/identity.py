"""From a zone or a number to facts, and from facts to what identifies a document and a person."""

from datetime import date

from service.documents.model import DocumentFacts, DocumentPolicy, DocumentType, Identity
from service.kit import national_id
from service.kit.canon import IndexKind, canon
from service.kit.mrz import Layout, Mrz, birth_date, expiry_date
from service.kit.national_id import NationalId

_MIN_PERSONAL_NUMBER = 6


def facts_of(mrz: Mrz, policy: DocumentPolicy, today: date) -> DocumentFacts:
    """What the zone says; dates that are none are None."""
    kind, type_class = _type(mrz)
    names = mrz.names
    ends = expiry_date(mrz.expiry_date, today)
    return DocumentFacts(
        type=kind,
        type_class=type_class,
        issuing_state=mrz.issuing_state,
        number=mrz.document_number,
        primary=names.primary,
        secondary=names.secondary,
        truncated=names.truncated,
        birth=birth_date(mrz.birth_date, today),
        nationality=mrz.nationality,
        expires_on=ends.exact if ends else None,
        personal_number=_personal_number(mrz, policy, today),
        sex=mrz.sex if mrz.sex in ("F", "M", "X") else "",
    )


def facts_of_number(number: NationalId) -> DocumentFacts:
    """A bare national number: a document of class N whose number is the personal number. A number of a state's second
    scheme (a tax number beside the register's) is kept apart by the scheme's name: schemes share numbers."""
    first = number.canonical == number.number
    return DocumentFacts(
        type=DocumentType.NATIONAL_NUMBER,
        type_class="N" if first else f"N{number.scheme.name}",
        issuing_state=number.state,
        number=number.number,
        birth=number.birth,
        personal_number=number.canonical,
        sex=number.sex,
    )


def _type(mrz: Mrz) -> tuple[DocumentType, str]:
    """The type by layout and document code (9303-4, -5, -6, -7). The second letter is the issuer's own but for
    AC, crews (9303-5, 4.2.2.2), and R, which the common form of EU residence permits uses."""
    if mrz.layout in (Layout.DL_FRA, Layout.DL_CHE):
        return DocumentType.DRIVING_LICENCE, "D"
    code = mrz.document_code
    if mrz.layout in (Layout.MRV_A, Layout.MRV_B):
        return DocumentType.VISA, "V"
    if mrz.layout is Layout.TD3:
        return (DocumentType.PASSPORT, "P") if code[:1] == "P" else (DocumentType.UNKNOWN, "X")
    if code == "AC":
        return DocumentType.CREW_CERTIFICATE, "I"
    if code[:1] not in ("A", "C", "I"):
        return DocumentType.UNKNOWN, "X"
    return (DocumentType.RESIDENCE_PERMIT if code[1:] == "R" else DocumentType.ID_CARD), "I"


def _personal_number(mrz: Mrz, policy: DocumentPolicy, today: date) -> str | None:
    """The government's number of the person, where policy knows that this state writes it in this field.

    A wrong guess would join strangers under one cap: unless its own checksum agrees, it is none.
    """
    state, layout = mrz.issuing_state, mrz.layout.value
    for rule in policy.personal_numbers:
        if rule.state == state and rule.layout == layout:
            text = (mrz.optional if rule.field == "optional" else mrz.optional_2).replace("<", "")
            if rule.checked:
                return national_id.compact_of_state(state, text, today)
            return text if len(text) >= _MIN_PERSONAL_NUMBER else None
    return None


def identity_of(facts: DocumentFacts) -> Identity:
    """Canonical texts of document, personal number and person. A part that cannot be canonical is None.

    The person needs a name and a whole birth date; ``person_weak`` says that many share them: 1 January, or a
    date of which a part is unknown (then there is no person at all).
    """
    birth = facts.birth
    whole = birth.exact if birth else None
    return Identity(
        document=_canon(IndexKind.DOCUMENT, facts.issuing_state, facts.type_class, facts.number),
        personal_number=_canon(IndexKind.PERSONAL_NUMBER, facts.issuing_state, facts.personal_number),
        person=_canon(
            IndexKind.PERSON,
            facts.primary,
            facts.secondary.partition("<")[0],
            whole.isoformat() if whole else None,
            facts.issuing_state,
        ),
        person_weak=birth is None or birth.is_weak,
        born=birth.iso if birth else None,
        expires_on=facts.expires_on.isoformat() if facts.expires_on else None,
    )


def _canon(kind: IndexKind, *parts: str | None) -> str | None:
    if any(part is None for part in parts):
        return None
    try:
        return canon(kind, *[part for part in parts if part is not None])
    except ValueError:
        return None


def identity_keys(identity: Identity) -> list[tuple[IndexKind, str]]:
    """What of an identity is indexed. A renewed document joins its predecessor by personal number and person."""
    pairs = (
        (IndexKind.DOCUMENT, identity.document),
        (IndexKind.PERSONAL_NUMBER, identity.personal_number),
        (IndexKind.PERSON, identity.person),
    )
    return [(kind, text) for kind, text in pairs if text is not None]
