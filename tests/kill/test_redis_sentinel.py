"""A master, a replica and three Sentinels: a failover is some refusals, and what it loses is shown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import Unavailable
from service.otp.model import OtpExpired
from tests.fakes.redis_servers import RedisServer, SentinelServer, eventually, until
from tests.store.test_otp import OPERATOR, REGISTRATION, Desk

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]
GIVE_UP_S = 60
OTHER = "+4915112345679"
T = TypeVar("T")


@dataclass
class House:
    master: RedisServer
    replica: RedisServer
    sentinels: list[SentinelServer]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(f'127.0.0.1:{each.port}' for each in self.sentinels)}/codes"

    async def in_step(self) -> None:
        """All that the master acknowledged is at the replica."""
        with self.master.admin() as admin:
            await eventually(lambda: admin.wait(1, 0) == 1, "the replica has it")

    async def fail_over(self) -> None:
        """The master is dead; the Sentinels, patient so far, now see it and agree on the replica."""
        for each in self.sentinels:
            await asyncio.to_thread(each.watch, 1000)
        for each in self.sentinels:
            await eventually(lambda each=each: each.master() == self.replica.port, "a new master")  # type: ignore[misc]


@pytest.fixture
def house() -> Iterator[House]:
    started: list[RedisServer] = []

    def start(server: Any) -> Any:
        started.append(server)
        return server.start()

    try:
        master = start(RedisServer("--save", "", "--appendonly", "yes", tcp=True))
        replica = start(RedisServer("--save", "", "--replicaof", "127.0.0.1", str(master.port), tcp=True))
        until(lambda: replica.admin().info("replication")["master_link_status"] == "up", "it replicates")
        sentinels = [start(SentinelServer(master, 2)) for _ in range(3)]
        for each in sentinels:
            until(lambda each=each: each.knows(2), "the Sentinels know all")  # type: ignore[misc]
        yield House(master, replica, sentinels)
    finally:
        for server in started:
            server.close()


@asynccontextmanager
async def desk_at(house: House, vault: Vault, clock: ManualClock) -> AsyncIterator[Desk]:
    redis = Redis(house.url, clock, timeout_s=2)
    try:
        yield Desk(redis, vault, clock)
    finally:
        await redis.close()


async def in_the_end(call: Callable[[], Awaitable[T]]) -> T:
    """What it answers once it is available. Anything else that it raises is raised."""
    refused: list[Unavailable] = []
    async with asyncio.timeout(GIVE_UP_S):
        while True:
            try:
                found = await call()
                break
            except Unavailable as refusal:
                refused.append(refusal)
                await asyncio.sleep(0.05)
    assert all(each.facts == {"dependency": "redis"} and each.retry_after_s for each in refused)
    return found


async def test_a_failover_is_unavailable_and_then_goes_on(
    house: House, vault: Vault, clock: ManualClock
) -> None:
    async with desk_at(house, vault, clock) as desk:
        redis, codes = desk.redis, desk.codes
        await desk.send()
        await redis.guard(redis.client.set("t:plain", "x"))
        await house.in_step()
        house.master.kill()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await desk.check(desk.sender.last_code)
            with pytest.raises(Unavailable):
                await desk.send(msisdn=OTHER)
            with pytest.raises(Unavailable):
                await redis.guard(redis.client.get("t:plain"))
        assert len(desk.sender.messages) == 1, "nothing is sent without a charge"
        await house.fail_over()
        proof = await in_the_end(lambda: desk.check(desk.sender.last_code))
        assert proof.tries == 1, "what was refused was not compared"
        assert await in_the_end(lambda: redis.guard(redis.client.get("t:plain"))) == b"x"
        with pytest.raises(OtpExpired):
            await desk.check(desk.sender.last_code)
        assert await codes.unrecorded_proofs(OPERATOR, REGISTRATION) == [proof]
        # The old master comes back with a file in which it is one, and is made a replica.
        house.master.start()
        await eventually(
            lambda: house.master.admin().info("replication")["role"] == "slave", "it is put in its place"
        )
        with pytest.raises(OtpExpired):
            await in_the_end(lambda: desk.check(desk.sender.last_code))


async def test_a_master_that_was_demoted_is_left(house: House, vault: Vault, clock: ManualClock) -> None:
    """It still answers, and says READONLY: the connections are made anew, to the new one."""
    async with desk_at(house, vault, clock) as desk:
        await desk.send()
        await house.in_step()
        sentinel = house.sentinels[0].admin()
        assert sentinel.execute_command("SENTINEL", "FAILOVER", "codes")
        for each in house.sentinels:
            await eventually(lambda each=each: each.master() == house.replica.port, "a new master")  # type: ignore[misc]
        await eventually(
            lambda: house.master.admin().info("replication")["role"] == "slave", "the old one knows"
        )
        assert (await in_the_end(lambda: desk.check(desk.sender.last_code))).tries == 1
        await in_the_end(lambda: desk.redis.guard(desk.redis.client.set("t:plain", "x")))


async def test_what_a_failover_loses(house: House, vault: Vault, clock: ManualClock) -> None:
    """Acknowledged by the master and not yet at the replica: a wrong try is forgotten, and so is that a code was used.

    So what is worth money or a line is never held here alone: the day's cap and the proof are PostgreSQL's.
    """
    async with desk_at(house, vault, clock) as desk:
        await desk.send()
        code = desk.sender.last_code
        await house.in_step()
        with house.master.admin() as admin:
            admin.execute_command("ACL", "SETUSER", "default", "-psync", "-sync")
            admin.client_kill_filter(_type="replica")
            await eventually(
                lambda: admin.info("replication")["connected_slaves"] == 0, "the replica is cut off"
            )
        [refusal] = await desk.wrong(1)
        assert refusal.facts["attempts_left"] == 4
        first = await desk.check(code)
        assert first.tries == 2
        with pytest.raises(OtpExpired):
            await desk.check(code)
        house.master.kill()
        await house.fail_over()
        again = await in_the_end(lambda: desk.check(code))
        assert again.challenge_id == first.challenge_id
        assert again.tries == 1, "the wrong try is gone as well"
        with pytest.raises(OtpExpired):
            await desk.check(code)


async def test_while_no_sentinel_answers_connections_go_on_and_no_new_one_is_made(
    house: House, vault: Vault, clock: ManualClock
) -> None:
    async with desk_at(house, vault, clock) as desk:
        await desk.send()
        for each in house.sentinels:
            each.kill()
        assert (await desk.check(desk.sender.last_code)).tries == 1
        with house.master.admin() as admin:
            admin.client_kill_filter(_type="normal", skipme=True)
        await eventually(lambda: clients(house.master) == 1, "its connections are gone")
        with pytest.raises(Unavailable):
            await desk.send(msisdn=OTHER)
        house.sentinels[2].start()  # the last of the address
        await in_the_end(lambda: desk.send(msisdn=OTHER))


async def test_passwords_of_servers_and_of_sentinels_are_two(
    house: House, vault: Vault, clock: ManualClock
) -> None:
    for server in (house.master, house.replica):
        with server.admin() as admin:
            rights = ["~*", "&*", "+@all", "-@admin", "-@dangerous", "+info"]
            admin.execute_command("ACL", "SETUSER", "simward", "on", ">p@ss", *rights)
    watch = house.sentinels[0]
    with watch.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "looker", "on", ">w@tch", "allchannels", "allkeys", "+@all")
        admin.execute_command("ACL", "SETUSER", "default", "off")
    place = f"127.0.0.1:{watch.port}/codes/3"
    asks = "?sentinel_username=looker&sentinel_password="
    for credentials, question, is_right in (
        ("simward:p%40ss@", f"{asks}w%40tch", True),
        ("simward:wrong@", f"{asks}w%40tch", False),
        ("simward:p%40ss@", f"{asks}wrong", False),
        ("simward:p%40ss@", "", False),
    ):
        redis = Redis(f"redis+sentinel://{credentials}{place}{question}", clock, timeout_s=2)
        try:
            if is_right:
                await Desk(redis, vault, clock).send()
                with house.master.admin() as admin:
                    assert admin.info("keyspace").keys() == {"db3"}
            else:
                with pytest.raises(Unavailable):
                    await redis.guard(redis.client.ping())
        finally:
            await redis.close()


def clients(server: RedisServer) -> int:
    with server.admin() as admin:
        return int(admin.info("clients")["connected_clients"])
