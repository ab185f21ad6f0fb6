"""Shared round trips on a real server: order, refusals in the middle, lost connections, callers that go away."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis as sync_redis
from redis.exceptions import ResponseError

from service.infra.redis import Redis, Script
from service.kit.clock import SystemClock
from service.kit.errors import Unavailable
from tests.fakes.redis_servers import RedisServer, Wire, eventually

GIVE_UP_S = 40
KEY = "{otp}:t:list"


def script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode()).hexdigest())


PUSH = script("redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('LLEN', KEYS[1])")
OTHER = script("redis.call('RPUSH', KEYS[1], ARGV[1]) return -redis.call('LLEN', KEYS[1])")
REFUSE = script("return redis.error_reply(ARGV[1])")


@pytest.fixture(scope="module")
def _server() -> Iterator[RedisServer]:
    one = RedisServer("--save", "").start()
    yield one
    one.close()


@pytest.fixture
def server(_server: RedisServer) -> Iterator[RedisServer]:
    """Empty, and it knows no script."""
    with _server.admin() as admin:
        admin.flushall()
        admin.script_flush()
    return _server


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    async with opened(server.url) as one:
        yield one


@asynccontextmanager
async def opened(url: str, **other: Any) -> AsyncIterator[Redis]:
    one = Redis(url, SystemClock(), **{"timeout_s": 20, **other})
    try:
        yield one
    finally:
        await one.close()


def kept(server: RedisServer) -> list[bytes]:
    with server.admin() as admin:
        return list(admin.lrange(KEY, 0, -1))


async def together(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    async with asyncio.timeout(GIVE_UP_S):
        return await asyncio.gather(*calls, return_exceptions=True)


def push(redis: Redis, what: str | int = "x", by: Script = PUSH) -> Awaitable[Any]:
    return redis.run(by, [KEY], [what])


def names(found: Sequence[Any]) -> list[Any]:
    return [type(each).__name__ if isinstance(each, BaseException) else each for each in found]


# One turn of the loop, one round trip


async def test_calls_of_one_turn_share_a_round_trip_and_keep_their_order(
    redis: Redis, server: RedisServer
) -> None:
    await push(redis, "first")
    trips, commands = redis.round_trips, redis.commands
    found = await together([push(redis, number) for number in range(50)])
    assert found == list(range(2, 52)), "each caller has its own answer"
    assert kept(server) == [b"first", *(b"%d" % number for number in range(50))]
    assert redis.round_trips - trips == 1
    assert redis.commands - commands == 50


async def test_one_after_another_is_a_round_trip_each(redis: Redis) -> None:
    await push(redis)
    trips = redis.round_trips
    assert [await push(redis), await push(redis)] == [2, 3]
    assert redis.round_trips - trips == 2


async def test_what_goes_through_the_guard_is_counted(redis: Redis) -> None:
    await redis.guard(redis.client.ping())
    assert (redis.round_trips, redis.commands) == (1, 1)


async def test_every_kind_of_part_arrives_as_it_was(redis: Redis) -> None:
    echo = script("return {KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4]}")
    parts = [b"\x00\xff\r\n", "ü ", 0, -(2**53)]
    found = await redis.run(echo, ["{k} 1", b"{k}\x00"], parts)
    assert found == [b"{k} 1", b"{k}\x00", b"\x00\xff\r\n", "ü ".encode(), b"0", b"-9007199254740992"]


async def test_a_part_that_cannot_be_sent_fails_its_own_caller(redis: Redis) -> None:
    found = await together([push(redis), redis.run(PUSH, [KEY], [None]), push(redis)])  # type: ignore[list-item]
    assert names(found) == [1, "TypeError", 2]


# Refusals in the middle


async def test_scripts_that_the_server_does_not_know_run_once_each(redis: Redis, server: RedisServer) -> None:
    with server.admin() as admin:
        admin.script_load(PUSH.text)
    calls = [push(redis, "a"), push(redis, "b", OTHER), push(redis, "c"), push(redis, "d", OTHER)]
    assert await together(calls) == [1, -3, 2, -4]
    assert kept(server) == [b"a", b"c", b"b", b"d"], "what was refused had not run"
    assert redis.round_trips == 2
    assert await together([push(redis, "e", OTHER)]) == [-5]
    assert redis.round_trips == 3, "now it is known"


async def test_scripts_flushed_between_calls_are_no_error(redis: Redis, server: RedisServer) -> None:
    for turn in range(3):
        assert await push(redis) == turn + 1
        with server.admin() as admin:
            admin.script_flush()


@pytest.mark.parametrize(
    "word",
    ["OOM", "LOADING", "READONLY", "MASTERDOWN", "BUSY", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "MISCONF"],
)
async def test_a_server_that_cannot_serve_says_so_to_one_caller(redis: Redis, word: str) -> None:
    """LOADING is said by a server that runs nothing: redis-py drops the connection, so there the rest are told too."""
    found = await together([push(redis), redis.run(REFUSE, [KEY], [f"{word} not now"]), push(redis)])
    rest = "Unavailable" if word == "LOADING" else 2
    assert names(found) == [1, "Unavailable", rest]
    assert isinstance(await push(redis), int)


async def test_too_many_clients_is_unavailable(redis: Redis) -> None:
    for said in (
        "ERR max number of clients reached",
        "ERR max number of clients + cluster connections reached",
    ):
        with pytest.raises(Unavailable):
            await redis.run(REFUSE, [KEY], [said])


async def test_a_mistake_of_ours_is_raised_as_it_is_and_to_its_caller_alone(redis: Redis) -> None:
    found = await together(
        [
            push(redis),
            redis.run(REFUSE, [KEY], ["MISTAKE in a script"]),
            redis.run(script("return nothing.at.all"), [KEY], []),
            push(redis),
        ]
    )
    assert names(found) == [1, "ResponseError", "ResponseError", 2]
    assert isinstance(found[1], ResponseError)
    assert "MISTAKE" in str(found[1])


# Callers that go away


async def test_a_cancelled_caller_neither_takes_its_command_back_nor_the_others_answers(
    redis: Redis, server: RedisServer
) -> None:
    calls = [asyncio.ensure_future(push(redis, number)) for number in range(5)]
    await asyncio.sleep(0)  # asked, not sent
    calls[1].cancel()
    assert names(await together(calls)) == [1, "CancelledError", 3, 4, 5]
    assert kept(server) == [b"%d" % number for number in range(5)]


async def test_a_caller_may_go_while_the_answer_is_on_its_way(server: RedisServer) -> None:
    async with Wire(server) as wire, opened(wire.url, lanes=1) as redis:
        await push(redis, "warm")
        wire.gate.clear()
        before = wire.lines
        calls = [asyncio.ensure_future(push(redis, number)) for number in range(3)]
        await eventually(lambda: wire.lines == before + 3, "the server has answered")
        calls[0].cancel()
        await asyncio.sleep(0)
        wire.gate.set()
        found = await together(calls)
        assert isinstance(found[0], asyncio.CancelledError)
        assert found[1:] == [3, 4]
        assert await push(redis) == 5, "no answer is left over for somebody else"
        assert redis.round_trips == 4  # the first was NOSCRIPT, then in full


async def test_all_callers_may_go_and_the_commands_run_all_the_same(server: RedisServer) -> None:
    async with opened(server.url, lanes=1) as redis:
        calls = [asyncio.ensure_future(push(redis, number)) for number in range(3)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        assert names(await together(calls)) == ["CancelledError"] * 3
        assert await push(redis, "after") == 4
        assert kept(server) == [b"0", b"1", b"2", b"after"]


# Lines that break


async def test_a_line_cut_in_the_middle_costs_the_answers_that_were_still_to_come(
    server: RedisServer,
) -> None:
    async with Wire(server) as wire, opened(wire.url, lanes=1) as redis:
        await push(redis, "warm")
        wire.cut_after = 3
        found = await together([push(redis, number) for number in range(6)])
        assert names(found) == [2, 3, 4, "Unavailable", "Unavailable", "Unavailable"]
        assert await push(redis, "after") == 8
        assert kept(server) == [b"warm", *(b"%d" % number for number in range(6)), b"after"], "none ran twice"


async def test_a_cut_line_is_of_no_concern_to_another_batch(server: RedisServer) -> None:
    async with Wire(server) as wire, opened(wire.url, lanes=2) as redis:
        await push(redis, "warm")
        wire.gate.clear()
        before = wire.lines
        one = asyncio.gather(*(push(redis, number) for number in range(3)), return_exceptions=True)
        await eventually(lambda: wire.lines == before + 3, "the first batch is answered")
        other = asyncio.gather(*(push(redis, number) for number in range(3)), return_exceptions=True)
        while redis._place.batcher._idle:
            await asyncio.sleep(0)
        wire.cut_after = 1
        wire.gate.set()
        first, second = [names(found) for found in await together([one, other])]
        assert first == [2, "Unavailable", "Unavailable"]
        assert second == [5, 6, 7]


async def test_while_every_line_is_busy_calls_gather(server: RedisServer) -> None:
    async with Wire(server) as wire, opened(wire.url, lanes=1) as redis:
        await push(redis, "warm")
        wire.gate.clear()
        trips = redis.round_trips
        calls = [asyncio.ensure_future(push(redis, "first"))]
        await eventually(lambda: redis.round_trips == trips + 1, "it is on its way")
        for number in range(10):
            calls.append(asyncio.ensure_future(push(redis, number)))
            await asyncio.sleep(0)
        assert redis.round_trips == trips + 1
        wire.gate.set()
        assert await together(calls) == list(range(2, 13))
        assert redis.round_trips == trips + 2


async def test_a_connection_killed_by_the_server_while_it_waits(redis: Redis, server: RedisServer) -> None:
    await push(redis, "warm")
    with server.admin() as admin:
        admin.client_pause(60_000, all=False)  # writes alone, so that this connection goes on
        trips = redis.round_trips
        calls = [asyncio.ensure_future(push(redis, number)) for number in range(4)]
        await eventually(lambda: redis.round_trips == trips + 1, "sent")
        mine = admin.client_id()
        for client in admin.client_list():
            if int(client["id"]) != mine:
                admin.client_kill_filter(_id=client["id"])
        assert names(await together(calls)) == ["Unavailable"] * 4
        admin.client_unpause()
    assert await push(redis) == 2, "a paused write was not done"


async def test_an_idle_connection_that_the_server_closed_is_opened_again(
    redis: Redis, server: RedisServer
) -> None:
    for turn in range(3):
        assert await push(redis) == turn + 1
        with server.admin() as admin:
            admin.client_kill_filter(_type="normal", skipme=True)
        streams = [lane._reader for lane in redis._place.batcher._idle if lane.is_connected]  # type: ignore[attr-defined]
        await eventually(
            lambda streams=streams: all(each.at_eof() for each in streams), "the end has arrived"
        )  # type: ignore[misc]


async def test_closing_waits_for_the_answers(server: RedisServer) -> None:
    redis = Redis(server.url, SystemClock(), timeout_s=20)
    calls = [asyncio.ensure_future(push(redis, number)) for number in range(3)]
    await asyncio.sleep(0)
    await redis.close()
    assert await together(calls) == [1, 2, 3]


async def test_where_nobody_listens_every_caller_is_told(tmp_path: Any) -> None:
    async with opened(f"unix://{tmp_path}/none.sock") as redis:
        assert names(await together([push(redis) for _ in range(5)])) == ["Unavailable"] * 5


# What only a server of one's own can do


@pytest.fixture
def own() -> Iterator[RedisServer]:
    one = RedisServer("--appendonly", "yes", "--appendfsync", "everysec").start()
    yield one
    one.close()


async def test_a_frozen_server_is_not_waited_for(own: RedisServer) -> None:
    """Callers on their way and callers that gather: all are told within the deadline, and nobody hangs."""
    async with opened(own.url, timeout_s=0.3, lanes=2) as redis:
        await push(redis, "warm")
        own.freeze()
        calls = []
        for number in range(6):
            calls.append(asyncio.ensure_future(push(redis, number)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert names(await together(calls)) == ["Unavailable"] * 6
        own.thaw()
        assert isinstance(await push(redis), int)


async def test_a_server_that_comes_back_is_found_again(own: RedisServer) -> None:
    async with opened(own.url) as redis:
        assert await push(redis) == 1
        own.kill()
        assert names(await together([push(redis), push(redis)])) == ["Unavailable"] * 2
        own.start()
        assert await push(redis) == 2, "acknowledged, so it was in the append-only file"


def full(admin: "sync_redis.Redis") -> None:
    admin.config_set("maxmemory-policy", "noeviction")
    admin.config_set("maxmemory", 1)


def without_replicas(admin: "sync_redis.Redis") -> None:
    admin.config_set("min-replicas-to-write", 1)


def replica(admin: "sync_redis.Redis") -> None:
    admin.replicaof("127.0.0.1", "1")


def cut_off_replica(admin: "sync_redis.Redis") -> None:
    admin.config_set("replica-serve-stale-data", "no")
    admin.replicaof("127.0.0.1", "1")


@pytest.mark.parametrize("become", [full, without_replicas, replica, cut_off_replica])
async def test_a_server_that_really_cannot_serve(own: RedisServer, become: Any) -> None:
    async with opened(own.url) as redis:
        await push(redis)
        with own.admin() as admin:
            become(admin)
        assert names(await together([push(redis), push(redis)])) == ["Unavailable"] * 2
        with pytest.raises(Unavailable):
            await redis.guard(redis.client.set("{otp}:t:plain", "x"))


async def test_a_server_that_cannot_save() -> None:
    own = RedisServer("--dir", "disk")
    disk = own.folder / "disk"
    disk.mkdir()
    own.start()
    try:
        async with opened(own.url) as redis:
            await push(redis)
            disk.rmdir()
            with own.admin() as admin:
                admin.config_set("save", "3600 1000000")
                admin.bgsave()
                await eventually(
                    lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err", "saving fails"
                )
            assert names(await together([push(redis), push(redis)])) == ["Unavailable"] * 2
    finally:
        own.close()


async def test_a_server_that_takes_no_more_clients(own: RedisServer) -> None:
    with own.admin() as admin:
        admin.config_set("maxclients", 1)
        async with opened(own.url) as redis:
            assert names(await together([push(redis)])) == ["Unavailable"]
            with pytest.raises(Unavailable):
                await redis.guard(redis.client.ping())
            admin.config_set("maxclients", 100)
            assert await push(redis) == 1


async def test_a_server_that_is_busy_with_a_script(own: RedisServer) -> None:
    async with opened(own.url) as redis:
        await push(redis)
        with own.admin() as admin:
            admin.config_set("lua-time-limit", 1)
        with own.admin() as hog, own.admin() as killer:
            endless = asyncio.create_task(asyncio.to_thread(refused, hog))

            def is_busy() -> bool:
                try:
                    return not killer.ping()
                except sync_redis.ResponseError as error:
                    return str(error).startswith("BUSY")

            await eventually(is_busy, "the script is too slow")
            assert names(await together([push(redis), push(redis)])) == ["Unavailable"] * 2
            killer.script_kill()
            await endless
        assert await push(redis) == 2


def refused(hog: "sync_redis.Redis") -> None:
    with pytest.raises(sync_redis.ResponseError):
        hog.eval("while true do end", 0)


async def test_a_server_that_loads_its_file() -> None:
    own = RedisServer("--save", "", "--rdbcompression", "no").start()
    try:
        with own.admin() as admin:
            for number in range(400):
                admin.set(f"k{number}", "x" * 100_000)
            admin.save()
        own.kill()
        # A pause for each key; clients are heard every two megabytes.
        own.start("--key-load-delay", "20000", wait=False)
        await eventually(lambda: is_loading(own), "it loads")
        async with opened(own.url) as redis:
            assert names(await together([push(redis)])) == ["Unavailable"]
            with own.admin() as admin:
                assert admin.info("persistence")["loading"] == 1, "it was loading all the time"
    finally:
        own.close()


def is_loading(own: RedisServer) -> bool:
    with own.admin() as admin:
        try:
            return not admin.ping()
        except sync_redis.BusyLoadingError:
            return True
