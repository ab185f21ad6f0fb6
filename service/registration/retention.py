"""What a person holds, for the register of persons: registrations and lines together."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.jobs import emit
from service.infra.postgres import Reader, Tx
from service.kit.ids import wire
from service.lines.workflow import Lines
from service.registration import rules, store
from service.registration.model import ENDED_STATES, OPEN, Registration, State
from service.registration.store.on_file import of_closed_lines
from service.risk.rules import RiskPolicy
from service.risk.workflow import Risk
from service.subscribers.model import Holding, HoldingClass

_ACTOR = Actor.system("erasure")


class Forgets(Protocol):
    """A domain that keeps something of a person beside what they hold."""

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None: ...


class PipelineHoldings:
    """``service.subscribers.ports.Holdings`` over registrations and lines. ``others`` forget with them."""

    def __init__(self, lines: Lines, risk: Risk, policy: RiskPolicy, others: Sequence[Forgets] = ()) -> None:
        self._others = others
        self._lines = lines
        self._risk = risk
        self._policy = policy

    async def ended(self, reader: Reader, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Whoever has an ended registration or a closed line, and is not erased; ``of`` then says all."""
        registered = await store.ended_holders(reader, after, limit)
        closed = await self._lines.closed_holders(reader, after, limit)
        changed = await of_closed_lines(reader, after, limit)
        return sorted({*registered, *closed, *changed})[:limit]

    async def of(self, tx: Tx, subscriber_id: UUID) -> Sequence[Holding]:
        found = [_held(each) for each in await store.of_subscriber(tx, subscriber_id, lock=True)]
        changed = [
            self._lines.holding(await self._lines.load(tx, registration.line_id))
            for _, registration in found
            if registration.line_id is not None and registration.state is State.ACTIVE
        ]
        return [*(holding for holding, _ in found), *changed, *await self._lines.holdings(tx, subscriber_id)]

    async def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        """Cancel what is still open, and drop every keyed hash of an erased person, what operators share
        included, but what keeps a confirmed scammer out until it decays."""
        for registration, _ in await store.of_subscriber(tx, subscriber_id, lock=True):
            if registration.state in OPEN:
                await _cancel(tx, registration)
            await self._risk.forget(tx, registration.id, self._policy)
            line = await self._lines.of_registration(tx, registration.id)
            if line is not None:
                self._risk.unshare(tx, line.id)
        store.forget(tx, subscriber_id)
        self._lines.forget(tx, subscriber_id)
        for other in self._others:
            await other.forget(tx, subscriber_id)


async def _cancel(tx: Tx, registration: Registration) -> None:
    after = rules.cancelled(registration, tx.now)
    await store.save(tx, after, expected=registration.version)
    record(tx, actor=_ACTOR, action="registration.cancelled", object=wire("reg", after.id), reason="erased")
    refs = {"registration": after.id.hex}
    emit(tx, Event(EventName.REGISTRATION_CANCELLED, tx.tenant, tx.now, refs))


def _held(kept: "tuple[Registration, bool]") -> tuple[Holding, Registration]:
    registration, on_hold = kept
    ended = registration.ended_at if registration.state in ENDED_STATES else None
    return (
        Holding(HoldingClass.REGISTRATION, registration.state.value, ended, on_hold=on_hold),
        registration,
    )
