"""Signals that are gathered once for a decision, outside the transaction that decides.

Nothing of it grants anything: what does is counted again under the locks. A source that is down leaves its signals
unknown, and a rule that reads one without asking ``known(…)`` sends the registration to a person.
"""

from collections.abc import Mapping
from uuid import UUID

from service.kit.errors import Unavailable
from service.kit.msisdn import Msisdn
from service.kit.network import network_of
from service.registration import store
from service.registration.model import Registration, State
from service.registration.store.deciding import opened_within_a_day
from service.registration.workflow.parts import Numbers, Parts, ToDecide
from service.risk.model import RiskSubject, Value
from service.risk.model.catalogue import NO_COUNTRY
from service.risk.rules import RiskPolicy
from service.risk.volatile import Places, Velocity
from service.subscribers.model import Erased

Gathered = Mapping[str, Value | None]


def own_facts(registration: Registration, numbers: Numbers) -> Gathered:
    """What the registration itself says: what is absent, the country of its number."""
    return {
        "iccid_absent": numbers.iccid is None,
        "network_absent": places_of(registration, numbers).network is None,
        "number_country": Msisdn.parse(numbers.msisdn).region or NO_COUNTRY,
    }


async def gather(parts: Parts, found: ToDecide, subject: RiskSubject, policy: RiskPolicy) -> Gathered:
    """Everything that is not counted under the locks: one statement, one round trip to Redis."""
    registration = found.registration
    operator = registration.operator_id
    tried = await parts.risk.tried(operator, registration.id, places_of(registration, found.numbers))
    async with parts.db.read(operator) as reader:
        counted = await parts.risk.gather(reader, registration.id, subject, policy, reader.now)
    proved = {proof.challenge: proof.verified_at for proof in registration.codes}
    codes = parts.codes.behaviour(found.sends, proved)
    return {
        **counted,
        **tried,
        **found.seen,
        "chip_devices": found.chip_devices,
        "code_resends": codes.resends if codes else None,
        "code_seconds": codes.seconds if codes else None,
    }


def places_of(registration: Registration, numbers: Numbers) -> Places:
    """A shop's own device, and the address that it has, say nothing of the applicant."""
    if registration.device_role == "dealer":
        return Places()
    network = None if numbers.device_ip is None else network_of(numbers.device_ip)
    return Places(network, registration.device_idx)


_LINES = frozenset({State.APPROVED, State.ACTIVE})


async def note_velocity(parts: Parts, operator: UUID, registration_id: UUID) -> None:
    """Count a registration at the places that it came from, as it stands now. May be repeated in any order; of
    one that is gone nothing is counted."""
    if parts.risk.velocity is None:
        return
    async with parts.db.read(operator) as reader:
        registration, wrapped = await store.load_with_key(reader, registration_id)
    try:
        await _note(parts, registration, wrapped)
    except Unavailable:
        # The event goes on to whoever else is told. The counters are made whole again by the chore.
        parts.risk.velocity.missed.add(operator)


async def _note(parts: Parts, registration: Registration, wrapped: store.WrappedKey | None) -> None:
    if wrapped is None or not registration.sealed or parts.risk.velocity is None:
        return
    try:
        key = parts.subscribers.unwrap(registration.operator_id, registration.subscriber_id, wrapped)
    except Erased:
        return
    places = places_of(registration, Numbers.of(key, registration))
    is_line = registration.state in _LINES and registration.line_id is None
    at = registration.created_at
    await parts.risk.velocity.note(registration.operator_id, registration.id, places, at, is_line=is_line)


async def rebuild_velocity(parts: Parts, operator: UUID) -> int:
    """Count the last day again from PostgreSQL; how many registrations. Harmless beside a living counter."""
    if parts.risk.velocity is None:
        return 0
    parts.risk.velocity.missed.discard(operator)  # first: what is missed meanwhile is missed again
    try:
        return await _rebuild(parts, parts.risk.velocity, operator)
    except Unavailable:
        parts.risk.velocity.missed.add(operator)
        raise


async def _rebuild(parts: Parts, velocity: Velocity, operator: UUID) -> int:
    count, after = 0, None
    while True:
        async with parts.db.read(operator) as reader:
            page = await opened_within_a_day(reader, after)
        for registration, wrapped in page:
            await _note(parts, registration, wrapped)
        count += len(page)
        if not page:
            await velocity.now_whole(operator)
            return count
        after = page[-1][0].id
