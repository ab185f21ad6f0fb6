"""From findings to an outcome, a proof and a coarse reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from service.documents.model import (
    Answers,
    CheckOutcome,
    CheckResult,
    DocumentFacts,
    DocumentPolicy,
    DocumentType,
    Outcome,
    Proof,
    Reason,
    RegistryAnswer,
    Treatment,
)
from service.documents.rules import authorities, chips, numbers, plausible
from service.documents.rules.agreement import PREFIX, agreement_findings, sources_agree
from service.documents.rules.compare import Typed, typed_findings
from service.documents.rules.pictures import awaits_confirmation
from service.kit import states
from service.kit.mrz import Mrz, MrzDate, check
from service.kit.national_id import NationalId

_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED

# Some issuers write more fillers than the standard: said, but no reason for a person to look.
_HARMLESS: Final = frozenset({("mrz.names", "uneven")}) | plausible.UNUSUAL
# Failures that say "we do not take this", where every other failure of the document itself says "read it again".
_NOT_ACCEPTED: Final = frozenset(
    {("mrz.expiry_date", "expired"), ("mrz.document_code", "crew"), ("mrz.issuing_state", "unknown")}
)


@dataclass(frozen=True, slots=True)
class Judgement:
    checks: tuple[CheckResult, ...]
    outcome: Outcome
    proof: Proof
    reason: Reason | None
    signals: Mapping[str, int | bool | str]


def findings_of_mrz(
    mrz: Mrz, facts: DocumentFacts, typed: Typed, policy: DocumentPolicy, today: date
) -> tuple[CheckResult, ...]:
    """Every check of a zone, of policy, and of what was typed; the registry is not asked yet."""
    zone = tuple(_with_grace(result, facts, policy, today) for result in check(mrz, today))
    own = numbers.findings_in_zone(facts, today)
    return (*zone, *own, *_policy_findings(facts, policy, today), *typed_findings(facts, typed, policy))


def findings_of_number(
    number: NationalId | None,
    facts: DocumentFacts | None,
    typed: Typed,
    policy: DocumentPolicy,
    today: date,
    fault: str = "number-digit",
) -> tuple[CheckResult, ...]:
    """``number`` is None where it is none of its state's; ``fault`` is then what ``NationalId.parse`` found."""
    if number is None or facts is None:
        return numbers.findings_of_fault(fault)
    own = numbers.findings_of(number, today)
    return (*own, *_policy_findings(facts, policy, today), *typed_findings(facts, typed, policy))


def findings_of_attestation() -> tuple[CheckResult, ...]:
    return (CheckResult("attested.description", _WARN, "needs-a-person"),)


def is_sound(findings: Iterable[CheckResult]) -> bool:
    """Whether nothing failed: a document that fails by itself is not shown around."""
    return all(result.outcome is not _FAIL for result in findings)


def conclude(findings: tuple[CheckResult, ...], answers: Answers) -> Judgement:
    """The outcome of all findings together with what was said outside.

    A picture's read that nobody has confirmed: refer, whatever else is found, because all of it may be the reader's
    mistake. Anything that failed: fail. A registry's no, or a listed document: refer, because the decision denies on
    it (``risk``), and a document that fails would never reach the decision. A warning: refer. Else pass.
    """
    own = tuple(result for result in findings if result.id not in authorities.ASKED)
    findings = (*own, *authorities.findings_of(answers, own))
    if awaits_confirmation(findings):
        signals = _signals(findings, answers)
        return Judgement(findings, Outcome.REFER, Proof.NONE, Reason.NEEDS_A_PERSON, signals)
    failed = [result for result in own if result.outcome is _FAIL]
    refused = any(result.outcome is _FAIL for result in findings)
    warned = [
        result
        for result in findings
        if result.outcome is _WARN
        and (result.id, result.code) not in _HARMLESS
        and (
            not result.id.startswith("image.") or result.id == "image.correction"
        )  # image.read sums up the rest
    ]
    outcome, reason = Outcome.PASS, None
    if failed:
        outcome, reason = Outcome.FAIL, min(map(_reason, failed), key=_ORDER.index)
    elif refused:
        outcome, reason = Outcome.REFER, Reason.NOT_ACCEPTED
    elif warned:
        typed = any(result.id.startswith("typed.") for result in warned)
        outcome, reason = Outcome.REFER, Reason.DETAILS_DISAGREE if typed else Reason.NEEDS_A_PERSON
    return Judgement(findings, outcome, _proof(findings, reason), reason, _signals(findings, answers))


_ORDER: Final = [Reason.UNREADABLE, Reason.NOT_ACCEPTED, Reason.DETAILS_DISAGREE, Reason.NEEDS_A_PERSON]


def _reason(failed: CheckResult) -> Reason:
    if failed.id.startswith("typed."):
        return Reason.DETAILS_DISAGREE
    if failed.id.startswith(("document.", "chip.")) or (failed.id, failed.code) in _NOT_ACCEPTED:
        return Reason.NOT_ACCEPTED
    return Reason.UNREADABLE


def _proof(findings: tuple[CheckResult, ...], reason: Reason | None) -> Proof:
    if reason is Reason.UNREADABLE or any(result.id.startswith("attested.") for result in findings):
        return Proof.NONE
    if chips.of_chip(findings):
        if chips.is_false(findings):
            return Proof.NONE
        if chips.is_signed(findings):
            return Proof.SIGNED
    return authorities.proof_of(findings)


_TRUTHS: Final = {
    "document_known_fake": (plausible.KNOWN_FAKE, "on-list"),
    "document_number_unusual": (plausible.FORMAT, "another-form"),
    "document_validity_unusual": (plausible.LENGTH, "longer"),
}


