"""What was said outside as findings, and back; possession, without which a registry's yes proves little (ADR 0024).

A registry's yes about a typed number says that the number is real. Numbers leak, so it does not say who types it:
``confirmed`` also takes something that only the holder has. Either the chip answered our nonce with its own key, or a
code came back from a number that the registry has on its record of this person.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from service.documents.model import (
    Answers,
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    Phone,
    Proof,
    RegistryAnswer,
    RegistryReply,
)
from service.documents.rules import chips

_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED

REGISTRY: Final = "registry.answer"
POSSESSION: Final = "registry.possession"
LOST_STOLEN: Final = "lost_stolen.answer"
DEATH: Final = "death.answer"
ASKED: Final = frozenset({REGISTRY, POSSESSION, LOST_STOLEN, DEATH})
CHIP: Final = "chip.active_authentication"
"""A pass of it: the chip signed our nonce with its own key (ICAO Doc 9303-11, 6.1), so it is in a hand now."""
CHIP_KEY: Final = "chip.dg15_hash"
"""A pass of it: that key is among what the document's issuer signed (ICAO Doc 9303-11, 6.1)."""

_Finding = tuple[CheckOutcome, str]
_Table = Mapping[RegistryAnswer | None, _Finding]
_SILENT: Final[_Table] = {
    RegistryAnswer.NOT_AVAILABLE: (_SKIPPED, "not-available"),
    None: (_SKIPPED, "not-asked"),
}
_TABLES: Final[Mapping[str, _Table]] = {
    REGISTRY: {RegistryAnswer.YES: (_PASS, "yes"), RegistryAnswer.NO: (_FAIL, "no"), **_SILENT},
    LOST_STOLEN: {RegistryAnswer.YES: (_FAIL, "listed"), RegistryAnswer.NO: (_PASS, "not-listed"), **_SILENT},
    DEATH: {RegistryAnswer.YES: (_WARN, "recorded"), RegistryAnswer.NO: (_PASS, "not-recorded"), **_SILENT},
}
_ON_RECORD: Final = {
    frozenset[Phone](): "none-on-record",
    frozenset({Phone.LINE}): "line-on-record",
    frozenset({Phone.CONTACT}): "contact-on-record",
    frozenset({Phone.LINE, Phone.CONTACT}): "both-on-record",
}
_PHONES: Final = {code: phones for phones, code in _ON_RECORD.items()}


def findings_of(answers: Answers, others: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The four findings of ``answers``. ``others`` are the document's own: among them is what the chip said."""
    registry = answers.registry
    return (
        CheckResult(REGISTRY, *_TABLES[REGISTRY][registry.answer if registry else None]),
        _possession(registry, others),
        CheckResult(LOST_STOLEN, *_TABLES[LOST_STOLEN][answers.lost_stolen]),
        CheckResult(DEATH, *_TABLES[DEATH][answers.death]),
    )


def _possession(registry: RegistryReply | None, others: Iterable[CheckResult]) -> CheckResult:
    """Skipped, never a warning, where a code may still come: a yes alone is no reason for a person to look."""
    others = tuple(others)
    if _chip_answered(others):
        return CheckResult(POSSESSION, _PASS, "chip-answered")
    if registry is None or registry.answer is not RegistryAnswer.YES:
        return CheckResult(POSSESSION, _SKIPPED, "not-asked")
    return CheckResult(POSSESSION, _SKIPPED, _ON_RECORD[registry.phones])


def _chip_answered(others: tuple[CheckResult, ...]) -> bool:
    """The issuer's chip: anybody makes a key, answers with it and signs its hash by a signer of their own."""
    passed = {result.id for result in others if result.outcome is _PASS}
    return chips.is_signed(others) and {CHIP, CHIP_KEY} <= passed


def answers_in(findings: Iterable[CheckResult]) -> Answers:
    """The answers that kept findings tell of: nobody is asked twice about one reading."""
    codes = _codes(findings)

    def said(name: str) -> RegistryAnswer | None:
        return next((answer for answer, finding in _TABLES[name].items() if finding == codes.get(name)), None)

    registry = said(REGISTRY)
    reply = None if registry is None else RegistryReply(registry, _phones(codes))
    return Answers(reply, said(LOST_STOLEN), said(DEATH))


def without_contact(answers: Answers) -> Answers:
    """After another contact number was named: what the record says of the old one says nothing of the new."""
    if answers.registry is None:
        return answers
    phones = answers.registry.phones - {Phone.CONTACT}
    return replace(answers, registry=replace(answers.registry, phones=phones))


def proof_of(findings: Iterable[CheckResult]) -> Proof:
    """Of a document that was read without contradiction, as far as it shows possession by itself."""
    codes = _codes(findings)
    is_held = codes.get(POSSESSION, (_SKIPPED, ""))[0] is _PASS
    return Proof.CONFIRMED if is_held and _is_known(codes) else Proof.CONSISTENT


def ties(findings: Iterable[CheckResult]) -> frozenset[Phone]:
    """The numbers from which a code shows possession: those on the record of a person whom the registry knows."""
    codes = _codes(findings)
    return _phones(codes) if _is_known(codes) else frozenset()


def proved(check: DocumentCheck, phones: Collection[str]) -> DocumentCheck:
    """``check`` once codes came back from ``phones``: confirmed where the registry has one of them on its record."""
    if check.proof is not Proof.CONSISTENT or not ties(check.checks).intersection(phones):
        return check
    held = CheckResult(POSSESSION, _PASS, "number-proved")
    checks = tuple(held if result.id == POSSESSION else result for result in check.checks)
    return replace(check, proof=Proof.CONFIRMED, checks=checks)


def _codes(findings: Iterable[CheckResult]) -> Mapping[str, _Finding]:
    return {result.id: (result.outcome, result.code) for result in findings}


def _phones(codes: Mapping[str, _Finding]) -> frozenset[Phone]:
    return _PHONES.get(codes.get(POSSESSION, (_SKIPPED, ""))[1], frozenset())


def _is_known(codes: Mapping[str, _Finding]) -> bool:
    """A yes, of a document that is not listed as lost: what is on the list is nobody's proof."""
    is_listed = codes.get(LOST_STOLEN) == _TABLES[LOST_STOLEN][RegistryAnswer.YES]
    return codes.get(REGISTRY) == _TABLES[REGISTRY][RegistryAnswer.YES] and not is_listed
