"""The law of limits, pure. ``lua/law.lua`` says the same in Lua, line for line where it can.

A clock may step back: an instant earlier than the newest one remembered counts as that newest one, so that
no step gives a budget back.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import resources
from typing import Any

from service.limits.model import (
    SHARED,
    Bucket,
    Charge,
    Limit,
    LimitPolicy,
    Marks,
    Outcome,
    PolicyInvalid,
    Run,
    Schedule,
    State,
    Verdict,
    Window,
)

SECOND_US = 1_000_000


def fresh(bucket: Bucket) -> State:
    """The state of a budget that nobody has charged."""
    return Marks() if isinstance(bucket, Window) else Run()


def judge(bucket: Bucket, state: State, now_us: int) -> int:
    """0 where the bucket has room now, else the instant (µs) from which it will."""
    if isinstance(bucket, Window):
        assert isinstance(state, Marks)
        if len(state.at_us) < bucket.count:
            return 0
        now = max(now_us, state.at_us[0])
        free = state.at_us[bucket.count - 1] + bucket.period_us
        return free if now < free else 0
    assert isinstance(state, Run)
    now = max(now_us, state.last_us)
    if state.count == 0 or now >= state.last_us + bucket.quiet_us:
        return 0
    free = state.last_us + _wait(bucket, state.count)
    return free if now < free else 0


def charge(bucket: Bucket, state: State, now_us: int) -> State:
    """The state after one more, whether or not there was room."""
    if isinstance(bucket, Window):
        assert isinstance(state, Marks)
        now = max(now_us, state.at_us[0]) if state.at_us else now_us
        return Marks((now, *state.at_us)[: bucket.count])
    assert isinstance(state, Run)
    now = max(now_us, state.last_us)
    if state.count == 0 or now >= state.last_us + bucket.quiet_us:
        return Run(1, now, 0)
    return Run(state.count + 1, now, state.last_us)


def refund(bucket: Bucket, state: State, at_us: int) -> State:
    """The state without the charge of ``at_us``; what is not found there is left as it is."""
    if isinstance(bucket, Window):
        assert isinstance(state, Marks)
        if at_us not in state.at_us:
            return state
        place = state.at_us.index(at_us)
        return Marks(state.at_us[:place] + state.at_us[place + 1 :])
    assert isinstance(state, Run)
    if state.last_us != at_us or state.count == 0:
        return state
    if state.count == 1:
        return Run()
    return Run(state.count - 1, state.before_us, state.before_us)


def spend(
    charges: Sequence[Charge], states: Sequence[State], now_us: int
) -> tuple[Verdict, tuple[State, ...]]:
    """All of the caller's own or none; a full shared one is silent. Ties go to the first that was named."""
    strictest: Limit | None = None
    retry_us = 0
    muted: Limit | None = None
    for each, state in zip(charges, states, strict=True):
        free = judge(each.bucket, state, now_us)
        if free and each.is_shared:
            muted = muted or each.limit
        elif free > retry_us:
            strictest, retry_us = each.limit, free
    if strictest:
        return Verdict(Outcome.DENIED, strictest, retry_us, now_us), tuple(states)
    after: list[State] = []
    again_us = now_us
    for each, state in zip(charges, states, strict=True):
        if each.is_shared and muted:
            after.append(state)
            continue
        new = charge(each.bucket, state, now_us)
        after.append(new)
        if not each.is_shared:
            again_us = max(again_us, judge(each.bucket, new, now_us))
    outcome = Outcome.SUPPRESSED if muted else Outcome.ALLOWED
    return Verdict(outcome, muted, again_us, now_us), tuple(after)


def charges(policy: LimitPolicy, limit: Limit, name: str) -> tuple[Charge, ...]:
    """The buckets of ``limit`` for the budget ``name`` (a keyed hash), each under a Redis key of its own.

    The suffix tells kind and period, so that a published change of one bucket never reads another's state.
    """
    return tuple(
        Charge(limit, f"{{otp}}:l:{name}:{_suffix(bucket)}", bucket)
        for bucket in policy.buckets.get(limit, ())
    )


def load_policy(text: str) -> LimitPolicy:
    """Read ``version`` and ``[limits]`` of a policy file; :class:`PolicyInvalid` says what is wrong with it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid(f"not TOML: {error}") from None
    version, tables = data.get("version"), data.get("limits")
    if not isinstance(version, str) or not isinstance(tables, dict):
        raise PolicyInvalid("a version (text) and a table [limits] are required")
    return LimitPolicy(version, {_limit(name): _buckets(name, table) for name, table in tables.items()})


def seed_text() -> str:
    """The seed version of ``policy/limits.toml``, as it is packaged."""
    return resources.files("service").joinpath("policy/limits.toml").read_text("utf-8")


def duration_us(text: Any) -> int:
    """``"30s"``, ``"2m"``, ``"1h"``, ``"1d"`` as microseconds."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text) if isinstance(text, str) else None
    if not found:
        raise PolicyInvalid('a duration is written like "30s", "2m", "1h" or "1d"')
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]] * SECOND_US


def duration(text: Any) -> timedelta:
    return timedelta(microseconds=duration_us(text))


def _wait(bucket: Schedule, count: int) -> int:
    return bucket.waits_us[min(count, len(bucket.waits_us)) - 1]


def _suffix(bucket: Bucket) -> str:
    return f"w{bucket.period_us // SECOND_US}" if isinstance(bucket, Window) else "s"


def _limit(name: str) -> Limit:
    try:
        return Limit(name)
    except ValueError:
        raise PolicyInvalid(f"limits.{name}: there is no such limit") from None


def _buckets(name: str, table: Any) -> tuple[Bucket, ...]:
    rows = table.get("buckets") if isinstance(table, dict) and set(table) == {"buckets"} else None
    if not isinstance(rows, list) or not rows:
        raise PolicyInvalid(f"limits.{name}: buckets, a list with an entry, and nothing else")
    buckets = tuple(_bucket(name, row) for row in rows)
    if len({_suffix(bucket) for bucket in buckets}) < len(buckets):
        raise PolicyInvalid(f"limits.{name}: two buckets of one kind and period")
    if Limit(name) in SHARED and any(isinstance(bucket, Schedule) for bucket in buckets):
        raise PolicyInvalid(f"limits.{name}: a shared limit takes windows only")
    return buckets


def _bucket(name: str, row: Any) -> Bucket:
    kind: object = row.get("kind") if isinstance(row, Mapping) else None
    if kind == "window" and set(row) == {"kind", "count", "period"}:
        count = row["count"]
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 100_000:
            raise PolicyInvalid(f"limits.{name}: count is a whole number from 1 to 100000")
        return Window(count, duration_us(row["period"]))
    if kind == "schedule" and set(row) == {"kind", "waits", "quiet"}:
        if not isinstance(row["waits"], list) or not 1 <= len(row["waits"]) <= 20:
            raise PolicyInvalid(f"limits.{name}: waits is a list of 1 to 20 durations")
        bucket = Schedule(tuple(duration_us(wait) for wait in row["waits"]), duration_us(row["quiet"]))
        if bucket.quiet_us < max(bucket.waits_us):
            raise PolicyInvalid(f"limits.{name}: quiet is shorter than a wait, which would never be served")
        return bucket
    raise PolicyInvalid(f"limits.{name}: a bucket is a window (count, period) or a schedule (waits, quiet)")
