"""The verbs: gather, count again under the lock, decide, record, hold, and follow a line's life.

The registration's workflow calls them in this order: ``gather`` with no transaction open; then in one
transaction ``tx.lock(*lock_keys(subject))``, ``recount``, ``decide``, ``record``, and ``hold`` where the line
was approved. A person's approval takes the cap too: ``tx.lock``, ``may_still_hold``, ``by_person``,
``record``, ``hold``.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.events import Event, EventName
from service.infra import telemetry
from service.infra.postgres import Reader, Tx
from service.kit.canon import lock_key
from service.kit.errors import Refusal
from service.kit.ids import new_id
from service.risk import rules
from service.risk.model import (
    Decider,
    Decision,
    HoldingKind,
    HoldingsLimit,
    RiskSubject,
    Signals,
    Verdict,
    ends_for_scam,
)
from service.risk.rules import RiskPolicy
from service.risk.store import decisions, holdings


class Risk:
    """Holds nothing: policies are passed in, so that one request reads one version."""

    async def gather(
        self, reader: Reader, subject: RiskSubject, policy: RiskPolicy, now: datetime
    ) -> Signals:
        """The subject's facts and every count, in one statement."""
        counts = await holdings.count(reader, subject.keys(), policy.parameters, now)
        return Signals.of({**subject.facts, **counts})

    def lock_keys(self, subject: RiskSubject) -> tuple[int, ...]:
        """What ``tx.lock`` takes before :meth:`recount`: document and personal number; where the evidence
        proves nothing also the person and the dealer, whose shares are then scarce too."""
        scarce = {HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER}
        if not subject.is_proven:
            scarce |= {HoldingKind.PERSON, HoldingKind.DEALER}
        return tuple(lock_key(blind.lowest) for kind, blind in subject.keys().items() if kind in scarce)

    async def recount(
        self, tx: Tx, subject: RiskSubject, signals: Signals, policy: RiskPolicy, now: datetime
    ) -> Signals:
        """``signals`` with what is scarce counted again. The locks must be held: the statement after them sees
        what their last holder committed."""
        counts = await holdings.count(tx, subject.keys(), policy.parameters, now, scarce=True)
        return signals.having(counts)

    def decide(self, signals: Signals, policy: RiskPolicy, now: datetime, registration_id: UUID) -> Decision:
        """The rules' decision; nothing is written yet."""
        return Decision(new_id(), registration_id, now, rules.decide(signals, policy, now), signals)

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
        counts = await holdings.count(tx, subject.keys(), policy.parameters, now, scarce=True)
        return HoldingsLimit() if rules.is_at_cap(Signals.of(counts), policy) else None

    def record(self, tx: Tx, decision: Decision) -> None:
        """Stage the decision and count it."""
        decisions.add(tx, decision)
        telemetry.DECISIONS.labels(decision.verdict.value).inc()
        if decision.by is Decider.RULES:
            for rule in decision.judgement.failed_rules:
                telemetry.RULE_FAILURES.labels(rule).inc()

    def hold(
        self, tx: Tx, subject: RiskSubject, decision: Decision, registration_id: UUID, policy: RiskPolicy
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
        )

    async def history(self, reader: Reader, registration_id: UUID) -> Sequence[Decision]:
        """A registration's decisions, oldest first."""
        return await decisions.history(reader, registration_id)

    async def forget(self, tx: Tx, registration_id: UUID, policy: RiskPolicy) -> int:
        """Erase a registration's holdings, except what keeps a scammer out until it decays."""
        return await holdings.forget(tx, registration_id, policy.parameters)

    async def purge(self, tx: Tx, policy: RiskPolicy) -> int:
        """Delete the holdings that weigh nothing any more; part of the daily retention."""
        return await holdings.purge(tx, policy.parameters)

    async def follow(self, tx: Tx, event: Event) -> bool:
        """Take an event of a line or a registration into the holdings; whether anything changed.

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
                changed = await holdings.lift_scam(tx, registration_id, event.at)
            case EventName.REGISTRATION_CANCELLED:
                changed = await holdings.release(tx, registration_id)
            case EventName.LINE_CLOSED:
                changed = await holdings.close(tx, registration_id, event.at)
        if for_scam and event.name in (EventName.LINE_SUSPENDED, EventName.LINE_CLOSED):
            changed += await holdings.mark_scam(tx, registration_id, event.at, confirmed=is_confirmed)
        return changed > 0

    @staticmethod
    async def _registration(tx: Tx, event: Event) -> UUID | None:
        """The registration that the event names, or the one of the line that it names."""
        if registration := event.refs.get("registration"):
            return UUID(registration)
        line = event.refs.get("line")
        return await holdings.registration_of(tx, UUID(line)) if line else None
