"""An action on a ring: found from a confirmed report, proposed by one person, approved by another, carried out line by
line, and undone where the report turns out wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.jobs import defer
from service.infra.postgres import Reader, Tx
from service.kit.errors import Stale
from service.kit.ids import new_id, wire
from service.response import rules
from service.response.model import (
    Facts,
    Ground,
    LineAction,
    Member,
    MemberFacts,
    MemberState,
    Planned,
    RingAction,
    RingState,
    Source,
    SourceKind,
    State,
)
from service.response.store import ledger
from service.response.store import rings as store
from service.response.workflow.actions import SYSTEM, Actions
from service.risk.model.links import Ring
from service.risk.rules import RiskPolicy


class RingFinder(Protocol):
    """``service.risk.workflow.links.Links``."""

    async def ring(
        self, reader: Reader, registration_id: UUID, policy: RiskPolicy, now: datetime
    ) -> Ring | None: ...


class Rings:
    def __init__(self, actions: Actions, finder: RingFinder, policy: Callable[[], RiskPolicy]) -> None:
        self._actions = actions
        self._tools = actions.tools
        self._finder = finder
        self._policy = policy

    # Told by reports

    async def find(self, tx: Tx, report_id: UUID, root: UUID) -> RingAction | None:
        """What hangs on a confirmed report's line, for people to look at; None where nothing else does."""
        known = await store.by_report(tx, report_id, lock=True)
        if known is not None and known.state is not RingState.UNDONE:
            return None
        members, score = await self.current(tx, root)
        if len(members) < 2:
            return None
        ring = RingAction(
            id=known.id if known else new_id(),
            operator_id=tx.tenant,
            report_id=report_id,
            root=root,
            digest=rules.digest(members),
            score=score,
            state=RingState.FOUND,
            found_at=tx.now,
            expires_at=tx.now + self._tools.policy.proposal,
            members=members,
            version=known.version if known else 1,
        )
        if known is not None:
            ring = await store.save(tx, ring, members=True)
        elif not await store.add(tx, ring):
            return None
        _note(tx, ring, "ring.found", SYSTEM)
        return ring

    async def is_dismissed(self, tx: Tx, report_id: UUID, at: datetime) -> bool:
        """Whether the report was dismissed later than ``at``: events come in any order."""
        ring = await store.by_report(tx, report_id)
        return (
            ring is not None
            and ring.state is RingState.UNDONE
            and ring.ended_at is not None
            and ring.ended_at >= at
        )

    async def dismiss(self, tx: Tx, report_id: UUID, registration: str | None, at: datetime) -> None:
        """The report was wrong: a proposal is worth nothing, and what was carried out is undone. Where there is no
        ring, that the report was dismissed is kept in its place."""
        ring = await store.by_report(tx, report_id, lock=True)
        if ring is None:
            if registration is not None:
                await store.add(tx, self._tombstone(tx, report_id, UUID(registration), at))
            return
        if ring.state is RingState.UNDONE and ring.ended_at is not None and ring.ended_at >= at:
            return
        was_done = ring.state in (RingState.APPROVED, RingState.DONE)
        ring = await store.save(tx, replace(ring, state=RingState.UNDONE, ended_at=at))
        _note(tx, ring, "ring.undone", SYSTEM, "report-dismissed")
        if was_done:
            defer(tx, "response:undo", operator=tx.tenant.hex, ring=ring.id.hex)

    def _tombstone(self, tx: Tx, report_id: UUID, root: UUID, at: datetime) -> RingAction:
        return RingAction(
            id=new_id(),
            operator_id=tx.tenant,
            report_id=report_id,
            root=root,
            digest="",
            score=0,
            state=RingState.UNDONE,
            found_at=at,
            expires_at=at,
            members=(),
            ended_at=at,
        )

    # Staff

    async def current(self, reader: Reader, root: UUID) -> tuple[tuple[Member, ...], int]:
        """The ring as it is now: its members with what would be done to each, and its score."""
        found = await self._finder.ring(reader, root, self._policy(), reader.now)
        if found is None:
            return (), 0
        registrations = [each.registration_id for each in found.members]
        lines = {
            line.registration_id: line
            for line in await self._tools.lines.of_registrations(reader, registrations)
        }
        facts = await self._actions.facts(reader, list(lines.values()))
        shared = await self._actions.sharing(reader, registrations)
        gone = Facts(False, reader.now)
        known = {}
        for registration in registrations:
            line = lines.get(registration)
            known[registration] = MemberFacts(
                facts[line.id] if line else gone, line.id if line else None, shared.get(registration, {})
            )
        return rules.plan(found, known, self._tools.policy, reader.now), found.score

    async def load(self, reader: Reader, ring_id: UUID) -> RingAction:
        return await store.load(reader, ring_id)

    async def listed(
        self, reader: Reader, states: Sequence[RingState], *, limit: int, before: UUID | None = None
    ) -> list[tuple[RingAction, int]]:
        """Newest first, without members, each with how many lines it has."""
        return await store.listed(reader, states, limit=limit, before=before)

    async def count(self, reader: Reader, states: Sequence[RingState]) -> int:
        return await store.count(reader, states)

    async def of_registration(self, reader: Reader, registration_id: UUID) -> list[UUID]:
        """Rings that a registration is a member of, newest first."""
        return await store.of_registration(reader, registration_id)

    async def propose(self, operator: UUID, ring_id: UUID, staff: Actor, *, expected: int) -> RingAction:
        """Propose the ring as it is now; also anew. NotFound, StateConflict, Stale."""
        async with self._tools.db.write(operator) as tx:
            ring = await self._held(tx, ring_id, expected)
            members, score = await self.current(tx, ring.root)
            ring = rules.propose(ring, members, score, staff.id, self._tools.policy, tx.now)
            ring = await store.save(tx, ring, members=True)
            _note(tx, ring, "ring.proposed", staff)
        return ring

    async def approve(
        self, operator: UUID, ring_id: UUID, staff: Actor, *, seen: str, expected: int
    ) -> RingAction:
        """Approve what was seen; the lines are acted on by a job. NotFound, StateConflict, SecondPersonNeeded,
        RingChanged, Stale."""
        async with self._tools.db.write(operator) as tx:
            ring = await self._held(tx, ring_id, expected)
            members, _ = await self.current(tx, ring.root)
            ring = rules.approve(ring, seen, rules.digest(members), staff.id, tx.now)
            ring = await store.save(tx, ring)
            _note(tx, ring, "ring.approved", staff)
            defer(tx, "response:ring", operator=operator.hex, ring=ring.id.hex)
        return ring

    async def refuse(
        self, operator: UUID, ring_id: UUID, staff: Actor, *, reason: str, expected: int
    ) -> RingAction:
        """Leave the ring alone. NotFound, StateConflict, Stale."""
        async with self._tools.db.write(operator) as tx:
            ring = await self._held(tx, ring_id, expected)
            ring = await store.save(tx, rules.refuse(ring, staff.id, tx.now))
            _note(tx, ring, "ring.refused", staff, reason)
        return ring

    @staticmethod
    async def _held(tx: Tx, ring_id: UUID, expected: int) -> RingAction:
        ring = await store.load(tx, ring_id, lock=True)
        if ring.version != expected:
            raise Stale()
        return ring

    # For jobs

    async def carry_out(self, operator: UUID, ring_id: UUID) -> None:
        """Every member that is still to be done, each in a transaction of its own: killed and begun again, it goes on
        where it was. One that fails does not keep the others; it is raised at the end, and tried again."""
        async with self._tools.db.read(operator) as reader:
            ring = await store.load(reader, ring_id)
        failed: list[Exception] = []
        for member in ring.members:
            if member.state is not MemberState.PLANNED:
                continue
            try:
                async with self._tools.db.write(operator) as tx:
                    if await store.state_of(tx, ring_id) is not RingState.APPROVED:
                        return
                    await self._do(tx, ring, member.registration_id)
            except Exception as error:  # noqa: BLE001  the other lines of a ring do not wait for one
                failed.append(error)
        if failed:
            raise failed[0]
        async with self._tools.db.write(operator) as tx:
            ring = await store.load(tx, ring_id, lock=True)
            if ring.state is RingState.APPROVED:
                ring = await store.save(tx, replace(ring, state=RingState.DONE, ended_at=tx.now))
                _note(tx, ring, "ring.done", SYSTEM)

    async def _do(self, tx: Tx, ring: RingAction, registration_id: UUID) -> None:
        member = await store.member(tx, ring.id, registration_id)
        if member is None or member.state is not MemberState.PLANNED:
            return
        source = Source(SourceKind.RING, ring.id)
        state = MemberState.SKIPPED
        if member.step is not None and member.line_id is not None:
            state = await self._act(tx, ring, member, source)
        if state is not MemberState.REFERRED:
            await self._actions.strike(tx, registration_id, member.strikes, source)
        await store.set_member(tx, ring.id, registration_id, state)

    async def _act(self, tx: Tx, ring: RingAction, member: Member, source: Source) -> MemberState:
        assert member.line_id is not None, "asked by who looked"
        assert member.step is not None, "asked by who looked"
        await self._actions.hold(tx, member.line_id)
        line = await self._actions.line(tx, member.line_id)
        if not line.state.is_open:
            return MemberState.SKIPPED
        facts = (await self._actions.facts(tx, [line]))[line.id]
        guard = member.guard or rules.guard_of(facts, self._tools.policy, tx.now)
        planned = Planned(member.step, State.REFERRED if guard else State.IN_FORCE, None, guard)
        before = await ledger.of_line(tx, line.id)
        by = ring.proposed_by or "system"
        action = await self._actions.begin(
            tx, line, before, planned, Ground.RING, source, by, ring.decided_by
        )
        self._actions.tell_strongest(tx, [action] if action else [])
        return MemberState.REFERRED if guard else MemberState.TAKEN

    async def undo(self, operator: UUID, ring_id: UUID) -> None:
        """Undo what was carried out, line by line; what is final stays. Repeating it is harmless."""
        source = Source(SourceKind.RING, ring_id)
        async with self._tools.db.write(operator) as tx:
            if await store.state_of(tx, ring_id) in (RingState.APPROVED, RingState.DONE):
                return
            await self._actions.unstrike(tx, source)
        async with self._tools.db.read(operator) as reader:
            found: list[LineAction] = await ledger.of_source(reader, ring_id)
        for each in found:
            async with self._tools.db.write(operator) as tx:
                await self._actions.hold(tx, each.line_id)
                action = await ledger.load(tx, each.id, lock=True)
                await self._actions.undo(tx, action, "report-dismissed", SYSTEM)
                await store.set_member(tx, ring_id, each.registration_id, MemberState.UNDONE)


def _note(tx: Tx, ring: RingAction, action: str, actor: Actor, reason: str | None = None) -> None:
    record(
        tx,
        actor=actor,
        action=action,
        object=wire("rng", ring.id),
        reason=reason,
        facts={
            "report": wire("rep", ring.report_id),
            "digest": ring.digest,
            "lines": len(ring.members),
            "score": ring.score,
        },
    )
