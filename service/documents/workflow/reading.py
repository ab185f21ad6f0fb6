"""From a submission to facts and findings, before anybody outside is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from service.documents import rules
from service.documents.model import DocumentFacts, DocumentKind, DocumentPolicy, DocumentType, Reading
from service.kit import mrz, states
from service.kit.checks import CheckResult
from service.kit.errors import JsonValue
from service.kit.national_id import FAULTS, NationalId
from service.kit.values import Malformed

Typed = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, repr=False)
class Read:
    """What reading a submission gave."""

    kind: DocumentKind
    type: DocumentType
    state: str | None
    findings: tuple[CheckResult, ...]
    facts: DocumentFacts | None = None
    description: str | None = None
    chip: str | None = None
    reading: Reading | None = None
    fingerprint: bytes | None = None


def zone(lines: tuple[str, ...], typed: Typed, policy: DocumentPolicy, now: datetime) -> Read:
    """Typed lines of a machine-readable zone. Raises ``DocumentUnreadable`` for lines that are none."""
    today = now.date()
    parsed = mrz.parse(lines)
    facts = rules.facts_of(parsed, policy, today)
    findings = rules.findings_of_mrz(parsed, facts, typed, policy, today)
    return Read(DocumentKind.MRZ, facts.type, known_state(facts.issuing_state), findings, facts)


def known_state(code: str) -> str | None:
    """A code that is in no table is not repeated: it would be free text."""
    return code if code in states.ISSUERS else None


def number(country: str, text: str, typed: Typed, policy: DocumentPolicy, now: datetime) -> Read:
    """A national number. Raises ``Malformed`` for a country without a table."""
    today = now.date()
    found: NationalId | None = None
    fault = ""
    try:
        found = NationalId.parse(country, text, today)
    except Malformed as malformed:
        if malformed.reason not in FAULTS:
            raise
        fault = malformed.reason
    facts = rules.facts_of_number(found) if found else None
    findings = rules.findings_of_number(found, facts, typed, policy, today, fault)
    state = found.state if found else None
    return Read(DocumentKind.NATIONAL_ID, DocumentType.NATIONAL_NUMBER, state, findings, facts)


def attestation(description: str) -> Read:
    findings = rules.findings_of_attestation()
    return Read(DocumentKind.ATTESTED, DocumentType.ATTESTATION, None, findings, None, description)
