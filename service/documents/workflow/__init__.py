"""Examine a submission, keep the check, judge again what was read.

The registration calls ``examine`` with no transaction open (who is asked may be slow), then ``save`` inside its
own, together with the summary that the decision reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from service.documents import rules, store
from service.documents.model import (
    NO_PHONES,
    Answers,
    Asked,
    AttestedSubmission,
    CheckResult,
    Correction,
    DocumentCheck,
    DocumentFacts,
    DocumentKind,
    DocumentPolicy,
    EmrtdSubmission,
    Examination,
    ImageSubmission,
    KindNotEnabled,
    MrzSubmission,
    NationalIdSubmission,
    Outcome,
    Phones,
    Reading,
    Submission,
)
from service.documents.ports import MrzReader, NullMrzReader
from service.documents.store import traces as beside
from service.documents.workflow import chips, pictures, reading
from service.documents.workflow.asking import Enquiries
from service.documents.workflow.chips import Chips
from service.documents.workflow.reading import known_state
from service.documents.workflow.traces import Sight, Traces
from service.infra.crypto import SubjectKey
from service.infra.postgres import Reader, Tx
from service.kit import mrz
from service.kit.clock import rfc3339
from service.kit.errors import JsonObject, JsonValue
from service.kit.ids import new_id

__all__ = ["Chips", "Documents", "Shown", "Sight", "Traces"]

Typed = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A kept check for staff: with what the document says, opened by the subject's key."""

    check: DocumentCheck
    facts: DocumentFacts | None
    description: str | None = field(default=None)


