"""Open a registration, read it, list it, correct the typed data, cancel and appeal."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from service.audit.workflow import Actor, record
from service.dealers.model import Agent, AgentUnknown, Dealer, DealerMismatch
from service.events import Event, EventName
from service.infra.jobs import emit
from service.infra.postgres import Reader, Tx
from service.kit.canon import IndexKind, canon
from service.kit.errors import Unavailable
from service.kit.ids import new_id, wire
from service.lines.model import ActivationOrder, NumberInUse, SimInUse
from service.lines.rules import refuse_sim_stock, refuse_stock
from service.registration import rules, store
from service.registration.model import (
    TTL,
    Activating,
    CategoryNotEnabled,
    Opening,
    PendingCode,
    Purpose,
    PurposeNotEnabled,
    Registration,
    State,
    Target,
    View,
)
from service.registration.workflow import activating, purposes
from service.registration.workflow.parts import Keep, Numbers, Parts, opened, waiting_lines
from service.subscribers.model import Erased
from service.web.auth import Principal


def client_actor(caller: Principal) -> Actor:
    return Actor.client(caller.client_id)


async def create(parts: Parts, caller: Principal, ask: Opening, keep: Keep[View]) -> View:
    """A new registration in ``collecting``. Refuses what is not built, not in stock, taken or over a quota."""
    if ask.purpose not in parts.purposes:
        raise PurposeNotEnabled(purpose=ask.purpose.value)
    if ask.holder_kind != "person":
        raise CategoryNotEnabled(category=ask.holder_kind)
    rules.refuse_impossible(ask.subscriber or {}, ask.service_until, parts.db.clock.now())
    ask = purposes.asked(ask)
    operator = caller.operator_id
    dealer, agent = await _admit(parts, caller, ask)
    registration_id = new_id(int(parts.db.clock.now().timestamp() * 1000))
    can_receive = await _can_receive(parts, operator, ask, registration_id, dealer)
    async with parts.db.write(operator) as tx:
        line = await purposes.line_of(parts, tx, ask)
        registration = _opened(parts, tx, caller, ask, registration_id, dealer, agent, can_receive)
        if line is None:
            await parts.lines.refuse_taken(tx, ask.msisdn, ask.iccid)
        else:
            registration = purposes.about(registration, line, ask)
        await _take_number(parts, tx, registration, ask)
        if dealer is not None:
            await parts.dealers.take(tx, dealer.id)
        record(
            tx,
            actor=client_actor(caller),
            action="registration.created",
            object=wire("reg", registration_id),
            facts={
                "purpose": ask.purpose.value,
                "channel": ask.channel.value,
                "dealer": dealer.code if dealer else None,
            },
        )
        _tell(tx, registration, EventName.REGISTRATION_CREATED)
        view = View(registration, ask.msisdn)
        await keep(tx, view)
    return view


async def _can_receive(
    parts: Parts, operator: UUID, ask: Opening, registration_id: UUID, dealer: Dealer | None
) -> bool:
    """Whether the line can take a code now. Refuses what is not in stock: a number that is in use already, or
    comes from another network, is not asked about."""
    stock = await parts.inventory.check(ask.msisdn, ask.iccid, dealer.code if dealer else None)
    if ask.purpose is not Purpose.NEW:
        refuse_sim_stock(stock)
        return True
    refuse_stock(stock)
    order = ActivationOrder(operator, registration_id, ask.msisdn, ask.iccid, ask.imei, ask.plan, ask.form)
    return (await parts.provisioner.prepare(order)).can_receive


def _opened(
    parts: Parts,
    tx: Tx,
    caller: Principal,
    ask: Opening,
    registration_id: UUID,
    dealer: Dealer | None,
    agent: Agent | None,
    can_receive: bool,
) -> Registration:
    """The new registration, its subscriber staged; numbers are sealed, what is looked up is a blind index."""
    operator = caller.operator_id
    subscriber = new_id()
    key = parts.subscribers.add(tx, subscriber, ask.subscriber or {}, indexes(ask.subscriber or {}))
    numbers = Numbers(ask.msisdn, ask.iccid, ask.imei, ask.device_ip, ask.peer_ip)

    def blind(kind: IndexKind, value: str | None) -> bytes | None:
        return None if value is None else parts.vault.index(operator, kind, canon(kind, value))

    return Registration(
        id=registration_id,
        operator_id=operator,
        client_id=caller.client_id,
        subscriber_id=subscriber,
        dealer_id=dealer.id if dealer else None,
        agent_id=agent.id if agent else None,
        state=State.COLLECTING,
        purpose=ask.purpose,
        channel=ask.channel,
        plan=ask.plan,
        form=ask.form,
        msisdn_idx=parts.vault.index(operator, IndexKind.MSISDN, ask.msisdn),
        iccid_idx=blind(IndexKind.ICCID, ask.iccid),
        device_idx=blind(IndexKind.DEVICE, ask.fingerprint),
        device_role=ask.device_role,
        payment_idx=blind(IndexKind.PAYMENT, ask.payment_token),
        sealed=numbers.sealed(key, registration_id),
        can_receive=can_receive,
        created_at=tx.now,
        expires_at=tx.now + TTL,
        service_until=ask.service_until,
    )


async def _admit(parts: Parts, caller: Principal, ask: Opening) -> tuple[Dealer | None, Agent | None]:
    """The dealer and the agent that may act. On a bound key the dealer is the key's; another one is refused."""
    named = caller.dealer_id or ask.dealer
    if named is None:
        if ask.agent is not None:  # an agent is known by the dealer they work for
            raise AgentUnknown()
        return None, None
    async with parts.db.read(caller.operator_id) as reader:
        dealer, agent = await parts.dealers.admit(reader, named, ask.agent)
    if caller.dealer_id is not None and ask.dealer not in (None, dealer.code):
        raise DealerMismatch()
    return dealer, agent


