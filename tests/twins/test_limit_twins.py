"""The law in Python and the law in Lua say the same, bucket by bucket and step by step, on a real server."""

import asyncio
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
from service.limits.model import (
    Block,
    Bucket,
    Charge,
    Gcra,
    Limit,
    Marks,
    Outcome,
    Purse,
    Schedule,
    Slice,
    Stage,
    State,
    Streak,
    Until,
    Unverified,
    Window,
)
from service.limits.volatile import Limiter, read_state

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECOND = 1_000_000

# No memory is shorter than a test's run, so that no key leaves Redis by its own time before the walk ends.
windows = st.builds(Window, st.integers(1, 4), st.sampled_from([30 * SECOND, 60 * SECOND]))
smooth = st.builds(Gcra, st.sampled_from([20 * SECOND, 30 * SECOND, 47_000_001]), st.integers(1, 4))
schedules = st.builds(
    lambda waits, quiet: Schedule(tuple(waits), max([quiet, *waits])),
    st.lists(st.sampled_from([1, 3 * SECOND, 30 * SECOND, 60 * SECOND]), min_size=1, max_size=4),
    st.sampled_from([30 * SECOND, 60 * SECOND, 200 * SECOND]),
)
streaks = st.builds(Streak, st.integers(1, 5))
unverified = st.builds(
    Unverified,
    st.integers(1, 4),
    st.sampled_from([1, 50, 100, 300]),
    st.sampled_from([30 * SECOND, 90 * SECOND]),
)
rates = windows | smooth | streaks | unverified
stages = st.sampled_from([Stage.ENFORCED, Stage.ENFORCED, Stage.SHADOW, Stage.PRESSURE, Stage.COUNTED])
own = st.tuples(st.just(Limit.OTP_SENDS_PER_MSISDN), rates | schedules, stages)
shared = st.tuples(
    st.sampled_from([Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE, Limit.OTP_UNVERIFIED_PER_BLOCK]), rates, stages
)
gates = st.tuples(st.just(Limit.OTP_CHALLENGE_PER_CLIENT), unverified, stages)
purses = st.tuples(
    st.just(Limit.OTP_MONEY_PER_DAY), st.builds(Purse, st.integers(1, 40)), st.just(Stage.ENFORCED)
)
blocks = st.tuples(st.just(Limit.OTP_BLOCKED_MSISDN), st.just(Block()), st.just(Stage.ENFORCED))
# Mostly small steps, some back in time: a server's clock does step.
steps = st.sampled_from(
    [0, 0, 1, 2, 3 * SECOND, 29_999_999, 30 * SECOND, 30_000_001, 60 * SECOND, 300 * SECOND, -SECOND, -1]
)
moves = st.lists(
    st.tuples(st.sampled_from(["spend", "spend", "spend", "peek", "refund", "succeed"]), steps), max_size=16
)


def charges_of(parts: Sequence[tuple[Limit, Bucket, Stage]], is_shared: bool = False) -> list[Charge]:
    """Each under a key of its own, or all but purses and blocks in parts of one."""
    if is_shared:
        return [
            Charge(limit, f"{{otp}}:l:twin:{at}", bucket, stage)
            if isinstance(bucket, Purse | Block)
            else Charge(limit, "{otp}:l:twin:all", bucket, stage, f"p{at}")
            for at, (limit, bucket, stage) in enumerate(parts)
        ]
    return [
        Charge(limit, f"{{otp}}:l:twin:{at}", bucket, stage)
        for at, (limit, bucket, stage) in enumerate(parts)
    ]


