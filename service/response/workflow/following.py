"""What reports and lines tell: the subscriber of the response."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from service.events import Event, EventName
from service.infra.postgres import Tx
from service.kit.errors import NotFound
from service.lines.model import Line
from service.lines.model import State as LineState
from service.response.model import Ground, Source, SourceKind, State, Step
from service.response.store import ledger
from service.response.workflow.actions import SYSTEM, Actions, note_action
from service.response.workflow.rings import Rings

_BARRING = (Step.RESTRICT, Step.HOLD, Step.SUSPEND)


class Following:
    """Handlers are idempotent, and bear events that come late or in another order."""

    def __init__(self, actions: Actions, rings: Rings) -> None:
        self._actions = actions
        self._rings = rings

    async def follow(self, event: Event) -> None:
        async with self._actions.tools.db.write(event.operator) as tx:
            match event.name:
                case EventName.REPORT_CORROBORATED:
                    await self._corroborated(tx, event)
                case EventName.REPORT_CONFIRMED:
                    await self._confirmed(tx, event)
                case EventName.REPORT_DISMISSED:
                    await self._dismissed(tx, event)
                case EventName.LINE_REINSTATED:
                    await self._lifted(tx, event, LineState.ACTIVE, _BARRING)
                case EventName.LINE_RESTRICTED:
                    await self._lifted(tx, event, LineState.RESTRICTED, (Step.SUSPEND,))
                case EventName.LINE_CLOSED:
                    await self._closed(tx, event)

    async def _corroborated(self, tx: Tx, event: Event) -> None:
        source, line = self._source(event), await self._line(tx, event)
        if source is None or line is None or await self._rings.is_dismissed(tx, source.id, event.at):
            return
        await self._actions.ask(tx, Ground.REPORTED, source, line)

    async def _confirmed(self, tx: Tx, event: Event) -> None:
        """The line's own step at once; what hangs on it is proposed to people, but where the holder is the victim:
        what hangs on their papers is their own."""
        source, line = self._source(event), await self._line(tx, event)
        if source is None or line is None or await self._rings.is_dismissed(tx, source.id, event.at):
            return
        ground = Ground.OWNERSHIP if event.refs.get("topic") == "ownership" else Ground.CONFIRMED
        planned = await self._actions.ask(tx, ground, source, line)
        if all(each.state is not State.REFERRED for each in planned if each.step is not Step.CLOSE):
            await self._actions.struck_by(tx, source, line.registration_id, ground)
        if ground is Ground.CONFIRMED:
            await self._rings.find(tx, source.id, line.registration_id)

    async def _dismissed(self, tx: Tx, event: Event) -> None:
        source = self._source(event)
        if source is None:
            return
        await self._rings.dismiss(tx, source.id, event.refs.get("registration"), event.at)
        await self._actions.unstrike(tx, source)
        await self._actions.undo_source(tx, source.id, "report-dismissed", SYSTEM)

    async def _lifted(self, tx: Tx, event: Event, state: LineState, steps: Sequence[Step]) -> None:
        """Somebody lifted what a step had imposed, wholly or down to a restriction: the ledger says so. What only waits
        for a suspension to end does not count: it looks again by itself."""
        line = await self._line(tx, event)
        if line is None or line.state is not state:
            return
        await self._actions.hold(tx, line.id)
        for action in await ledger.of_line(tx, line.id):
            waits = action.due_at is not None and action.due_at <= event.at
            if action.step not in steps or waits or not action.is_in_force(tx.now):
                continue
            if action.taken_at is not None and action.taken_at <= event.at:
                lifted = await ledger.save(tx, replace(action, state=State.LIFTED, due_at=None))
                note_action(tx, lifted, "response.lifted", SYSTEM)

    async def _closed(self, tx: Tx, event: Event) -> None:
        """What was still to come has no line any more."""
        line = await self._line(tx, event)
        if line is None or line.state.is_open:
            return
        await self._actions.hold(tx, line.id)
        for action in await ledger.of_line(tx, line.id):
            if action.state.is_pending:
                void = await ledger.save(tx, replace(action, state=State.VOID, due_at=None))
                note_action(tx, void, "response.void", SYSTEM)

    @staticmethod
    def _source(event: Event) -> Source | None:
        report = event.refs.get("report")
        return Source(SourceKind.REPORT, UUID(report)) if report else None

    async def _line(self, tx: Tx, event: Event) -> Line | None:
        """The line that the event names; None for a number that nobody has here."""
        line = event.refs.get("line")
        try:
            return await self._actions.line(tx, UUID(line)) if line else None
        except NotFound:
            return None