async def _take_number(parts: Parts, tx: Tx, registration: Registration, ask: Opening) -> None:
    """Insert the registration; free a number that only a registration past its time still holds."""
    every, sims = _held_under(parts, tx, ask.msisdn, ask.iccid)
    if len(every) == 1 and await store.add(tx, registration):
        return
    await _refuse_held(parts, tx, ask.msisdn, ask.iccid)
    if not await store.add(tx, registration):
        raise SimInUse() if await store.open_on(tx, every, sims) == "iccid" else NumberInUse()


async def _refuse_held(parts: Parts, tx: Tx, msisdn: str, iccid: str | None) -> None:
    """Raise NumberInUse or SimInUse where another open registration has the number or the card; one that is only
    past its time is ended.

    While two index keys are enabled, one number has two indexes and the unique index cannot see that they
    meet: then number and card are locked, and looked up under both.
    """
    every, sims = _held_under(parts, tx, msisdn, iccid)
    if len(every) > 1:
        locks = [*parts.vault.locks(tx.tenant, IndexKind.MSISDN, msisdn)]
        if iccid:
            locks += parts.vault.locks(tx.tenant, IndexKind.ICCID, canon(IndexKind.ICCID, iccid))
        await tx.lock(*locks)
    taken = await store.open_on(tx, every, sims)
    if taken and not await store.expire_holding(tx, every, sims):
        raise NumberInUse() if taken == "msisdn" else SimInUse()


