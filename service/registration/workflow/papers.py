"""Documents come in, and typed data are corrected: judged outside any transaction, written in one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.documents.model import (
    Correction,
    DocumentCheck,
    DocumentFacts,
    EmrtdSubmission,
    Examination,
    Identity,
    Phones,
    Submission,
)
from service.documents.rules import identity_keys, identity_of, proved, ties
from service.documents.workflow import Sight
from service.documents.workflow.pictures import Gone
from service.infra.crypto import SubjectKey
from service.infra.postgres import Tx
from service.kit.errors import JsonObject, JsonValue, NotFound, Stale
from service.kit.ids import wire
from service.registration import rules, store
from service.registration.model import DocumentSummary, Purpose, Registration, View
from service.registration.store.papers import WithPapers, load_with_papers
from service.registration.workflow.opening import client_actor, indexes, pending
from service.registration.workflow.parts import Keep, Numbers, Parts
from service.subscribers.workflow import Opened
from service.web.auth import Principal
from service.web.idempotency import keep_nothing


async def add_document(
    parts: Parts,
    caller: Principal,
    registration_id: UUID,
    submission: Submission,
    keep: Keep[DocumentCheck],
    gone: Gone | None = None,
) -> DocumentCheck:
    """Judge a document and add it to the evidence; a registration takes five failed ones.

    Where the registration was changed meanwhile, the document is judged by what is typed now: a correction is
    neither overlooked nor undone, and whoever was asked about the document is not asked again.
    """
    examination: Examination | None = None
    submission = await _challenged(parts, caller, registration_id, submission)
    judged_by: tuple[JsonObject, list[DocumentFacts]] = ({}, [])
    for _ in range(3):
        async with parts.db.read(caller.operator_id) as reader:
            found = await load_with_papers(reader, registration_id, dealer=caller.dealer_id)
            registration = found.registration
            rules.may_add_document(registration, reader.now)
            person = await parts.subscribers.open(reader, registration.subscriber_id)
            others = _said(parts, found, person.key)
            now = reader.now
        if examination is None or judged_by != (person.pii, others):
            judged_by = person.pii, others
            examination = await parts.documents.examine(
                registration_id=registration_id,
                submission=submission,
                typed=person.pii,
                policy=parts.policy.current.documents,
                now=now,
                phones=phones_of(registration, person),
                before=examination,
                gone=gone,
                others=others,
            )
        shown = proved(examination.check, rules.proved_by_code(registration))
        try:
            async with parts.db.write(caller.operator_id) as tx:
                await _add(parts, tx, client_actor(caller), found, examination, person)
                subscriber, sight = registration.subscriber_id, sight_of(registration)
                parts.documents.save(tx, person.key, subscriber, examination, person.pii, sight)
                await keep(tx, shown)
            return shown
        except Stale:
            continue
    raise Stale()


def _said(parts: Parts, found: WithPapers, key: SubjectKey, but: UUID | None = None) -> list[DocumentFacts]:
    """What its other documents say that may be relied on: not what failed, nor what was read and not confirmed."""
    usable = {
        doc.id
        for doc in found.registration.documents
        if doc.outcome != "fail" and not doc.awaits_confirmation and doc.id != but
    }
    return parts.documents.said(key, [pair for pair in found.sealed if pair[0] in usable])


def _identity(
    parts: Parts, found: WithPapers, key: SubjectKey, best: DocumentSummary | None
) -> Identity | None:
    """Whom one of its kept documents shows; None of what failed, waits to be confirmed or says nothing."""
    if best is None or best.outcome == "fail" or best.awaits_confirmation:
        return None
    facts = parts.documents.said(key, [pair for pair in found.sealed if pair[0] == best.id])
    return identity_of(facts[0]) if facts else None


def sight_of(registration: Registration) -> Sight:
    """Where its documents are shown. A shop's own device says nothing of the applicant."""
    device = None if registration.device_role == "dealer" else registration.device_idx
    return Sight(device, registration.dealer_id, registration.agent_id)


