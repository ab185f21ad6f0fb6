"""The verbs of the entity graph: what is near a line, the ring that it is part of, and the upkeep of components.

Components change where a line comes or goes, by event in the worker and in the transaction that deletes rows.
A change reaches no further than the components of the lines on the things concerned, so that these are computed
again, whole; :meth:`Links.sweep` does so for every line, and its result owes nothing to what was there.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from service.infra.postgres import Database, Reader, Tx
from service.risk.model import Blind, HoldingKind
from service.risk.model.links import Edge, Held, Key, Neighbourhood, Ring
from service.risk.rules import RiskPolicy
from service.risk.rules import links as rules
from service.risk.store import links as store

FETCHED = 600
"""No more lines are read in one hop, nor for one ring: what is left out is said (``is_cut``)."""
WIDENED = 60
"""So many of a line's neighbours, the strongest, are asked for their own."""
WAITING = "waiting"
"""The state of a registration that holds nothing, where a line has its own."""
BATCH = 200


class Links:
    """Holds no state; policies are passed in. All ids are of the reader's operator."""

    async def neighbourhood(
        self,
        reader: Reader,
        registration_id: UUID,
        *,
        hops: int = 2,
        limit: int = 200,
        policy: RiskPolicy,
        now: datetime,
        keys: Mapping[HoldingKind, Blind] | None = None,
    ) -> Neighbourhood:
        """Lines and things within ``hops`` (1 or 2) of a line, at most ``limit`` nodes, the strongest kept.

        ``keys`` are what a registration would hang on that holds nothing, because it waits for its decision or was
        denied. An unknown registration without them is alone: whether it exists is the caller's to ask.
        """
        links = policy.links
        known = await store.lines(reader, [registration_id])
        root = known.get(registration_id) or _waiting(registration_id, keys or {}, now)
        near = _Near(root, {} if keys is None else {k: b.every for k, b in keys.items()})
        degrees = await store.degrees(reader, near.every(), links.most)
        near.settle(degrees, links)
        is_cut = await self._widen(reader, near, near.linking([near.root], links), links)
        if hops > 1:
            strong = near.strongest(WIDENED)
            is_cut |= len(strong) < len(near.lines) - 1
            is_cut |= await self._widen(reader, near, near.linking(strong, links), links)
        return near.shown(limit, is_cut, policy, now)

    async def _widen(
        self, reader: Reader, near: "_Near", keys: Collection[bytes], links: rules.LinkPolicy
    ) -> bool:
        """Take in the lines on ``keys``; whether there were too many."""
        lines = await store.near(reader, keys, near.lines, links.most, FETCHED)
        near.take(lines)
        unknown = {idx for line in lines.values() for idx in line.keys.values()} - set(near.degrees)
        near.degrees |= await store.degrees(reader, unknown, links.most)
        near.judge(links)
        return len(lines) == FETCHED

    async def ring(
        self, reader: Reader, registration_id: UUID, policy: RiskPolicy, now: datetime
    ) -> Ring | None:
        """The lines that hang together with this one, itself first; None where it is alone. Of a component of more
        than 200 lines, the strongest."""
        members = await store.component_of(reader, [registration_id], FETCHED)
        if registration_id not in members:
            return None
        lines = await store.lines(reader, members)
        if registration_id not in lines or len(lines) < 2:
            return None
        keys = {idx for line in lines.values() for idx in line.keys.values()}
        degrees = await store.degrees(reader, keys, policy.links.most)
        return rules.ring(registration_id, lines, degrees, policy.links, _decays(policy, now))

    async def refresh(
        self,
        tx: Tx,
        ids: Collection[UUID],
        policy: RiskPolicy,
        *,
        gone: Mapping[bytes, HoldingKind] | None = None,
    ) -> int:
        """Compute the components again that these registrations, or lines on the things ``gone``, may change; how
        many lines were looked at. May be called any number of times."""
        links = policy.links
        await store.guard(tx)
        keys = {**await store.keys_of(tx, ids), **(gone or {})}
        degrees = await store.degrees(tx, keys, links.most + len(ids))
        # So many more than a thing may link as came: it may have stopped linking with the very lines that came.
        near = [
            idx for idx, kind in keys.items() if 0 < degrees[idx] <= links.worth[kind].most + max(1, len(ids))
        ]
        touched = await store.on(tx, near, links.most + len(ids))
        touched |= set(ids)
        touched |= await store.component_of(tx, touched, 1_000_000)
        lines = {line: held.keys for line, held in (await store.lines(tx, touched)).items()}
        on = {idx for each in lines.values() for idx in each.values()}
        shared = await store.degrees(tx, on, links.most)
        await store.put_components(tx, touched, rules.components(lines, shared, links))
        return len(touched)

    async def sweep(self, db: Database, operator: UUID, policy: RiskPolicy) -> int:
        """Every component from the holdings alone, batch by batch, as after a rotation or another policy; how many
        lines there are. May be interrupted and run again."""
        after, count = UUID(int=0), 0
        while True:
            async with db.write(operator) as tx:
                batch = await store.page(tx, after, BATCH)
                if not batch:
                    await store.guard(tx)
                    await store.drop_orphans(tx)
                    return count
                await self.refresh(tx, batch, policy)
            after, count = batch[-1], count + len(batch)


