"""What a live challenge takes in Redis with all its budgets, and that nothing is left of it afterwards."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis as sync_redis

from service.infra.crypto import Vault
from service.infra.redis import Redis
from service.kit.clock import ManualClock, SystemClock
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.limits.model import Bucket, Gcra, LimitPolicy, Rule, Schedule, Unverified, Window
from service.otp import rules
from service.otp.model import Channel, CodePolicy, OtpRejected, To
from service.otp.volatile import Stream
from service.otp.workflow import Asker
from service.otp.workflow.engine import Subject
from tests.conftest import Backend
from tests.fakes.desk import CLIENT, OPERATOR, Desk, other_than, without_money

LIVE = 200
MOST = 2048
"""Bytes for each, the budgets that all share included."""


def roomy(policy: CodePolicy) -> CodePolicy:
    """The seed's limits, with room for so many in what they share: as many as are sent are counted."""

    def wide(bucket: Bucket) -> Bucket:
        match bucket:
            case Gcra():
                return replace(bucket, burst=1_000_000)
            case Unverified():
                return replace(bucket, floor=1_000_000)
        return bucket

    return replace(
        policy,
        limits=LimitPolicy(
            policy.limits.version,
            {
                limit: Rule(tuple(map(wide, rule.buckets)), rule.stage)
                for limit, rule in policy.limits.rules.items()
            },
        ),
    )


def number(n: int) -> str:
    """A hundred and a block of its own for each."""
    return f"+4915{112 + n // 100}{n % 100:02d}{n:05d}"[:14]


async def fill(desk: Desk, vault: Vault, target: To) -> None:
    """All distinct: subjects, numbers, addresses, devices, dealers; half were guessed at. A verification also
    keeps its number, sealed, with the caller's own reference. (A key that is bound to a dealer has no budgets by
    address: what it takes is less.)"""
    for n in range(LIVE):
        ip = f"2001:db8:{n:x}::1" if n % 2 else f"198.51.{n}.7"
        subject, dealer = new_id(), new_id()
        asker = Asker(OPERATOR, "Demo", CLIENT, dealer=dealer, ip=ip, device=f"device-{n}")
        sealed = b""
        if target is To.NUMBER:
            kept = {"to": number(n), "lang": "en", "ref": f"order-{n:012d}"}
            sealed = vault.seal_secret("verification", subject, json.dumps(kept).encode())
        wanted = Subject(subject, target, "new", desk.clock.now(), sealed=sealed)
        to = rules.destination(Msisdn.parse(number(n)))
        await desk.engine.send(asker, wanted, to, channel=Channel.SMS, language="en", now=desk.clock.now())
        if n % 2:
            with pytest.raises(OtpRejected):
                await desk.engine.check(
                    asker,
                    subject,
                    other_than(desk.sender.last_code),
                    targets={target: "new"},
                    must_be_recorded=False,
                )


@pytest.mark.parametrize("target", [To.LINE, To.NUMBER], ids=["registration", "verification"])
async def test_a_live_challenge_with_its_budgets_takes_at_most_two_kibibytes(
    redis: Redis, vault: Vault, clock: ManualClock, backend: Backend, target: To
) -> None:
    desk = Desk(redis, vault, clock, policy=roomy(without_money(rules.seed_policy())))
    await fill(desk, vault, target)
    assert len({message.number for message in desk.sender.messages}) == LIVE
    sizes: defaultdict[str, int] = defaultdict(int)
    found: Counter[str] = Counter()
    with sync_redis.Redis.from_url(backend.servers.redis_admin_url) as admin:
        for key in admin.keys("*"):
            if key == Stream.KEY.encode():  # drained within a second
                continue
            name = key.decode().split(":")
            kind = name[1] if name[1] != "l" else ":".join(name[3:])
            sizes[kind] += int(admin.memory_usage(key, samples=0))
            found[kind] += 1
    total = sum(sizes.values()) / LIVE
    shares = {kind: (round(size / LIVE), found[kind]) for kind, size in sorted(sizes.items())}
    print(f"bytes for each live challenge: {total:.0f}", shares)
    assert found["r"] == LIVE, "a home for each"
    assert total <= MOST, shares


async def test_a_home_is_kept_in_the_short_form(redis: Redis, vault: Vault, clock: ManualClock) -> None:
    """One value longer than 64 bytes would make Redis keep the whole hash in a form that takes three times as much."""
    desk = Desk(redis, vault, clock, policy=roomy(without_money(rules.seed_policy())))
    await desk.send(ip="2001:db8::1", device="d", dealer=new_id())
    await desk.send(to="contact", msisdn="+4915112345679", ip="2001:db8::1")
    await desk.check(desk.sender.last_code)
    [home] = [key async for key in redis.client.scan_iter("{otp}:r:*")]
    client: Any = redis.client
    assert (await client.object("encoding", home)) in (b"ziplist", b"listpack")


def brief(policy: CodePolicy) -> CodePolicy:
    """Every duration some milliseconds: what an hour and a day do, seen at once."""

    def short(bucket: Bucket) -> Bucket:
        match bucket:
            case Window():
                return replace(bucket, period_us=20_000)
            case Gcra():
                return Gcra(1_000, 1_000)
            case Schedule():
                return Schedule((1,), 20_000)
            case Unverified():
                return replace(bucket, floor=1_000, period_us=20_000)
        return bucket

    ms = timedelta(milliseconds=1)
    return replace(
        policy,
        limits=LimitPolicy(
            "brief",
            {
                limit: Rule(tuple(map(short, rule.buckets)), rule.stage)
                for limit, rule in policy.limits.rules.items()
            },
        ),
        ttl=300 * ms,
        tombstone=20 * ms,
    )


@pytest.fixture
async def live(redis: Redis, backend: Backend) -> AsyncIterator[Redis]:
    """The same server, empty, on its own clock."""
    wrapped = Redis(backend.servers.redis_url, SystemClock(), timeout_s=5)
    yield wrapped
    await wrapped.close()


async def test_when_all_has_expired_redis_is_empty(live: Redis, vault: Vault) -> None:
    """On the server's own clock, with a policy of milliseconds. A row of wrong codes alone is kept for a year, so a
    right one ends it; a rival's limiter keys lived 56,000 years."""
    desk = Desk(
        live, vault, ManualClock(SystemClock().now()), policy=brief(without_money(rules.seed_policy()))
    )
    desk.clock = SystemClock()  # type: ignore[assignment]
    for n in range(40):
        await desk.send(
            registration_id=(one := new_id()), msisdn=number(n), ip=f"198.51.{n}.7", device=f"d{n}"
        )
        await desk.wrong(1, registration_id=one)
        proof = await desk.check(desk.sender.last_code, registration_id=one)
        await desk.codes.settle(OPERATOR, proof)
    assert await live.client.dbsize() > 40
    endless = [key async for key in live.client.scan_iter("*") if await live.client.ttl(key) == -1]
    assert endless == [Stream.KEY.encode()]
    await live.client.delete(Stream.KEY)
    async with asyncio.timeout(60):
        while [key async for key in live.client.scan_iter("*") if b":r:" not in key]:
            await asyncio.sleep(0.02)
    # A home outlives its code by its proof: a registration's until that is over.
    for key in [key async for key in live.client.scan_iter("{otp}:r:*")]:
        assert await live.client.pttl(key) > 0