def phones_of(registration: Registration, person: Opened) -> Phones:
    """The numbers by which possession can be shown. A new line's own is none of them: who is on a record with it had
    it before, and whoever buys it now holds its SIM. Of a line in service the contact is not the one that is typed."""
    own, contact = Numbers.of(person.key, registration).msisdn, person.pii.get("contact_msisdn")
    had_before = registration.line_id is not None or registration.purpose is Purpose.PORT_IN
    is_another = isinstance(contact, str) and contact != own and registration.line_id is None
    return Phones(own if had_before else None, str(contact) if is_another else None)


async def _challenged(
    parts: Parts, caller: Principal, registration_id: UUID, submission: Submission
) -> Submission:
    """Only who may see the registration takes its challenge."""
    if not isinstance(submission, EmrtdSubmission) or submission.active_authentication is None:
        return submission
    async with parts.db.read(caller.operator_id) as reader:
        registration = await store.load(reader, registration_id, dealer=caller.dealer_id)
        rules.may_add_document(registration, reader.now)
    return await parts.documents.challenged(caller.operator_id, registration_id, submission)


async def challenge(parts: Parts, caller: Principal, registration_id: UUID) -> tuple[bytes, datetime]:
    """(eight bytes for a chip to sign, until when it may)."""
    async with parts.db.read(caller.operator_id) as reader:
        registration = await store.load(reader, registration_id, dealer=caller.dealer_id)
        rules.may_add_document(registration, reader.now)
        now = reader.now
    return await parts.documents.challenge(caller.operator_id, registration_id, now)


async def _add(
    parts: Parts,
    tx: Tx,
    actor: Actor,
    found: WithPapers,
    examination: Examination,
    person: Opened,
    said: Correction | None = None,
    reason: str | None = None,
) -> None:
    """What follows from a judged document for its registration; ``said``: it was judged by a correction.

    The identity is that of the best document: a correction can make a document the best one, and can take that away.
    """
    check, registration = examination.check, found.registration
    after = rules.with_document(registration, summary(examination))
    identity = examination.identity
    if said is not None or identity is not None:
        pii = parts.documents.complete(person.pii, examination)
        best = rules.best_document(after)
        if best is None or best.id != check.id:
            identity = _identity(parts, found, person.key, best)
        await parts.subscribers.put(
            tx, person, pii, [*indexes(pii), *(identity_keys(identity) if identity else ())]
        )
        after = replace(after, identity=_sealed(person.key, registration, identity) if identity else None)
    await store.save(tx, after, expected=registration.version)
    record(
        tx,
        actor=actor,
        action="document.judged" if said is None else "document.confirmed",
        object=wire("reg", registration.id),
        reason=reason,
        facts={
            "document": wire("doc", check.id),
            "kind": check.kind.value,
            "outcome": check.outcome.value,
            "proof": check.proof.value,
            **({"fields": " ".join(sorted(said.as_json()))} if said is not None else {}),
        },
    )


async def confirm_document(
    parts: Parts,
    caller: Principal,
    registration_id: UUID,
    document_id: UUID,
    said: Correction,
    keep: Keep[DocumentCheck],
) -> DocumentCheck:
    """Judge the read of a picture anew by what whoever has the document says of it, three times at most."""
    by = _Saying(caller.operator_id, client_actor(caller), rules.collecting, caller.dealer_id)
    return await _confirm(parts, by, registration_id, document_id, said, keep)


async def confirm_by_person(
    parts: Parts,
    *,
    operator: UUID,
    registration_id: UUID,
    document_id: UUID,
    staff: Actor,
    said: Correction,
    reason_code: str,
    expected_version: int,
) -> DocumentCheck:
    """The same by a member of staff for what is in review, as whoever has the document told them. Decides nothing."""
    by = _Saying(operator, staff, rules.may_confirm_by_person, None, reason_code, expected_version)
    return await _confirm(parts, by, registration_id, document_id, said, keep_nothing)


@dataclass(frozen=True, slots=True)
class _Saying:
    """Who says what a document shows, and what has to hold for it. ``version``: of the page that they saw; None where
    whatever is there now is meant."""

    operator: UUID
    actor: Actor
    may: Callable[[Registration, datetime], None]
    dealer: UUID | None
    reason: str | None = None
    version: int | None = None


