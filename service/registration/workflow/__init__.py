"""The verbs of the pipeline, over the steps that it composes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.documents.model import Correction, DocumentCheck, Submission
from service.documents.workflow.pictures import Gone
from service.events import Event, EventName
from service.infra.jobs import emit
from service.infra.postgres import Reader, Tx
from service.kit.errors import JsonObject
from service.kit.ids import wire
from service.operators.workflow import Operators
from service.otp.model import Sent
from service.otp.workflow import Solution
from service.registration import rules, store
from service.registration.model import CodeProof, Opening, Registration, State, Target, View
from service.registration.store.expiry import expire_due
from service.registration.workflow import (
    activating,
    changing,
    dealing,
    deciding,
    evidence,
    gathering,
    marking,
    opening,
    papers,
    purposes,
)
from service.registration.workflow.parts import Keep, Parts
from service.risk.model import Mark, MarkKind
from service.risk.workflow import Why
from service.web.auth import Principal
from service.web.idempotency import keep_nothing


class Registrations:
    """The pipeline. Each verb is one module's function; this is the face that routes, jobs and staff see."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    async def create(self, caller: Principal, ask: Opening, keep: Keep[View] = keep_nothing) -> View:
        return await opening.create(self.parts, caller, ask, keep)

    async def get(self, caller: Principal, registration_id: UUID) -> View:
        return await evidence.get(self.parts, caller, registration_id)

    async def listed(
        self, caller: Principal, *, msisdn: str | None, state: State | None, before: UUID | None, limit: int
    ) -> list[View]:
        return await opening.listed(
            self.parts, caller, msisdn=msisdn, state=state, before=before, limit=limit
        )

    async def patch(self, caller: Principal, registration_id: UUID, given: JsonObject) -> View:
        return await papers.patch(self.parts, caller, registration_id, given)

    async def add_document(
        self,
        caller: Principal,
        registration_id: UUID,
        submission: Submission,
        keep: Keep[DocumentCheck] = keep_nothing,
        gone: Gone | None = None,
    ) -> DocumentCheck:
        """``gone`` returns once the caller has hung up: a picture that is being read then is given up."""
        return await papers.add_document(self.parts, caller, registration_id, submission, keep, gone)

    async def confirm_document(
        self,
        caller: Principal,
        registration_id: UUID,
        document_id: UUID,
        said: Correction,
        keep: Keep[DocumentCheck] = keep_nothing,
    ) -> DocumentCheck:
        return await papers.confirm_document(self.parts, caller, registration_id, document_id, said, keep)

    async def confirm_by_person(
        self,
        *,
        operator: UUID,
        registration_id: UUID,
        document_id: UUID,
        staff: Actor,
        said: Correction,
        reason_code: str,
        expected_version: int,
    ) -> DocumentCheck:
        return await papers.confirm_by_person(
            self.parts,
            operator=operator,
            registration_id=registration_id,
            document_id=document_id,
            staff=staff,
            said=said,
            reason_code=reason_code,
            expected_version=expected_version,
        )

    async def challenge(self, caller: Principal, registration_id: UUID) -> tuple[bytes, datetime]:
        return await papers.challenge(self.parts, caller, registration_id)

    async def send_code(
        self,
        caller: Principal,
        registration_id: UUID,
        to: Target,
        channel: str = "sms",
        language: str = "en",
        solved: Solution | None = None,
    ) -> Sent:
        return await evidence.send_code(self.parts, caller, registration_id, to, channel, language, solved)

    async def check_code(
        self,
        caller: Principal,
        registration_id: UUID,
        code: str,
        challenge_id: UUID | None = None,
        keep: Keep[CodeProof] = keep_nothing,
    ) -> CodeProof:
        return await evidence.check_code(self.parts, caller, registration_id, code, challenge_id, keep)

    async def submit(self, caller: Principal, registration_id: UUID, keep: Keep[View] = keep_nothing) -> View:
        return await deciding.submit(self.parts, caller, registration_id, keep)

    async def cancel(self, caller: Principal, registration_id: UUID, keep: Keep[View] = keep_nothing) -> View:
        return await opening.cancel(self.parts, caller, registration_id, keep)

    async def appeal(
        self, caller: Principal, registration_id: UUID, text: str, keep: Keep[View] = keep_nothing
    ) -> View:
        return await opening.appeal(self.parts, caller, registration_id, text, keep)

    async def decide_by_person(
        self,
        *,
        operator: UUID,
        registration_id: UUID,
        staff: Actor,
        verdict: str,
        reason_code: str,
        note: str | None,
        expected_version: int,
    ) -> Registration:
        return await deciding.decide_by_person(
            self.parts,
            operator=operator,
            registration_id=registration_id,
            staff=staff,
            verdict=verdict,
            reason_code=reason_code,
            note=note,
            expected_version=expected_version,
        )

    async def activate(self, operator: UUID, registration_id: UUID, attempt: int = 1) -> None:
        await activating.activate(self.parts, operator, registration_id, attempt)

    async def activate_again(self, operator: UUID, registration_id: UUID, staff: Actor) -> None:
        await activating.activate_again(self.parts, operator, registration_id, staff)

    async def tell_holder(self, operator: UUID, registration_id: UUID) -> None:
        """The notice that a card is asked for in the place of a lost one. Raises Unavailable."""
        names = {each.id: each.name for each in await Operators(self.parts.db).all()}
        await purposes.tell_holder(self.parts, operator, names[operator], registration_id)

    async def put_back(self, operator: UUID, registration_id: UUID) -> None:
        await changing.put_back(self.parts, operator, registration_id, Actor.system("activation"))

    async def assess_dealers(self, operator: UUID) -> int:
        """Every shop of an operator beside its peers; how many quotas of the day shrank anew."""
        return await dealing.assess(self.parts, operator)

    async def mark(
        self,
        tx: Tx,
        registration_id: UUID,
        kind: MarkKind,
        actor: Actor,
        until: datetime | None = None,
        why: Why | None = None,
    ) -> Mark:
        return await marking.mark(self.parts, tx, registration_id, kind, actor, until, why)

    async def lift_mark(self, tx: Tx, mark_id: UUID, actor: Actor) -> None:
        await marking.MARKS.lift(tx, mark_id, actor)

    async def lift_mark_on(
        self, tx: Tx, registration_id: UUID, mark_id: UUID, actor: Actor, why: Why
    ) -> None:
        await marking.lift_mark_on(self.parts, tx, registration_id, mark_id, actor, why)

    async def marks_on(self, reader: Reader, registration_id: UUID) -> Sequence[Mark]:
        return await marking.marks_on(self.parts, reader, registration_id)

    async def note_velocity(self, operator: UUID, registration_id: UUID) -> None:
        await gathering.note_velocity(self.parts, operator, registration_id)

    async def rebuild_velocity(self, operator: UUID) -> int:
        return await gathering.rebuild_velocity(self.parts, operator)

    async def expire(self, operator: UUID) -> int:
        """Registrations whose collecting has ended; how many."""
        async with self.parts.db.write(operator) as tx:
            found = await expire_due(tx)
            for before in found:
                await store.save(tx, rules.advance(before, State.EXPIRED, tx.now), expected=before.version)
                record(
                    tx,
                    actor=Actor.system("expiry"),
                    action="registration.expired",
                    object=wire("reg", before.id),
                )
                emit(
                    tx,
                    Event(EventName.REGISTRATION_EXPIRED, operator, tx.now, {"registration": before.id.hex}),
                )
        return len(found)
