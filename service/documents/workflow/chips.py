"""What a chip says, and whether its issuer signed it.

The bytes live in memory only; what is kept is a keyed hash of the signed content, which is one person's for ever.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from service import emrtd
from service.documents import rules
from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentKind,
    DocumentPolicy,
    DocumentUnreadable,
    EmrtdSubmission,
    KindNotEnabled,
    Submission,
)
from service.documents.volatile import Nonces
from service.documents.workflow.reading import Read, Typed, known_state
from service.kit import mrz
from service.kit.canon import IndexKind

_ADVICE = "Read SOD, DG1 and DG15 from the chip again and send them as they came."


class Index(Protocol):
    """The part of the vault that makes blind indexes."""

    def index(self, operator: UUID, kind: IndexKind, canon: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Chips:
    """What reading a chip needs of the outside: whom to trust at this moment, the open challenges, the index key."""

    trust: Callable[[], emrtd.TrustStore]
    nonces: Nonces
    index: Index

    async def challenge(self, operator: UUID, registration_id: UUID, now: datetime) -> tuple[bytes, datetime]:
        return await self.nonces.issue(operator, registration_id, now)

    async def challenged(self, operator: UUID, registration_id: UUID, submission: Submission) -> Submission:
        """With the challenge that it answers, taken: so an answer is judged once, whatever comes of it."""
        if not isinstance(submission, EmrtdSubmission) or submission.active_authentication is None:
            return submission
        return replace(submission, nonce=await self.nonces.take(operator, registration_id))

    def blind(self, operator: UUID, digest: str) -> bytes:
        return self.index.index(operator, IndexKind.CHIP, digest)


async def read(
    chips: Chips | None, chip: EmrtdSubmission, typed: Typed, policy: DocumentPolicy, now: datetime
) -> Read:
    """Every finding about the chip, its zone, and what was typed. Raises ``DocumentUnreadable`` for bytes that are no
    such data groups."""
    if chips is None:
        raise KindNotEnabled("Chips are not checked here. Send the machine-readable zone.", category="emrtd")
    trust = chips.trust()
    # Some milliseconds of arithmetic: other requests go on meanwhile.
    try:
        verdict, answered = await asyncio.to_thread(_judged, chip, trust, now)
        zone = mrz.parse(verdict.lines)
    except emrtd.Unreadable:
        raise DocumentUnreadable(_ADVICE) from None
    today = now.date()
    facts = rules.facts_of(zone, policy, today)
    findings = (*verdict.findings, *answered, *rules.findings_of_mrz(zone, facts, typed, policy, today))
    return Read(
        DocumentKind.EMRTD, facts.type, known_state(facts.issuing_state), findings, facts, chip=verdict.digest
    )


def _judged(
    chip: EmrtdSubmission, trust: emrtd.TrustStore, now: datetime
) -> tuple[emrtd.Verdict, tuple[CheckResult, ...]]:
    verdict = emrtd.authenticate(chip.sod, chip.dg1, chip.dg15, trust, now)
    return verdict, _answered(chip, verdict)


def _answered(chip: EmrtdSubmission, verdict: emrtd.Verdict) -> tuple[CheckResult, ...]:
    """``chip.challenge``: there was one of ours to answer. ``chip.active_authentication``: the chip answered it."""
    challenge, answer = "chip.challenge", "chip.active_authentication"
    if chip.active_authentication is None:
        code = "not-answered" if verdict.has_key or chip.dg15 is not None else "no-key"
        return (
            CheckResult(challenge, CheckOutcome.SKIPPED, code),
            CheckResult(answer, CheckOutcome.SKIPPED, code),
        )
    if chip.dg15 is None:
        return (
            CheckResult(challenge, CheckOutcome.SKIPPED, "no-key"),
            CheckResult(answer, CheckOutcome.FAIL, "key-not-given"),
        )
    if chip.nonce is None:
        return (
            CheckResult(challenge, CheckOutcome.FAIL, "none-open"),
            CheckResult(answer, CheckOutcome.SKIPPED, "not-judged"),
        )
    return (
        CheckResult(challenge, CheckOutcome.PASS, "open"),
        emrtd.answered(chip.dg15, chip.nonce, chip.active_authentication),
    )
