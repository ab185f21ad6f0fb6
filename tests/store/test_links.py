"""The entity graph over real PostgreSQL: components as they grow, race and shrink; neighbourhoods; rings."""

import asyncio
import itertools
from collections.abc import Mapping
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.infra.postgres import Database
from service.kit.ids import new_id
from service.risk.model import Blind, Evidence, HoldingKind
from service.risk.model.links import Neighbourhood, Ring
from service.risk.rules import links as rules
from service.risk.rules.links import LinkPolicy, Worth
from service.risk.store import holdings
from service.risk.store import links as store
from service.risk.workflow import Risk
from tests.store.test_risk_store import DAY, POLICY, policy_with

K = HoldingKind
SHARED = {K.DEVICE: "d", K.PAYMENT: "p", K.CONTACT: "c"}


class Town:
    """Lines of one operator, each on what it is given and on a document of its own."""

    def __init__(self, db: Database, policy: rules.LinkPolicy | None = None) -> None:
        self.db, self.operator, self.risk = db, new_id(), Risk()
        self.policy = (
            POLICY
            if policy is None
            else POLICY.__class__(
                POLICY.version,
                POLICY.digest,
                POLICY.parameters,
                POLICY.rules,
                POLICY.texts,
                POLICY.constants,
                policy,
            )
        )
        self.turns = itertools.count()

    async def hold(self, things: Mapping[HoldingKind, str], *, own: bool = True) -> UUID:
        registration, turn = new_id(), next(self.turns)
        named = {K.DOCUMENT: f"own {turn}", **things} if own else things
        keys = {kind: Blind.single(f"{kind} {text}".encode()) for kind, text in named.items()}
        async with self.db.write(self.operator) as tx:
            holdings.hold(
                tx, keys, registration, Evidence.FULL, None, self.policy.parameters, may_renew=False
            )
        return registration

    async def refresh(self, *ids: UUID) -> None:
        async with self.db.write(self.operator) as tx:
            await self.risk.links.refresh(tx, ids, self.policy)

    async def line(self, things: Mapping[HoldingKind, str]) -> UUID:
        registration = await self.hold(things)
        await self.refresh(registration)
        return registration

    async def labels(self) -> dict[UUID, UUID]:
        async with self.db.read(self.operator) as reader:
            return await store.labels(reader)

    async def truth(self, ids: list[UUID]) -> dict[UUID, UUID]:
        async with self.db.read(self.operator) as reader:
            lines = {line: held.keys for line, held in (await store.lines(reader, ids)).items()}
            every = {idx for keys in lines.values() for idx in keys.values()}
            degrees = await store.degrees(reader, every, self.policy.links.most)
        return rules.components(lines, degrees, self.policy.links)

    async def near(self, line: UUID, *, hops: int = 2, limit: int = 200) -> Neighbourhood:
        async with self.db.read(self.operator) as reader:
            return await self.risk.links.neighbourhood(
                reader, line, hops=hops, limit=limit, policy=self.policy, now=reader.now
            )

    async def ring(self, line: UUID) -> Ring | None:
        async with self.db.read(self.operator) as reader:
            return await self.risk.links.ring(reader, line, self.policy, reader.now)


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


TIGHT = LinkPolicy(600, 2, {kind: Worth(worth.weight, 2, 3) for kind, worth in LinkPolicy().worth.items()})
coming = st.dictionaries(st.sampled_from(list(K)), st.integers(0, 2), max_size=6)


