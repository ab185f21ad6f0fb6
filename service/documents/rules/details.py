"""What a finding means, in words for staff: made from id and code alone, so that nothing personal is stored."""

from typing import Final

from service.kit.checks import CheckResult

SUBJECTS: Final = {
    "mrz.document_code": "Document code",
    "mrz.issuing_state": "Issuing state",
    "mrz.nationality": "Nationality",
    "mrz.names": "Name field",
    "mrz.document_number": "Document number",
    "mrz.document_number_digit": "Check digit of the document number",
    "mrz.birth_date": "Birth date",
    "mrz.birth_date_digit": "Check digit of the birth date",
    "mrz.sex": "Sex",
    "mrz.expiry_date": "Expiry date",
    "mrz.expiry_date_digit": "Check digit of the expiry date",
    "mrz.personal_number_digit": "Check digit of the personal number",
    "mrz.composite_digit": "Composite check digit",
    "national_id.number": "National number",
    "attested.description": "Attestation",
    "document.type": "Type of document from this issuer",
    "document.specimen": "Specimen",
    "document.validity": "Remaining validity",
    "document.age": "Age of the holder",
    "typed.names": "Typed names",
    "typed.birth_date": "Typed birth date",
    "typed.nationality": "Typed nationality",
    "registry.answer": "Registry",
}

CODES: Final = {
    "accepted": "accepted by policy",
    "agrees": "agrees with the document",
    "allowed": "a published specimen, which this policy lets pass",
    "crew": "a crew member certificate, which is no proof of identity here",
    "digit-agrees": "agrees",
    "digit-missing": "a filler stands in its place",
    "digit-wrong": "does not agree with the characters before it",
    "disagrees": "differs from the document",
    "empty": "nothing is there",
    "broken": "begins with a filler",
    "expired": "the last day has passed",
    "expired-lately": "the last day has passed, within the days of grace",
    "far": "further ahead than documents are issued for, or one that never expires",
    "field-empty": "the field is empty, as is allowed",
    "implausible": "higher than policy expects of a person",
    "known": "in the tables of ICAO Doc 9303",
    "long-enough": "as long as policy asks",
    "needs-a-person": "only a person can judge it",
    "no": "not issued to this person, or no longer valid",
    "none": "none",
    "not-asked": "not asked",
    "not-available": "gave no answer",
    "not-shown": "the document does not show it",
    "not-typed": "nothing was typed",
    "partial": "a part is missing, swapped, an initial or in a script that cannot be compared",
    "partly-unknown": "a part is unknown, as is allowed",
    "plausible": "plausible",
    "present": "present",
    "real": "a day that exists",
    "refer": "policy wants a person to look",
    "refused": "not accepted by policy",
    "sound": "as the standard writes names",
    "too-short": "shorter than policy asks",
    "uneven": "more fillers than the standard writes",
    "unknown": "not in the tables of ICAO Doc 9303, or not stated",
    "unreal": "no such day",
    "unsound": "characters that no name field has",
    "valid": "not yet passed",
    "yes": "issued to this person and valid",
}


def describe(result: CheckResult) -> str:
    """``Check digit of the birth date: does not agree with the characters before it.``"""
    return f"{SUBJECTS.get(result.id, result.id)}: {CODES.get(result.code, result.code)}."
