"""From the findings of a chip to outcome, proof, reason and signal."""

from dataclasses import replace

import pytest

from service.documents.model import (
    Answers,
    CheckOutcome,
    CheckResult,
    Outcome,
    Proof,
    Reason,
    RegistryAnswer,
    RegistryReply,
)
from service.documents.rules import conclude
from service.documents.rules.chips import SIGNED_BY
from service.documents.rules.details import CODES, SUBJECTS, describe

SIGNED = tuple(CheckResult(check_id, CheckOutcome.PASS, "verifies") for check_id in SIGNED_BY)
ZONE = CheckResult("mrz.document_number_digit", CheckOutcome.PASS, "digit-agrees")


def answered(answer: RegistryAnswer) -> Answers:
    return Answers(registry=RegistryReply(answer))


def of(*findings: CheckResult) -> tuple[Outcome, Proof, Reason | None, object]:
    found = conclude((*findings, ZONE), answered(RegistryAnswer.NOT_AVAILABLE))
    return found.outcome, found.proof, found.reason, found.signals["document_signature"]


def test_a_signed_chip_passes_and_is_signed_whatever_the_registry_says() -> None:
    assert of(*SIGNED) == (Outcome.PASS, Proof.SIGNED, None, "valid")
    assert conclude(SIGNED, answered(RegistryAnswer.YES)).proof is Proof.SIGNED
    refused = conclude(SIGNED, answered(RegistryAnswer.NO))
    assert (refused.outcome, refused.proof) == (Outcome.REFER, Proof.SIGNED)


@pytest.mark.parametrize("check_id", SIGNED_BY)
def test_every_one_of_them_is_needed(check_id: str) -> None:
    without = [each for each in SIGNED if each.id != check_id]
    assert of(*without) == (Outcome.PASS, Proof.CONSISTENT, None, "unknown")
    (one,) = [each for each in SIGNED if each.id == check_id]
    for outcome, expected in (
        (CheckOutcome.SKIPPED, (Outcome.PASS, Proof.CONSISTENT, None, "unknown")),
        (CheckOutcome.WARN, (Outcome.REFER, Proof.CONSISTENT, Reason.NEEDS_A_PERSON, "unknown")),
        (CheckOutcome.FAIL, (Outcome.FAIL, Proof.NONE, Reason.NOT_ACCEPTED, "failed")),
    ):
        assert of(*without, replace(one, outcome=outcome)) == expected


@pytest.mark.parametrize("check_id", ["chip.dg15_hash", "chip.signing_time", "chip.signer_revoked", "chip.challenge",
                                      "chip.active_authentication"])  # fmt: skip
def test_the_others_may_be_skipped_and_may_not_fail(check_id: str) -> None:
    assert of(*SIGNED, CheckResult(check_id, CheckOutcome.SKIPPED, "not-given"))[1] is Proof.SIGNED
    assert of(*SIGNED, CheckResult(check_id, CheckOutcome.FAIL, "wrong"))[:2] == (Outcome.FAIL, Proof.NONE)


def test_what_is_typed_otherwise_is_no_fault_of_the_chip() -> None:
    """The signature stays valid: it is the applicant who is somebody else."""
    typed = CheckResult("typed.names", CheckOutcome.FAIL, "disagrees")
    assert of(*SIGNED, typed) == (Outcome.FAIL, Proof.SIGNED, Reason.DETAILS_DISAGREE, "valid")


def test_every_finding_of_a_chip_has_words() -> None:
    assert {each for each in SUBJECTS if each.startswith("chip.")} >= set(SIGNED_BY)
    assert describe(CheckResult("chip.challenge", CheckOutcome.FAIL, "none-open")).startswith(
        "Challenge for the chip"
    )
    assert "none-open" in CODES
