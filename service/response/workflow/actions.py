"""Steps on a line: asked for, told to the holder, taken, taken back; with the ledger, the line, the strikes and the
audit in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.jobs import defer
from service.infra.postgres import Database, Reader, Tx
from service.kit.canon import lock_key
from service.kit.ids import new_id, wire
from service.lines.model import Line, RetryPolicy
from service.lines.rules import elapse
from service.lines.workflow import Lines, label
from service.otp.model import NoticeKind as Kept
from service.otp.workflow import drop
from service.response import rules
from service.response.model import (
    Facts,
    Ground,
    LineAction,
    Mark,
    NoticeKind,
    Planned,
    ResponsePolicy,
    Sharing,
    Source,
    SourceKind,
    State,
    Step,
)
from service.response.ports import HolderNotice
from service.response.store import ledger, rings
from service.risk.rules import RiskPolicy
from service.risk.workflow import Risk

SYSTEM = Actor.system("response")
_PREFIX = {SourceKind.REPORT: "rep", SourceKind.RING: "rng", SourceKind.ACT: "act"}


@dataclass(frozen=True, slots=True)
class Tools:
    """What every verb of the response works with."""

    db: Database
    lines: Lines
    risk: Risk
    notices: HolderNotice
    policies: Callable[[], ResponsePolicy]
    retry: RetryPolicy
    risk_policy: Callable[[], RiskPolicy]

    @property
    def policy(self) -> ResponsePolicy:
        """The version in force."""
        return self.policies()


class Actions:
    """The ladder on one line. Verbs run in the caller's transaction and hold the line's lock to its end."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    # Asking

    async def ask(self, tx: Tx, ground: Ground, source: Source, line: Line) -> tuple[Planned, ...]:
        """Put on the ledger what follows on ``source``, and take what may be taken at once. Asked again, it changes
        nothing; asked anew after it was undone, it begins anew."""
        await self.hold(tx, line.id)
        before = await ledger.of_line(tx, line.id)
        facts = await self.facts(tx, [line])
        planned = rules.asked(ground, before, facts[line.id], source, self.tools.policy, tx.now)
        begun = [
            action
            for each in planned
            if (action := await self.begin(tx, line, before, each, ground, source)) is not None
        ]
        self.tell_strongest(tx, begun)
        return planned

    async def begin(
        self,
        tx: Tx,
        line: Line,
        before: Sequence[LineAction],
        planned: Planned,
        ground: Ground,
        source: Source,
        by: str = "system",
        approved_by: str | None = None,
    ) -> LineAction | None:
        """One step onto the ledger, and in force where nothing is waited for; None where it is there already. ``by``
        and ``approved_by``: who stands behind it, and does not judge an appeal of it."""
        known = next((a for a in before if a.source == source and a.step is planned.step), None)
        if known is not None and known.state is not State.UNDONE:
            return None
        action = LineAction(
            id=known.id if known else new_id(),
            operator_id=tx.tenant,
            line_id=line.id,
            registration_id=line.registration_id,
            step=planned.step,
            ground=ground,
            source=source,
            state=State.REFERRED if planned.state is State.IN_FORCE else planned.state,
            at=tx.now,
            by=by,
            guard=planned.guard,
            bar=planned.bar,
            decided_by=approved_by,
            decided_at=tx.now if approved_by else None,
            version=known.version if known else 1,
        )
        if known is not None:
            action = await ledger.save(tx, action)
        elif not await ledger.add(tx, action):
            return None
        note_action(tx, action, "response.asked", SYSTEM)
        if planned.state is State.IN_FORCE:
            action = await self.take(tx, action, SYSTEM)
        return action

    def tell_strongest(self, tx: Tx, begun: Iterable[LineAction]) -> None:
        """One message for what one source leads to: about the strongest step that is or will be in force."""
        telling = [a for a in begun if a.state in (State.WAITING, State.IN_FORCE)]
        strongest = max(telling, key=lambda each: each.step.rank, default=None)
        if strongest is not None:
            waits = strongest.state is State.WAITING
            self.tell(tx, strongest, NoticeKind.ANNOUNCED if waits else NoticeKind.TAKEN)

    @staticmethod
    def tell(tx: Tx, action: LineAction, kind: NoticeKind) -> None:
        defer(
            tx,
            "response:notice",
            operator=tx.tenant.hex,
            action=action.id.hex,
            notice=kind.value,
            attempt=1,
        )

    # Taking, and taking back

    async def take(self, tx: Tx, action: LineAction, actor: Actor, note: str | None = None) -> LineAction:
        """In force from now, with the line made as strict as that; void where the line has ended."""
        line = await self.line(tx, action.line_id)
        if not line.state.is_open:
            action = await ledger.save(tx, replace(action, state=State.VOID, due_at=None))
            note_action(tx, action, "response.void", actor)
            return action
        action = rules.taken(action, self.tools.policy, tx.now)
        action = await self._imposed(tx, line, action, actor, note)
        note_action(tx, action, "response.taken", actor)
        return action

    async def take_again(self, tx: Tx, action: LineAction) -> LineAction:
        """Impose what is in force and found the line stricter till now."""
        line = await self.line(tx, action.line_id)
        return await self._imposed(tx, line, replace(action, due_at=None), SYSTEM, None)

    async def _imposed(
        self, tx: Tx, line: Line, action: LineAction, actor: Actor, note: str | None
    ) -> LineAction:
        reason = rules.line_reason(action.step, action.ground)
        verbs = rules.impose(line, action.step, rules.bar_end(action), reason)
        for verb in verbs:
            await self.tools.lines.act_on(
                tx, line.id, verb.action, reason=verb.reason, actor=actor, until=verb.until, note=note
            )
        if action.step is Step.LABEL:
            await self._label(tx, action, actor)
        action = replace(action, was=rules.standing(line), moved=bool(verbs))
        if looks := rules.asserts_at(line, action):
            action = replace(action, due_at=looks)
        return await ledger.save(tx, action)

    async def _label(self, tx: Tx, changed: LineAction, actor: Actor) -> None:
        """The line carries a label as long as the last of its labels in force, ``changed`` as it is going to be."""
        rest = [each for each in await ledger.of_line(tx, changed.line_id) if each.id != changed.id]
        until = rules.label_until([*rest, changed], tx.now)
        await label(self.tools.lines, tx, changed.line_id, until, actor)

    async def undo(self, tx: Tx, action: LineAction, reason: str, actor: Actor) -> LineAction:
        """Take a step back; the line is left as the rest of the ledger wants it. What was never taken is dropped, what
        is final stays and says that it was wrong."""
        if action.undone_at is not None or action.state in (State.REFUSED, State.VOID):
            return action
        await self.hold(tx, action.line_id)
        was_taken = action.state is State.IN_FORCE
        if was_taken:
            line = await self.line(tx, action.line_id)
            rest = await ledger.of_line(tx, action.line_id)
            verbs = rules.loosen(line, action, rest, reason, tx.now)
            for verb in verbs:
                await self.tools.lines.act_on(
                    tx, line.id, verb.action, reason=verb.reason, actor=actor, until=verb.until
                )
            for other, was in rules.inherits(action, rest, tx.now, moved=bool(verbs)):
                await ledger.save(tx, replace(other, moved=True, was=was))
        action = await ledger.save(tx, rules.undone(action, reason, tx.now))
        if was_taken and action.step is Step.LABEL:
            await self._label(tx, action, actor)
        note_action(tx, action, "response.undone", actor, reason)
        if was_taken or action.notice_at is not None:
            drop(tx, Kept.STEP, action.id, but=NoticeKind.UNDONE.value)
            self.tell(tx, action, NoticeKind.UNDONE)
        return action

    async def undo_source(self, tx: Tx, source_id: UUID, reason: str, actor: Actor) -> int:
        """Take back every step that goes back to a source."""
        found = await ledger.of_source(tx, source_id)
        for action in found:
            await self.undo(tx, action, reason, actor)
        return len(found)

    # Strikes

    async def struck(self, tx: Tx, action: LineAction) -> int:
        """Strike what the line of an action hangs on, by the action's source."""
        return await self.struck_by(tx, action.source, action.registration_id, action.ground)

    async def struck_by(self, tx: Tx, source: Source, registration_id: UUID, ground: Ground) -> int:
        """Papers always, a device and a dealer only where that is fair (``rules.struck``)."""
        among = [registration_id]
        if source.kind is SourceKind.RING:
            among = [each.registration_id for each in (await rings.load(tx, source.id)).members]
        shared = await self.sharing(tx, among)
        kinds = rules.struck(
            shared.get(registration_id, {}), self.tools.policy, spares_identity=ground is Ground.OWNERSHIP
        )
        return await self.strike(tx, registration_id, kinds, source)

    async def strike(self, tx: Tx, registration_id: UUID, kinds: Sequence[str], source: Source) -> int:
        count = await self.tools.risk.strike(tx, registration_id, kinds, source.kind.value, source.id)
        if count:
            self._struck(tx, registration_id, source, "response.struck", count)
        return count

    async def unstrike(self, tx: Tx, source: Source, registration_id: UUID | None = None) -> int:
        count = await self.tools.risk.unstrike(
            tx, source.kind.value, source.id, registration_id, self.tools.risk_policy()
        )
        if count:
            self._struck(tx, registration_id, source, "response.unstruck", count)
        return count

    @staticmethod
    def _struck(tx: Tx, registration_id: UUID | None, source: Source, action: str, count: int) -> None:
        about = wire("reg", registration_id) if registration_id else _wire(source)
        record(
            tx, actor=SYSTEM, action=action, object=about, facts={"source": _wire(source), "strikes": count}
        )

    # Facts

    @staticmethod
    async def hold(tx: Tx, line_id: UUID) -> None:
        """The line's lock: what the ledger says of it does not change under one who judges it."""
        await tx.lock(lock_key(b"response" + line_id.bytes))

    async def line(self, reader: Reader, line_id: UUID) -> Line:
        """As it stands, with what time has done whether or not the job came round."""
        lines = self.tools.lines
        return elapse(await lines.load(reader, line_id), lines.policy, reader.now)[0]

    async def facts(self, reader: Reader, found: Sequence[Line]) -> dict[UUID, Facts]:
        """By line."""
        marks = await ledger.marks(reader, [line.id for line in found])
        none: frozenset[Mark] = frozenset()
        return {
            line.id: Facts(line.state.is_open, line.holder_since, marks.get(line.id, none)) for line in found
        }

    async def sharing(self, reader: Reader, registrations: Sequence[UUID]) -> dict[UUID, dict[str, Sharing]]:
        since = reader.now - timedelta(days=self.tools.policy.dealer_days)
        found = await self.tools.risk.sharing(reader, registrations, since)
        return {
            registration: {kind: Sharing(*counts) for kind, counts in each.items()}
            for registration, each in found.items()
        }

    async def ledger(self, reader: Reader, line_id: UUID) -> list[LineAction]:
        """A line's ledger, oldest first."""
        return await ledger.of_line(reader, line_id)

    async def label(self, reader: Reader, line_id: UUID) -> LineAction | None:
        """The label that a line carries now."""
        found = await ledger.of_line(reader, line_id)
        return next((a for a in reversed(found) if a.step is Step.LABEL and a.is_in_force(reader.now)), None)


def note_action(tx: Tx, action: LineAction, what: str, actor: Actor, reason: str | None = None) -> None:
    """The audit entry of a step, in the line's own history."""
    record(
        tx,
        actor=actor,
        action=what,
        object=wire("line", action.line_id),
        reason=reason or rules.reason_of(action),
        facts={
            "action": wire("act", action.id),
            "step": action.step.value,
            "state": action.state.value,
            "guard": action.guard and action.guard.value,
            "source": _wire(action.source),
        },
    )


def _wire(source: Source) -> str:
    return wire(_PREFIX[source.kind], source.id)