class Documents:
    """The verbs of document checks; holds the ports alone."""

    def __init__(
        self,
        enquiries: Enquiries,
        reader: MrzReader | None = None,
        chips: Chips | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._enquiries = enquiries
        self._chips = chips
        self._traces = traces
        self._reader = reader or NullMrzReader()

    async def challenge(self, operator: UUID, registration_id: UUID, now: datetime) -> tuple[bytes, datetime]:
        """(a challenge for the chip of this registration's document, until when it is open)."""
        if self._chips is None:
            raise KindNotEnabled("Chips are not checked here.", category="emrtd")
        return await self._chips.challenge(operator, registration_id, now)

    async def challenged(self, operator: UUID, registration_id: UUID, submission: Submission) -> Submission:
        """``submission`` with the challenge that it answers; of any other sort, as it is. Once for each answer."""
        if self._chips is None:
            return submission
        return await self._chips.challenged(operator, registration_id, submission)

    async def examine(
        self,
        *,
        registration_id: UUID,
        submission: Submission,
        typed: Typed | None,
        policy: DocumentPolicy,
        now: datetime,
        phones: Phones = NO_PHONES,
        before: Examination | None = None,
        gone: pictures.Gone | None = None,
        others: Sequence[DocumentFacts] = (),
    ) -> Examination:
        """Judge ``submission`` against ``typed`` (the subscriber as typed). No transaction may be open.

        Raises ``DocumentUnreadable`` for lines that are no zone, ``Malformed`` for a country without a table, and
        what a port raises; everything else is an outcome. A picture is read while ``gone`` has not returned. Others
        are asked only about a document that is sound by itself, the registry also which of ``phones`` are on its
        record. ``before``: how this submission was judged a moment ago, before the typed data were corrected; what
        was asked then is not asked again. ``others``: what the registration's other documents say.
        """
        read = await self._read(submission, typed or {}, policy, now, gone)
        asked = await self._asked(read.facts, read.findings, phones, now, before.asked if before else None)
        findings = rules.beside_others(read.findings, read.facts, others)
        judgement = rules.conclude(findings, asked.answers if asked else Answers())
        check = DocumentCheck(
            id=new_id(int(now.timestamp() * 1000)),
            registration_id=registration_id,
            kind=read.kind,
            document_type=read.type,
            issuing_state=read.state,
            outcome=judgement.outcome,
            proof=judgement.proof,
            reason=judgement.reason,
            checks=judgement.checks,
            at=now,
            expires_on=read.facts.expires_on if read.facts else None,
        )
        return _examination(
            check,
            read.facts,
            judgement,
            asked,
            read.description,
            read.chip,
            read.reading,
            read.fingerprint,
        )

    async def _asked(
        self,
        facts: DocumentFacts | None,
        findings: tuple[CheckResult, ...],
        phones: Phones,
        now: datetime,
        before: Asked | None = None,
    ) -> Asked | None:
        """What others say of a document that is sound by itself, and was read for certain."""
        if facts is not None and rules.is_sound(findings) and not rules.awaits_confirmation(findings):
            return await self._enquiries.ask(facts, phones, now, before)
        if before is not None and before.phones != phones:
            return replace(before, phones=phones, answers=rules.without_contact(before.answers))
        return before

    async def _read(
        self,
        submission: Submission,
        typed: Typed,
        policy: DocumentPolicy,
        now: datetime,
        gone: pictures.Gone | None,
    ) -> reading.Read:
        match submission:
            case MrzSubmission(lines):
                return reading.zone(lines, typed, policy, now)
            case ImageSubmission(picture):
                return await pictures.read(self._reader, picture, typed, policy, now, gone)
            case EmrtdSubmission():
                return await chips.read(self._chips, submission, typed, policy, now)
            case NationalIdSubmission(country, text):
                return reading.number(country, text, typed, policy, now)
            case AttestedSubmission(description):
                return reading.attestation(description)

    def save(
        self,
        tx: Tx,
        key: SubjectKey,
        subscriber_id: UUID,
        examination: Examination,
        typed: Typed | None = None,
        sight: Sight | None = None,
    ) -> None:
        """Stage the check of ``examination`` in the business transaction, and its trace. ``sight``: where it was
        shown."""
        chip = None
        if examination.chip is not None and self._chips is not None:
            chip = self._chips.blind(tx.tenant, examination.chip)
        trail = self._trail(tx, subscriber_id, examination, typed, sight or Sight())
        store.add(tx, key, subscriber_id, examination, chip, trail)

    def _trail(
        self, tx: Tx, subscriber_id: UUID, examination: Examination, typed: Typed | None, sight: Sight
    ) -> beside.Trail | None:
        if self._traces is None:
            return None
        return self._traces.of(tx, subscriber_id, examination, typed, sight)

    async def judge_again(
        self,
        tx: Tx,
        key: SubjectKey,
        registration_id: UUID,
        typed: Typed | None,
        policy: DocumentPolicy,
        *,
        is_contact_moved: bool = False,
    ) -> list[Examination]:
        """After the typed data were corrected: every reading of the registration compared anew, oldest first, and
        staged with its trace: what failed and passes now is found by its hashes from here on.

        Nobody outside is asked again; an attestation stays what it was. Where another contact number was named
        (``is_contact_moved``), what the registry said of the old one is dropped.
        """
        found: list[Examination] = []
        trails: list[beside.Trail | None] = []
        before: list[DocumentFacts] = []
        for kept in await store.of_registration(tx, registration_id):
            facts, description = kept.opened(key)
            answers = rules.answers_in(kept.check.checks)
            if is_contact_moved:
                answers = rules.without_contact(answers)
            if facts is None:
                judgement = rules.conclude(kept.check.checks, answers)
            else:
                judgement = rules.judged_again(kept.check.checks, facts, typed or {}, policy, answers, before)
            check = replace(
                kept.check,
                outcome=judgement.outcome,
                proof=judgement.proof,
                reason=judgement.reason,
                checks=judgement.checks,
                expires_on=facts.expires_on if facts else None,
            )
            examination = _examination(check, facts, judgement, None, description)
            found.append(examination)
            trails.append(self._trail(tx, kept.subscriber_id, examination, typed, Sight()))
            if facts is not None and _is_usable(check):
                before.append(facts)
        store.judge_again(tx, [each.check for each in found], trails)
        return found

    async def listed(self, reader: Reader, registration_id: UUID) -> list[DocumentCheck]:
        """The checks of a registration, oldest first, in codes alone."""
        return [kept.check for kept in await store.of_registration(reader, registration_id)]

    def said(self, key: SubjectKey, papers: Iterable[tuple[UUID, bytes]]) -> list[DocumentFacts]:
        """What documents say, of their ids and blobs; one that says nothing is left out."""
        found = [store.said(key, document_id, sealed) for document_id, sealed in papers]
        return [facts for facts in found if facts is not None]

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        """Drop every hash of an erased person's documents."""
        await beside.forget(tx, subscriber_id)

    async def purge(self, tx: Tx) -> int:
        """Delete the traces that were kept long enough; how many."""
        return await beside.purge(tx)

    async def readings(
        self, reader: Reader, key: SubjectKey, registration_id: UUID
    ) -> list[tuple[DocumentCheck, Reading]]:
        """What was read of each picture and said instead, for staff who may see it; the caller records that they
        did."""
        kept = await store.of_registration(reader, registration_id)
        found = ((each.check, each.reading(key)) for each in kept if each.check.kind is DocumentKind.IMAGE)
        return [(check, reading) for check, reading in found if reading is not None]

    async def shown(self, reader: Reader, key: SubjectKey, document_id: UUID) -> Shown:
        """One check with what the document says, for staff who may see it; the caller records that they did."""
        kept = await store.load(reader, document_id)
        facts, description = kept.opened(key)
        return Shown(kept.check, facts, description)

    async def kept(self, reader: Reader, document_id: UUID) -> store.Kept:
        """One check with its blob, still sealed. Raises ``NotFound``."""
        return await store.load(reader, document_id)

    async def correct(
        self,
        kept: store.Kept,
        key: SubjectKey,
        said: Correction,
        typed: Typed | None,
        policy: DocumentPolicy,
        now: datetime,
        phones: Phones = NO_PHONES,
        others: Sequence[DocumentFacts] = (),
    ) -> Examination:
        """Judge a read of a picture by what whoever has the document says of it. No transaction may be open.

        Raises ``StateConflict`` where nothing waits for it, and ``InvalidRequest`` for what does not fit.
        """
        reading = kept.reading(key)
        rules.may_correct(kept.check, reading)
        assert reading is not None
        read = mrz.parse(reading.lines)
        whole = rules.merged(reading, said)
        zone = rules.corrected(read, whole)
        facts = rules.facts_of(zone, policy, now.date())
        found = rules.findings_of_mrz(zone, facts, typed or {}, policy, now.date())
        findings = rules.findings_of_correction(kept.check.checks, found, read, zone, whole)
        findings = rules.beside_others(findings, facts, others)
        asked = await self._asked(facts, findings, phones, now)
        judgement = rules.conclude(findings, asked.answers if asked else Answers())
        check = replace(
            kept.check,
            document_type=facts.type,
            issuing_state=known_state(facts.issuing_state),
            outcome=judgement.outcome,
            proof=judgement.proof,
            reason=judgement.reason,
            checks=judgement.checks,
            expires_on=facts.expires_on,
        )
        told = replace(
            reading, corrections=(*reading.corrections, {"at": rfc3339(now), "said": said.as_json()})
        )
        return _examination(check, facts, judgement, asked, None, read=told)

    def save_correction(
        self,
        tx: Tx,
        key: SubjectKey,
        subscriber_id: UUID,
        examination: Examination,
        typed: Typed | None = None,
    ) -> None:
        """Stage what :meth:`correct` gave, in the place of what was judged of the read alone."""
        store.replace(tx, key, examination, self._trail(tx, subscriber_id, examination, typed, Sight()))

    def complete(self, typed: Typed | None, examination: Examination) -> JsonObject:
        """The subscriber with what was not typed taken from the document; as typed where the document failed, or was
        read and not confirmed."""
        if examination.facts is None or not _is_usable(examination.check):
            return dict(typed or {})
        return rules.complete(typed, examination.facts)


def _examination(
    check: DocumentCheck,
    facts: DocumentFacts | None,
    judgement: rules.Judgement,
    asked: Asked | None,
    description: str | None,
    chip: str | None = None,
    read: Reading | None = None,
    fingerprint: bytes | None = None,
) -> Examination:
    usable = facts is not None and _is_usable(check)
    return Examination(
        check=check,
        facts=facts,
        identity=rules.identity_of(facts) if facts is not None and usable else None,
        description=description,
        asked=asked,
        chip=chip,
        signals=judgement.signals,
        reading=read,
        fingerprint=fingerprint,
    )


def _is_usable(check: DocumentCheck) -> bool:
    """What a failed document says identifies nobody; what a machine read and nobody confirmed may be somebody else."""
    return check.outcome is not Outcome.FAIL and not rules.awaits_confirmation(check.checks)
