"""Acts by hand on a line, of staff or a client, on the same ledger as what follows from reports: with their reason and
their end, and open to appeal."""

from datetime import datetime

from service.audit.workflow import Actor
from service.infra.postgres import Tx
from service.kit.ids import new_id
from service.lines.model import Action, Line
from service.response import rules
from service.response.model import Ground, LineAction, Source, SourceKind, State, Step
from service.response.store import ledger

_STEP = {Action.RESTRICT: Step.RESTRICT, Action.SUSPEND: Step.SUSPEND, Action.CLOSE: Step.CLOSE}


async def note_act(
    tx: Tx, before: Line, after: Line, action: Action, reason: str, actor: Actor, until: datetime | None
) -> None:
    """Put what was done on the ledger, in the transaction that did it. Reinstating puts nothing: what it lifts says so,
    by its event. The line's row is locked by whoever acts; the ladder looks past these entries, so that its own lock is
    not needed."""
    step = _STEP.get(action)
    if step is None:
        return
    entry = LineAction(
        id=new_id(),
        operator_id=tx.tenant,
        line_id=after.id,
        registration_id=after.registration_id,
        step=step,
        ground=Ground.HAND,
        source=Source(SourceKind.ACT, new_id()),
        state=State.IN_FORCE,
        at=tx.now,
        by=actor.id,
        decided_by=actor.id,
        decided_at=tx.now,
        taken_at=tx.now,
        until=until,
        moved=True,
        # Whoever restricts a suspended line lets go of the suspension: an appeal does not bring it back.
        was=None if step is Step.RESTRICT else rules.standing(before),
        reason=reason,
    )
    await ledger.add(tx, entry)
