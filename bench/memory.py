"""What a live challenge costs in Redis with all its buckets, and that nothing stays once they are over.

First: KiB a live challenge under the seed policy, each to another number, from another address and device, of one
client; by ``used_memory`` before and after. Then 100,000 challenges under the same policy with every duration a
second: when they are over, Redis must be empty.

``python -m bench.memory [--live 5000] [--expire 100000]``
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import uvloop

from service.infra.crypto import Vault, create_keysets
from service.infra.embedded.binaries import find_redis
from service.infra.redis import Redis
from service.kit.clock import SystemClock
from service.kit.ids import new_id
from service.kit.msisdn import Msisdn
from service.limits.model import Bucket, Gcra, LimitPolicy, Rule, Schedule, Unverified, Window
from service.otp import rules
from service.otp.model import Channel, CodePolicy, To
from service.otp.ports import NullSender
from service.otp.workflow import Asker, Dispatch, Engine, Tools
from service.otp.workflow.engine import Subject

WANTED_KIB = 2.0
SECOND_US = 1_000_000
OPERATOR, CLIENT = new_id(), new_id()


def roomy(policy: CodePolicy) -> CodePolicy:
    """Every bucket stays; those over all requests hold more than the load. No money: there is no PostgreSQL here."""

    def raised(bucket: Bucket) -> Bucket:
        match bucket:
            case Gcra():
                return Gcra(1, 1_000_000)
            case Unverified():
                return replace(bucket, floor=1_000_000)
        return bucket

    found = {
        limit: replace(rule, buckets=tuple(map(raised, rule.buckets)))
        for limit, rule in policy.limits.rules.items()
    }
    return replace(policy, limits=LimitPolicy("bench", found))


def short(policy: CodePolicy) -> CodePolicy:
    """The same, over within seconds."""

    def hurried(bucket: Bucket) -> Bucket:
        match bucket:
            case Window() | Unverified():
                return replace(bucket, period_us=SECOND_US)
            case Schedule():
                return Schedule((1000,), SECOND_US)
        return bucket

    found = {
        limit: Rule(tuple(map(hurried, rule.buckets)), rule.stage)
        for limit, rule in policy.limits.rules.items()
    }
    second = timedelta(seconds=1)
    return replace(policy, limits=LimitPolicy("short", found), ttl=second, tombstone=second)


async def send(engine: Engine, vault: Vault, count: int, first: int = 0) -> None:
    """Messages to as many numbers, 64 at once."""
    todo = iter(range(first, first + count))

    async def worker() -> None:
        for n in todo:
            verification, now = new_id(), datetime.now(UTC)
            number = Msisdn.parse(f"+49151{(n * 7919) % 100_000_000:08}")
            sealed = vault.seal_secret(
                "verification", verification, b'{"to": "+4915112345678", "lang": "de"}'
            )
            subject = Subject(verification, To.NUMBER, "verification", until=None, sealed=sealed)
            address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
            asker = Asker(OPERATOR, "Demo Telecom", CLIENT, ip=address, device=f"phone {n}")
            await engine.send(
                asker, subject, rules.destination(number), channel=Channel.SMS, language="de", now=now
            )

    await asyncio.gather(*(worker() for _ in range(64)))


async def drop_history(redis: Redis) -> None:
    """As the worker does, once it stands in PostgreSQL."""
    await redis.guard(cast(Any, redis.client.delete("{otp}:log")))


async def measure(url: str, vault: Vault, live: int, expire: int) -> None:
    redis = Redis(url, SystemClock(), timeout_s=10)

    async def used() -> int:
        return int((await redis.guard(cast(Any, redis.client.info("memory"))))["used_memory"])

    policy = roomy(rules.seed_policy())
    engine = Engine(redis, vault, Tools(lambda: policy, Dispatch([NullSender()], deadline_s=10)))
    await send(engine, vault, 100)
    await drop_history(redis)
    before = await used()
    await send(engine, vault, live, first=100)
    await drop_history(redis)
    kib = (await used() - before) / live / 1024
    print(f"{live} live challenges with their buckets: {kib:.2f} KiB each (wanted: ≤ {WANTED_KIB:.0f})")
    await redis.guard(cast(Any, redis.client.flushall()))
    policy = short(policy)
    started = time.perf_counter()
    await send(engine, vault, expire)
    print(f"{expire} challenges in {time.perf_counter() - started:.0f} s")
    for _ in range(100):
        await drop_history(redis)
        left = int(await redis.guard(cast(Any, redis.client.dbsize())))
        if not left:
            break
        await asyncio.sleep(0.2)
    print(f"keys left when they are over: {left} (wanted: 0)")
    await redis.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--live", type=int, default=5000)
    parser.add_argument("--expire", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="simward-bench-") as folder:
        link = Path(folder) / "r.sock"
        argv = [str(find_redis().path), "--port", "0", "--unixsocket", str(link), "--save", ""]
        create_keysets(Path(folder) / "keys")
        vault = Vault.load(Path(folder) / "keys", production=False)
        with subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL) as server:
            try:
                while not link.exists():
                    time.sleep(0.01)
                uvloop.run(measure(f"unix://{link}", vault, given.live, given.expire))
            finally:
                server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