async def kept(redis: Redis, each: Charge) -> State:
    """What Redis remembers of a budget, in the words of the law."""
    client: Any = redis.client
    return read_state(each.bucket, await client.get(each.key), each.part)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(own | shared | gates | purses | blocks, min_size=1, max_size=5),
    moves,
    st.integers(0, 100),
    st.integers(0, 2),
    st.booleans(),
)
async def test_the_twins_agree(
    redis: Redis,
    parts: list[tuple[Limit, Bucket, Stage]],
    walk: list[tuple[str, int]],
    leased: int,
    minutes: int,
    is_shared: bool,
) -> None:
    clock = ManualClock(START)
    turned = _with_clock(redis, clock)
    limiter = Limiter(turned)
    charges = charges_of(parts, is_shared)
    await turned.client.delete(*[each.key for each in charges])
    states: list[State] = [rules.fresh(bucket) for _, bucket, _ in parts]
    for at, each in enumerate(charges):
        if isinstance(each.bucket, Purse):
            await turned.client.set(each.key, leased)
            states[at] = Slice(leased)
        elif isinstance(each.bucket, Block) and minutes:
            states[at] = until = Until(turned.now_us + minutes * 60 * SECOND)
            await turned.client.set(each.key, until.at_us)
    spent: list[tuple[int, tuple[Charge, ...]]] = []
    for mode, step in walk:
        clock.advance(timedelta(microseconds=step))
        now_us = turned.now_us
        if mode == "refund":
            if not spent:
                continue
            at_us, back = spent.pop(step % len(spent))  # the newest or one before it
            states = [
                rules.refund(each.bucket, state, at_us) if each in back else state
                for each, state in zip(charges, states, strict=True)
            ]
            await limiter.refund(back, at_us)
        elif mode == "succeed":
            states = [
                rules.succeed(each.bucket, state, now_us) for each, state in zip(charges, states, strict=True)
            ]
            await limiter.succeed(charges)
        elif mode == "spend":
            expected, after = rules.spend(charges, states, now_us)
            states = list(after)
            if expected.outcome in (Outcome.ALLOWED, Outcome.SUPPRESSED):
                spent.append((now_us, rules.charged(charges, expected)))
            assert await limiter.spend(charges) == expected
        else:
            assert await limiter.peek(charges) == rules.peek(charges, states, now_us)
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


async def test_a_denied_spend_leaves_every_key_byte_for_byte(redis: Redis) -> None:
    """All kinds, enforced and in shadow; what measures pressure moves, and nothing else."""
    clock = ManualClock(START)
    turned = _with_clock(redis, clock)
    limiter = Limiter(turned)
    kinds: list[Bucket] = [
        Window(3, 60 * SECOND),
        Gcra(30 * SECOND, 3),
        Schedule((1,), 60 * SECOND),
        Streak(9),
        Unverified(9, 10, 60 * SECOND),
    ]
    enforced = [
        Charge(Limit.OTP_SENDS_PER_CLIENT, f"{{otp}}:l:still:{n}", kind) for n, kind in enumerate(kinds)
    ]
    shadows = [replace(each, key=f"{each.key}:shadow", stage=Stage.SHADOW) for each in enforced]
    full = Charge(Limit.OTP_SENDS_PER_MSISDN, "{otp}:l:still:full", Window(1, 60 * SECOND))
    pressure = Charge(
        Limit.OTP_SEND_ATTEMPTS_PER_CLIENT, "{otp}:l:still:pressure", Gcra(SECOND, 5), Stage.PRESSURE
    )
    every = [*enforced, *shadows, full, pressure]
    assert (await limiter.spend(every)).outcome is Outcome.ALLOWED
    clock.advance(timedelta(seconds=1))
    client: Any = turned.client
    before = [await client.dump(each.key) for each in every]
    assert None not in before
    denied = await limiter.spend(every)
    assert (denied.outcome, denied.limit) == (Outcome.DENIED, Limit.OTP_SENDS_PER_MSISDN)
    after = [await client.dump(each.key) for each in every]
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]


async def test_a_parallel_burst_is_let_through_exactly_as_far_as_it_may(redis: Redis) -> None:
    limiter = Limiter(redis)
    charge = Charge(Limit.OTP_SENDS_PER_CLIENT, "{otp}:l:burst", Window(5, 3600 * SECOND))
    found = await asyncio.gather(*(limiter.spend([charge]) for _ in range(200)))
    assert sum(each.outcome is Outcome.ALLOWED for each in found) == 5


def _with_clock(redis: Redis, clock: ManualClock) -> Redis:
    """The same connection pool under another clock."""
    other = copy.copy(redis)
    other.clock = clock
    return other
