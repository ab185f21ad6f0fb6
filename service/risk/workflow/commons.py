"""A person's word that many share a thing (a shop's device, a hostel's address): it links nobody from then on, until it
is taken back the same way."""

from collections.abc import Collection, Mapping
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.postgres import Reader, Tx
from service.kit.errors import NotFound
from service.kit.ids import wire
from service.risk.model import HoldingKind
from service.risk.model.links import MARKABLE, Common
from service.risk.rules import RiskPolicy
from service.risk.store import commons, links
from service.risk.workflow.links import Links
from service.risk.workflow.marks import Why


class Commons:
    """The thing is named by a line that hangs on it and its kind: a keyed hash is in no address and no form."""

    def __init__(self, graph: Links) -> None:
        self._graph = graph

    async def of(self, reader: Reader, keys: Collection[bytes]) -> Mapping[bytes, Common]:
        """Those of the things that are marked."""
        return await commons.of(reader, keys)

    async def mark(
        self,
        tx: Tx,
        registration_id: UUID,
        kind: HoldingKind,
        *,
        is_set: bool,
        why: Why,
        actor: Actor,
        policy: RiskPolicy,
    ) -> bool:
        """Set the mark or take it back, and compute what hangs together by the thing again; whether that changed
        anything. NotFound where the line hangs on no such thing."""
        held = (await links.lines(tx, [registration_id])).get(registration_id)
        if kind not in MARKABLE or held is None or kind not in held.keys:
            raise NotFound()
        idx = held.keys[kind]
        await links.guard(tx)
        if is_set:
            changed = await commons.add(tx, idx, Common(kind, why.reason or "", tx.now, actor.id))
        else:
            changed = await commons.remove(tx, idx)
        if not changed:
            return False
        record(
            tx,
            actor=actor,
            action="link.common" if is_set else "link.uncommon",
            object=wire("reg", registration_id),
            reason=why.reason,
            facts={"kind": kind.value},
            note=why.note,
            key=why.key,
        )
        near = await links.on(tx, [idx], policy.links.most)
        await self._graph.refresh(tx, near | {registration_id}, policy)
        return True
