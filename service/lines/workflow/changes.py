"""What an approved SIM swap, a passed re-verification and a label do to a line, inside the caller's transaction."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor
from service.infra.postgres import Tx
from service.kit.errors import StateConflict
from service.lines import rules, store
from service.lines.model import REPORTED, Line, State
from service.lines.workflow.book import opened
from service.lines.workflow.register import Lines


async def change_sim(lines: Lines, tx: Tx, line_id: UUID, iccid: str | None, actor: Actor) -> Line:
    """The line is on another card; the network has done it already. Raises StateConflict where the line is not in
    full service, SimInUse where another line has the card, Erased where the holder was erased."""
    if iccid is not None:
        await tx.lock(*lines.card_locks(tx.tenant, iccid))
    before = await store.load(tx, line_id, lock=True)
    rules.refuse_sim_change(before)
    await lines.refuse_sim(tx, iccid)
    key = await lines.subscribers.key(tx, before.subscriber_id)
    numbers = opened(key, before)
    if numbers is None:
        raise StateConflict(before.state.value, [State.ACTIVE.value])
    after, changes = rules.sim_changed(before, lines.policy, tx.now)
    after = replace(after, sealed=key.seal("line", line_id, {"msisdn": numbers.msisdn, "iccid": iccid}))
    cards = lines.cards(tx.tenant, iccid) if iccid is not None else (None,)
    return await lines.saved(tx, before, after, changes, actor, "line.sim_changed", card=store.Card(cards[0]))


async def reverify(lines: Lines, tx: Tx, line_id: UUID, assurance: str, actor: Actor) -> Line:
    """The holder has shown who they are again. Raises StateConflict where the line is closed."""
    before = await store.load(tx, line_id, lock=True)
    after, changes = rules.reverified(before, assurance, tx.now)
    return await lines.saved(tx, before, after, changes, actor, "line.reverified", assurance)


async def insist(lines: Lines, tx: Tx, line_id: UUID, actor: Actor) -> None:
    """Tell the network once more what the line may do, under a new version: something may have undone it."""
    before = await store.load(tx, line_id, lock=True)
    await lines.saved(tx, before, before, [], actor, "line.insisted", is_insisted=True)


async def label(lines: Lines, tx: Tx, line_id: UUID, until: datetime | None, actor: Actor) -> Line:
    """The line carries a label until then, or none any more; the network is told. Repeating it changes nothing."""
    before = await store.load(tx, line_id, lock=True)
    after = rules.labelled(before, until)
    if after == before:
        return before
    what = "line.labelled" if after.labelled_until else "line.unlabelled"
    return await lines.saved(tx, before, after, [], actor, what, REPORTED)
