"""Register shops and agents, stop and start them, and admit what they open."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from service.audit.workflow import Actor, record
from service.dealers import rules, store
from service.dealers.model import (
    CODE_PATTERN,
    Agent,
    AgentUnknown,
    Assessment,
    Band,
    Counts,
    Dealer,
    DealerSuspended,
    LicenceInUse,
    Quotas,
    Record,
    State,
)
from service.dealers.store import standing
from service.infra.crypto import Vault
from service.infra.postgres import Database, Reader, Tx
from service.kit.canon import IndexKind, canon
from service.kit.errors import InvalidRequest, NotFound
from service.kit.ids import new_id, wire

OUTLET_SAID = timedelta(days=2)
"""What a shop of the same licence said at another operator counts so long; every chore says it again."""

_CODE = re.compile(CODE_PATTERN)


class Dealers:
    """The register of shops. Verbs for staff open their own transaction; those for the pipeline join one."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    # For the pipeline, inside its transaction

    async def admit(
        self, reader: Reader, dealer: str | UUID, agent: str | None = None
    ) -> tuple[Dealer, Agent | None]:
        """The dealer (by code, or by id where a key is bound to it) and the agent, if both may act now.

        Raises InvalidRequest (``/dealer``), AgentUnknown, DealerSuspended.
        """
        found, person = await store.find_with_agent(reader, dealer, agent)
        if found is None:
            raise InvalidRequest("/dealer", "unknown", "There is no dealer with this code.")
        if agent is not None and (person is None or not person.is_active):
            raise AgentUnknown()
        rules.admit(found)
        return found, person

    async def take(self, tx: Tx, dealer_id: UUID) -> None:
        """Count one more registration of a dealer, or raise LimitExceeded; nobody passes the quota by haste.

        The dealer's row is locked, so call it late in the transaction. It also sees a suspension that was
        committed since :meth:`admit`.
        """
        dealer = await store.lock(tx, dealer_id)
        if dealer is None:
            raise DealerSuspended()
        rules.admit(dealer)
        quotas = rules.quotas_of(dealer, rules.day_of(tx.now).date())
        rules.take(await store.count_one(tx, dealer_id), quotas, tx.now)

    async def counts(self, reader: Reader, dealer_id: UUID) -> Counts:
        """What the dealer opened in this hour and this day."""
        return await store.counts(reader, dealer_id)

    async def find(self, reader: Reader, dealer: str | UUID) -> Dealer:
        """By code or id, in any state; NotFound."""
        found = await store.find(reader, dealer)
        if found is None:
            raise NotFound()
        return found

    # For staff and the command line

    async def register(
        self,
        operator: UUID,
        *,
        code: str,
        name: str,
        licence: str,
        actor: Actor,
        quotas: Quotas | None = None,
    ) -> Dealer:
        """A new, active dealer. Raises DealerCodeTaken, LicenceInUse, InvalidRequest."""
        _check_code("/code", code)
        if not 1 <= len(name.strip()) <= 120:
            raise InvalidRequest("/name", "length", "A name has 1 to 120 characters.")
        number = _licence_of(licence)
        dealer_id = new_id()
        async with self._db.write(operator) as tx:
            await tx.lock(*self._vault.locks(operator, IndexKind.LICENCE, number))
            if await store.by_licence(tx, self._vault.index_all(operator, IndexKind.LICENCE, number)):
                raise LicenceInUse()
            dealer = Dealer(
                id=dealer_id,
                operator_id=operator,
                code=code,
                name=name.strip(),
                licence=self._vault.seal_secret("dealer", dealer_id, licence.strip().encode()),
                state=State.ACTIVE,
                quotas=rules.checked(quotas or Quotas()),
                created_at=tx.now,
            )
            await store.add(tx, dealer, self._vault.index(operator, IndexKind.LICENCE, number))
            record(
                tx,
                actor=actor,
                action="dealer.registered",
                object=wire("dlr", dealer.id),
                facts={"code": code, "hourly": dealer.quotas.hourly, "daily": dealer.quotas.daily},
            )
        return dealer

    async def register_agent(self, operator: UUID, dealer: str | UUID, code: str, *, actor: Actor) -> Agent:
        """A new, active agent of a dealer. Raises NotFound, AgentCodeTaken, InvalidRequest."""
        _check_code("/agent", code)
        async with self._db.write(operator) as tx:
            shop = await self.find(tx, dealer)
            agent = Agent(new_id(), operator, shop.id, code, True, tx.now)
            await store.add_agent(tx, agent)
            record(
                tx,
                actor=actor,
                action="agent.registered",
                object=wire("dlr", shop.id),
                facts={"dealer": shop.code, "agent": code},
            )
        return agent

    async def listed(self, reader: Reader) -> list[Dealer]:
        return await store.listed(reader)

    async def agents(self, reader: Reader, dealer_id: UUID) -> list[Agent]:
        return await store.agents(reader, dealer_id)

    def licence(self, dealer: Dealer) -> str:
        """The licence number in clear, for a reveal that the caller has written to the audit."""
        return self._vault.open_secret("dealer", dealer.id, dealer.licence).decode()

    async def pause(
        self, operator: UUID, dealer: str | UUID, *, actor: Actor, note: str | None = None
    ) -> Dealer:
        return await self._move(operator, dealer, State.PAUSED, "dealer.paused", None, actor, note)

    async def resume(
        self, operator: UUID, dealer: str | UUID, *, actor: Actor, note: str | None = None
    ) -> Dealer:
        return await self._move(operator, dealer, State.ACTIVE, "dealer.resumed", None, actor, note)

    async def suspend(
        self, operator: UUID, dealer: str | UUID, reason: str, *, actor: Actor, note: str | None = None
    ) -> Dealer:
        """For cause; ``reason`` is a code of letters and hyphens."""
        if not re.fullmatch("[a-z]+(-[a-z]+){0,5}", reason) or len(reason) > 48:
            raise InvalidRequest("/reason", "form", "A reason is a code such as scam or licence-withdrawn.")
        return await self._move(operator, dealer, State.SUSPENDED, "dealer.suspended", reason, actor, note)

    async def set_quotas(self, operator: UUID, dealer: str | UUID, quotas: Quotas, *, actor: Actor) -> Dealer:
        rules.checked(quotas)
        async with self._db.write(operator) as tx:
            before = await self._held(tx, dealer)
            after = replace(before, quotas=quotas)
            await store.save(tx, after, expected=before.version)
            record(
                tx,
                actor=actor,
                action="dealer.quotas_set",
                object=wire("dlr", after.id),
                facts={
                    "hourly": quotas.hourly,
                    "daily": quotas.daily,
                    "hourly_before": before.quotas.hourly,
                    "daily_before": before.quotas.daily,
                },
            )
        return replace(after, version=before.version + 1)

    # For the clock

    async def assess(self, operator: UUID, records: Mapping[UUID, Record]) -> int:
        """Assess every shop beside its peers, from ``records`` (of those that have any); how many day's quotas shrank
        anew. Idempotent; it may run in several workers at once."""
        shrunk = 0
        async with self._db.write(operator) as tx:
            today, since = rules.day_of(tx.now).date(), tx.now - OUTLET_SAID
            dealers = await store.listed(tx)
            made = rules.assessed({each.id: records.get(each.id, Record()) for each in dealers})
            for dealer in dealers:
                number = canon(IndexKind.LICENCE, self.licence(dealer))
                found = made[dealer.id]
                if found.band is not Band.NONE:
                    refs = self._vault.shared_ref_all(dealer.id)
                    primary = self._vault.shared_ref(dealer.id)
                    refs = (primary, *(ref for ref in refs if ref != primary))
                    standing.say(tx, self._vault.shared(IndexKind.LICENCE, number), refs, found.band)
                outlet = await standing.worst(tx, self._vault.shared_all(IndexKind.LICENCE, number), since)
                quota = rules.shrunk(dealer.quotas, found.record.decided, found.record.reviewed)
                standing.put(tx, dealer.id, replace(found, outlet=outlet), quota, today)
                if quota is not None and dealer.shrunk_on != today:
                    shrunk += 1
                    self._tell_shrunk(tx, dealer, found.record, quota)
                if found.band is not dealer.band:
                    self._tell_band(tx, dealer, found.band)
            standing.purge(tx, since)
        return shrunk

    @staticmethod
    def _tell_shrunk(tx: Tx, dealer: Dealer, seen: Record, quota: int) -> None:
        record(
            tx,
            actor=Actor.system("dealers"),
            action="dealer.quota_shrunk",
            object=wire("dlr", dealer.id),
            reason="day-in-review",
            facts={"decided": seen.decided, "reviewed": seen.reviewed, "daily": quota},
        )

    @staticmethod
    def _tell_band(tx: Tx, dealer: Dealer, band: Band) -> None:
        record(
            tx,
            actor=Actor.system("dealers"),
            action="dealer.band_changed",
            object=wire("dlr", dealer.id),
            facts={"from": dealer.band.value, "to": band.value},
        )

    async def assessments(self, reader: Reader) -> Mapping[UUID, tuple[Assessment, datetime]]:
        """The last assessment of each shop, and when it was made."""
        return await standing.all_of(reader)

    async def reindex(self, operator: UUID) -> int:
        """Index every licence again under the primary key; how many there are. Part of ``simward rotate-keys``."""
        async with self._db.write(operator) as tx:
            found = await store.listed(tx)
            for dealer in found:
                number = canon(IndexKind.LICENCE, self.licence(dealer))
                store.set_licence_index(tx, dealer.id, self._vault.index(operator, IndexKind.LICENCE, number))
        return len(found)

    async def _move(
        self,
        operator: UUID,
        dealer: str | UUID,
        wanted: State,
        action: str,
        reason: str | None,
        actor: Actor,
        note: str | None,
    ) -> Dealer:
        async with self._db.write(operator) as tx:
            before = await self._held(tx, dealer)
            after = replace(before, state=rules.move(before.state, wanted))
            await store.save(tx, after, expected=before.version)
            record(
                tx,
                actor=actor,
                action=action,
                object=wire("dlr", after.id),
                reason=reason,
                facts={"from": before.state.value},
                note=note,
                key=self._vault.operator_key(operator),
            )
        return replace(after, version=before.version + 1)

    async def _held(self, tx: Tx, dealer: str | UUID) -> Dealer:
        """The dealer as it is now, held until the end of the transaction."""
        held = await store.lock(tx, (await self.find(tx, dealer)).id)
        assert held is not None, "dealers are never deleted"
        return held


def _check_code(pointer: str, code: str) -> None:
    if not _CODE.fullmatch(code):
        raise InvalidRequest(pointer, "form", "A code is up to 32 capital letters, digits and hyphens.")


def _licence_of(licence: str) -> str:
    try:
        if len(licence) > 64:
            raise ValueError
        return canon(IndexKind.LICENCE, licence)
    except ValueError:
        raise InvalidRequest("/licence", "form", "A licence number has 1 to 64 characters.") from None
