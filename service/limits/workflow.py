"""Money that is leased ahead of need, and blocks that expire."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import structlog

from service.audit.workflow import Actor, record
from service.infra.crypto import Vault
from service.infra.postgres import Database, Reader, Tx
from service.infra.redis import Redis
from service.kit.clock import micros
from service.kit.errors import Unavailable
from service.kit.ids import new_id, wire
from service.limits import rules, store
from service.limits.model import (
    DIMENSION,
    Charge,
    Dimension,
    Limit,
    LimitPolicy,
    Money,
    Outcome,
    SendBlock,
)
from service.limits.model import (
    Purse as PurseBucket,
)
from service.limits.volatile import BlockCopies, Limiter, Purse, name

AHEAD = timedelta(minutes=10)
"""So long before midnight the next day's first slice is leased."""

log = structlog.get_logger("limits")
_DAY = timedelta(days=1)
_LOCK = 0x6D6F_6E65_79
_GUARD = 0x67_7561_7264


@dataclass(frozen=True, slots=True)
class MoneyLeft:
    """Today's money of one operator, micro-units. ``unspent``: leased and still in Redis."""

    currency: str
    cap: int
    leased: int
    unspent: int

    @property
    def left(self) -> int:
        return self.cap - self.leased + self.unspent


@dataclass(frozen=True, slots=True)
class Paid:
    """What one message without a code cost, for giving it back."""

    charges: tuple[Charge, ...] = ()
    at_us: int = 0


