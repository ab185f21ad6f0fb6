"""What people do about steps: decide what was referred, appeal and judge an appeal, mark a line."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from service.audit.workflow import Actor, entries, open_note, record
from service.infra.crypto import NoteKey, SealBroken, Vault
from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound, Stale, StateConflict
from service.kit.ids import wire
from service.lines.model import Line
from service.response import rules
from service.response.model import Ground, LineAction, Mark, NoticeKind, ResponsePolicy, State
from service.response.store import ledger
from service.response.workflow.actions import Actions, note_action
from service.risk.model import ends_for_scam
from service.subscribers.model import Erased
from service.subscribers.workflow import Subscribers

Keep = Callable[[Tx, LineAction], Awaitable[None]]
"""Called at the end of the transaction with the entry that is about to be answered."""


class Judging:
    def __init__(self, actions: Actions, vault: Vault, subscribers: Subscribers) -> None:
        self._actions = actions
        self._tools = actions.tools
        self._vault = vault
        self._subscribers = subscribers

    @property
    def policy(self) -> ResponsePolicy:
        """The version in force."""
        return self._tools.policy

    # The holder, or a client for them

    async def listed(
        self, operator: UUID, msisdn: str, dealer: UUID | None = None
    ) -> tuple[Line, list[LineAction]]:
        """The line that a number has now, and its ledger, newest first. NotFound."""
        line = await self._tools.lines.get(operator, msisdn, dealer=dealer)
        async with self._tools.db.read(operator) as reader:
            return line, list(reversed(await ledger.of_line(reader, line.id)))

    async def appeal(
        self,
        operator: UUID,
        msisdn: str,
        text: str,
        actor: Actor,
        *,
        action_id: UUID | None = None,
        keep: Keep | None = None,
    ) -> LineAction:
        """Appeal one step, or the strictest in force or announced: once, within the time. NotFound, StateConflict."""
        line = await self._tools.lines.get(operator, msisdn)
        return await self.appeal_of(operator, line.id, text, actor, action_id=action_id, keep=keep)

    async def appeal_of(
        self,
        operator: UUID,
        line_id: UUID,
        text: str,
        actor: Actor,
        *,
        action_id: UUID | None = None,
        keep: Keep | None = None,
    ) -> LineAction:
        """As :meth:`appeal`, of a line that is known already."""
        async with self._tools.db.write(operator) as tx:
            line = await self._tools.lines.load(tx, line_id)
            await self._actions.hold(tx, line.id)
            action = self._chosen(await ledger.of_line(tx, line.id), action_id, tx)
            if not rules.may_appeal(action, self._tools.policy, tx.now):
                raise StateConflict("appealed" if action.appealed_at else action.state.value, [])
            action = await ledger.save(tx, replace(action, appealed_at=tx.now))
            record(
                tx,
                actor=actor,
                action="response.appealed",
                object=wire("line", line.id),
                facts={"action": wire("act", action.id), "step": action.step.value},
                note=text,
                key=await self._key(tx, line),
            )
            if keep is not None:
                await keep(tx, action)
        return action

    def _chosen(self, found: list[LineAction], action_id: UUID | None, tx: Tx) -> LineAction:
        if action_id is not None:
            action = next((each for each in found if each.id == action_id), None)
        else:
            may = [each for each in found if rules.may_appeal(each, self._tools.policy, tx.now)]
            action = max(may or found, key=lambda each: (each.step.rank, each.at), default=None)
        if action is None:
            raise NotFound()
        return action

    async def _key(self, reader: Reader, line: Line) -> NoteKey:
        """The holder's key, so that what they wrote goes when they are erased; else the operator's."""
        try:
            return await self._subscribers.key(reader, line.subscriber_id)
        except Erased:
            return self._vault.operator_key(line.operator_id)

    async def appeal_text(self, reader: Reader, line: Line, action: LineAction) -> str | None:
        """What the holder wrote; None where there is nothing, or nothing any more."""
        about = wire("act", action.id)
        for entry in await entries(
            reader, object=wire("line", line.id), action="response.appealed", limit=100
        ):
            if entry.facts.get("action") == about:
                try:
                    return await open_note(reader, entry.id, await self._key(reader, line))
                except SealBroken:
                    return None
        return None

    # Staff

    async def decide(
        self,
        operator: UUID,
        action_id: UUID,
        *,
        accepted: bool,
        staff: Actor,
        expected: int,
        note: str | None = None,
    ) -> LineAction:
        """Take or refuse what was referred to a person. NotFound, StateConflict, Stale."""
        async with self._tools.db.write(operator) as tx:
            action = await self._held(tx, action_id, expected)
            action = rules.decided(action, accepted=accepted, staff=staff.id, now=tx.now)
            if not accepted:
                action = await ledger.save(tx, action)
                note_action(tx, action, "response.refused", staff)
                return action
            action = await self._actions.take(tx, action, staff, note)
            if action.state is State.IN_FORCE:
                self._actions.tell(tx, action, NoticeKind.TAKEN)
                if action.ground is not Ground.REPORTED:
                    await self._actions.struck(tx, action)
        return action

    async def judge(
        self, operator: UUID, action_id: UUID, *, upheld: bool, staff: Actor, expected: int
    ) -> LineAction:
        """Judge an appeal. Upheld, the step is taken back, and what it struck on this line too. NotFound,
        StateConflict, SecondPersonNeeded, Stale."""
        async with self._tools.db.write(operator) as tx:
            action = await self._held(tx, action_id, expected)
            rules.refuse_appeal(action, staff.id)
            outcome = "upheld" if upheld else "dismissed"
            action = await ledger.save(tx, replace(action, appeal_outcome=outcome))
            note_action(tx, action, f"response.appeal_{outcome}", staff)
            if upheld and await self._acquits(tx, action):
                await self._tools.risk.acquit(tx, action.registration_id, self._tools.risk_policy())
            if upheld:
                await self._actions.unstrike(tx, action.source, action.registration_id)
                action = await self._actions.undo(tx, action, "appeal-upheld", staff)
        return action

    @staticmethod
    async def _acquits(tx: Tx, action: LineAction) -> bool:
        """Whether taking this act by hand back clears the line of scam: it was for that, and no other act that stands
        is."""
        if action.ground is not Ground.HAND or not ends_for_scam(action.reason)[0]:
            return False
        return not any(
            each.ground is Ground.HAND and each.is_in_force(tx.now) and ends_for_scam(each.reason)[0]
            for each in await ledger.of_line(tx, action.line_id)
            if each.id != action.id
        )

    async def _held(self, tx: Tx, action_id: UUID, expected: int) -> LineAction:
        """Under the line's lock, as the page showed it."""
        found = await ledger.load(tx, action_id)
        await self._actions.hold(tx, found.line_id)
        action = await ledger.load(tx, action_id, lock=True)
        if action.version != expected:
            raise Stale()
        return action

    async def mark(self, operator: UUID, line_id: UUID, what: Mark, *, is_set: bool, staff: Actor) -> None:
        """Mark a line as a business's or a public service's, or take the mark off. NotFound."""
        async with self._tools.db.write(operator) as tx:
            line = await self._tools.lines.load(tx, line_id)
            change = (
                await ledger.mark(tx, line.id, what, staff.id)
                if is_set
                else await ledger.unmark(tx, line.id, what)
            )
            if change:
                record(
                    tx,
                    actor=staff,
                    action="line.marked" if is_set else "line.unmarked",
                    object=wire("line", line.id),
                    reason=what.value,
                )

    async def load(self, reader: Reader, action_id: UUID, line_id: UUID) -> LineAction:
        """A step of this line; NotFound for another line's."""
        action = await ledger.load(reader, action_id)
        if action.line_id != line_id:
            raise NotFound()
        return action

    async def marks(self, reader: Reader, line_id: UUID) -> frozenset[Mark]:
        return (await ledger.marks(reader, [line_id])).get(line_id, frozenset())

    async def waiting(self, reader: Reader, limit: int = 50) -> list[LineAction]:
        """What waits for a person: steps that were referred, and appeals."""
        return await ledger.waiting(reader, limit)

    async def waiting_count(self, reader: Reader) -> int:
        return await ledger.waiting_count(reader)
