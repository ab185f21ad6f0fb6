"""The sealer: numbers committed entries, links them, signs heads, carries them out.

It connects as ``simward_sealer`` and alone holds the audit's private key. Any number may run: each operator's
chain is sealed under an advisory lock, in one transaction a pass. Linking inside the business transaction
would serialise every writer of an operator, which cost two thirds of the throughput (measured).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from service.audit import rules, store
from service.audit.model import INSTALLATION, Actor, Head, Seal
from service.audit.ports import NOTHING_NOW, HeadsOutlet, NoOutlet
from service.audit.workflow import record
from service.infra.crypto import Signer
from service.infra.postgres import Database, Tx
from service.kit.canon import enc, lock_key
from service.kit.errors import Unavailable
from service.kit.ids import new_id, wire

SIGN_EVERY = timedelta(minutes=1)
ANCHOR_EVERY = timedelta(hours=1)
BATCH = 2_000
PAUSE_S = 0.5
_NEVER = (datetime.min.replace(tzinfo=UTC), 0)

log = structlog.get_logger(__name__)

Operators = Callable[[], Awaitable[Iterable[UUID]]]


class Sealer:
    """One process's sealer of every operator's chain and of the installation's own."""

    def __init__(
        self,
        db: Database,
        signer: Signer,
        operators: Operators,
        outlets: Sequence[HeadsOutlet] = (),
    ) -> None:
        self._db = db
        self._signer = signer
        self._operators = operators
        self._outlets = tuple(outlets) or (NoOutlet(),)
        self._installation: UUID | None = None
        self._swept: set[UUID] = set()
        self._anchored: dict[UUID, tuple[datetime, int]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Pass after pass until ``stop`` is set; PostgreSQL gone is waited out."""
        while not stop.is_set():
            try:
                await self.seal_all()
            except Unavailable:
                log.warning("audit.sealer.waiting", dependency="postgresql")
            except Exception:
                # A sealer that dies in silence leaves entries unsealed: say so, and go on trying.
                log.exception("audit.sealer.failed")
            try:
                await asyncio.wait_for(stop.wait(), PAUSE_S)
            except TimeoutError:
                continue

    async def seal_all(self) -> int:
        """One pass over every chain; how many entries were numbered."""
        count = 0
        for operator in await self._operators():
            try:
                count += await self.seal(operator)
                await self._anchor(operator)
            except Unavailable:
                raise
            except Exception:
                # One chain that cannot be sealed must not keep the others from it.
                log.exception("audit.sealer.failed", operator=operator.hex)
        return count + await self.seal(INSTALLATION)

    async def seal(self, operator: UUID) -> int:
        """Number what is waiting in one chain, and sign its head when that is due; how many were numbered."""
        installation = await self._installation_id()
        count = 0
        while True:
            async with self._db.write(operator) as tx:
                if not await store.try_lock(tx, lock_key(enc("sealer/v1", operator))):
                    return count
                done = await self._seal_batch(tx, installation)
            count += done
            if done < BATCH:
                break
        await self._publish(operator, installation)
        return count

    async def _seal_batch(self, tx: Tx, installation: UUID) -> int:
        tip = await store.tip(tx)
        sweep = tip.horizon > tip.next_xid and tx.tenant not in self._swept
        horizon = 0 if tip.horizon > tip.next_xid else tip.horizon
        found = await store.unsealed(tx, horizon, sweep=sweep, limit=BATCH)
        if sweep and len(found) < BATCH:
            self._swept.add(tx.tenant)
        link = tip.link or rules.link_zero(installation, tx.tenant)
        seals = []
        for n, entry in enumerate(found, tip.n + 1):
            link = rules.link(tx.tenant, n, link, rules.entry_hash(entry.body))
            seals.append(Seal(n, entry.id, entry.at, link))
        if found:
            store.stage_seals(tx, seals, _next_horizon(found, tip.horizon if sweep else None))
        n = tip.n + len(seals)
        if n > tip.head_n and rules.is_due(tip.head_at, tx.now, SIGN_EVERY):
            text = rules.head_text(installation, tx.tenant, n, link, tx.now)
            store.stage_head(tx, Head(installation, tx.tenant, n, link, tx.now, self._signer.sign(text)))
        return len(seals)

    async def _publish(self, operator: UUID, installation: UUID) -> None:
        for outlet in self._outlets:
            last = outlet.last(operator)
            if last == NOTHING_NOW:
                continue
            async with self._db.read(operator) as reader:
                heads = await store.heads(reader, installation, after=last)
            if not heads:
                continue
            try:
                await outlet.publish(heads)
            except Exception:
                log.exception("audit.outlet.failed", outlet=type(outlet).__name__)

    async def _anchor(self, operator: UUID) -> None:
        """Write the operator's newest head into the installation's chain, hourly: a chain that is dropped as a
        whole is missed there."""
        installation = await self._installation_id()
        at, anchored = self._anchored.get(operator) or await self._last_anchor(operator)
        if not rules.is_due(at, self._db.clock.now(), ANCHOR_EVERY):
            self._anchored[operator] = (at, anchored)
            return
        async with self._db.read(operator) as reader:
            heads = await store.heads(reader, installation, after=anchored)
        if not heads:
            return
        head = heads[-1]
        async with self._db.write(INSTALLATION) as tx:
            record(
                tx,
                actor=Actor.system("sealer"),
                action="audit.head",
                object=wire("op", operator),
                facts={"n": head.n, "link": head.link.hex()},
            )
            self._anchored[operator] = (tx.now, head.n)

    async def _last_anchor(self, operator: UUID) -> tuple[datetime, int]:
        async with self._db.read(INSTALLATION) as reader:
            body = await store.last_anchor(reader, wire("op", operator))
        try:
            entry = rules.read(body or "")
        except rules.BadBody:
            return _NEVER
        n = entry.facts.get("n")
        return (entry.at, n) if isinstance(n, int) else _NEVER

    async def _installation_id(self) -> UUID:
        if self._installation is None:
            async with self._db.write(INSTALLATION) as tx:
                self._installation = await store.add_installation(tx, new_id())
        return self._installation


def _next_horizon(found: Sequence[store.Waiting], sweeping_from: int | None) -> int:
    """Below which transaction nothing can be waiting any more, once ``found`` is sealed."""
    oldest = found[-1].oldest_xid
    if len(found) < BATCH:
        return oldest
    # A full batch may have left something behind: the rest of its last transaction, or of the sweep.
    return min(oldest, found[-1].xid) if sweeping_from is None else sweeping_from
