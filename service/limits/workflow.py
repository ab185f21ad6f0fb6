"""Money that is leased ahead of need, and blocks that expire."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from service.audit.workflow import Actor, record
from service.infra.crypto import Vault
from service.infra.postgres import Database, Reader
from service.infra.redis import Redis
from service.kit.ids import new_id, wire
from service.limits import rules, store
from service.limits.model import DIMENSION, Dimension, Limit, LimitPolicy, Money, SendBlock
from service.limits.volatile import BlockCopies, Purse, name

AHEAD = timedelta(minutes=10)
"""So long before midnight the next day's first slice is leased."""

log = structlog.get_logger("limits")
_DAY = timedelta(days=1)
_LOCK = 0x6D6F_6E65_79


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
    ) -> SendBlock | None:
        """Set one. The same ``block_id`` twice is one block: the first, or None where that one holds no more.
        ``number`` is E.164 and kept sealed."""
        block_id = block_id or new_id()
        sealed = None if number is None else self._vault.seal_secret("send_block", block_id, number.encode())
        block = SendBlock(
            block_id, limit, place, client, sealed, reason, made_by, self._db.clock.now(), until
        )
        async with self._db.write(operator) as tx:
            if await store.add_block(tx, block):
                facts = {"limit": limit.value, **({} if place is None else {"place": place})}
                record(
                    tx,
                    actor=actor,
                    action="block.set",
                    object=wire("blk", block.id),
                    reason=reason,
                    facts=facts,
                )
            elif (kept := await store.held_block(tx, block_id)) is not None:
                block = kept
            else:
                return None
        await self._copies.put(self._key(operator, block), block.until, self._db.clock.now())
        return block

    async def lift(
        self, operator: UUID, block_id: UUID, *, reason: str, actor: Actor, note: str | None = None
    ) -> SendBlock:
        """End a block now. What filled up behind it begins anew, or it would be set again at once."""
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
        await self._copies.drop(self._key(operator, block), *self._behind(operator, block))
        for other in await self.live(operator):
            if self._key(operator, other) == self._key(operator, block):
                await self._copies.put(self._key(operator, other), other.until, self._db.clock.now())
        return block

    async def live(self, operator: UUID) -> Sequence[SendBlock]:
        async with self._db.read(operator) as reader:
            return await store.live_blocks(reader)

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
        async with self._db.read(operator) as reader:
            if await store.has_block(reader, limit, place):
                return None
            before = await store.blocks_since(reader, limit, place, reader.now - 7 * _DAY)
        life = (timedelta(hours=1), timedelta(hours=6), _DAY)[min(before, 2)]
        return await self.set(
            operator,
            limit,
            until=self._db.clock.now() + life,
            reason=reason,
            actor=Actor.system("guard"),
            made_by="guard",
            place=place,
            client=UUID(place) if limit is Limit.OTP_BLOCKED_CLIENT else None,
        )

    async def purge(self, operator: UUID) -> None:
        """Forget those that ended ninety days ago."""
        async with self._db.write(operator) as tx:
            await store.purge_blocks(tx, tx.now - 90 * _DAY)

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
        self._policy = policy
        self._busy: dict[UUID, asyncio.Task[None]] = {}

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
        money = self._policy().money
        if money is None:
            return
        now = self._db.clock.now()
        await self._fill(operator, money, now)
        if (now + AHEAD).date() != now.date():
            await self._fill(operator, money, now + AHEAD)

    async def left(self, operator: UUID) -> MoneyLeft | None:
        """Today's; None where the policy has no money. Redis gone: :class:`Unavailable`."""
        money = self._policy().money
        if money is None:
            return None
        now = self._db.clock.now()
        async with self._db.read(operator) as reader:
            found = await store.leased(reader, now.date())
        cap, leased, currency = found or (money.per_day, 0, money.currency)
        return MoneyLeft(currency, cap, leased, await self._purse.left(self._key(operator, now)) or 0)

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
        if not granted:
            log.warning("money.day_is_spent")

    def _key(self, operator: UUID, at: datetime) -> str:
        return rules.purse_key(name(self._vault, Dimension.OPERATOR, operator), at.date())


async def live_blocks(reader: Reader) -> Sequence[SendBlock]:
    """Blocks that hold, the newest first, on a transaction that is open."""
    return await store.live_blocks(reader)


__all__ = ["Blocks", "MoneyLeft", "Purses", "live_blocks"]
