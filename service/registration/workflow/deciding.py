"""Submit, and a person's decision: the walk in which something scarce is granted.

Gathered without a write transaction; then, in one: locks on the capped identities, the count of the lines on
each, the pure decision, the pure step of the state machine, the audit entry and the jobs; commit; answer.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from service.audit.workflow import Actor, record
from service.dealers.model import Standing
from service.events import Event, EventName
from service.infra.crypto import SubjectKey, Vault
from service.infra.jobs import emit
from service.infra.postgres import Reader, Tx
from service.kit.canon import IndexKind
from service.kit.errors import JsonObject, JsonValue, NotFound, Stale, StateConflict
from service.kit.ids import wire
from service.registration import rules, store
from service.registration.model import (
    SIM_REST,
    EvidenceMissing,
    Outcome,
    Registration,
    State,
    Target,
    View,
)
from service.registration.workflow import purposes
from service.registration.workflow.activating import ask
from service.registration.workflow.evidence import adopt
from service.registration.workflow.gathering import gather, own_facts
from service.registration.workflow.linking import links_of
from service.registration.workflow.opening import client_actor
from service.registration.workflow.parts import Keep, Numbers, Parts, loaded_to_decide, opened
from service.registration.workflow.sharing import ask_of, identity_of
from service.risk.model import Blind, Decision, Reason, RiskSubject, Value, Verdict
from service.risk.rules import RiskPolicy
from service.web.auth import Principal

_EVENTS = {
    State.APPROVED: EventName.REGISTRATION_APPROVED,
    State.IN_REVIEW: EventName.REGISTRATION_IN_REVIEW,
    State.DENIED: EventName.REGISTRATION_DENIED,
}


async def submit(parts: Parts, caller: Principal, registration_id: UUID, keep: Keep[View]) -> View:
    """Decide. Refuses with what is missing, or where it was decided already."""
    policy = parts.policy.current
    async with parts.db.read(caller.operator_id) as reader:
        found = await loaded_to_decide(parts, reader, registration_id, caller.dealer_id)
        rules.collecting(found.registration, reader.now)
    registration = await adopt(parts, found.registration)
    lacking = rules.missing(registration)
    if lacking:
        raise EvidenceMissing(lacking)
    now = parts.db.clock.now()
    subject = replace(
        subject_of(
            parts.vault, registration, found.key, found.numbers, found.dealer, now, _rest(policy.risk)
        ),
        links=links_of(parts.vault, registration, found.numbers, found.values),
    )
    gathered = await gather(parts, replace(found, registration=registration), subject, policy.risk)
    known = await purposes.gather(parts, registration, found.key, policy.risk)
    try:
        async with parts.db.write(caller.operator_id) as tx:
            if registration.line_id is None:  # what takes no place needs no lock on one
                await tx.lock(*parts.risk.lock_keys(subject))
            signals = await parts.risk.count(tx, subject, policy.risk, tx.now, gathered)
            signals = purposes.weighed(registration, signals, known)
            decision = parts.risk.decide(signals, policy.risk, tx.now, registration.id, tx.tenant)
            after = await _grant(parts, tx, registration, subject, decision, policy.risk, "rules")
            record(
                tx,
                actor=client_actor(caller),
                action="registration.decided",
                object=wire("reg", after.id),
                facts={
                    "decision": wire("dec", decision.id),
                    "verdict": decision.verdict.value,
                    "policy": policy.version,
                },
            )
            view = View(after, found.numbers.msisdn)
            await keep(tx, view)
    except Stale:
        raise await _conflict(parts, caller, registration_id) from None
    return view


async def _grant(
    parts: Parts,
    tx: Tx,
    registration: Registration,
    subject: RiskSubject,
    decision: Decision,
    policy: RiskPolicy,
    by: str,
) -> Registration:
    """Write a decision and everything that follows from it, in the caller's transaction."""
    after = rules.decided(registration, purposes.shown(registration, outcome_of(decision, by)), tx.now)
    await store.save(tx, after, expected=registration.version)
    match decision.verdict:
        case Verdict.APPROVED:
            if registration.line_id is None:
                parts.risk.grant(tx, subject, decision, registration.id, policy)
            else:  # a line in service has its place already
                parts.risk.record(tx, decision)
            ask(tx, registration.id)
            if by != "rules":
                parts.risk.not_denied(tx, registration.id)
        case Verdict.DENIED:
            parts.risk.deny(tx, subject, decision, registration.id)
        case Verdict.REVIEW:
            parts.risk.record(tx, decision)
    purposes.ask_to_tell(tx, after)
    refs = {"registration": registration.id.hex}
    emit(tx, Event(_EVENTS[after.state], tx.tenant, tx.now, refs))
    return replace(after, version=registration.version + 1)


