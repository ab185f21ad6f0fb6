"""Scripts a second over one connection: shared round trips against one at a time, in the same run.

One process asks for the same one-key script with 1, 8 and 64 callers at once, first by redis-py's ``evalsha`` (a round
trip each, the callers queue for the connection), then by ``Redis.run`` (one pipeline for each turn of the event loop).
The rounds of both alternate, and the median of each is compared: read the ratios, a machine is noisy. The last columns
let both use more connections.

``python bench/redis_batch.py [--seconds 0.5] [--rounds 5]``
"""

import argparse
import asyncio
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import redis.asyncio as aioredis
import uvloop
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from service.infra.embedded.binaries import find_redis
from service.infra.redis import Redis, Script
from service.kit.clock import SystemClock

TEXT = (
    "local n = redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[2]) return {n, ARGV[1], 0, 0}"
)
SCRIPT = Script(TEXT, hashlib.sha1(TEXT.encode(), usedforsecurity=False).hexdigest())
CALLERS = (1, 8, 64)
Ask = Callable[[str], Awaitable[object]]


async def rate(ask: Ask, callers: int, seconds: float) -> float:
    """Answers a second, each caller asking again as soon as it has its answer."""
    done = 0
    end = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await ask(f"{{bench}}:{number}")
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return done / (time.perf_counter() - started)


def single(url: str, connections: int) -> tuple[aioredis.Redis, Ask]:
    pool = aioredis.BlockingConnectionPool.from_url(
        url, timeout=5, socket_timeout=5, max_connections=connections, retry=Retry(NoBackoff(), 0)
    )
    client = aioredis.Redis.from_pool(pool)
    return client, lambda key: client.evalsha(SCRIPT.sha, 1, key, 0, 60_000)


async def compare(url: str, seconds: float, rounds: int) -> None:
    one, one_at_a_time = single(url, 1)
    many, over_many = single(url, 50)
    batched = {lanes: Redis(url, SystemClock(), timeout_s=5, lanes=lanes) for lanes in (1, 2, 4)}

    def by(lanes: int) -> Ask:
        return lambda key: batched[lanes].run(SCRIPT, [key], [0, 60_000])

    ways = {"single": one_at_a_time, "pool of 50": over_many, **{f"batch/{n}": by(n) for n in batched}}
    await batched[1].run(SCRIPT, ["{bench}:0"], [0, 60_000])
    print(
        "callers  "
        + "".join(f"{name:>14}" for name in ways)
        + "   batch/1 : single   batch/1: commands a trip"
    )
    for callers in CALLERS:
        seen: dict[str, list[float]] = {name: [] for name in ways}
        before = (batched[1].commands, batched[1].round_trips)
        for _ in range(rounds):
            for name, ask in ways.items():
                seen[name].append(await rate(ask, callers, seconds))
        found = {name: median(rates) for name, rates in seen.items()}
        commands, trips = batched[1].commands - before[0], batched[1].round_trips - before[1]
        print(
            f"{callers:7}  " + "".join(f"{found[name]:12,.0f}/s" for name in ways),
            f"  {found['batch/1'] / found['single']:14.2f} x   {commands / trips:8.1f}",
        )
    for each in batched.values():
        await each.close()
    await one.aclose()
    await many.aclose()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sw-bench-") as folder:
        socket = Path(folder) / "r.sock"
        argv = [str(find_redis().path), "--port", "0", "--unixsocket", str(socket), "--save", ""]
        with subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL) as server:
            try:
                while not socket.exists():
                    time.sleep(0.01)
                uvloop.run(compare(f"unix://{socket}", given.seconds, given.rounds))
            finally:
                server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
