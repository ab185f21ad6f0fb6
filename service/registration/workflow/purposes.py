"""What sets ``port_in``, ``sim_swap`` and ``reverify`` apart from a new line: what they are about, whom they
are compared with, and what of their evidence counts.

A code proves that a SIM is in a hand. Whether it is the holder's hand is another question, and for some time after
a change of SIM the answer is worth nothing: that change is how lines are stolen.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.crypto import SubjectKey
from service.infra.jobs import defer
from service.infra.postgres import Reader, Tx
from service.kit.errors import InvalidRequest, NotFound, Unavailable
from service.kit.ids import wire
from service.lines.model import Line, State
from service.lines.rules import refuse_reverification, refuse_sim_change, refuse_taken
from service.otp.model import Handed, Notice, NoticeKind
from service.otp.rules import card_notice
from service.registration import store
from service.registration.model import Opening, Outcome, Purpose, Registration, Target
from service.registration.model import State as RegistrationState
from service.registration.rules import taking_no_place
from service.registration.store.on_file import OnFile, on_file
from service.registration.workflow.parts import Parts, opened
from service.registration.workflow.sharing import Identity, identity_of
from service.risk.model import Signals, Value
from service.risk.model.catalogue import LONG_AGO
from service.risk.rules import RiskPolicy
from service.subscribers.model import Erased

_IDENTITY = ("document", "personal_number", "person")


def asked(ask: Opening) -> Opening:
    """The request as its purpose takes it. Raises InvalidRequest."""
    if ask.sim_lost and ask.purpose is not Purpose.SIM_SWAP:
        raise InvalidRequest("/sim_lost", "not-applicable", "Only a SIM swap replaces a lost card.")
    if ask.purpose is Purpose.SIM_SWAP and ask.iccid is None and ask.form == "sim":
        raise InvalidRequest("/iccid", "missing", "A SIM swap names the new card.")
    # A re-verification moves no card: one that is named must not be taken from whoever is to have it.
    return replace(ask, iccid=None, imei=None) if ask.purpose is Purpose.REVERIFY else ask


async def line_of(parts: Parts, tx: Tx, ask: Opening) -> Line | None:
    """The line in service that the request is about; None where it is for a new one.

    Raises NotFound where the number has none here, StateConflict where its state forbids it, SimInUse where
    another line has the new card.
    """
    if not ask.purpose.is_about_a_line:
        return None
    card = ask.iccid if ask.purpose is Purpose.SIM_SWAP else None
    line, on_card = await parts.lines.on_number_and_sim(tx, ask.msisdn, card)
    if line.sealed is None:
        raise NotFound()
    if ask.purpose is Purpose.SIM_SWAP:
        refuse_sim_change(line)
        refuse_taken((), on_card, tx.now)
    else:
        refuse_reverification(line)
    return line


def about(registration: Registration, line: Line, ask: Opening) -> Registration:
    """The registration with the line that it is about, and whether that line's own card can take a code."""
    can_receive = line.state in (State.ACTIVE, State.RESTRICTED) and not ask.sim_lost
    return replace(registration, line_id=line.id, can_receive=can_receive, service_until=None)


async def contact_of(parts: Parts, reader: Reader, registration: Registration) -> str | None:
    """The contact number that codes go to: of a new line the applicant's, of a line in service the one on file,
    whatever the request says. None where there is none."""
    subscriber = registration.subscriber_id
    if registration.line_id is not None:
        subscriber = (await parts.lines.load(reader, registration.line_id)).subscriber_id
    try:
        contact = (await parts.subscribers.read(reader, subscriber)).get("contact_msisdn")
    except Erased:
        if registration.line_id is None:
            raise
        return None
    return contact if isinstance(contact, str) else None


async def card_changed_at(
    parts: Parts, reader: Reader, registration: Registration, to: Target, contact: str | None
) -> datetime | None:
    """When the card was changed that a code to this target reaches, if its number is a line here: of a line in
    service, and of a contact. A new line's own card is new, which is what the code is about."""
    if to is Target.LINE:
        if registration.line_id is None:
            return None
        return (await parts.lines.load(reader, registration.line_id)).sim_changed_at
    return None if contact is None else await parts.lines.card_since(reader, contact)