async def _conflict(parts: Parts, caller: Principal, registration_id: UUID) -> Exception:
    """Somebody was faster: say what they made of it."""
    async with parts.db.read(caller.operator_id) as reader:
        now = await store.load(reader, registration_id, dealer=caller.dealer_id)
    if now.state is State.COLLECTING:
        return Stale()
    return StateConflict(now.state, [State.COLLECTING])


async def decide_by_person(
    parts: Parts,
    *,
    operator: UUID,
    registration_id: UUID,
    staff: Actor,
    verdict: str,
    reason_code: str,
    note: str | None,
    expected_version: int,
) -> Registration:
    """A person approves or denies what is in review. The hard cap holds for them too."""
    policy = parts.policy.current
    wanted = Verdict(verdict)
    async with parts.db.write(operator) as tx:
        registration = await store.load(tx, registration_id, lock=True)
        rules.may_decide_by_person(registration, staff.id)
        if registration.version != expected_version:
            raise Stale()
        key, numbers = await opened(parts, tx, registration)
        dealer = await _dealer(parts, tx, registration)
        subject = replace(
            subject_of(parts.vault, registration, key, numbers, dealer, tx.now, _rest(policy.risk)),
            links=links_of(
                parts.vault,
                registration,
                numbers,
                await parts.subscribers.values(tx, registration.subscriber_id),
            ),
        )
        history = await parts.risk.history(tx, registration_id)
        if not history:
            raise NotFound()
        if wanted is Verdict.APPROVED:
            rules.may_approve(registration, tx.now)
        if wanted is Verdict.APPROVED and registration.line_id is None:
            await tx.lock(*parts.risk.lock_keys(subject))
            refusal = await parts.risk.may_still_hold(tx, subject, policy.risk, tx.now)
            if refusal is not None:
                raise refusal
        decision = parts.risk.by_person(history[-1], wanted, reason_code, policy.risk, tx.now)
        after = await _grant(parts, tx, registration, subject, decision, policy.risk, staff.id)
        record(
            tx,
            actor=staff,
            action="registration.decided_by_person",
            object=wire("reg", after.id),
            reason=reason_code,
            facts={"decision": wire("dec", decision.id), "verdict": wanted.value},
            note=note,
            key=key,
        )
    return after


async def _dealer(parts: Parts, reader: Reader, registration: Registration) -> Standing | None:
    if registration.dealer_id is None:
        return None
    return (await parts.dealers.find(reader, registration.dealer_id)).standing


def _dealing(dealer: Standing | None) -> dict[str, Value | None]:
    """How the dealer stands; a registration without one has none."""
    return {
        "dealer_absent": dealer is None,
        "dealer_state": dealer.state.value if dealer else "none",
        "dealer_quota_day": dealer.daily_quota if dealer else None,
        "dealer_band": dealer.band.value if dealer else "none",
        "outlet_band": dealer.outlet.value if dealer else "none",
    }


_UNSAID: Final[Mapping[str, Value]] = {
    "document_specimen": False,
    "document_signature": "absent",
    "registry_answer": "not_asked",
    "typed_data": "not_given",
    "document_number_unusual": False,
    "document_validity_unusual": False,
}
"""What is known where no document says anything."""


