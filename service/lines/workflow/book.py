"""The register's own hand: indexes, locks, saving with its audit entry, events and orders to the network."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.crypto import NoteKey, SubjectKey, Vault
from service.infra.jobs import defer, emit
from service.infra.postgres import Database, Tx
from service.kit.canon import IndexKind, canon
from service.kit.errors import InvalidRequest
from service.kit.ids import wire
from service.lines import rules, store
from service.lines.model import (
    RESERVED,
    Action,
    Change,
    Line,
    LinePolicy,
    Numbers,
    RetryPolicy,
)
from service.lines.ports import Provisioner
from service.lines.rules import probation
from service.subscribers.model import Erased
from service.subscribers.workflow import Subscribers

EVENTS = {
    rules.ACTIVATED: EventName.LINE_ACTIVATED,
    rules.RESTRICTED: EventName.LINE_RESTRICTED,
    rules.SUSPENDED: EventName.LINE_SUSPENDED,
    rules.REINSTATED: EventName.LINE_REINSTATED,
    rules.CLOSED: EventName.LINE_CLOSED,
    rules.SIM_CHANGED: EventName.LINE_SIM_CHANGED,
    rules.REVERIFIED: EventName.LINE_REVERIFIED,
    probation.PROBATION_ENDED: EventName.LINE_PROBATION_ENDED,
    probation.PROBATION_RESTARTED: EventName.LINE_PROBATION_RESTARTED,
}


NoteAct = Callable[[Tx, Line, Line, Action, str, Actor, datetime | None], Awaitable[None]]
"""What keeps the ledger of acts by hand: the line before and after, the act, its reason, who, until when. Called in the
transaction that acts."""


class Book:
    """What every verb on lines is written with."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        subscribers: Subscribers,
        provisioner: Provisioner,
        policy: LinePolicy | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.db = db
        self._vault = vault
        self.subscribers = subscribers
        self._provisioner = provisioner
        self.policy = policy or LinePolicy()
        self._retry = retry or RetryPolicy()
        self.note_act: NoteAct | None = None
        """Set by whoever composes the house: the ledger stands above the lines."""

    def indexes(
        self, operator: UUID, msisdn: str, iccid: str | None
    ) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        every = self._vault.index_all
        numbers = every(operator, IndexKind.MSISDN, canon(IndexKind.MSISDN, msisdn))
        if iccid is None:
            return numbers, ()
        return numbers, every(operator, IndexKind.ICCID, canon(IndexKind.ICCID, iccid))

    def cards(self, operator: UUID, iccid: str) -> tuple[bytes, ...]:
        """Every index of a card, the one that is written first."""
        return self._vault.index_all(operator, IndexKind.ICCID, canon(IndexKind.ICCID, iccid))

    def card_locks(self, operator: UUID, iccid: str) -> list[int]:
        return list(self._vault.locks(operator, IndexKind.ICCID, canon(IndexKind.ICCID, iccid)))

    def locks(self, operator: UUID, msisdn: str, iccid: str | None) -> list[int]:
        locks = list(self._vault.locks(operator, IndexKind.MSISDN, canon(IndexKind.MSISDN, msisdn)))
        if iccid is not None:
            locks += self._vault.locks(operator, IndexKind.ICCID, canon(IndexKind.ICCID, iccid))
        return locks

    async def acted(
        self,
        tx: Tx,
        before: Line,
        action: Action,
        reason: str,
        actor: Actor,
        note: str | None,
        until: datetime | None,
        *,
        is_by_hand: bool = False,
    ) -> Line:
        if reason in RESERVED:
            raise InvalidRequest("/reason", "reserved", "This reason is given by the service alone.")
        # What time did before the job came round counts first: nobody suspends a line that should be closed.
        current, earlier = rules.elapse(before, self.policy, tx.now)
        after, changes = rules.advance(current, action, tx.now, self.policy, reason=reason, until=until)
        line = await self.saved(
            tx, before, after, [*earlier, *changes], actor, f"line.{action.value}", reason, note
        )
        if is_by_hand and self.note_act is not None:
            await self.note_act(tx, current, line, action, reason, actor, until)
        return line

    async def saved(
        self,
        tx: Tx,
        before: Line,
        after: Line,
        changes: list[Change],
        actor: Actor,
        action: str,
        reason: str | None = None,
        note: str | None = None,
        *,
        card: store.Card | None = None,
        is_insisted: bool = False,
    ) -> Line:
        """Save; and if the network must do something about it, or is to be told once more (``is_insisted``), ask
        for that in the same transaction. ``card``: another than the line had."""
        moves_network = is_insisted or (
            rules.conditions(after, self.policy) != rules.conditions(before, self.policy)
        )
        applied = (
            before.version + 1 if before.applied_version == before.version and not moves_network else None
        )
        after = replace(after, applied_version=applied or before.applied_version)
        if moves_network:
            after = replace(after, apply_failed=None)
        await store.save(tx, after, expected=before.version, card=card)
        after = replace(after, version=before.version + 1)
        key = await self._note_key(tx, after) if note is not None else None
        self.tell(tx, after, changes, actor, action, reason, note, key)
        if moves_network:
            self.defer_apply(tx, after.id, after.version, 1, None)
        return after

    async def _note_key(self, tx: Tx, line: Line) -> NoteKey:
        """The holder's key, so that a note about a person goes when the person is erased; else the operator's."""
        try:
            return await self.subscribers.key(tx, line.subscriber_id)
        except Erased:
            return self._vault.operator_key(line.operator_id)

    def tell(
        self,
        tx: Tx,
        line: Line,
        changes: list[Change],
        actor: Actor,
        action: str,
        reason: str | None = None,
        note: str | None = None,
        key: NoteKey | None = None,
    ) -> None:
        record(
            tx,
            actor=actor,
            action=action,
            object=wire("line", line.id),
            reason=reason or (changes[-1].reason if changes else None),
            facts={"state": line.state.value, "registration": wire("reg", line.registration_id)},
            note=note,
            key=key,
        )
        for change in changes:
            refs = {
                "line": line.id.hex,
                "registration": line.registration_id.hex,
                "subscriber": line.subscriber_id.hex,
            }
            if change.reason is not None:
                refs["reason"] = change.reason
            emit(tx, Event(EVENTS[change.what], line.operator_id, tx.now, refs))

    @staticmethod
    def defer_apply(tx: Tx, line_id: UUID, version: int, attempt: int, at: datetime | None) -> None:
        defer(
            tx,
            "lines:apply",
            at=at,
            lock=f"line:{line_id.hex}",
            operator=tx.tenant.hex,
            line=line_id.hex,
            version=version,
            attempt=attempt,
        )


def opened(key: SubjectKey, line: Line) -> Numbers | None:
    """Number and card in clear; None where the line was forgotten."""
    if line.sealed is None:
        return None
    data = key.open("line", line.id, line.sealed)
    iccid = data["iccid"]
    return Numbers(str(data["msisdn"]), None if iccid is None else str(iccid))