class Blocks:
    """PostgreSQL holds them; Redis has copies that the scripts read, put back when it forgets."""

    def __init__(self, db: Database, redis: Redis, vault: Vault, policy: Callable[[], LimitPolicy]) -> None:
        self._db = db
        self._vault = vault
        self._policy = policy
        self._copies = BlockCopies(redis)

    async def set(
        self,
        operator: UUID,
        limit: Limit,
        *,
        until: datetime,
        reason: str,
        actor: Actor,
        made_by: str,
        place: str | None = None,
        number: str | None = None,
        client: UUID | None = None,
        block_id: UUID | None = None,
        note: str | None = None,
    ) -> SendBlock:
        """Set one; the same ``block_id`` twice is one block while it holds, whatever the second request says.
        ``number`` is E.164 and kept sealed. With Redis gone nothing is set (:class:`Unavailable`)."""
        block_id = block_id or new_id()
        async with self._db.write(operator) as tx:
            block = SendBlock(block_id, limit, place, client, None, reason, made_by, tx.now, until)
            while not await store.add_block(tx, self._with_number(block, number)):
                there = await store.find_block(tx, block.id)
                if there.holds(tx.now):
                    await self._copies.put(self._key(operator, there), there.until, tx.now)
                    return there
                # It was lifted or has ended, and is wished for again: the next one of the chain.
                block = replace(block, id=UUID(bytes=sha256(block.id.bytes + b"again").digest()[:16]))
            block = self._with_number(block, number)
            self._recorded(tx, block, actor, note)
            await self._copies.put(self._key(operator, block), until, tx.now)
        return block

    def _with_number(self, block: SendBlock, number: str | None) -> SendBlock:
        if number is None:
            return block
        return replace(block, sealed=self._vault.seal_secret("send_block", block.id, number.encode()))

    async def lift(
        self, operator: UUID, block_id: UUID, *, reason: str, actor: Actor, note: str | None = None
    ) -> SendBlock:
        """End a block now. What filled up behind it begins anew, or it would be set again at once. ``NotFound`` where
        it holds no more; with Redis gone it holds on (:class:`Unavailable`)."""
        dropped: SendBlock | None = None
        try:
            async with self._db.write(operator) as tx:
                block = await store.lift_block(tx, block_id, actor.id)
                record(
                    tx,
                    actor=actor,
                    action="block.lifted",
                    object=wire("blk", block_id),
                    reason=reason,
                    facts={"limit": block.limit.value},
                    note=note,
                    key=self._vault.operator_key(operator),
                )
                key, dropped = self._key(operator, block), block
                await self._copies.drop(key, *self._behind(operator, block))
                for other in await store.live_blocks(tx):
                    if self._key(operator, other) == key:
                        await self._copies.put(key, other.until, tx.now)
        except Exception:
            if dropped is not None:
                # It was not written, so it holds: Redis may not know better.
                with contextlib.suppress(Unavailable):
                    await self._copies.put(self._key(operator, dropped), dropped.until, self._db.clock.now())
            raise
        return block

    async def live(self, operator: UUID) -> Sequence[SendBlock]:
        async with self._db.read(operator) as reader:
            return await store.live_blocks(reader)

    async def find(self, operator: UUID, block_id: UUID) -> SendBlock:
        """One that holds or has ended, as long as it is kept; ``NotFound`` where this operator never had it."""
        async with self._db.read(operator) as reader:
            return await store.find_block(reader, block_id)

    def number(self, block: SendBlock) -> str | None:
        """The number of a block, E.164; None where it is of something else."""
        if block.sealed is None:
            return None
        return self._vault.open_secret("send_block", block.id, block.sealed).decode()

    async def project(self, operator: UUID) -> None:
        """Put every block that holds into Redis again."""
        now = self._db.clock.now()
        for block in await self.live(operator):
            await self._copies.put(self._key(operator, block), block.until, now)

    async def guard(self, operator: UUID, limit: Limit, place: str, reason: str) -> SendBlock | None:
        """Set by a budget that ran full: an hour, then six, then a day, if it goes on within a week. None where one
        holds already."""
        client = UUID(place) if limit is Limit.OTP_BLOCKED_CLIENT else None
        async with self._db.write(operator) as tx:
            # Two workers may drain the same entries: one block is set.
            await tx.lock(_GUARD ^ operator.int & 0x7FFF_FFFF_FFFF_FFFF)
            if await store.has_block(tx, limit, place):
                return None
            before = await store.blocks_since(tx, limit, place, tx.now - 7 * _DAY)
            until = tx.now + (timedelta(hours=1), timedelta(hours=6), _DAY)[min(before, 2)]
            block = SendBlock(new_id(), limit, place, client, None, reason, "guard", tx.now, until)
            await store.add_block(tx, block)
            self._recorded(tx, block, Actor.system("guard"), None)
            await self._copies.put(self._key(operator, block), until, tx.now)
        return block

    async def spans(
        self, operator: UUID, since: datetime, until: datetime
    ) -> dict[str, list[tuple[int, int]]]:
        """When blocks held, ``[from, until)`` in microseconds since 1970, by their names in Redis."""
        found: dict[str, list[tuple[int, int]]] = {}
        async with self._db.read(operator) as reader:
            for block, ended in await store.blocks_between(reader, since, until):
                span = micros(block.made_at), micros(ended)
                found.setdefault(self._key(operator, block), []).append(span)
        return found

    async def purge(self, operator: UUID) -> None:
        """Forget those that ended ninety days ago."""
        async with self._db.write(operator) as tx:
            await store.purge_blocks(tx, tx.now - 90 * _DAY)

    def _recorded(self, tx: Tx, block: SendBlock, actor: Actor, note: str | None) -> None:
        facts = {"limit": block.limit.value, **({} if block.place is None else {"place": block.place})}
        record(
            tx,
            actor=actor,
            action="block.set",
            object=wire("blk", block.id),
            reason=block.reason,
            facts=facts,
            note=note,
            key=self._vault.operator_key(tx.tenant),
        )

    def _key(self, operator: UUID, block: SendBlock) -> str:
        return rules.block_key(block.limit, self._hash(operator, block, DIMENSION[block.limit]))

    def _hash(self, operator: UUID, block: SendBlock, dimension: Dimension) -> str:
        match dimension:
            case Dimension.OPERATOR:
                return name(self._vault, dimension, operator)
            case Dimension.CLIENT:
                assert block.client_id is not None
                return name(self._vault, dimension, operator, block.client_id)
            case Dimension.MSISDN:
                assert block.client_id is not None
                return name(self._vault, dimension, operator, block.client_id, self.number(block) or "")
            case Dimension.MSISDN_OPERATOR:
                return name(self._vault, dimension, operator, self.number(block) or "")
        return name(self._vault, dimension, operator, block.place or "")

    def _behind(self, operator: UUID, block: SendBlock) -> list[str]:
        """The budgets whose running full set such a block."""
        behind = {
            Limit.OTP_BLOCKED_BLOCK: Limit.OTP_UNVERIFIED_PER_BLOCK,
            Limit.OTP_BLOCKED_COUNTRY: Limit.OTP_UNVERIFIED_PER_COUNTRY,
            Limit.OTP_BLOCKED_EVERYWHERE: Limit.OTP_UNVERIFIED_EVERYWHERE,
        }.get(block.limit)
        if behind is None:
            return []
        dimension = DIMENSION[behind]
        hashes = {dimension: self._hash(operator, block, dimension)}
        return [charge.key for charge in rules.charges(self._policy(), behind, hashes)]