def subject_of(
    vault: Vault,
    registration: Registration,
    key: SubjectKey,
    numbers: Numbers,
    dealer: Standing | None,
    now: datetime,
    rest: timedelta = SIM_REST,
) -> RiskSubject:
    """Everything that the risk rules may know about this registration, as blind indexes and coded facts. ``rest``:
    how long a changed card proves nothing."""
    best = rules.best_document(registration)
    identity = identity_of(key, registration)

    def blind(kind: IndexKind, name: str) -> Blind | None:
        value = identity.get(name)
        if not isinstance(value, str):
            return None
        operator = registration.operator_id
        return Blind(vault.index(operator, kind, value), vault.index_all(operator, kind, value))

    expires = identity.get("expires_on")
    expires_on = date.fromisoformat(expires) if isinstance(expires, str) else None
    applicants_device = registration.device_idx if registration.device_role != "dealer" else None
    facts: dict[str, Value | None] = {
        "document_outcome": best.outcome if best else "none",
        "proof": rules.proof_of(registration, best, rest) if best else "none",
        "document_expired": None if expires_on is None else expires_on < now.date(),
        "document_expires_in_days": None if expires_on is None else (expires_on - now.date()).days,
        **_UNSAID,
        "age_years": _age(identity.get("born"), now.date()),
        "guardian": False,
        "person_weak": identity.get("person_weak") is True,
        "line_code_verified": registration.verified(Target.LINE) is not None,
        "contact_code_verified": registration.verified(Target.CONTACT) is not None,
        "otp_tries": sum(max(0, proof.tries - 1) for proof in registration.codes),
        **_dealing(dealer),
        "device_absent": registration.device_idx is None,
        "agent_absent": registration.agent_id is None,
        "channel": registration.channel.value,
        "line_form": registration.form,
        "plan": registration.plan,
        **own_facts(registration, numbers),
    }
    if best is not None:
        facts |= {name: value for name, value in best.facts.items() if isinstance(value, int | bool | str)}
    facts |= rules.of_all_documents(registration)
    return RiskSubject(
        document=blind(IndexKind.DOCUMENT, "document"),
        personal_number=blind(IndexKind.PERSONAL_NUMBER, "personal_number"),
        person=blind(IndexKind.PERSON, "person"),
        device=Blind.single(applicants_device) if applicants_device else None,
        dealer_id=registration.dealer_id,
        document_expires_on=expires_on,
        facts=facts,
        shared=ask_of(vault, registration, identity),
    )


def _rest(policy: RiskPolicy) -> timedelta:
    return timedelta(hours=policy.parameters.sim_rest_hours)


def _age(born: JsonValue, today: date) -> int | None:
    """Whole years; None where the birth date is not wholly known."""
    if not isinstance(born, str) or len(born) != 10:
        return None
    birth = date.fromisoformat(born)
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def outcome_of(decision: Decision, by: str) -> Outcome:
    """A decision as the registration keeps it."""
    judgement = decision.judgement
    shown = [_reason(reason) for reason in judgement.reasons]
    if decision.verdict is Verdict.APPROVED:
        told = shown
    else:
        leading = {reason.rule for reason in judgement.reasons if reason.effect is decision.verdict}
        told = sorted(shown, key=lambda reason: reason["rule"] not in leading)
    return Outcome(
        id=decision.id,
        verdict=decision.verdict.value,
        assurance=judgement.assurance.value,
        reasons=tuple(told),
        restricted_until=judgement.conditions.restricted_until,
        probation_until=judgement.conditions.probation_until,
        policy_version=judgement.policy_version,
        decided_at=decision.at,
        decided_by=by,
    )


def _reason(reason: Reason) -> JsonObject:
    facts: list[JsonValue] = [
        {
            "name": fact.name,
            "op": fact.op,
            "value": fact.value,
            "threshold": fact.threshold,
            "baseline": None if fact.baseline is None else asdict(fact.baseline),
        }
        for fact in reason.facts
        if fact.holds
    ]
    return {
        "rule": reason.rule,
        "effect": reason.effect.value if reason.effect else None,
        "staff": reason.staff,
        "code": reason.code.value,
        "text": reason.text,
        "facts": facts,
    }