def _signals(findings: tuple[CheckResult, ...], answers: Answers) -> Mapping[str, int | bool | str]:
    """Under the names of the risk catalogue. What nobody could say is not among them: it is unknown."""
    typed = [
        result for result in findings if result.id.startswith("typed.") and result.outcome is not _SKIPPED
    ]
    differs = any(result.outcome is not _PASS for result in typed)
    specimen = next((result.code for result in findings if result.id == "document.specimen"), "none")
    asked = {RegistryAnswer.YES: "yes", RegistryAnswer.NO: "no", RegistryAnswer.NOT_AVAILABLE: "unavailable"}
    said = {"document_revoked": answers.lost_stolen, "holder_deceased": answers.death}
    known = (RegistryAnswer.YES, RegistryAnswer.NO)
    said_so = {(result.id, result.code) for result in findings}
    return {
        "document_specimen": specimen != "none",
        "document_signature": chips.signature(findings),
        **{name: answer is RegistryAnswer.YES for name, answer in said.items() if answer in known},
        "registry_answer": asked[answers.registry.answer] if answers.registry else "not_asked",
        "typed_data": "differs" if differs else "agrees" if typed else "not_given",
        "sources_agree": sources_agree(findings),
        **{name: (check_id, code) in said_so for name, (check_id, code) in _TRUTHS.items()},
    }


def judged_again(
    findings: tuple[CheckResult, ...],
    facts: DocumentFacts,
    typed: Typed,
    policy: DocumentPolicy,
    answers: Answers,
    others: Iterable[DocumentFacts] = (),
) -> Judgement:
    """After the typed data were corrected: the same reading, compared anew, also with ``others`` that came before."""
    kept = tuple(result for result in findings if not result.id.startswith(("typed.", PREFIX)))
    again = (*kept, *typed_findings(facts, typed, policy))
    return conclude(beside_others(again, facts, others), answers)


def beside_others(
    findings: tuple[CheckResult, ...], facts: DocumentFacts | None, others: Iterable[DocumentFacts]
) -> tuple[CheckResult, ...]:
    """With what a document says beside ``others`` of its registration. One that failed, or that was read and not
    confirmed, is compared with none: what it says may be a reader's mistake."""
    if facts is None or not is_sound(findings) or awaits_confirmation(findings):
        return findings
    return (*findings, *agreement_findings(facts, others))


def _policy_findings(facts: DocumentFacts, policy: DocumentPolicy, today: date) -> tuple[CheckResult, ...]:
    return (
        _type(facts, policy),
        _specimen(facts, policy),
        _validity(facts, policy, today),
        _age(facts, policy, today),
        *plausible.plausible_findings(facts, policy, today),
    )


def _type(facts: DocumentFacts, policy: DocumentPolicy) -> CheckResult:
    by_issuer = policy.issuers.get(facts.issuing_state, {})
    treatment = by_issuer.get(facts.type.value) or by_issuer.get("all")
    if treatment is None:
        treatment = policy.types.get(facts.type, Treatment.REFUSE)
    if facts.type is DocumentType.UNKNOWN:
        treatment = Treatment.REFUSE
    match treatment:
        case Treatment.ACCEPT:
            return CheckResult("document.type", _PASS, "accepted")
        case Treatment.REFER:
            return CheckResult("document.type", _WARN, "refer")
    return CheckResult("document.type", _FAIL, "refused")


def _specimen(facts: DocumentFacts, policy: DocumentPolicy) -> CheckResult:
    """State UTO, published numbers, sample names, a number of one repeated character."""
    number = facts.number.replace("<", "")
    found = (
        states.is_specimen(facts.issuing_state)
        or number in policy.specimen_numbers
        or "SPECIMEN" in facts.primary
        or "SPECIMEN" in facts.secondary
        or (facts.primary, facts.secondary) in policy.specimen_names
        or (len(number) > 3 and len(set(number)) == 1)
    )
    if not found:
        return CheckResult("document.specimen", _PASS, "none")
    if policy.specimens:
        return CheckResult("document.specimen", _PASS, "allowed")
    return CheckResult("document.specimen", _FAIL, "refused")


def _validity(facts: DocumentFacts, policy: DocumentPolicy, today: date) -> CheckResult:
    if facts.expires_on is None:
        return CheckResult("document.validity", _SKIPPED, "not-shown")
    if facts.expires_on < today:
        return CheckResult("document.validity", _SKIPPED, "expired")  # mrz.expiry_date has said it
    if facts.expires_on - today < timedelta(days=policy.min_validity_days):
        return CheckResult("document.validity", _FAIL, "too-short")
    return CheckResult("document.validity", _PASS, "long-enough")


def _age(facts: DocumentFacts, policy: DocumentPolicy, today: date) -> CheckResult:
    if facts.birth is None or facts.birth.year is None:
        return CheckResult("document.age", _SKIPPED, "not-shown")
    if _turned(facts.birth, today) > policy.max_age_years:
        return CheckResult("document.age", _WARN, "implausible")
    return CheckResult("document.age", _PASS, "plausible")


def _turned(birth: MrzDate, today: date) -> int:
    """Years of age at most: an unknown month or day counts as the first."""
    assert birth.year is not None
    had_birthday = (birth.month or 1, birth.day or 1) <= (today.month, today.day)
    return today.year - birth.year - (0 if had_birthday else 1)


def _with_grace(
    result: CheckResult, facts: DocumentFacts, policy: DocumentPolicy, today: date
) -> CheckResult:
    """A document that expired within the days of grace is for a person, not for the bin."""
    if (result.id, result.code) != ("mrz.expiry_date", "expired") or facts.expires_on is None:
        return result
    if today - facts.expires_on > timedelta(days=policy.expired_grace_days):
        return result
    return replace(result, outcome=_WARN, code="expired-lately")