async def _confirm(
    parts: Parts,
    by: _Saying,
    registration_id: UUID,
    document_id: UUID,
    said: Correction,
    keep: Keep[DocumentCheck],
) -> DocumentCheck:
    for _ in range(3):
        async with parts.db.read(by.operator) as reader:
            found = await load_with_papers(reader, registration_id, dealer=by.dealer)
            registration = found.registration
            if all(doc.id != document_id for doc in registration.documents):
                raise NotFound()
            by.may(registration, reader.now)
            if by.version not in (None, registration.version):
                raise Stale()
            kept = await parts.documents.kept(reader, document_id)
            person = await parts.subscribers.open(reader, registration.subscriber_id)
            others = _said(parts, found, person.key, document_id)
            now = reader.now
        policy = parts.policy.current.documents
        phones = phones_of(registration, person)
        examination = await parts.documents.correct(
            kept, person.key, said, person.pii, policy, now, phones, others
        )
        shown = proved(examination.check, rules.proved_by_code(registration))
        try:
            async with parts.db.write(by.operator) as tx:
                await _add(parts, tx, by.actor, found, examination, person, said, by.reason)
                subscriber = registration.subscriber_id
                parts.documents.save_correction(tx, person.key, subscriber, examination, person.pii)
                await keep(tx, shown)
            return shown
        except Stale:
            continue
    raise Stale()


def _sealed(key: SubjectKey, registration: Registration, identity: Identity) -> bytes:
    return key.seal("registration_identity", registration.id, identity.as_json())


def summary(examination: Examination) -> DocumentSummary:
    """A judged document as the registration keeps it."""
    check = examination.check
    facts: dict[str, JsonValue] = {name: examination.signals[name] for name in examination.signals}
    return DocumentSummary(
        id=check.id,
        kind=check.kind.value,
        outcome=check.outcome.value,
        proof=check.proof.value,
        reason=check.reason.value if check.reason else None,
        facts=facts,
        ties=frozenset(phone.value for phone in ties(check.checks)),
    )


async def patch(parts: Parts, caller: Principal, registration_id: UUID, given: JsonObject) -> View:
    """Replace typed data; every document is judged again by what was read of it then; codes are kept."""
    async with parts.db.write(caller.operator_id) as tx:
        before = await store.load(tx, registration_id, dealer=caller.dealer_id, lock=True)
        rules.may_patch(before, tx.now)
        rules.refuse_impossible(given, None, tx.now)
        known = await parts.subscribers.open(tx, before.subscriber_id)
        typed, key = known.pii, known.key
        person: JsonObject = {name: value for name, value in {**typed, **given}.items() if value is not None}
        # Codes about a line in service go to the contact on file, whatever is typed here.
        moved = before.line_id is None and typed.get("contact_msisdn") != person.get("contact_msisdn")
        found = await parts.documents.judge_again(
            tx, key, registration_id, person, parts.policy.current.documents, is_contact_moved=moved
        )
        after = replace(
            before, documents=tuple(summary(examination) for examination in found), patches=before.patches + 1
        )
        best = rules.best_document(after)
        chosen = next((each for each in found if best is not None and each.check.id == best.id), None)
        values = indexes(person)
        identity = None
        if chosen is not None and chosen.identity is not None:
            values += identity_keys(chosen.identity)
            identity = _sealed(key, before, chosen.identity)
        await parts.subscribers.put(tx, known, person, values)
        after = replace(after, identity=identity)
        if moved:
            after = rules.without_contact_code(after)
        await store.save(tx, after, expected=before.version)
        record(
            tx,
            actor=client_actor(caller),
            action="registration.corrected",
            object=wire("reg", registration_id),
            facts={"fields": " ".join(sorted(given))},
        )
    if moved and not before.can_receive:
        # A code that is on its way to the old contact proves nothing of the new one.
        await parts.codes.forget(caller.operator_id, registration_id)
    after = replace(after, version=before.version + 1)
    return View(after, Numbers.of(key, after).msisdn, await pending(parts, after))
