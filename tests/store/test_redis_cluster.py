"""A real cluster: three masters, a slot that moves, a node that dies; and one node with every slot."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import ResponseError

from service.adapters.sms.outbox import Outbox
from service.admin.volatile import Results
from service.infra.crypto import Vault
from service.infra.redis import Redis, Script
from service.kit.clock import ManualClock, SystemClock
from service.kit.errors import Unavailable
from service.kit.ids import new_id
from service.limits.model import Charge, Limit, Outcome, Window
from service.limits.volatile import Limiter
from service.otp.model import OtpExpired
from service.staff.volatile import Sessions
from tests.fakes.redis_servers import ClusterNode, eventually, join
from tests.store.test_otp import OPERATOR, REGISTRATION, Desk

pytestmark = pytest.mark.timeout(180)
HOME = key_slot(b"{otp}")
TEXT = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
ADD = Script(TEXT, hashlib.sha1(TEXT.encode()).hexdigest())


@pytest.fixture(scope="module", params=[3, 1], ids=["three nodes", "one node"])
def whole(request: pytest.FixtureRequest) -> Iterator[list[ClusterNode]]:
    yield from _cluster(request.param)


@pytest.fixture
def three() -> Iterator[list[ClusterNode]]:
    """For tests that break it."""
    yield from _cluster(3)


def _cluster(count: int) -> Iterator[list[ClusterNode]]:
    nodes = [ClusterNode() for _ in range(count)]
    try:
        for node in nodes:
            node.start()
        join(*nodes)
        yield nodes
    finally:
        for node in nodes:
            node.close()


def owner(nodes: list[ClusterNode], slot: int = HOME) -> ClusterNode:
    return nodes[slot // -(-16384 // len(nodes))]


def stranger(nodes: list[ClusterNode], slot: int = HOME) -> ClusterNode:
    """A node that does not serve the slot, where there is one."""
    return next((node for node in nodes if node is not owner(nodes, slot)), nodes[0])


@asynccontextmanager
async def opened(*seeds: ClusterNode, clock: Any = None, **other: Any) -> AsyncIterator[Redis]:
    listed = ",".join(f"127.0.0.1:{node.port}" for node in seeds)
    redis = Redis(f"redis+cluster://{listed}", clock or SystemClock(), **{"timeout_s": 10, **other})
    try:
        yield redis
    finally:
        await redis.close()


async def test_codes_are_sent_and_checked(whole: list[ClusterNode], vault: Vault, clock: ManualClock) -> None:
    """The scripts of otp, and the law of limits in them, as they are; the address names a node without the slot."""
    async with opened(stranger(whole), clock=clock) as redis:
        desk = Desk(redis, vault, clock)
        await desk.send()
        [refusal] = await desk.wrong(1)
        assert refusal.facts["attempts_left"] == 4
        proof = await desk.check(desk.sender.last_code)
        assert proof.tries == 2
        with pytest.raises(OtpExpired):
            await desk.check(desk.sender.last_code)
        assert await desk.codes.unrecorded_proofs(OPERATOR, REGISTRATION) == [proof]
        await desk.codes.settle(OPERATOR, proof)
        await desk.codes.forget(OPERATOR, REGISTRATION)
        assert await desk.codes.status(OPERATOR, REGISTRATION) == []
        assert len(whole) == 1 or owner(whole).ask("COUNTKEYSINSLOT", HOME) > 0


async def test_budgets_are_spent_and_given_back(whole: list[ClusterNode]) -> None:
    """``service/limits/lua`` by itself."""
    async with opened(stranger(whole)) as redis:
        limiter = Limiter(redis)
        charges = [
            Charge(Limit.OTP_SENDS_PER_MSISDN, "{otp}:l:one", Window(1, 3_600_000_000)),
            Charge(Limit.OTP_SENDS_PER_CLIENT, "{otp}:l:two", Window(5, 3_600_000_000)),
        ]
        spent = await limiter.spend(charges)
        assert spent.outcome is Outcome.ALLOWED
        assert (await limiter.spend(charges)).outcome is Outcome.DENIED
        await limiter.refund(charges, spent.now_us)
        assert (await limiter.peek(charges)).outcome is Outcome.ALLOWED


async def test_who_serves_a_slot_is_asked_once(whole: list[ClusterNode]) -> None:
    async with opened(stranger(whole)) as redis:
        found = await asyncio.gather(*(redis.run(ADD, ["{otp}:t:once"], [1]) for _ in range(20)))
        assert sorted(found) == list(range(1, 21)), "what is redirected was not executed before"
        trips = redis.round_trips
        found = await asyncio.gather(*(redis.run(ADD, ["{otp}:t:once"], [1]) for _ in range(20)))
        assert sorted(found) == list(range(21, 41))
        assert redis.round_trips - trips == 1
        assert await redis.guard(redis.client.delete("{otp}:t:once", "{otp}:t:none")) == 1


async def test_plain_commands_go_to_where_their_key_is(whole: list[ClusterNode]) -> None:
    async with opened(whole[0]) as redis:
        for number in range(30):
            assert await redis.guard(redis.client.set(f"t:{number}", number, ex=60))
        found = [await redis.guard(redis.client.get(f"t:{number}")) for number in range(30)]
        assert found == [b"%d" % number for number in range(30)]
        held = [node.admin().dbsize() for node in whole]
        assert min(held) > 0, "every node has some"
        for number in range(30):
            async with redis.client.pipeline(transaction=True) as pipe:
                pipe.hset(f"h:{number}", "n", str(number))
                pipe.expire(f"h:{number}", 60)
                assert await redis.guard(pipe.execute()) == [1, True]
            assert await redis.guard(redis.client.hgetall(f"h:{number}")) == {b"n": b"%d" % number}


async def test_sessions_searches_and_the_outbox_work(
    whole: list[ClusterNode], vault: Vault, clock: ManualClock
) -> None:
    """What the service keeps outside the tag of codes."""
    async with opened(stranger(whole), clock=clock) as redis:
        sessions, staff = Sessions(redis, vault), new_id()
        for _ in range(5):
            session = await sessions.open(OPERATOR, "demo", "Demo", staff, 0, clock.now())
            await sessions.flash(session.sid, "done")
            await sessions.allow(session, "lift", "x", clock.now())
            assert await sessions.spend(session, "lift", "x", clock.now())
            assert not await sessions.spend(session, "lift", "x", clock.now())
            await sessions.end(session.sid)
        results = Results(redis)
        name = await results.keep(staff, "lines", [new_id()], [])
        assert await results.get(staff, name) is not None
        outbox = Outbox(redis, vault, demo=True)
        desk = Desk(redis, vault, clock, senders=[outbox])
        await desk.send(msisdn="+4915112345670", registration_id=new_id())
        assert len(await outbox.read("+4915112345670")) == 1


async def test_keys_of_two_slots_in_one_command_are_refused(three: list[ClusterNode]) -> None:
    async with opened(three[0]) as redis:
        with pytest.raises(ResponseError, match="slot"):
            await redis.guard(redis.client.delete("t:1", "t:2"))
        with pytest.raises(NotImplementedError):
            redis.client.pipeline(transaction=False)


async def test_the_rights_of_the_deployment_are_enough(
    three: list[ClusterNode], vault: Vault, clock: ManualClock
) -> None:
    """No CLUSTER, no SCRIPT; the password goes to nodes that were only heard of, too."""
    for node in three:
        with node.admin() as admin:
            rights = ["~*", "&*", "+@all", "-@admin", "-@dangerous", "+info"]
            admin.execute_command("ACL", "SETUSER", "simward", "on", ">p@ss", *rights)
    redis = Redis(f"redis+cluster://simward:p%40ss@127.0.0.1:{stranger(three).port}", clock, timeout_s=10)
    try:
        desk = Desk(redis, vault, clock)
        await desk.send()
        assert (await desk.check(desk.sender.last_code)).tries == 1
        assert await redis.guard(redis.client.ping()) is True
        assert (await redis.server()).name in ("redis", "valkey")
        with pytest.raises(ResponseError, match="permissions"):
            await redis.guard(redis.client.flushall())
    finally:
        await redis.close()
    other = Redis(f"redis+cluster://simward:wrong@127.0.0.1:{three[0].port}", clock, timeout_s=10)
    with pytest.raises(Unavailable):
        await other.run(ADD, ["{otp}:t:no"], [1])
    await other.close()


async def test_a_slot_that_moves_is_followed(three: list[ClusterNode]) -> None:
    source, target = owner(three), stranger(three)
    async with opened(source) as redis:
        assert await redis.run(ADD, ["{otp}:t:old"], [1]) == 1
        target.ask("SETSLOT", HOME, "IMPORTING", source.id)
        source.ask("SETSLOT", HOME, "MIGRATING", target.id)
        # What is still at home is served there; what is not is asked for at the new place (ASK), each time anew.
        assert await redis.run(ADD, ["{otp}:t:old"], [1]) == 2
        assert [await redis.run(ADD, ["{otp}:t:new"], [1]) for _ in range(3)] == [1, 2, 3]
        assert await redis.guard(redis.client.set("{otp}:t:plain", "x")) is True
        assert await redis.guard(redis.client.get("{otp}:t:plain")) == b"x"
        assert set(target.ask("GETKEYSINSLOT", HOME, 10)) == {b"{otp}:t:new", b"{otp}:t:plain"}
        # Half here, half there: nobody can run that now (TRYAGAIN), and a transaction cannot be asked for.
        with pytest.raises(Unavailable):
            await redis.run(ADD, ["{otp}:t:old", "{otp}:t:new"], [1])
        async with redis.client.pipeline(transaction=True) as pipe:
            pipe.set("{otp}:t:late", "x")
            with pytest.raises(Unavailable):
                await redis.guard(pipe.execute())
        with source.admin() as admin:
            admin.migrate("127.0.0.1", target.port, ["{otp}:t:old"], 0, 5000)
        for node in (target, source, *(each for each in three if each not in (source, target))):
            node.ask("SETSLOT", HOME, "NODE", target.id)
        assert await redis.run(ADD, ["{otp}:t:old"], [1]) == 3
        trips = redis.round_trips
        assert await redis.run(ADD, ["{otp}:t:new"], [1]) == 4
        assert redis.round_trips - trips == 1, "the new place is remembered"


async def test_a_node_that_dies_is_unavailable_until_its_replica_serves(
    three: list[ClusterNode], vault: Vault, clock: ManualClock
) -> None:
    dead, replica = owner(three), ClusterNode().start()
    try:
        replica.ask("MEET", "127.0.0.1", three[0].port)
        for node in (*three, replica):
            await eventually(lambda node=node: node.says("cluster_known_nodes:4"), "all know all")  # type: ignore[misc]
        replica.ask("REPLICATE", dead.id)
        async with opened(*three, clock=clock) as redis:
            desk = Desk(redis, vault, clock)
            await desk.send()
            with dead.admin() as admin:
                await eventually(lambda: admin.wait(1, 0) == 1, "the replica has it")
            await eventually(
                lambda: replica.admin().info("replication")["master_link_status"] == "up", "in step"
            )
            dead.kill()
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await desk.check(desk.sender.last_code)
            with pytest.raises(Unavailable):
                await redis.guard(redis.client.ping())  # the other two are well, and of no use
            replica.ask("FAILOVER", "TAKEOVER")
            others = [node for node in three if node is not dead]
            for node in others:
                await eventually(lambda node=node: takes_over(node, replica), "it is known")  # type: ignore[misc]
            async with asyncio.timeout(60):
                while True:
                    try:
                        proof = await desk.check(desk.sender.last_code)
                        break
                    except Unavailable:
                        await asyncio.sleep(0.02)
            assert proof.tries == 1, "what the dead node could not do was not done"
    finally:
        replica.close()


def takes_over(node: ClusterNode, replica: ClusterNode) -> bool:
    with node.admin() as admin:
        slots = admin.execute_command("CLUSTER", "SLOTS")
    found = (
        slots if isinstance(slots, list) else [[*span, ["", of["primary"][1]]] for span, of in slots.items()]
    )
    return any(each[0] <= HOME <= each[1] and int(each[2][1]) == replica.port for each in found)