class Purses:
    """Leases slices of the day's money from PostgreSQL to Redis, before the one in use runs out.

    PostgreSQL's row says how much was ever leased, so that whatever Redis forgets, the day costs no more than its cap.
    A purse that is not there also says that Redis has forgotten: blocks are put back before it is filled.
    """

    def __init__(
        self, db: Database, redis: Redis, vault: Vault, blocks: Blocks, policy: Callable[[], LimitPolicy]
    ) -> None:
        self._db = db
        self._vault = vault
        self._blocks = blocks
        self._purse = Purse(redis)
        self._limiter = Limiter(redis)
        self._policy = policy
        self._busy: dict[UUID, asyncio.Task[None]] = {}
        self._spent: dict[UUID, date] = {}

    async def top_up(self, operator: UUID) -> None:
        """Fill today's purse where less than half a slice is left, and near midnight tomorrow's. Whoever asks while
        it is done waits for the same."""
        task = self._busy.get(operator)
        if task is None:
            task = asyncio.create_task(self._top_up(operator))
            self._busy[operator] = task
            task.add_done_callback(lambda _: self._busy.pop(operator, None))
        await asyncio.shield(task)

    async def _top_up(self, operator: UUID) -> None:
        money, now = self._policy().money, self._db.clock.now()
        if money is None:
            await self._restore(operator, now)
            return
        await self._fill(operator, money, now)
        if (now + AHEAD).date() != now.date():
            await self._fill(operator, money, now + AHEAD)

    async def pay(self, operator: UUID, price: int) -> Paid | None:
        """Take ``price`` (micro-units) from today's money and from no other budget; None where too little is left to be
        had. Raises :class:`Unavailable` with Redis gone."""
        if self._policy().money is None:
            return Paid()
        key = self._key(operator, self._db.clock.now())
        charges = (Charge(Limit.OTP_MONEY_PER_DAY, key, PurseBucket(price)),)
        verdict = await self._limiter.spend(charges)
        if verdict.outcome is not Outcome.ALLOWED:
            await self.top_up(operator)
            verdict = await self._limiter.spend(charges)
        return Paid(charges, verdict.now_us) if verdict.outcome is Outcome.ALLOWED else None

    async def give_back(self, paid: Paid) -> None:
        """What was paid for a message that certainly never left."""
        if paid.charges:
            await self._limiter.refund(paid.charges, paid.at_us)

    async def left(self, operator: UUID) -> MoneyLeft | None:
        """Today's; None where the policy has no money. Redis gone: :class:`Unavailable`."""
        known = await self.known(operator)
        if known is None:
            return None
        unspent = await self._purse.left(self._key(operator, self._db.clock.now()))
        return replace(known, unspent=unspent or 0)

    async def known(self, operator: UUID) -> MoneyLeft | None:
        """The same without Redis, as if every slice that was leased were spent: so much is left at least."""
        money = self._policy().money
        if money is None:
            return None
        async with self._db.read(operator) as reader:
            found = await store.leased(reader, self._db.clock.now().date())
        cap, leased, currency = found or (money.per_day, 0, money.currency)
        return MoneyLeft(currency, cap, leased, 0)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _fill(self, operator: UUID, money: Money, at: datetime) -> None:
        key = self._key(operator, at)
        left = await self._purse.left(key)
        if left is not None and 2 * left >= money.slice:
            return
        if left is None:
            await self._blocks.project(operator)
        async with self._db.write(operator) as tx:
            await tx.lock(_LOCK ^ operator.int & 0x7FFF_FFFF_FFFF_FFFF)
            # Somebody else may have filled it while we waited.
            left = await self._purse.left(key)
            if left is not None and 2 * left >= money.slice:
                return
            granted = await store.lease(tx, at.date(), money, money.slice)
        if granted or left is None:
            ends = datetime.combine(at.date(), datetime.min.time(), at.tzinfo) + 25 * timedelta(hours=1)
            await self._purse.put(key, granted, ends - self._db.clock.now())
        if not granted and self._spent.get(operator) != at.date():
            self._spent[operator] = at.date()
            log.warning("money.day_is_spent")

    async def _restore(self, operator: UUID, now: datetime) -> None:
        """Without money too, the day's purse, empty, is the mark by which it is seen that Redis has forgotten."""
        key = self._key(operator, now)
        if await self._purse.left(key) is None:
            await self._blocks.project(operator)
            await self._purse.put(key, 0, 25 * timedelta(hours=1))

    def _key(self, operator: UUID, at: datetime) -> str:
        return rules.purse_key(name(self._vault, Dimension.OPERATOR, operator), at.date())


async def live_blocks(reader: Reader) -> Sequence[SendBlock]:
    """Blocks that hold, the newest first, on a transaction that is open."""
    return await store.live_blocks(reader)


__all__ = ["Blocks", "MoneyLeft", "Paid", "Purses", "live_blocks"]
