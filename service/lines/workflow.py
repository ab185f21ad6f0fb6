"""Open a line, change it, let time change it, and tell the network."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.crypto import NoteKey, SubjectKey, Vault
from service.infra.jobs import defer, emit
from service.infra.postgres import Database, Reader, Tx
from service.kit.canon import IndexKind, canon
from service.kit.errors import InvalidRequest, NotFound
from service.kit.ids import new_id, wire
from service.lines import rules, store
from service.lines.model import (
    RESERVED,
    Action,
    Change,
    ConditionsOrder,
    Failed,
    Line,
    LinePolicy,
    ListedForStaff,
    NewLine,
    Numbers,
    RetryPolicy,
    State,
)
from service.lines.ports import Provisioner
from service.subscribers.model import Erased, Holding, HoldingClass
from service.subscribers.workflow import Subscribers

Keep = Callable[[Tx, Line], Awaitable[None]]
"""Called at the end of the transaction with the line that is about to be answered."""

EVENTS = {
    rules.ACTIVATED: EventName.LINE_ACTIVATED,
    rules.RESTRICTED: EventName.LINE_RESTRICTED,
    rules.SUSPENDED: EventName.LINE_SUSPENDED,
    rules.REINSTATED: EventName.LINE_REINSTATED,
    rules.CLOSED: EventName.LINE_CLOSED,
}
BATCH = 100
_SYSTEM = Actor.system("lines")


class Lines:
    """The register of numbers in service."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        subscribers: Subscribers,
        provisioner: Provisioner,
        policy: LinePolicy | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._db = db
        self._vault = vault
        self._subscribers = subscribers
        self._provisioner = provisioner
        self.policy = policy or LinePolicy()
        self._retry = retry or RetryPolicy()

    # For the pipeline, inside its transaction

    async def refuse_taken(self, reader: Reader, msisdn: str, iccid: str | None) -> None:
        """Raises NumberInUse, NumberInQuarantine or SimInUse. An early no; :meth:`open` asks again under a lock."""
        numbers, cards = self._indexes(reader.tenant, msisdn, iccid)
        rules.refuse_taken(*await store.on(reader, numbers, cards), reader.now)

    async def open(self, tx: Tx, new: NewLine, key: SubjectKey, actor: Actor) -> Line:
        """A new line for an approved registration. The network already has its first conditions
        (``rules.first_conditions``). Raises what :meth:`refuse_taken` raises; of many at once, one wins."""
        operator = tx.tenant
        numbers, cards = self._indexes(operator, new.msisdn, new.iccid)
        await tx.lock(*self._locks(operator, new.msisdn, new.iccid))
        rules.refuse_taken(*await store.on(tx, numbers, cards), tx.now)
        line, changes = rules.opened(new, new_id(), operator, self.policy, tx.now)
        sealed = key.seal("line", line.id, {"msisdn": new.msisdn, "iccid": new.iccid})
        line = replace(line, sealed=sealed)
        await store.add(tx, line, numbers[0], cards[0] if cards else None)
        self._tell(tx, line, changes, actor, "line.opened")
        return line

    async def code_proved(self, tx: Tx, registration_id: UUID, actor: Actor) -> Line:
        """The line's own code came back: what waited for it alone becomes active. Repeating it is harmless."""
        before = await store.by_registration(tx, registration_id, lock=True)
        after, changes = rules.prove(before, tx.now)
        if after == before:
            return before
        return await self._saved(tx, before, after, changes, actor, "line.code_proved")

    # For clients and staff

    async def get(self, operator: UUID, msisdn: str, *, dealer: UUID | None = None) -> Line:
        """The line that the number has now; NotFound where it has none, or another dealer's than ``dealer``."""
        async with self._db.read(operator) as reader:
            line = await store.current(reader, self._indexes(operator, msisdn, None)[0])
        if dealer is not None and line.dealer_id != dealer:
            raise NotFound()
        return line

    async def act(
        self,
        operator: UUID,
        msisdn: str,
        action: Action,
        *,
        reason: str,
        actor: Actor,
        note: str | None = None,
        until: datetime | None = None,
        keep: Keep | None = None,
    ) -> Line:
        """Restrict, suspend, reinstate or close. Raises NotFound, StateConflict, InvalidRequest.

        It needs no key of the holder's: the line of an erased subscriber still closes.
        """
        indexes = self._indexes(operator, msisdn, None)[0]
        async with self._db.write(operator) as tx:
            before = await store.current(tx, indexes, lock=True)
            line = await self._acted(tx, before, action, reason, actor, note, until)
            if keep is not None:
                await keep(tx, line)
        return line

    async def act_on(
        self,
        tx: Tx,
        line_id: UUID,
        action: Action,
        *,
        reason: str,
        actor: Actor,
        note: str | None = None,
        until: datetime | None = None,
    ) -> Line:
        """The same by id, in the caller's transaction: for staff, who read the line and not the number."""
        before = await store.load(tx, line_id, lock=True)
        return await self._acted(tx, before, action, reason, actor, note, until)

    async def load(self, reader: Reader, line_id: UUID) -> Line:
        return await store.load(reader, line_id)

    async def of_registration(self, reader: Reader, registration_id: UUID) -> Line | None:
        try:
            return await store.by_registration(reader, registration_id)
        except NotFound:
            return None

    async def of_registrations(self, reader: Reader, registrations: Sequence[UUID]) -> list[Line]:
        return await store.by_registrations(reader, registrations)

    async def listed(
        self,
        reader: Reader,
        *,
        limit: int = 25,
        before: UUID | None = None,
        states: tuple[State, ...] = (),
        waits_for_staff: bool = False,
    ) -> list[Line]:
        """Newest first; ``waits_for_staff``: those whose change the network did not take."""
        return await store.listed(
            reader, limit=limit, before=before, states=states, waits_for_staff=waits_for_staff
        )

    async def numbers(self, reader: Reader, line: Line) -> Numbers | None:
        """Number and card in clear; None where the holder was erased or the line forgotten."""
        if line.sealed is None:
            return None
        try:
            return _opened(await self._subscribers.key(reader, line.subscriber_id), line)
        except Erased:
            return None

    # For jobs

    async def expire(self, operator: UUID) -> int:
        """What time did: ends of restrictions, codes that never came, ends of service, of quarantine.

        Returns how many lines changed; called again until it is 0.
        """
        async with self._db.write(operator) as tx:
            found = await store.due(tx, BATCH)
            for before in found:
                after, changes = rules.elapse(before, self.policy, tx.now)
                await self._saved(tx, before, after, changes, _SYSTEM, "line.elapsed")
                if after.state is State.CLOSED and await self._subscribers.is_erased(tx, after.subscriber_id):
                    store.forget(tx, after.subscriber_id)
        return len(found)

    async def apply(self, operator: UUID, line_id: UUID, version: int, attempt: int = 1) -> None:
        """Bring the network to the line's newest conditions. A failure is tried again later, then listed."""
        async with self._db.read(operator) as reader:
            line = await store.load(reader, line_id)
            if line.applied_version >= version:
                return
            numbers = await self.numbers(reader, line)
        outcome = await self._provisioner.apply(
            ConditionsOrder(
                operator_id=operator,
                line_id=line.id,
                registration_id=line.registration_id,
                version=line.version,
                numbers=numbers,
                conditions=rules.conditions(line),
            )
        )
        async with self._db.write(operator) as tx:
            if not isinstance(outcome, Failed):
                store.mark_applied(tx, line.id, line.version, None)
                return
            verdict = rules.after_failure(outcome, attempt, line.id, self._retry, tx.now)
            if isinstance(verdict, ListedForStaff):
                store.mark_applied(tx, line.id, line.version, verdict.code)
                record(
                    tx,
                    actor=_SYSTEM,
                    action="line.apply_failed",
                    object=wire("line", line.id),
                    reason=verdict.code,
                    facts={"version": line.version, "attempts": attempt},
                )
            else:
                self._defer_apply(tx, line.id, version, attempt + 1, verdict.at)

    async def apply_again(self, tx: Tx, line_id: UUID, actor: Actor) -> None:
        """Staff ask for another round of attempts."""
        line = await store.load(tx, line_id, lock=True)
        record(tx, actor=actor, action="line.apply_asked", object=wire("line", line.id))
        self._defer_apply(tx, line.id, line.version, 1, None)

    # For retention and for the rotation of keys

    async def closed_holders(
        self, reader: Reader, after: UUID | None = None, limit: int = BATCH
    ) -> list[UUID]:
        """Subscribers with a closed line that was not forgotten, ascending by id, above ``after``."""
        return await store.closed_holders(reader, after, limit)

    async def holdings(self, tx: Tx, subscriber_id: UUID) -> list[Holding]:
        """A subscriber's lines as retention sees them, locked. A line goes on until its number is free: until
        then its index is what keeps the number in quarantine."""
        return [
            Holding(
                HoldingClass.LINE,
                line.state.value,
                line.closed_at if line.state is State.CLOSED else None,
                line.country,
            )
            for line in await store.of_subscriber(tx, subscriber_id, lock=True)
        ]

    def forget(self, tx: Tx, subscriber_id: UUID) -> None:
        """With a holder's erasure: their closed lines lose number, card and indexes. One that is open or in
        quarantine keeps its index until the number is free; :meth:`expire` drops it then."""
        store.forget(tx, subscriber_id)

    async def indexed(
        self, reader: Reader, subscriber_id: UUID, key: SubjectKey
    ) -> list[tuple[IndexKind, str]]:
        """The canonical values behind this domain's indexes, to index them again under a new key."""
        values: list[tuple[IndexKind, str]] = []
        for line in await store.of_subscriber(reader, subscriber_id):
            numbers = _opened(key, line)
            if numbers is None:
                continue
            values.append((IndexKind.MSISDN, canon(IndexKind.MSISDN, numbers.msisdn)))
            if numbers.iccid is not None:
                values.append((IndexKind.ICCID, canon(IndexKind.ICCID, numbers.iccid)))
        return values

    # Within

    def _indexes(
        self, operator: UUID, msisdn: str, iccid: str | None
    ) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        every = self._vault.index_all
        numbers = every(operator, IndexKind.MSISDN, canon(IndexKind.MSISDN, msisdn))
        if iccid is None:
            return numbers, ()
        return numbers, every(operator, IndexKind.ICCID, canon(IndexKind.ICCID, iccid))

    def _locks(self, operator: UUID, msisdn: str, iccid: str | None) -> list[int]:
        locks = list(self._vault.locks(operator, IndexKind.MSISDN, canon(IndexKind.MSISDN, msisdn)))
        if iccid is not None:
            locks += self._vault.locks(operator, IndexKind.ICCID, canon(IndexKind.ICCID, iccid))
        return locks

    async def _acted(
        self,
        tx: Tx,
        before: Line,
        action: Action,
        reason: str,
        actor: Actor,
        note: str | None,
        until: datetime | None,
    ) -> Line:
        if reason in RESERVED:
            raise InvalidRequest("/reason", "reserved", "This reason is given by the service alone.")
        # What time did before the job came round counts first: nobody suspends a line that should be closed.
        current, earlier = rules.elapse(before, self.policy, tx.now)
        after, changes = rules.advance(current, action, tx.now, self.policy, reason=reason, until=until)
        return await self._saved(
            tx, before, after, [*earlier, *changes], actor, f"line.{action.value}", reason, note
        )

    async def _saved(
        self,
        tx: Tx,
        before: Line,
        after: Line,
        changes: list[Change],
        actor: Actor,
        action: str,
        reason: str | None = None,
        note: str | None = None,
    ) -> Line:
        """Save; and if the network must do something about it, ask for that in the same transaction."""
        moves_network = rules.conditions(after) != rules.conditions(before)
        applied = (
            before.version + 1 if before.applied_version == before.version and not moves_network else None
        )
        after = replace(after, applied_version=applied or before.applied_version)
        if moves_network:
            after = replace(after, apply_failed=None)
        await store.save(tx, after, expected=before.version)
        after = replace(after, version=before.version + 1)
        key = await self._note_key(tx, after) if note is not None else None
        self._tell(tx, after, changes, actor, action, reason, note, key)
        if moves_network:
            self._defer_apply(tx, after.id, after.version, 1, None)
        return after

    async def _note_key(self, tx: Tx, line: Line) -> NoteKey:
        """The holder's key, so that a note about a person goes when the person is erased; else the operator's."""
        try:
            return await self._subscribers.key(tx, line.subscriber_id)
        except Erased:
            return self._vault.operator_key(line.operator_id)

    def _tell(
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
    def _defer_apply(tx: Tx, line_id: UUID, version: int, attempt: int, at: datetime | None) -> None:
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


def _opened(key: SubjectKey, line: Line) -> Numbers | None:
    if line.sealed is None:
        return None
    data = key.open("line", line.id, line.sealed)
    iccid = data["iccid"]
    return Numbers(str(data["msisdn"]), None if iccid is None else str(iccid))
