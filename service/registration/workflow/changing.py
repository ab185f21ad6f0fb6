"""From approved to active where a line is in service already: its card is changed, or its holder confirmed.

The network goes first and the line follows, so that a job that dies between the two is only asked again. Where the
line cannot follow, because it was closed or the registration cancelled meanwhile, the network is put back by a job
that does not end before that is done.
"""

from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.jobs import defer, emit
from service.infra.postgres import Tx
from service.kit.errors import Refusal, StateConflict
from service.kit.ids import wire
from service.lines.model import Failed, SimInUse, SimOrder
from service.lines.rules import refuse_sim_change
from service.lines.workflow import change_sim, insist, reverify
from service.registration import rules, store
from service.registration.model import Purpose, Registration, State
from service.registration.workflow.parts import Parts, opened
from service.subscribers.model import Erased

LINE_NOT_IN_SERVICE = Failed(retryable=False, code="line-not-in-service")


async def attempt(parts: Parts, registration: Registration, actor: Actor) -> Failed | None:
    """One attempt; what failed, or None where it is done or was done before."""
    if registration.purpose is Purpose.REVERIFY:
        return await _reverified(parts, registration, actor)
    order = await _order(parts, registration)
    if order is None:
        return LINE_NOT_IN_SERVICE
    outcome = await parts.provisioner.change_sim(order)
    if isinstance(outcome, Failed):
        return outcome
    try:
        async with parts.db.write(registration.operator_id) as tx:
            current = await store.load(tx, registration.id, lock=True)
            if current.state is State.APPROVED:
                await change_sim(parts.lines, tx, order.line_id, order.iccid, actor)
                await _done(tx, current, actor)
            elif current.state is State.CANCELLED:
                ask_back(tx, registration.id)
    except (StateConflict, SimInUse, Erased) as refusal:
        async with parts.db.write(registration.operator_id) as tx:
            ask_back(tx, registration.id)
        return Failed(retryable=False, code=_why(refusal))
    return None


def _why(refusal: Refusal) -> str:
    return refusal.code if isinstance(refusal, SimInUse) else LINE_NOT_IN_SERVICE.code


async def _order(parts: Parts, registration: Registration, *, is_undo: bool = False) -> SimOrder | None:
    """What the network is to do; None where the line is not in full service or its holder was erased."""
    assert registration.line_id is not None
    async with parts.db.read(registration.operator_id) as reader:
        _, wanted = await opened(parts, reader, registration)
        line = await parts.lines.load(reader, registration.line_id)
        present = await parts.lines.numbers(reader, line)
        try:
            refuse_sim_change(line)
        except StateConflict:
            if not is_undo or not line.state.is_open:
                return None
    if present is None:
        return None
    before, after = (wanted.iccid, present.iccid) if is_undo else (present.iccid, wanted.iccid)
    return SimOrder(
        registration.operator_id,
        line.id,
        line.registration_id,
        registration.id,
        present.msisdn,
        before,
        after,
        wanted.imei,
        registration.form,
        is_undo,
    )


async def put_back(parts: Parts, operator: UUID, registration_id: UUID, actor: Actor) -> None:
    """Bring the network to what the line says, after a swap that came to nothing. Raises RuntimeError where the
    network did not take it, so that the job is tried again."""
    async with parts.db.read(operator) as reader:
        registration = await store.load(reader, registration_id)
    if registration.line_id is None or registration.state is State.ACTIVE:
        return
    order = await _order(parts, registration, is_undo=True)
    if order is not None and isinstance(await parts.provisioner.change_sim(order), Failed):
        raise RuntimeError("a swap that came to nothing is not undone yet; the job is tried again")
    async with parts.db.write(operator) as tx:
        await insist(parts.lines, tx, registration.line_id, actor)


def ask_back(tx: Tx, registration_id: UUID) -> None:
    defer(
        tx,
        "registration:put_back",
        lock=f"registration:{registration_id.hex}",
        operator=tx.tenant.hex,
        registration=registration_id.hex,
    )


async def _reverified(parts: Parts, registration: Registration, actor: Actor) -> Failed | None:
    """The line's assurance rises and a hold for this is lifted. The papers that were shown are on file from now on:
    a registration that is active is asked about with those that came before (``store.on_file``)."""
    assert registration.line_id is not None
    assert registration.outcome is not None
    try:
        async with parts.db.write(registration.operator_id) as tx:
            current = await store.load(tx, registration.id, lock=True)
            if current.state is not State.APPROVED:
                return None
            await reverify(parts.lines, tx, registration.line_id, registration.outcome.assurance, actor)
            await _done(tx, current, actor)
    except (StateConflict, Erased):
        return LINE_NOT_IN_SERVICE
    return None


async def _done(tx: Tx, current: Registration, actor: Actor) -> None:
    await store.save(tx, rules.provisioned(current, tx.now), expected=current.version)
    record(tx, actor=actor, action="registration.activated", object=wire("reg", current.id))
    emit(tx, Event(EventName.REGISTRATION_ACTIVE, tx.tenant, tx.now, {"registration": current.id.hex}))