def _waiting(registration_id: UUID, keys: Mapping[HoldingKind, Blind], now: datetime) -> Held:
    return Held(
        registration_id,
        None,
        WAITING,
        now,
        None,
        None,
        {kind: blind.primary for kind, blind in keys.items()},
    )


def _decays(policy: RiskPolicy, now: datetime) -> datetime:
    """What was struck before weighs nothing any more."""
    return now - timedelta(days=policy.parameters.strike_days)


class _Near:
    """A neighbourhood as it grows."""

    def __init__(self, root: Held, every: Mapping[HoldingKind, tuple[bytes, ...]]) -> None:
        self.root = root
        self._every = every
        self.lines: dict[UUID, Held] = {root.registration_id: root}
        self._asked: set[bytes] = set()
        self.degrees: dict[bytes, int] = {}
        self.between: rules.Pairs = {}
        self.ways: dict[UUID, tuple[int, int, UUID]] = {}

    def every(self) -> list[bytes]:
        """The root's things, under every key that is enabled."""
        return [*self.root.keys.values(), *(idx for every in self._every.values() for idx in every)]

    def settle(self, degrees: Mapping[bytes, int], links: rules.LinkPolicy) -> None:
        """Of a thing that two keys index, take the one that lines hang on."""
        self.degrees |= degrees
        keys = dict(self.root.keys)
        for kind, every in self._every.items():
            keys[kind] = max(every, key=lambda idx: degrees.get(idx, 0))
        root = self.root
        self.root = Held(
            root.registration_id,
            root.line_id,
            root.state,
            root.opened_at,
            root.scam_at,
            root.struck_at,
            keys,
        )
        self.lines[root.registration_id] = self.root
        self.judge(links)

    def linking(self, lines: Collection[Held], links: rules.LinkPolicy) -> set[bytes]:
        """What links these lines to others and was not asked about yet. A line that holds what it hangs on is one of
        those that are counted; one that waits is not."""
        least = 1 if self.root.state == WAITING else 2
        found = {
            idx
            for line in lines
            for kind, idx in line.keys.items()
            if self.degrees.get(idx, 0) >= least and rules.weight(kind, self.degrees[idx], links)
        }
        found -= self._asked
        self._asked |= found
        return found

    def take(self, lines: Mapping[UUID, Held]) -> None:
        self.lines |= lines

    def judge(self, links: rules.LinkPolicy) -> None:
        keys = {line: held.keys for line, held in self.lines.items()}
        self.between = rules.pairs(keys, self.degrees, links)
        self.ways = rules.reach(self.root.registration_id, self.between)

    def strongest(self, most: int) -> list[Held]:
        found = sorted(
            (line for line in self.ways if line != self.root.registration_id),
            key=lambda line: (-self.ways[line][0], line),
        )
        return [self.lines[line] for line in found[:most]]

    def shown(self, limit: int, is_cut: bool, policy: RiskPolicy, now: datetime) -> Neighbourhood:
        """The root with its things, then line by line what fits, each with the things that it shares."""
        links = policy.links
        root = self.root.registration_id
        users: dict[bytes, set[UUID]] = {}
        for line in self.ways:
            for idx in self.lines[line].keys.values():
                users.setdefault(idx, set()).add(line)
        lines: list[UUID] = []
        things: dict[bytes, HoldingKind] = {idx: kind for kind, idx in self.root.keys.items()}
        order = sorted(self.ways, key=lambda line: (self.ways[line][1], -self.ways[line][0], line))
        for line in order:
            held = self.lines[line]
            added = {
                idx: kind
                for kind, idx in held.keys.items()
                if idx not in things
                and len(users[idx]) > 1
                and not rules.is_common(kind, self.degrees.get(idx, 1), links)
            }
            if lines and len(lines) + 1 + len(things) + len(added) > limit:
                is_cut = True
                continue
            lines.append(line)
            things |= added
        kept = set(lines)
        ties = {
            idx: kind
            for idx, kind in things.items()
            if idx in self.root.keys.values() or len(users[idx] & kept) > 1
        }
        keys = {line: held.keys for line, held in self.lines.items()}
        return Neighbourhood(
            root,
            tuple(
                rules.linked(self.lines[line], self.ways, keys, self.degrees, links, _decays(policy, now))
                for line in lines
            ),
            tuple(self._key(idx, kind, links) for idx, kind in ties.items()),
            tuple(
                Edge(line, kind, idx)
                for line in lines
                for kind, idx in self.lines[line].keys.items()
                if idx in ties
            ),
            is_cut,
        )

    def _key(self, idx: bytes, kind: HoldingKind, links: rules.LinkPolicy) -> Key:
        degree = self.degrees.get(idx, 0)
        return Key(kind, idx, degree, rules.weight(kind, degree, links), rules.is_common(kind, degree, links))