@given(
    st.lists(st.tuples(coming, st.sampled_from(["come", "come", "come", "go", "erase"])), max_size=12),
    st.booleans(),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_step_by_step_and_at_once_come_to_the_same(
    db: Database, steps: list[tuple[dict[HoldingKind, int], str]], sweeps: bool
) -> None:
    """Guards are passed in both directions: degrees reach 3 and go over it, and lines go again."""
    town = Town(db, TIGHT)
    every: list[UUID] = []
    for things, what in steps:
        if what == "come" or not every:
            every.append(await town.hold({kind: str(n) for kind, n in things.items()}, own=False))
            await town.refresh(every[-1])
        elif what == "go":
            async with db.write(town.operator) as tx:
                await holdings.release(tx, every[0])
                await town.risk.links.refresh(tx, [every.pop(0)], town.policy)
        else:
            async with db.write(town.operator) as tx:
                await town.risk.forget(tx, every.pop(), town.policy)
        assert await town.labels() == await town.truth(every)
    if sweeps:
        async with db.write(town.operator) as tx:
            for line in every[::2]:
                await store.put_components(tx, [line], {line: new_id()})
        await town.risk.links.sweep(db, town.operator, town.policy)
        assert await town.labels() == await town.truth(every)


async def test_two_that_grow_towards_each_other_become_one(town: Town) -> None:
    """A and C hang on B alone, and all three are looked at in the same moment, twice."""
    first = await town.hold({**SHARED, K.ADDRESS: "x"})
    second = await town.hold({**SHARED, K.PERSON: "q"})
    third = await town.hold({K.PERSON: "q"})
    await asyncio.gather(*(town.refresh(line) for line in (first, second, third, third, first, second)))
    assert await town.labels() == dict.fromkeys((first, second, third), first)


async def test_the_shop_the_hostel_and_the_family_stand_alone_and_the_ring_does_not(town: Town) -> None:
    shop = [
        await town.line({K.DEALER: "s", K.AGENT: "a", K.BLOCK: "b", K.DEVICE: "tablet"}) for _ in range(8)
    ]
    hostel = [await town.line({K.ADDRESS: "h", K.CONTACT: "desk", K.DEVICE: "lobby"}) for _ in range(14)]
    family = [await town.line({K.ADDRESS: "home", **SHARED, K.PAYMENT: "card"}) for _ in range(4)]
    ring = [await town.line({K.DEVICE: "x", K.PAYMENT: "y", K.CONTACT: "z", K.DEALER: "s"}) for _ in range(5)]
    assert set(await town.labels()) == set(ring)
    for line in (*shop, *hostel, *family):
        assert await town.ring(line) is None
    found = await town.ring(ring[2])
    assert found is not None
    assert {each.registration_id for each in found.members} == set(ring)
    assert found.members[0].registration_id == found.root == ring[2]
    assert found.members[1].via == (K.DEVICE, K.CONTACT, K.PAYMENT)
    assert found.score > 600


async def test_a_ring_says_what_was_stopped_until_it_is_undone(town: Town) -> None:
    one, other = await town.line(SHARED), await town.line(SHARED)
    calm = await town.ring(other)
    async with town.db.write(town.operator) as tx:
        await holdings.mark_scam(tx, one, tx.now)
        await town.risk.strike(tx, one, list(SHARED), "report", one)
    stopped = await town.ring(other)
    assert calm is not None
    assert stopped is not None
    assert stopped.score > calm.score
    assert stopped.digest == calm.digest
    assert [each.is_struck for each in stopped.members] == [False, True]
    async with town.db.write(town.operator) as tx:
        await holdings.lift_scam(tx, one, tx.now + DAY)
        await town.risk.unstrike(tx, "report", one)
    assert await town.ring(other) == calm


async def test_a_neighbourhood_goes_two_hops_and_says_which_way(town: Town) -> None:
    root = await town.line({K.DEVICE: "d", K.DEALER: "big"})
    near = await town.line({K.DEVICE: "d", K.CONTACT: "c"})
    far = await town.line({K.CONTACT: "c", K.PAYMENT: "p"})
    beyond = await town.line({K.PAYMENT: "p"})
    for _ in range(11):
        await town.hold({K.DEALER: "big"})
    found = await town.near(root)
    assert [(each.registration_id, each.hop, each.via) for each in found.lines] == [
        (root, 0, ()),
        (near, 1, (K.DEVICE,)),
        (far, 2, (K.DEVICE, K.CONTACT)),
    ]
    assert beyond not in {each.registration_id for each in found.lines}
    assert [each.registration_id for each in (await town.near(root, hops=1)).lines] == [root, near]
    things = {each.kind: each for each in found.keys}
    assert things[K.DEALER].is_common
    assert things[K.DEALER].weight == 0
    assert (things[K.DEVICE].degree, things[K.DEVICE].is_common) == (2, False)
    assert not found.is_cut


async def test_a_neighbourhood_is_bounded_and_keeps_the_strongest(town: Town) -> None:
    root = await town.line({K.PERSON: "q", K.DEVICE: "d"})
    twin = await town.line({K.PERSON: "q"})
    for _ in range(20):
        await town.hold({K.DEVICE: "d"})
    found = await town.near(root, limit=10)
    assert len(found.lines) + len(found.keys) <= 10
    assert found.lines[1].registration_id == twin
    assert found.is_cut
    assert {edge.registration_id for edge in found.edges} <= {each.registration_id for each in found.lines}
    assert await town.near(root, limit=10) == found


async def test_a_registration_that_waits_has_neighbours_too(town: Town) -> None:
    near = await town.line(SHARED)
    keys = {kind: Blind(b"new", (b"new", f"{kind} {text}".encode())) for kind, text in SHARED.items()}
    waiting = new_id()
    async with town.db.read(town.operator) as reader:
        found = await town.risk.links.neighbourhood(
            reader, waiting, policy=town.policy, now=reader.now, keys=keys
        )
    assert [(each.registration_id, each.state) for each in found.lines] == [
        (waiting, "waiting"),
        (near, "approved"),
    ]
    assert (await town.near(waiting)).lines[1:] == ()


async def test_another_operator_shares_nothing(town: Town, db: Database) -> None:
    line, other = await town.line(SHARED), Town(db)
    await other.line(SHARED)
    assert len((await town.near(line)).lines) == 1
    assert len((await other.near(line)).lines) == 1
    assert await town.ring(line) is None


async def test_what_is_erased_leaves_the_graph_and_a_strike_does_not(town: Town) -> None:
    bridge, one, other = [await town.line(SHARED) for _ in range(3)]
    struck = await town.line(SHARED)
    async with town.db.write(town.operator) as tx:
        await holdings.mark_scam(tx, struck, tx.now)
        await town.risk.strike(tx, struck, list(SHARED), "report", struck)
        await town.risk.forget(tx, bridge, town.policy)
        await town.risk.forget(tx, struck, town.policy)
    assert set(await town.labels()) == {one, other, struck}
    async with town.db.write(town.operator) as tx:
        await town.risk.forget(tx, other, town.policy)
        await holdings.lift_scam(tx, struck, tx.now + DAY)
        await town.risk.unstrike(tx, "report", struck)
        await town.risk.forget(tx, struck, town.policy)
    assert await town.labels() == {}


async def test_what_is_purged_leaves_no_component(town: Town) -> None:
    lines = [await town.line(SHARED) for _ in range(2)]
    async with town.db.write(town.operator) as tx:
        for line in lines:
            await holdings.close(tx, line, tx.now)
    ages = policy_with(window_days=1, refill_days=0, device_days=1)
    town.risk = Risk()
    async with town.db.write(town.operator) as tx:
        tx.now += 3 * DAY
        assert await town.risk.purge(tx, ages) == 8
    assert await town.labels() == {}
