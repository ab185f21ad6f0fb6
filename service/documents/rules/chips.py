"""What the findings about a chip come to: signed, not to be judged, or false."""

from collections.abc import Iterable
from typing import Final

from service.documents.model import CheckOutcome, CheckResult

SIGNED_BY: Final = (
    "chip.sod",
    "chip.content_type",
    "chip.algorithm",
    "chip.message_digest",
    "chip.signature",
    "chip.dg1_hash",
    "chip.trust",
    "chip.signer_chain",
    "chip.signer_key_usage",
    "chip.signer_not_before",
    "chip.signer_not_after",
    "chip.signer_country",
)
"""Only where every one of these passed, and nothing else of the chip failed, is a document signed by its issuer."""


def of_chip(findings: Iterable[CheckResult]) -> dict[str, CheckOutcome]:
    """Those of a chip; empty for what came as anything else."""
    return {result.id: result.outcome for result in findings if result.id.startswith("chip.")}


def is_signed(findings: Iterable[CheckResult]) -> bool:
    chip = of_chip(findings)
    return bool(chip) and (
        all(chip.get(check_id) is CheckOutcome.PASS for check_id in SIGNED_BY)
        and CheckOutcome.FAIL not in chip.values()
    )


def is_false(findings: Iterable[CheckResult]) -> bool:
    return CheckOutcome.FAIL in of_chip(findings).values()


def signature(findings: Iterable[CheckResult]) -> str:
    """The signal ``document_signature``."""
    findings = tuple(findings)
    if not of_chip(findings):
        return "absent"
    if is_false(findings):
        return "failed"
    return "valid" if is_signed(findings) else "unknown"