def _held_under(
    parts: Parts, tx: Tx, msisdn: str, iccid: str | None
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Every index of a number and of a card."""
    card = canon(IndexKind.ICCID, iccid) if iccid else None
    return (
        parts.vault.index_all(tx.tenant, IndexKind.MSISDN, msisdn),
        parts.vault.index_all(tx.tenant, IndexKind.ICCID, card) if card else (),
    )


_PII_INDEXES = (("contact_msisdn", IndexKind.CONTACT), ("email", IndexKind.EMAIL))


def indexes(pii: Mapping[str, object]) -> list[tuple[IndexKind, str]]:
    """What of the typed data may be looked up (``security.md`` 1.4)."""
    found = [(kind, canon(kind, str(pii[name]))) for name, kind in _PII_INDEXES if pii.get(name)]
    address = pii.get("address")
    if isinstance(address, Mapping):
        parts = (address.get("country"), address.get("postal_code") or "", address.get("locality"))
        lines = address.get("lines")
        assert isinstance(lines, list)
        with contextlib.suppress(ValueError):  # no more than a postcode: not indexed, by rule
            value = canon(IndexKind.ADDRESS, *(str(part) for part in parts), *map(str, lines))
            found.append((IndexKind.ADDRESS, value))
    return found


def number_of(parts: Parts, registration: Registration, wrapped: store.WrappedKey | None) -> str | None:
    """The number, of a row that was read with its applicant's key; None where the applicant was erased."""
    if wrapped is None:
        return None
    key = parts.subscribers.unwrap(registration.operator_id, registration.subscriber_id, wrapped)
    return Numbers.of(key, registration).msisdn


async def shown_number(parts: Parts, reader: Reader, registration: Registration) -> str | None:
    try:
        return (await opened(parts, reader, registration))[1].msisdn
    except Erased:
        return None


async def pending(parts: Parts, registration: Registration) -> tuple[PendingCode, ...]:
    """Codes on their way. Redis alone knows; a registration is shown without them while it is gone."""
    if registration.state is not State.COLLECTING and not registration.awaits_line_code:
        return ()
    try:
        known = await parts.codes.status(registration.operator_id, registration.id)
    except Unavailable:
        return ()
    return tuple(PendingCode(Target(code.to), code.expires_at, code.resend_at) for code in known)


async def listed(
    parts: Parts,
    caller: Principal,
    *,
    msisdn: str | None,
    state: State | None,
    before: UUID | None,
    limit: int,
) -> list[View]:
    """Newest first; a key that is bound to a dealer sees its own."""
    indexes = parts.vault.index_all(caller.operator_id, IndexKind.MSISDN, msisdn) if msisdn else ()
    async with parts.db.read(caller.operator_id) as reader:
        found = await store.listed_with_keys(
            reader,
            limit=limit,
            before=before,
            states=(state,) if state else (),
            msisdn=indexes,
            dealer=caller.dealer_id,
        )
        forbidden = await waiting_lines(parts, reader, [each for each, _ in found])
    return [
        View(each, number_of(parts, each, wrapped), line_waits=each.id not in forbidden)
        for each, wrapped in found
    ]


async def cancel(parts: Parts, caller: Principal, registration_id: UUID, keep: Keep[View]) -> View:
    """Cancel; what was granted is released by the event."""
    async with parts.db.write(caller.operator_id) as tx:
        before = await store.load(tx, registration_id, dealer=caller.dealer_id, lock=True)
        after = rules.cancelled(before, tx.now)
        await store.save(tx, after, expected=before.version)
        if before.activation is not None and before.activation.state is Activating.FAILED:
            activating.ask(tx, after.id)  # no attempt is left, which would take down what is up
        _tell(tx, after, EventName.REGISTRATION_CANCELLED)
        record(tx, actor=client_actor(caller), action="registration.cancelled", object=wire("reg", after.id))
        view = View(replace(after, version=before.version + 1), await shown_number(parts, tx, after))
        await keep(tx, view)
    return view


async def appeal(parts: Parts, caller: Principal, registration_id: UUID, text: str, keep: Keep[View]) -> View:
    """Once, within 30 days; the text is sealed with the audit's notes and a person decides.

    Raises NumberInUse, SimInUse, NumberInQuarantine; the appeal is then still open.
    """
    async with parts.db.write(caller.operator_id) as tx:
        before = await store.load(tx, registration_id, dealer=caller.dealer_id, lock=True)
        after = rules.appealed(before, tx.now)
        key, numbers = await opened(parts, tx, before)
        # While it was denied, its number and card were free: somebody else may have them now.
        if before.line_id is None:
            await parts.lines.refuse_taken(tx, numbers.msisdn, numbers.iccid)
        else:
            await parts.lines.refuse_sim(tx, numbers.iccid)
        await _refuse_held(parts, tx, numbers.msisdn, numbers.iccid)
        await store.reopen(tx, after, expected=before.version)
        _tell(tx, after, EventName.REGISTRATION_IN_REVIEW)
        record(
            tx,
            actor=client_actor(caller),
            action="registration.appealed",
            object=wire("reg", after.id),
            note=text,
            key=key,
        )
        view = View(replace(after, version=before.version + 1), numbers.msisdn)
        await keep(tx, view)
    return view


def _tell(tx: Tx, registration: Registration, name: EventName) -> None:
    emit(tx, Event(name, registration.operator_id, tx.now, {"registration": registration.id.hex}))
