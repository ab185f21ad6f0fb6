"""The register of lines: open one, change it, let time change it, and tell the network."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor, record
from service.infra.crypto import SubjectKey
from service.infra.postgres import Reader, Tx
from service.kit.canon import IndexKind, canon
from service.kit.errors import NotFound
from service.kit.ids import new_id, wire
from service.lines import rules, store
from service.lines.model import (
    Action,
    ConditionsOrder,
    Failed,
    Line,
    ListedForStaff,
    NewLine,
    Numbers,
    State,
)
from service.lines.workflow.book import Book, opened
from service.subscribers.model import Erased, Holding, HoldingClass

Keep = Callable[[Tx, Line], Awaitable[None]]
"""Called at the end of the transaction with the line that is about to be answered."""

BATCH = 100
_SYSTEM = Actor.system("lines")


class Lines(Book):
    """The register of numbers in service."""

    # For the pipeline, inside its transaction

    async def refuse_taken(self, reader: Reader, msisdn: str, iccid: str | None) -> None:
        """Raises NumberInUse, NumberInQuarantine or SimInUse. An early no; :meth:`open` asks again under a lock."""
        numbers, cards = self.indexes(reader.tenant, msisdn, iccid)
        rules.refuse_taken(*await store.on(reader, numbers, cards), reader.now)

    async def refuse_sim(self, reader: Reader, iccid: str | None) -> None:
        """Raises SimInUse where an open line has the card. An early no, as above."""
        if iccid is not None:
            rules.refuse_taken((), await store.on_sim(reader, self.cards(reader.tenant, iccid)), reader.now)

    async def on_number(self, reader: Reader, msisdn: str) -> Line:
        """The line that the number has now, a quarantined one included; NotFound."""
        return await store.current(reader, self.indexes(reader.tenant, msisdn, None)[0])

    async def on_number_and_sim(
        self, reader: Reader, msisdn: str, iccid: str | None
    ) -> tuple[Line, list[Line]]:
        """As :meth:`on_number`, and every line that is on the card, in one statement."""
        numbers, cards = self.indexes(reader.tenant, msisdn, iccid)
        on_number, on_sim = await store.on(reader, numbers, cards)
        now = reader.now
        lines = [line for line in on_number if line.quarantine_until is None or line.quarantine_until > now]
        if not lines:
            raise NotFound()
        return max(lines, key=lambda line: line.id), on_sim

    async def card_since(self, reader: Reader, msisdn: str) -> datetime | None:
        """Since when this holder of the line on this number has had its card: what is on record of a number is about
        whoever had it before. None where it is no line here."""
        try:
            line = await self.on_number(reader, msisdn)
        except NotFound:
            return None
        return max(line.holder_since, line.sim_changed_at or line.holder_since)

    async def open(self, tx: Tx, new: NewLine, key: SubjectKey, actor: Actor) -> Line:
        """A new line for an approved registration. The network already has its first conditions
        (``rules.first_conditions``). Raises what :meth:`refuse_taken` raises; of many at once, one wins."""
        operator = tx.tenant
        numbers, cards = self.indexes(operator, new.msisdn, new.iccid)
        await tx.lock(*self.locks(operator, new.msisdn, new.iccid))
        rules.refuse_taken(*await store.on(tx, numbers, cards), tx.now)
        line, changes = rules.opened(new, new_id(), operator, self.policy, tx.now)
        sealed = key.seal("line", line.id, {"msisdn": new.msisdn, "iccid": new.iccid})
        line = replace(line, sealed=sealed)
        await store.add(tx, line, numbers[0], cards[0] if cards else None)
        self.tell(tx, line, changes, actor, "line.opened")
        return line

    async def code_proved(self, tx: Tx, registration_id: UUID, actor: Actor) -> Line:
        """The line's own code came back: what waited for it alone becomes active. Repeating it is harmless."""
        before = await store.by_registration(tx, registration_id, lock=True)
        after, changes = rules.prove(before, tx.now)
        if after == before:
            return before
        return await self.saved(tx, before, after, changes, actor, "line.code_proved")

    # For clients and staff

    async def get(self, operator: UUID, msisdn: str, *, dealer: UUID | None = None) -> Line:
        """The line that the number has now; NotFound where it has none, or another dealer's than ``dealer``."""
        async with self.db.read(operator) as reader:
            line = await store.current(reader, self.indexes(operator, msisdn, None)[0])
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
        indexes = self.indexes(operator, msisdn, None)[0]
        async with self.db.write(operator) as tx:
            before = await store.current(tx, indexes, lock=True)
            line = await self.acted(tx, before, action, reason, actor, note, until, is_by_hand=True)
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
        is_by_hand: bool = False,
    ) -> Line:
        """The same by id, in the caller's transaction: for staff, who read the line and not the number
        (``is_by_hand``), and for whoever keeps a ledger of their own."""
        before = await store.load(tx, line_id, lock=True)
        return await self.acted(tx, before, action, reason, actor, note, until, is_by_hand=is_by_hand)

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
            return opened(await self.subscribers.key(reader, line.subscriber_id), line)
        except Erased:
            return None

    # For jobs

    async def expire(self, operator: UUID) -> int:
        """What time did: ends of restrictions, codes that never came, ends of service, of quarantine.

        Returns how many lines changed; called again until it is 0.
        """
        async with self.db.write(operator) as tx:
            found = await store.due(tx, BATCH)
            for before in found:
                after, changes = rules.elapse(before, self.policy, tx.now)
                await self.saved(tx, before, after, changes, _SYSTEM, "line.elapsed")
                if after.state is State.CLOSED and await self.subscribers.is_erased(tx, after.subscriber_id):
                    store.forget(tx, after.subscriber_id)
        return len(found)

    async def apply(self, operator: UUID, line_id: UUID, version: int, attempt: int = 1) -> None:
        """Bring the network to the line's newest conditions. A failure is tried again later, then listed."""
        async with self.db.read(operator) as reader:
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
                conditions=rules.conditions(line, self.policy),
            )
        )
        async with self.db.write(operator) as tx:
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
                self.defer_apply(tx, line.id, version, attempt + 1, verdict.at)

    async def apply_again(self, tx: Tx, line_id: UUID, actor: Actor) -> None:
        """Staff ask for another round of attempts."""
        line = await store.load(tx, line_id, lock=True)
        record(tx, actor=actor, action="line.apply_asked", object=wire("line", line.id))
        self.defer_apply(tx, line.id, line.version, 1, None)

    # For retention and for the rotation of keys

    async def closed_holders(
        self, reader: Reader, after: UUID | None = None, limit: int = BATCH
    ) -> list[UUID]:
        """Subscribers with a closed line that was not forgotten, ascending by id, above ``after``."""
        return await store.closed_holders(reader, after, limit)

    async def holdings(self, tx: Tx, subscriber_id: UUID) -> list[Holding]:
        """A subscriber's lines as retention sees them, locked. A line goes on until its number is free: until
        then its index is what keeps the number in quarantine."""
        return [self.holding(line) for line in await store.of_subscriber(tx, subscriber_id, lock=True)]

    @staticmethod
    def holding(line: Line) -> Holding:
        """A line as retention sees it; also for what was registered about it."""
        ended_at = line.closed_at if line.state is State.CLOSED else None
        return Holding(HoldingClass.LINE, line.state.value, ended_at, line.country)

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
            numbers = opened(key, line)
            if numbers is None:
                continue
            values.append((IndexKind.MSISDN, canon(IndexKind.MSISDN, numbers.msisdn)))
            if numbers.iccid is not None:
                values.append((IndexKind.ICCID, canon(IndexKind.ICCID, numbers.iccid)))
        return values
