"""A decision over five budgets: ours in one round trip, ``limits`` and ``throttled-py`` asked one after another.

Each over one connection to the same server, in the same run: decisions a second and the median of one decision's time,
with one caller, and with sixteen at once, who share round trips here and queue for the connection there. ``limits``
keeps moving windows, ``throttled-py`` GCRA; ours both. The rounds alternate and the median of them is compared: read
the ratios, a machine is noisy.

``python -m bench.limits [--rounds 5] [--seconds 0.5]``
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import uvloop
from limits import RateLimitItemPerHour
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from throttled.asyncio import RateLimiterType, Throttled, per_hour, store

from service.infra.embedded.binaries import find_redis
from service.infra.redis import Redis
from service.kit.clock import SystemClock
from service.limits.model import DIMENSION, Bucket, Gcra, Limit, LimitPolicy, Outcome, Rule, Window
from service.limits.rules import plan
from service.limits.volatile import Limiter

OURS = ("ours, gcra", "ours, window")
WANTED_RATE, WANTED_P50 = 4.0, 0.35
FIVE = (
    Limit.OTP_SENDS_PER_MSISDN,
    Limit.OTP_SENDS_PER_CLIENT,
    Limit.OTP_SENDS_PER_IP,
    Limit.OTP_SENDS_PER_BLOCK,
    Limit.OTP_SENDS_PER_DEVICE,
)
HOUR = 3_600_000_000
LOTS = 1_000_000
CALLERS = (1, 16)
Decide = Callable[[int], Awaitable[bool]]


def ours(redis: Redis, bucket: Bucket) -> Decide:
    limiter = Limiter(redis)
    planned = plan(
        LimitPolicy("bench", dict.fromkeys(FIVE, Rule((bucket,)))), FIVE, [DIMENSION[limit] for limit in FIVE]
    )
    kind = type(bucket).__name__

    async def decide(n: int) -> bool:
        bill = planned.bill({DIMENSION[limit]: f"{kind}{DIMENSION[limit]}{n}" for limit in FIVE})
        return (await limiter.spend(bill)).outcome is Outcome.ALLOWED

    return decide


def by_limits(url: str) -> Decide:
    storage = RedisStorage(f"async+{url}", implementation="redispy", max_connections=1)
    limiter, item = MovingWindowRateLimiter(storage), RateLimitItemPerHour(20)

    async def decide(n: int) -> bool:
        for each in FIVE:
            if not await limiter.hit(item, each, str(n)):
                return False
        return True

    return decide


def by_throttled(url: str) -> Decide:
    kept = store.RedisStore(server=url, options={"max_connections": 1})
    throttle = Throttled(using=RateLimiterType.GCRA.value, quota=per_hour(LOTS, burst=20), store=kept)

    async def decide(n: int) -> bool:
        for each in FIVE:
            if (await throttle.limit(f"{each}:{n}")).limited:
                return False
        return True

    return decide


async def round_of(decide: Decide, callers: int, seconds: float, first: int) -> tuple[float, float]:
    """Decisions a second and the median time of one, µs, with so many callers at once; no budget is ever full."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        count = 0
        while time.perf_counter() < end:
            # Ten decisions a key: far from full, and no key is always new.
            before = time.perf_counter()
            if not await decide(first + number * 50_000 + count // 10):
                raise SystemExit("a budget was full: the bench is wrong")
            times.append(time.perf_counter() - before)
            count += 1

    started = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return len(times) / (time.perf_counter() - started), median(times) * 1e6


def in_turn(decide: Decide) -> Decide:
    """Callers queue for the one connection, which carries one command at a time."""
    lock = asyncio.Lock()

    async def queued(n: int) -> bool:
        async with lock:
            return await decide(n)

    return queued


async def compare(url: str, seconds: float, rounds: int) -> None:
    redis = Redis(url, SystemClock(), timeout_s=5, lanes=1)
    ways = {
        "ours, gcra": ours(redis, Gcra(HOUR // LOTS, 20)),
        "ours, window": ours(redis, Window(20, HOUR)),
        "limits": in_turn(by_limits(url)),
        "throttled-py": in_turn(by_throttled(url)),
    }
    print(f"five budgets a decision, one connection each, {rounds} rounds of {seconds} s")
    print(f"wanted: ≥ {WANTED_RATE:.0f} × the decisions of each, p50 ≤ {WANTED_P50} of theirs\n")
    for callers in CALLERS:
        rates: dict[str, list[float]] = {name: [] for name in ways}
        medians: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name, decide in ways.items():
                found = await round_of(decide, callers, seconds, (callers * 100 + turn) * 1_000_000)
                if turn:  # the first one warms up
                    rates[name].append(found[0])
                    medians[name].append(found[1])
        report(
            callers,
            {name: median(found) for name, found in rates.items()},
            {name: median(found) for name, found in medians.items()},
        )
    await redis.close()


def report(callers: int, rate: dict[str, float], p50: dict[str, float]) -> None:
    heads = "".join(f"   {f'{mine} : it':>18} {'p50':>6}" for mine in OURS)
    print(f"{f'{callers} at once':14} {'decisions/s':>12} {'p50 µs':>8}{heads}")
    for name in rate:
        told = ""
        if not name.startswith("ours"):
            told = "".join(
                f"   {rate[mine] / rate[name]:16.1f} × {p50[mine] / p50[name]:6.2f}" for mine in OURS
            )
        print(f"{name:14} {rate[name]:12.0f} {p50[name]:8.0f}{told}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="simward-bench-") as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        command = [str(find_redis().path), "--port", port, "--bind", "127.0.0.1", "--save", ""]
        server = subprocess.Popen(command, cwd=Path(folder), stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            uvloop.run(compare(f"redis://127.0.0.1:{port}/0", arguments.seconds, arguments.rounds))
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    sys.exit(main())
