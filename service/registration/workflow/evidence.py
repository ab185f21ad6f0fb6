"""Evidence comes in: codes to the line or the contact, and the proofs that they leave."""

from dataclasses import dataclass, replace
from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.jobs import emit
from service.infra.postgres import Reader
from service.kit.errors import InvalidRequest, Stale, StateConflict, Unavailable
from service.kit.ids import wire
from service.otp.model import OtpExpired, Proof, Sent
from service.otp.workflow import Asker, Solution
from service.registration import rules, store
from service.registration.model import Channel, CodeProof, Registration, Target, View
from service.registration.workflow.opening import client_actor, number_of, pending
from service.registration.workflow.parts import Keep, Parts, loaded, waiting_line
from service.registration.workflow.purposes import card_changed_at, contact_of
from service.web.auth import Principal


async def send_code(
    parts: Parts,
    caller: Principal,
    registration_id: UUID,
    to: Target,
    channel: str,
    language: str,
    solved: Solution | None = None,
) -> Sent:
    """Send a code to the number that possession is proved of. The message leaves inside this request."""
    async with parts.db.read(caller.operator_id) as reader:
        registration, _, numbers = await loaded(parts, reader, registration_id, caller.dealer_id)
        rules.may_send_code(registration, to, reader.now)
        if (conflict := await waiting_line(parts, reader, registration)) is not None:
            raise conflict
        if registration.verified(to) is not None:
            raise StateConflict("verified", (), "A code to this number came back already.")
        number = numbers.msisdn
        if to is Target.CONTACT:
            contact = await contact_of(parts, reader, registration)
            if contact is None:
                raise InvalidRequest("/to", "no-contact", "There is no contact number to send a code to.")
            number = contact
        now = reader.now
    is_shops_own = registration.device_role == "dealer"
    return await parts.codes.send(
        asker=asker_of(
            caller,
            registration.dealer_id,
            ip=None if is_shops_own else numbers.device_ip,
            device=None if is_shops_own else registration.device_idx,
        ),
        solved=solved,
        registration_id=registration.id,
        purpose=registration.purpose.value,
        to=to.value,
        msisdn=number,
        channel=channel,
        language=language,
        expires_with=registration.expires_at
        if not registration.awaits_line_code
        else now + parts.lines.policy.awaiting_code,
        now=now,
        in_shop=registration.channel is Channel.SHOP,
        may_move=to is Target.CONTACT and registration.line_id is None,
    )


async def check_code(
    parts: Parts,
    caller: Principal,
    registration_id: UUID,
    code: str,
    challenge_id: UUID | None,
    keep: Keep[CodeProof],
) -> CodeProof:
    """Compare; burn the right one; record it in one short transaction. Where that fails the answer is 503 and the
    proof waits in Redis: the same code again, ``GET`` or ``submit`` adopts it."""
    async with parts.db.read(caller.operator_id) as reader:
        registration = await store.load(reader, registration_id, dealer=caller.dealer_id)
        if not registration.awaits_line_code:
            rules.collecting(registration, reader.now)
        if (conflict := await waiting_line(parts, reader, registration)) is not None:
            raise conflict
        contact = await _typed_contact(parts, reader, registration)
    proof = await parts.codes.check(
        asker=asker_of(caller, None),
        registration_id=registration_id,
        purpose=registration.purpose.value,
        code=code,
        challenge_id=challenge_id,
        contact=contact,
    )
    reached = Reached(contact) if registration.line_id is None else None
    async with parts.codes.recording(caller.operator_id, proof):
        _, kept = await _note(parts, registration, proof, client_actor(caller), keep, reached)
    return kept


async def _typed_contact(parts: Parts, reader: Reader, registration: Registration) -> str | None:
    """The contact that a correction may move: of a line in service it is the one on file, which no request changes."""
    if registration.line_id is not None or registration.awaits_line_code:
        return None
    return await contact_of(parts, reader, registration)


