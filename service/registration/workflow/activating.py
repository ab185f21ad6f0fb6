"""From approved to active: the provisioner is asked, and the line opened, until it is done or given up.

The job may run twice, or die between the two: the provisioner is idempotent by the registration's id and the
line is opened under its unique indexes, so the line is up once.
"""

import contextlib
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.jobs import defer, emit
from service.infra.postgres import Tx
from service.kit.errors import Refusal, StateConflict
from service.kit.ids import wire
from service.kit.msisdn import Msisdn
from service.lines.model import (
    ActivationOrder,
    Conditions,
    ConditionsOrder,
    Failed,
    ListedForStaff,
    NewLine,
    RetryPolicy,
)
from service.lines.model import Numbers as LineNumbers
from service.lines.rules import after_failure, first_conditions
from service.registration import rules, store
from service.registration.model import Activating, Activation, Purpose, Registration, State
from service.registration.workflow import changing
from service.registration.workflow.parts import Numbers, Parts, opened
from service.registration.workflow.sharing import identity_of, shared_keys
from service.subscribers.model import Erased

_WORKER = Actor.system("activation")


async def activate(parts: Parts, operator: UUID, registration_id: UUID, attempt: int) -> None:
    """One attempt. A failure is tried again later, then listed for staff.

    What was cancelled is taken down, whether the network was asked before or not: an attempt may have died, or been
    done without an answer. The job is not over before that is done.
    """
    async with parts.db.read(operator) as reader:
        registration = await store.load(reader, registration_id)
        is_over = registration.state is not State.APPROVED or registration.outcome is None
        is_about_a_line = registration.line_id is not None
        if not is_about_a_line and not is_over:
            _, numbers = await opened(parts, reader, registration)
        now = reader.now
    if is_over:
        await _take_down(parts, registration)
        return
    if is_about_a_line:
        if (failed := await changing.attempt(parts, registration, _WORKER)) is not None:
            await _failed(parts, operator, registration_id, failed, attempt)
        return
    new = _line_of(registration, numbers)
    order = ActivationOrder(
        operator,
        registration.id,
        numbers.msisdn,
        numbers.iccid,
        numbers.imei,
        registration.plan,
        registration.form,
        first_conditions(new, now, parts.lines.policy),
        is_ported=registration.purpose is Purpose.PORT_IN,
    )
    outcome = await parts.provisioner.activate(order)
    if isinstance(outcome, Failed):
        await _failed(parts, operator, registration_id, outcome, attempt)
        return
    try:
        async with parts.db.write(operator) as tx:
            current = await store.load(tx, registration_id, lock=True)
            if current.state is State.APPROVED:
                await _open(parts, tx, current, new)
                return
    except Refusal as refusal:
        if refusal.code not in ("number-in-use", "sim-in-use", "number-in-quarantine"):
            raise
        await _failed(parts, operator, registration_id, Failed(retryable=False, code=refusal.code), attempt)
        return
    await _take_down(parts, current)


def _line_of(registration: Registration, numbers: Numbers) -> NewLine:
    assert registration.outcome is not None
    return NewLine(
        registration_id=registration.id,
        subscriber_id=registration.subscriber_id,
        msisdn=numbers.msisdn,
        iccid=numbers.iccid,
        country=Msisdn.parse(numbers.msisdn).region or "ZZ",
        assurance=registration.outcome.assurance,
        dealer_id=registration.dealer_id,
        awaits_code=not registration.can_receive,
        restricted_until=registration.outcome.restricted_until,
        probation_until=registration.outcome.probation_until,
        service_until=registration.service_until,
    )


async def _open(parts: Parts, tx: Tx, current: Registration, new: NewLine) -> None:
    key, _ = await opened(parts, tx, current)
    line = await parts.lines.open(tx, new, key, _WORKER)
    parts.risk.share(tx, shared_keys(parts.vault, identity_of(key, current)), line.id)
    await store.save(tx, rules.provisioned(current, tx.now), expected=current.version)
    record(tx, actor=_WORKER, action="registration.activated", object=wire("reg", current.id))
    emit(tx, Event(EventName.REGISTRATION_ACTIVE, tx.tenant, tx.now, {"registration": current.id.hex}))


async def _take_down(parts: Parts, registration: Registration) -> None:
    """Nothing of a cancelled registration may stay connected. Raises RuntimeError where the network did not take it, so
    that the job is tried again."""
    if registration.state is not State.CANCELLED or registration.line_id is not None:
        return
    numbers = None
    async with parts.db.read(registration.operator_id) as reader:
        with contextlib.suppress(Erased):
            _, known = await opened(parts, reader, registration)
            numbers = LineNumbers(known.msisdn, known.iccid)
    outcome = await parts.provisioner.apply(
        ConditionsOrder(
            operator_id=registration.operator_id,
            line_id=registration.id,
            registration_id=registration.id,
            version=2,
            numbers=numbers,
            conditions=Conditions(connected=False, outgoing=False, incoming=False),
        )
    )
    if isinstance(outcome, Failed):
        raise RuntimeError("a cancelled registration is still connected; the job is tried again")


async def _failed(parts: Parts, operator: UUID, registration_id: UUID, failed: Failed, attempt: int) -> None:
    async with parts.db.write(operator) as tx:
        current = await store.load(tx, registration_id, lock=True)
        if current.state is not State.APPROVED:
            return
        verdict = after_failure(failed, attempt, registration_id, RetryPolicy(), tx.now)
        if not isinstance(verdict, ListedForStaff):
            ask(tx, registration_id, attempt + 1, verdict.at)
            return
        after = rules.provisioning_failed(current, verdict.code)
        await store.save(tx, after, expected=current.version)
        record(
            tx,
            actor=_WORKER,
            action="registration.activation_failed",
            object=wire("reg", registration_id),
            reason=verdict.code,
            facts={"attempts": attempt},
        )
        refs = {"registration": registration_id.hex, "reason": verdict.code}
        emit(tx, Event(EventName.ACTIVATION_FAILED, operator, tx.now, refs))


def ask(tx: Tx, registration_id: UUID, attempt: int = 1, at: datetime | None = None) -> None:
    """Defer an attempt, in the caller's transaction."""
    defer(
        tx,
        "registration:activate",
        at=at,
        lock=f"registration:{registration_id.hex}",
        operator=tx.tenant.hex,
        registration=registration_id.hex,
        attempt=attempt,
    )


async def activate_again(parts: Parts, operator: UUID, registration_id: UUID, staff: Actor) -> None:
    """Staff ask for another round of attempts."""
    async with parts.db.write(operator) as tx:
        current = await store.load(tx, registration_id, lock=True)
        if current.activation is None or current.activation.state is not Activating.FAILED:
            raise StateConflict(current.state, [State.APPROVED])
        after = replace(current, activation=Activation(Activating.PENDING))
        await store.save(tx, after, expected=current.version)
        record(tx, actor=staff, action="registration.activation_asked", object=wire("reg", registration_id))
        ask(tx, registration_id)
