"""The law in Python and the law in Lua say the same, bucket by bucket and step by step, on a real server."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.limits import rules
from service.limits.model import Bucket, Charge, Limit, Marks, Outcome, Run, Schedule, State, Window
from service.limits.volatile import Limiter

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECOND = 1_000_000

# No memory is shorter than a test's run, so that no key leaves Redis by its own time before the walk ends.
windows = st.builds(Window, st.integers(1, 4), st.sampled_from([30 * SECOND, 60 * SECOND]))
schedules = st.builds(
    lambda waits, quiet: Schedule(tuple(waits), max([quiet, *waits])),
    st.lists(st.sampled_from([1, 3 * SECOND, 30 * SECOND, 60 * SECOND]), min_size=1, max_size=4),
    st.sampled_from([30 * SECOND, 60 * SECOND, 200 * SECOND]),
)
own = st.tuples(st.just(Limit.OTP_SENDS_PER_MSISDN), windows | schedules)
shared = st.tuples(st.just(Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE), windows)
# Mostly small steps, some back in time: a server's clock does step.
steps = st.sampled_from(
    [0, 0, 1, 2, 3 * SECOND, 29_999_999, 30 * SECOND, 30_000_001, 60 * SECOND, 300 * SECOND, -SECOND, -1]
)
moves = st.lists(
    st.tuples(st.sampled_from(["spend", "spend", "spend", "peek", "refund"]), steps), max_size=14
)


def charges_of(parts: Sequence[tuple[Limit, Bucket]]) -> list[Charge]:
    return [Charge(limit, f"{{otp}}:l:twin:{at}", bucket) for at, (limit, bucket) in enumerate(parts)]


async def kept(redis: Redis, each: Charge) -> State:
    """What Redis remembers of a budget, in the words of the law."""
    client: Any = redis.client
    if isinstance(each.bucket, Window):
        return Marks(tuple(int(mark) for mark in await client.lrange(each.key, 0, -1)))
    text = await client.get(each.key)
    return Run(*(int(part) for part in text.decode().split("|"))) if text else Run()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(own | shared, min_size=1, max_size=4), moves)
async def test_the_twins_agree(
    redis: Redis, parts: list[tuple[Limit, Bucket]], walk: list[tuple[str, int]]
) -> None:
    clock = ManualClock(START)
    turned = _with_clock(redis, clock)
    limiter = Limiter(turned)
    charges = charges_of(parts)
    await turned.client.delete(*[each.key for each in charges])
    states: list[State] = [rules.fresh(bucket) for _, bucket in parts]
    spent: list[int] = []
    for mode, step in walk:
        clock.advance(timedelta(microseconds=step))
        now_us = turned.now_us
        if mode == "refund":
            if not spent:
                continue
            at = spent.pop(step % len(spent))  # the newest or one before it
            states = [
                rules.refund(each.bucket, state, at) for each, state in zip(charges, states, strict=True)
            ]
            await limiter.refund(charges, at)
        else:
            expected, after = rules.spend(charges, states, now_us)
            answer = await (limiter.spend(charges) if mode == "spend" else limiter.peek(charges))
            if mode == "spend":
                states = list(after)
                if expected.outcome is not Outcome.DENIED:
                    spent.append(now_us)
            elif expected.outcome is not Outcome.DENIED:
                expected = replace(
                    expected, free_us=now_us
                )  # a peek charges nothing, so it may come again now
            assert answer == expected
        assert [await kept(turned, each) for each in charges] == states


async def test_a_published_change_of_a_count_reads_what_was_kept_before(redis: Redis) -> None:
    """A window that was wider holds more marks than the narrower one counts, and the other way round."""
    clock = ManualClock(START)
    turned = _with_clock(redis, clock)
    limiter = Limiter(turned)
    await turned.client.delete("{otp}:l:twin:count")
    state: State = Marks()
    for count in (5, 5, 5, 5, 5, 2, 2, 6, 3, 1, 4):
        charge = Charge(Limit.OTP_SENDS_PER_CLIENT, "{otp}:l:twin:count", Window(count, 60 * SECOND))
        expected, [state] = rules.spend([charge], [state], turned.now_us)
        assert await limiter.spend([charge]) == expected
        assert await kept(turned, charge) == state
        clock.advance(timedelta(seconds=11))


def _with_clock(redis: Redis, clock: ManualClock) -> Redis:
    """The same connection pool under another clock."""
    other = copy.copy(redis)
    other.clock = clock
    return other