async def gather(
    parts: Parts, registration: Registration, key: SubjectKey, policy: RiskPolicy
) -> dict[str, Value | None]:
    """What the purpose adds to the signals, read with no write transaction open."""
    rest = timedelta(hours=policy.parameters.sim_rest_hours)
    known: dict[str, Value | None] = {
        f"{proof.to.value}_code_verified": False for proof in registration.codes if not proof.counts(rest)
    }
    known |= {"code_to_young_sim": bool(known), "purpose": registration.purpose.value}
    if registration.line_id is None:
        return known | {"holder_match": "not_asked", "card_lost": False}
    async with parts.db.read(registration.operator_id) as reader:
        known_of = await on_file(reader, registration.line_id)
        now = reader.now
    match = _match(parts, registration.operator_id, known_of, identity_of(key, registration))
    changed, since = known_of.sim_changed_at, known_of.holder_since
    return known | {
        "holder_match": match,
        "card_lost": registration.is_card_lost,
        "hours_since_sim_change": LONG_AGO if changed is None else (now - changed) // timedelta(hours=1),
        "line_tenure_days": None if since is None else (now - since).days,
    }


def _match(parts: Parts, operator: UUID, known_of: OnFile, shown: Identity) -> str:
    """``same`` where the document, the personal number, or a name with a birth date that few share is the holder's;
    ``unknown`` where the holder was erased or nothing can be compared."""
    known = False
    for registration, wrapped in known_of.papers:
        if wrapped is None:
            continue
        key = parts.subscribers.unwrap(operator, registration.subscriber_id, wrapped)
        filed = _comparable(identity_of(key, registration))
        both = filed.keys() & _comparable(shown).keys()
        if any(filed[kind] == shown[kind] for kind in both):
            return "same"
        known = known or bool(both)
    return "differs" if known else "unknown"


def _comparable(identity: Identity) -> dict[str, str]:
    """The canonical texts that tell people apart: no person where many share name and birth date."""
    kinds = ("document", "personal_number") if identity.get("person_weak") is True else _IDENTITY
    return {kind: text for kind in kinds if isinstance(text := identity.get(kind), str)}


def weighed(registration: Registration, signals: Signals, known: Mapping[str, Value | None]) -> Signals:
    """The signals as they count for this purpose."""
    if registration.line_id is None:
        return signals.having(known)
    return signals.having({**taking_no_place(signals.values), **known})


def shown(registration: Registration, outcome: Outcome) -> Outcome:
    """A decision about a line in service sets it no conditions: they are the line's own."""
    if registration.line_id is None:
        return outcome
    return replace(outcome, restricted_until=None, probation_until=None)


def ask_to_tell(tx: Tx, registration: Registration) -> None:
    """Ask for the notice to the holder, where somebody wants a card in the place of a lost one."""
    if registration.state is RegistrationState.IN_REVIEW and registration.is_card_lost:
        defer(
            tx,
            "registration:tell_holder",
            lock=f"registration:{registration.id.hex}",
            operator=tx.tenant.hex,
            registration=registration.id.hex,
        )


async def tell_holder(parts: Parts, operator: UUID, operator_name: str, registration_id: UUID) -> None:
    """Tell the old card and the contact on file, once. Asked again when one of them left that had to wait: the courier
    keeps what cannot be sent now."""
    async with parts.db.read(operator) as reader:
        registration = await store.load(reader, registration_id)
        if registration.told_at is not None or registration.state is not RegistrationState.IN_REVIEW:
            return
        assert registration.line_id is not None
        try:
            _, numbers = await opened(parts, reader, registration)
        except Erased:
            return
        contact = await contact_of(parts, reader, registration)
        holder = (await parts.lines.load(reader, registration.line_id)).subscriber_id
    if parts.courier is None:
        raise Unavailable("sender")
    to = {numbers.msisdn: "line", **({contact: "contact"} if contact not in (None, numbers.msisdn) else {})}
    handed = [
        await parts.courier.hand(
            Notice(operator, NoticeKind.CARD_ASKED, registration_id, way, holder, number),
            lambda language: card_notice(language, operator_name),
        )
        for number, way in to.items()
    ]
    if Handed.SENT not in handed:
        return
    async with parts.db.write(operator) as tx:
        current = await store.load(tx, registration_id, lock=True)
        if current.told_at is not None:
            return
        await store.save(tx, replace(current, told_at=tx.now), expected=current.version)
        record(
            tx,
            actor=Actor.system("notice"),
            action="registration.holder_told",
            object=wire("reg", registration_id),
            facts={"messages": handed.count(Handed.SENT)},
        )