def asker_of(
    caller: Principal, dealer: UUID | None, *, ip: str | None = None, device: bytes | None = None
) -> Asker:
    """A caller as the budgets know it."""
    return Asker(
        operator=caller.operator_id,
        operator_name=caller.operator,
        client=caller.client_id,
        dealer=caller.dealer_id or dealer,
        is_bound=caller.dealer_id is not None,
        ip=ip,
        device=device,
    )


async def adopt(parts: Parts, registration: Registration) -> Registration:
    """Record proofs that came back right but whose transaction failed; the registration as it is then.

    Of what is owed alone. A code to a contact that owes none is given again instead, and compared with the contact
    of that moment: nobody remembers which number it had gone to."""
    if not rules.may_have_unrecorded_proof(registration):
        return registration
    for proof in await parts.codes.unrecorded_proofs(registration.operator_id, registration.id):
        if Target(proof.to.value) not in registration.code_targets and not registration.awaits_line_code:
            continue
        async with parts.codes.recording(registration.operator_id, proof):
            registration, _ = await _note(parts, registration, proof, Actor.system("adoption"), None)
    return registration


async def get(parts: Parts, caller: Principal, registration_id: UUID) -> View:
    """One registration, with the proof that a failed transaction left behind. Without Redis, which alone knows of
    one, it is shown as PostgreSQL has it."""
    async with parts.db.read(caller.operator_id) as reader:
        registration, wrapped = await store.load_with_key(reader, registration_id, dealer=caller.dealer_id)
        waits = await waiting_line(parts, reader, registration) is None
    msisdn = number_of(parts, registration, wrapped)
    try:
        registration = await adopt(parts, registration)
    except Unavailable as gone:
        if gone.facts.get("dependency") != "redis":
            raise
        return View(registration, msisdn, line_waits=waits)
    except Stale:
        async with parts.db.read(caller.operator_id) as reader:
            registration = await store.load(reader, registration_id, dealer=caller.dealer_id)
    return View(registration, msisdn, await pending(parts, registration) if waits else (), waits)


@dataclass(frozen=True, slots=True, repr=False)
class Reached:
    """The typed contact that a code was compared for."""

    contact: str | None


async def _note(
    parts: Parts,
    registration: Registration,
    proof: Proof,
    actor: Actor,
    keep: Keep[CodeProof] | None,
    reached: Reached | None = None,
) -> tuple[Registration, CodeProof]:
    """Write a proof once, whoever else writes the registration meanwhile. Raises ``OtpExpired`` where the contact is
    no longer the one that the code ``reached``."""
    noted = CodeProof(Target(proof.to.value), proof.challenge_id, proof.verified_at, proof.tries)
    for attempt in range(3):
        try:
            async with parts.db.write(registration.operator_id) as tx:
                if attempt:
                    registration = await store.load(tx, registration.id)
                contact = await contact_of(parts, tx, registration) if noted.to is Target.CONTACT else None
                if noted.to is Target.CONTACT and reached is not None and reached.contact != contact:
                    raise OtpExpired()
                changed = await card_changed_at(parts, tx, registration, noted.to, contact)
                noted = replace(noted, sim_changed_at=changed)
                after = rules.with_code(registration, noted)
                if after is not registration:
                    await store.save(tx, after, expected=registration.version)
                    record(
                        tx,
                        actor=actor,
                        action="otp.verified",
                        object=wire("reg", registration.id),
                        facts={"to": noted.to.value, "challenge": wire("otp", noted.challenge)},
                    )
                    if registration.awaits_line_code and noted.to is Target.LINE:
                        await parts.lines.code_proved(tx, registration.id, actor)
                    refs = {"registration": registration.id.hex, "to": noted.to.value}
                    emit(tx, Event(EventName.OTP_VERIFIED, registration.operator_id, tx.now, refs))
                    after = replace(after, version=registration.version + 1)
                kept = after.verified(noted.to) or noted
                if keep is not None:
                    await keep(tx, kept)
            return after, kept
        except Stale:
            if attempt == 2:
                raise
    raise AssertionError("unreachable")
