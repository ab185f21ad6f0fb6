"""The verbs: count under the lock, decide, record, hold, and follow a line's life.

The registration's workflow calls them in this order, in one transaction: ``tx.lock(*lock_keys(subject))``,
``count``, ``decide``, ``record``, and ``hold`` where the line was approved. A person's approval takes the cap
too: ``tx.lock``, ``may_still_hold``, ``by_person``, ``record``, ``hold``.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog

from service.events import Event, EventName
from service.infra import telemetry
from service.infra.crypto import Vault
from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.canon import lock_key
from service.kit.errors import Refusal, Unavailable
from service.kit.ids import new_id
from service.risk import rules
from service.risk.model import (
    STRUCK_KINDS,
    Baseline,
    Blind,
    Decider,
    Decision,
    HoldingKind,
    HoldingsLimit,
    RiskSubject,
    Signals,
    Value,
    Verdict,
    ends_for_scam,
)
from service.risk.rules import RiskPolicy
from service.risk.store import commons, decisions, denials, holdings, links, marks, shared, signals, strikes
from service.risk.volatile import Places, Velocity
from service.risk.workflow.commons import Commons
from service.risk.workflow.links import Links

log = structlog.get_logger(__name__)

_NOT_THEIRS = frozenset({"dealer", "agent", "block"})
"""What many honest applicants share by no choice of theirs: a denial of one says nothing of the next."""

COMES_OR_GOES = (EventName.REGISTRATION_APPROVED, EventName.REGISTRATION_CANCELLED)
"""With these the graph has a line more or less."""
BY_LINE = "line"
"""The source of a strike that an act on the line itself put: closed or suspended as a confirmed scam."""


class Risk:
    """Holds no state: policies are passed in, so that one request reads one version. Without a vault nothing is
    shared between operators; without velocity the counters of the last day are unknown. ``usual`` gives an operator's
    baselines."""

    def __init__(
        self,
        vault: Vault | None = None,
        velocity: Velocity | None = None,
        usual: Callable[[UUID], Mapping[str, Baseline]] | None = None,
    ) -> None:
        self._vault = vault
        self.velocity = velocity
        self.links = Links()
        self.commons = Commons(self.links)
        self._usual = usual

    def lock_keys(self, subject: RiskSubject) -> tuple[int, ...]:
        """What ``tx.lock`` takes before :meth:`count`: document and personal number; where the evidence
        proves nothing also the person and the dealer, whose shares are then scarce too."""
        scarce = {HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER}
        if not subject.is_proven:
            scarce |= {HoldingKind.PERSON, HoldingKind.DEALER}
        return tuple(lock_key(blind.lowest) for kind, blind in subject.keys().items() if kind in scarce)

    async def gather(
        self, reader: Reader, registration_id: UUID, subject: RiskSubject, policy: RiskPolicy, now: datetime
    ) -> Mapping[str, Value | None]:
        """What grants nothing scarce, in one statement and under no lock: windows, spacing, sharing, sellers, denials,
        marks."""
        keys = {kind.value: blind for kind, blind in subject.keys().items()}
        p = policy.parameters_for(subject.facts)
        absent = {f"{kind}_absent": kind not in keys for kind in ("contact", "address", "payment")}
        return {**absent, **await signals.gather(reader, registration_id, keys, p, now)}

    async def tried(
        self, operator: UUID, registration_id: UUID, places: Places
    ) -> Mapping[str, Value | None]:
        """The counters of the last day. Where they cannot be asked that is known, and they are not: every rule that
        reads one must say what it does without it."""
        if self.velocity is None:
            return {"velocity_known": False}
        try:
            return await self.velocity.count(operator, registration_id, places)
        except Unavailable:
            log.warning("risk.velocity_unknown", operator=operator.hex)
            return {"velocity_known": False}

    async def count(
        self,
        reader: Reader,
        subject: RiskSubject,
        policy: RiskPolicy,
        now: datetime,
        gathered: Mapping[str, Value | None] = MappingProxyType({}),
    ) -> Signals:
        """What was ``gathered``, the subject's facts, every count, and the one truth over all operators, in one
        statement. Where a place is to be taken the locks must be held: the statement after them sees what their last
        holder committed.

        That truth is asked only of a subject whose document passed and whose code came back; of others it is
        false, and another rule sends them to a person.
        """
        p, asking = policy.parameters_for(subject.facts), None
        if subject.shared is not None and subject.shared.keys and subject.is_evidenced and p.shared_cap:
            asking = shared.asking(subject.shared, p, now)
        counts = await holdings.count(reader, subject.keys(), p, now, asking=asking)
        known = {"shared_limit_exceeded": False, **counts}
        if known["shared_limit_exceeded"] is None:
            telemetry.SHARED_ASKS_REFUSED.inc()
            log.warning("risk.shared_asks_refused", operator=reader.tenant.hex)
        return Signals.of({**subject.facts, **gathered, **known})

    def decide(
        self,
        signals: Signals,
        policy: RiskPolicy,
        now: datetime,
        registration_id: UUID,
        operator: UUID | None = None,
    ) -> Decision:
        """The rules' decision, with what is usual at ``operator`` beside its values; nothing is written yet."""
        judgement = rules.decide(signals, policy, now)
        if self._usual is not None and operator is not None:
            judgement = rules.with_usual(judgement, self._usual(operator))
        return Decision(new_id(), registration_id, now, judgement, signals)

    def by_person(
        self, before: Decision, verdict: Verdict, code: str, policy: RiskPolicy, now: datetime
    ) -> Decision:
        """A person's decision about ``before``, for the reason ``code``. Evidence and assurance stay what the
        papers are worth; an approval on papers that prove nothing comes with probation."""
        judgement = rules.by_person(before.judgement, before.signals, verdict, policy, now)
        return Decision(
            new_id(),
            before.registration_id,
            now,
            judgement,
            before.signals,
            Decider.PERSON,
            before.id,
            code,
        )

    async def may_still_hold(
        self, tx: Tx, subject: RiskSubject, policy: RiskPolicy, now: datetime
    ) -> Refusal | None:
        """What forbids even a person to approve: the hard cap, counted under the locks of :meth:`lock_keys`."""
        p = policy.parameters_for(subject.facts)
        counts = await holdings.count(tx, subject.keys(), p, now)
        seen = Signals.of({**counts, "number_country": subject.facts.get("number_country")})
        return HoldingsLimit() if rules.is_at_cap(seen, policy) else None

    def record(self, tx: Tx, decision: Decision) -> None:
        """Stage the decision and count it."""
        decisions.add(tx, decision)
        self._counted(decision)

    @staticmethod
    def _counted(decision: Decision) -> None:
        telemetry.DECISIONS.labels(decision.verdict.value).inc()
        if decision.by is Decider.RULES:
            for rule in decision.judgement.failed_rules:
                telemetry.RULE_FAILURES.labels(rule).inc()

    def deny(self, tx: Tx, subject: RiskSubject, decision: Decision, registration_id: UUID) -> None:
        """Stage a denial, in one statement with everything of the applicant's own that the line would have hung on,
        and count it."""
        keys = {kind.value: blind for kind, blind in subject.keys().items() if kind not in _NOT_THEIRS}
        denials.add(tx, registration_id, keys, first=decisions.adding(tx, decision))
        self._counted(decision)

    def not_denied(self, tx: Tx, registration_id: UUID) -> None:
        """Stage that a denial was undone."""
        denials.remove(tx, registration_id)

    def grant(
        self, tx: Tx, subject: RiskSubject, decision: Decision, registration_id: UUID, policy: RiskPolicy
    ) -> None:
        """Stage an approval and what its registration holds from now on, in one statement, and count it."""
        self.hold(tx, subject, decision, registration_id, policy, first=decisions.adding(tx, decision))
        self._counted(decision)

    def hold(
        self,
        tx: Tx,
        subject: RiskSubject,
        decision: Decision,
        registration_id: UUID,
        policy: RiskPolicy,
        *,
        first: tuple[Statement, Mapping[str, Any]] | None = None,
    ) -> None:
        """Stage what an approved registration holds from now on. Refuses, as our bug, any other verdict."""
        assert decision.verdict is Verdict.APPROVED, "only an approval takes a place under the cap"
        holdings.hold(
            tx,
            subject.keys(),
            registration_id,
            decision.judgement.evidence,
            subject.document_expires_on,
            policy.parameters,
            may_renew=decision.signals.values.get("lines_on_predecessor", 0) != 0,
            first=first,
        )

    async def history(self, reader: Reader, registration_id: UUID) -> Sequence[Decision]:
        """A registration's decisions, oldest first."""
        return await decisions.history(reader, registration_id)

    def share(self, tx: Tx, keys: Mapping[str, Blind], line_id: UUID) -> None:
        """Stage that a line of this identity is open, for what operators share."""
        if self._vault is not None:
            shared.add(tx, keys, self._vault.shared_ref(line_id))

    def unshare(self, tx: Tx, line_id: UUID) -> None:
        """Stage the removal of a line from what operators share: its holder is erased."""
        if self._vault is not None:
            shared.remove(tx, self._vault.shared_ref_all(line_id))

    async def share_again(self, tx: Tx, keys: Mapping[str, Blind], line_id: UUID) -> int:
        """Bring a line's shared rows to the primary key: part of a rotation. How many rows changed."""
        if self._vault is None:
            return 0
        lines = self._vault.shared_ref_all(line_id)
        return sum([await shared.move(tx, blind, lines) for blind in keys.values()])

    async def shared_keys_in_use(self, reader: Reader) -> set[int]:
        """Ids of the ``shared`` keys that rows of any operator still have."""
        return await shared.keys_in_use(reader)

    def purge_shared(self, tx: Tx) -> None:
        """Stage the deletion of what counts no more over all operators; part of the daily retention."""
        shared.purge(tx)

    async def forget(self, tx: Tx, registration_id: UUID, policy: RiskPolicy) -> int:
        """Erase a registration's holdings, except what keeps a scammer out until it decays; its denial and its
        marks. What hung together by it does so no more."""
        denials.remove(tx, registration_id)
        await marks.forget(tx, registration_id)
        gone = await holdings.forget(tx, registration_id, policy.parameters)
        strikes.erased(tx, registration_id)
        if gone:
            await commons.drop_orphans(tx)
            await self.links.refresh(tx, [registration_id], policy, gone=gone)
        return len(gone)

    async def purge(self, tx: Tx, policy: RiskPolicy) -> int:
        """Delete the holdings and denials that weigh nothing any more; part of the daily retention, after which the
        components are swept."""
        await denials.purge(tx, policy.parameters)
        await strikes.purge(tx, policy.longest())
        rows = await holdings.purge(tx, policy.longest())
        await links.guard(tx)
        await links.drop_orphans(tx)
        await commons.drop_orphans(tx)
        return rows

    def count_peers(self, tx: Tx, policy: RiskPolicy) -> None:
        """Stage the count of what is usual among sellers; a chore."""
        signals.count_peers(tx, policy.parameters)

    async def follow(self, tx: Tx, event: Event, policy: RiskPolicy | None = None) -> bool:
        """Take an event of a line or a registration into the holdings; whether anything changed. ``policy`` says
        how long a closed line counts over all operators (as long as it does here), and what hangs together; without
        it neither is kept.

        May be called any number of times and in any order with the same events: a line's life moves one way
        only, and of scam and reinstatement the latest instants are kept.
        """
        registration_id = await self._registration(tx, event)
        if registration_id is None:
            return False
        for_scam, is_confirmed = ends_for_scam(event.refs.get("reason"))
        changed = 0
        match event.name:
            case EventName.LINE_ACTIVATED:
                line = event.refs.get("line")
                changed = await holdings.activate(tx, registration_id, UUID(line) if line else None)
            case EventName.LINE_REINSTATED:
                changed = await self._lift(tx, registration_id, event.at, policy)
            case EventName.REGISTRATION_CANCELLED:
                changed = await holdings.release(tx, registration_id)
            case EventName.LINE_CLOSED:
                changed = await holdings.close(tx, registration_id, event.at)
                await self._share_until(tx, event, registration_id, policy)
        if policy is not None and event.name in COMES_OR_GOES:
            await self.links.refresh(tx, [registration_id], policy)
        if for_scam and event.name in (EventName.LINE_SUSPENDED, EventName.LINE_CLOSED):
            changed += await holdings.mark_scam(tx, registration_id, event.at)
            if is_confirmed:
                source = UUID(event.refs.get("line", registration_id.hex))
                changed += await strikes.put(tx, registration_id, STRUCK_KINDS, BY_LINE, source, event.at)
        return changed > 0

    async def acquit(self, tx: Tx, registration_id: UUID, policy: RiskPolicy) -> int:
        """An act by hand on the line was wrong: what it marked and struck is undone, also where the line is gone."""
        return await self._lift(tx, registration_id, tx.now, policy)

    async def _lift(self, tx: Tx, registration_id: UUID, at: datetime, policy: RiskPolicy | None) -> int:
        changed = await holdings.lift_scam(tx, registration_id, at)
        done = await strikes.undo(tx, BY_LINE, None, at, registration_id=registration_id)
        await self._unlinked(tx, done, policy)
        return changed + done.count

    # Strikes by their source: a report, a ring, or an act on the line itself (follow)

    async def strike(
        self, tx: Tx, registration_id: UUID, kinds: Sequence[str], source_kind: str, source_id: UUID
    ) -> int:
        """Strike a registration's holdings of ``kinds``; how many are new. Whoever sold the line has it in their rate
        from now on, struck or not. Repeating it is harmless."""
        await strikes.stop(tx, registration_id, source_kind, source_id, tx.now)
        if not kinds:
            return 0
        return await strikes.put(tx, registration_id, kinds, source_kind, source_id, tx.now)

    async def unstrike(
        self,
        tx: Tx,
        source_kind: str,
        source_id: UUID,
        registration_id: UUID | None = None,
        policy: RiskPolicy | None = None,
    ) -> int:
        """Undo what this source put, everywhere or on one registration; what other sources put stays. With ``policy``
        the graph follows where that was the last of an erased person."""
        done = await strikes.undo(tx, source_kind, source_id, tx.now, registration_id=registration_id)
        await self._unlinked(tx, done, policy)
        return done.count

    async def _unlinked(self, tx: Tx, done: strikes.Undone, policy: RiskPolicy | None) -> None:
        if done.gone and policy is not None:
            await self.links.refresh(tx, done.forgotten, policy, gone=done.gone)

    async def strikes(
        self, reader: Reader, registration_id: UUID
    ) -> Sequence[tuple[str, str, UUID, datetime]]:
        """(kind, kind of source, source, when) of the strikes that hold on a registration, newest first."""
        return await strikes.sources(reader, registration_id)

    async def sharing(
        self, reader: Reader, registrations: Sequence[UUID], dealer_since: datetime
    ) -> Mapping[UUID, Mapping[str, tuple[int, int]]]:
        """By registration and kind: (lines on the same thing, those of them among ``registrations``)."""
        return await strikes.sharing(reader, registrations, dealer_since)

    async def _share_until(
        self, tx: Tx, event: Event, registration_id: UUID, policy: RiskPolicy | None
    ) -> None:
        line = event.refs.get("line")
        if self._vault is None or policy is None or line is None:
            return
        opened_at = await shared.opened_at(tx, registration_id)
        last = None if opened_at is None else policy.longest().counts_until(opened_at, event.at)
        shared.remove(tx, self._vault.shared_ref_all(UUID(line)), last)

    @staticmethod
    async def _registration(tx: Tx, event: Event) -> UUID | None:
        """The registration that the event names, or the one of the line that it names."""
        if registration := event.refs.get("registration"):
            return UUID(registration)
        line = event.refs.get("line")
        return await holdings.registration_of(tx, UUID(line)) if line else None
