"""What the clock and the sender of notices do to a line's ledger; the verbs of the jobs."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.infra.jobs import defer
from service.infra.postgres import Tx
from service.lines.model import Failed, ListedForStaff
from service.lines.rules import after_failure
from service.response import rules
from service.response.model import LineAction, Notice, NoticeKind, NotSent, Sent, State, Step
from service.response.store import ledger
from service.response.workflow.actions import SYSTEM, Actions, note_action
from service.response.workflow.appealing import AppealLinks

BATCH = 100


class Telling:
    def __init__(self, actions: Actions, links: AppealLinks) -> None:
        self._actions = actions
        self._links = links
        self._tools = actions.tools

    async def notify(self, operator: UUID, action_id: UUID, kind: NoticeKind, attempt: int) -> None:
        """Tell the holder, with no transaction open. What waits for it begins after the declared time; where it cannot
        be sent a person decides instead."""
        async with self._tools.db.read(operator) as reader:
            action = await ledger.load(reader, action_id)
        if not self._is_due(action, kind):
            return
        outcome = await self._tools.notices.send(self._notice(action, kind))
        async with self._tools.db.write(operator) as tx:
            again = self._again(tx, action_id, outcome, attempt)
            if again is not None:
                defer(
                    tx,
                    "response:notice",
                    at=again,
                    operator=operator.hex,
                    action=action_id.hex,
                    notice=kind.value,
                    attempt=attempt + 1,
                )
                return
            await self._told(tx, action_id, outcome, kind)

    async def told_late(self, operator: UUID, action_id: UUID) -> None:
        """The notice of a step that was taken had to wait, and has left. Heard again it changes nothing, nor of a step
        that was taken back."""
        async with self._tools.db.write(operator) as tx:
            action = await ledger.load(tx, action_id, lock=True)
            if self._is_due(action, NoticeKind.TAKEN):
                await self._told(tx, action_id, Sent(), NoticeKind.TAKEN)

    @staticmethod
    def _is_due(action: LineAction, kind: NoticeKind) -> bool:
        if kind is NoticeKind.UNDONE:
            return action.undone_at is not None
        stands = action.state in (State.WAITING, State.IN_FORCE) and action.undone_at is None
        return stands and action.notice_at is None

    def _notice(self, action: LineAction, kind: NoticeKind) -> Notice:
        now = self._tools.db.clock.now()
        waits = kind is NoticeKind.ANNOUNCED
        may_appeal = kind is not NoticeKind.UNDONE and action.appealed_at is None
        return Notice(
            operator_id=action.operator_id,
            action_id=action.id,
            line_id=action.line_id,
            kind=kind,
            step=action.step,
            reason=rules.reason_of(action),
            begins_at=now + self._tools.policy.notice if waits else action.taken_at,
            until=action.until,
            may_appeal=may_appeal,
            asked_at=action.at,
            appeal_link=self._links.of(action, now) if may_appeal else None,
        )

    def _again(self, tx: Tx, action_id: UUID, outcome: Sent | NotSent, attempt: int) -> datetime | None:
        if isinstance(outcome, Sent):
            return None
        failed = Failed(outcome.retryable, outcome.code)
        verdict = after_failure(failed, attempt, action_id, self._tools.retry, tx.now)
        return None if isinstance(verdict, ListedForStaff) else verdict.at

    async def _told(self, tx: Tx, action_id: UUID, outcome: Sent | NotSent, kind: NoticeKind) -> None:
        before = await ledger.load(tx, action_id, lock=True)
        if kind is NoticeKind.UNDONE:
            return
        after = rules.after_notice(before, outcome, is_last=True, policy=self._tools.policy, now=tx.now)
        if after == before:
            return
        after = await ledger.save(tx, after)
        sent = isinstance(outcome, Sent)
        note_action(tx, after, "response.told" if sent else "response.not_told", SYSTEM)
        if sent and after.step is not Step.LABEL:
            for each in await ledger.of_line(tx, after.line_id):
                if each.source == after.source and each.step is Step.LABEL and each.notice_at is None:
                    await ledger.save(
                        tx,
                        rules.after_notice(
                            each, outcome, is_last=True, policy=self._tools.policy, now=tx.now
                        ),
                    )

    async def due(self, operator: UUID) -> int:
        """What is due by now: restrictions whose time after the notice is over, and steps that had nothing to do under
        a suspension that is over. How many there were; called again until they are fewer than a batch."""
        async with self._tools.db.read(operator) as reader:
            found = await ledger.due(reader, BATCH)
        for action_id, line_id in found:
            async with self._tools.db.write(operator) as tx:
                await self._actions.hold(tx, line_id)
                action = await ledger.load(tx, action_id, lock=True)
                if action.due_at is None or action.due_at > tx.now:
                    continue
                if action.state is State.WAITING:
                    await self._begin(tx, action)
                elif action.is_in_force(tx.now) and not action.moved:
                    await self._actions.take_again(tx, action)
                else:
                    await ledger.save(tx, replace(action, due_at=None))
        return len(found)

    async def _begin(self, tx: Tx, action: LineAction) -> None:
        """A line that has been marked since, or has become long-tenured, goes to a person."""
        line = await self._actions.line(tx, action.line_id)
        facts = (await self._actions.facts(tx, [line]))[line.id]
        guard = rules.guard_of(facts, self._tools.policy, tx.now)
        if guard is None or not line.state.is_open:
            await self._actions.take(tx, action, SYSTEM)
            return
        after = await ledger.save(tx, rules.referred(action, guard))
        note_action(tx, after, "response.referred", SYSTEM)
