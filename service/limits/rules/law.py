"""The law of limits, pure. ``lua/law.lua`` says the same in Lua, line for line where it can.

A clock may step back: an instant earlier than the newest one remembered counts as that newest one, so that
no step gives a budget back.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from service.limits.model import (
    Block,
    Bucket,
    Charge,
    Gcra,
    Halves,
    Limit,
    Marks,
    Outcome,
    Purse,
    Run,
    Schedule,
    Share,
    Slice,
    Stage,
    State,
    Streak,
    Tally,
    Until,
    Unverified,
    Verdict,
    Window,
)

FAR = 2**53 - 1
"""The instant (µs) that never comes: of a streak, which only a success ends, and of a purse."""

_FRESH: dict[type[Any], State] = {
    Gcra: Until(),
    Window: Marks(),
    Schedule: Run(),
    Streak: Tally(),
    Unverified: Halves(),
    Purse: Slice(),
    Block: Until(),
}


def fresh(bucket: Bucket) -> State:
    """The state of a budget that nobody has charged."""
    return _FRESH[type(bucket)]


def judge(bucket: Bucket, state: State, now_us: int) -> int:
    """0 where the bucket has room now, else the instant (µs) from which it will; :data:`FAR` where none will come."""
    return _JUDGE[type(bucket)](bucket, state, now_us)


def charge(bucket: Bucket, state: State, now_us: int) -> State:
    """The state after one more, whether or not there was room."""
    return _CHARGE[type(bucket)](bucket, state, now_us)


def refund(bucket: Bucket, state: State, at_us: int) -> State:
    """The state without the charge of ``at_us``; what is not found there is left as it is."""
    return _REFUND[type(bucket)](bucket, state, at_us)


def succeed(bucket: Bucket, state: State, now_us: int) -> State:
    """The state after something came out well: a streak ends, what was unverified is verified."""
    if isinstance(bucket, Streak):
        return Tally()
    if isinstance(bucket, Unverified):
        found = _turned(bucket, cast(Halves, state), now_us)
        return Halves(found.slot, found.sent, found.sent_before, found.ok + 1, found.ok_before)
    return state


def peek(charges: Sequence[Charge], states: Sequence[State], now_us: int) -> Verdict:
    """What a spend would answer, with nothing charged. Ties go to the first that was named."""
    found: dict[Share, Limit] = {}
    retry_us = gate_us = 0
    shadows: list[Limit] = []
    pressures: list[Limit] = []
    skipped: list[int] = []
    for place, (each, state) in enumerate(zip(charges, states, strict=True)):
        free = judge(each.bucket, state, now_us)
        if not free or each.stage is Stage.COUNTED:
            continue
        if each.stage is Stage.SHADOW:
            shadows.append(each.limit)
            skipped.append(place)
        elif each.stage is Stage.PRESSURE:
            pressures.append(each.limit)
        elif each.share is Share.OWN:
            if free > retry_us:
                found[Share.OWN], retry_us = each.limit, free
        elif each.share not in found:
            found[each.share] = each.limit
            if each.share is Share.GATE:
                gate_us = free
    seen = tuple(shadows), tuple(pressures), tuple(skipped)
    if Share.OWN in found:
        return Verdict(Outcome.DENIED, found[Share.OWN], retry_us, now_us, *seen)
    if Share.GATE in found:
        return Verdict(Outcome.CHALLENGED, found[Share.GATE], gate_us, now_us, *seen)
    if Share.PURSE in found:
        return Verdict(Outcome.SHORT, found[Share.PURSE], 0, now_us, *seen)
    if Share.SHARED in found:
        return Verdict(Outcome.SUPPRESSED, found[Share.SHARED], now_us, now_us, *seen)
    return Verdict(Outcome.ALLOWED, None, now_us, now_us, *seen)


def spend(
    charges: Sequence[Charge], states: Sequence[State], now_us: int
) -> tuple[Verdict, tuple[State, ...]]:
    """All of the caller's own or none; a full shared one is silent; what measures pressure is always charged."""
    found = peek(charges, states, now_us)
    after: list[State] = []
    again_us = now_us
    for each, state in zip(charges, states, strict=True):
        new = charge(each.bucket, state, now_us) if _is_charged(found.outcome, each, state, now_us) else state
        after.append(new)
        if each.share is Share.OWN and each.stage is Stage.ENFORCED:
            again_us = max(again_us, judge(each.bucket, new, now_us))
    if found.outcome not in (Outcome.ALLOWED, Outcome.SUPPRESSED):
        return found, tuple(after)
    return replace(found, free_us=again_us), tuple(after)


def charged(charges: Sequence[Charge], verdict: Verdict) -> tuple[Charge, ...]:
    """Of these, what a spend with this verdict has charged and a failure gives back: not what measures pressure,
    which did happen."""
    if verdict.outcome not in (Outcome.ALLOWED, Outcome.SUPPRESSED):
        return ()
    return tuple(
        each
        for place, each in enumerate(charges)
        if each.stage is not Stage.PRESSURE
        and (verdict.outcome is Outcome.ALLOWED or each.share in (Share.OWN, Share.GATE))
        and place not in verdict.skipped
    )


def _is_charged(outcome: Outcome, each: Charge, state: State, now_us: int) -> bool:
    if each.stage is Stage.PRESSURE:
        return True
    if outcome not in (Outcome.ALLOWED, Outcome.SUPPRESSED):
        return False
    if outcome is Outcome.SUPPRESSED and each.share not in (Share.OWN, Share.GATE):
        return False
    return not (each.stage is Stage.SHADOW and judge(each.bucket, state, now_us))


# Each kind


def _judge_gcra(bucket: Gcra, state: Until, now_us: int) -> int:
    free = state.at_us - bucket.interval_us * (bucket.burst - 1)
    return free if now_us < free else 0


def _charge_gcra(bucket: Gcra, state: Until, now_us: int) -> State:
    return Until(max(now_us, state.at_us) + bucket.interval_us)


def _refund_gcra(bucket: Gcra, state: Until, _: int) -> State:
    return Until(state.at_us - bucket.interval_us) if state.at_us else state


def _judge_window(bucket: Window, state: Marks, now_us: int) -> int:
    if len(state.at_us) < bucket.count:
        return 0
    free = state.at_us[bucket.count - 1] + bucket.period_us
    return free if max(now_us, state.at_us[0]) < free else 0


def _charge_window(bucket: Window, state: Marks, now_us: int) -> State:
    now = max(now_us, state.at_us[0]) if state.at_us else now_us
    return Marks((now, *state.at_us)[: bucket.count])


def _refund_window(_: Window, state: Marks, at_us: int) -> State:
    if at_us not in state.at_us:
        return state
    place = state.at_us.index(at_us)
    return Marks(state.at_us[:place] + state.at_us[place + 1 :])


def _judge_schedule(bucket: Schedule, state: Run, now_us: int) -> int:
    now = max(now_us, state.last_us)
    if state.count == 0 or now >= state.last_us + bucket.quiet_us:
        return 0
    free = state.last_us + bucket.waits_us[min(state.count, len(bucket.waits_us)) - 1]
    return free if now < free else 0


def _charge_schedule(bucket: Schedule, state: Run, now_us: int) -> State:
    now = max(now_us, state.last_us)
    if state.count == 0 or now >= state.last_us + bucket.quiet_us:
        return Run(1, now, 0)
    return Run(state.count + 1, now, state.last_us)


def _refund_schedule(_: Schedule, state: Run, at_us: int) -> State:
    if state.last_us != at_us or state.count == 0:
        return state
    return Run() if state.count == 1 else Run(state.count - 1, state.before_us, state.before_us)


def _judge_streak(bucket: Streak, state: Tally, _: int) -> int:
    return FAR if state.count >= bucket.count else 0


def _charge_streak(_: Streak, state: Tally, __: int) -> State:
    return Tally(state.count + 1)


def _refund_streak(_: Streak, state: Tally, __: int) -> State:
    return Tally(max(0, state.count - 1))


def _turned(bucket: Unverified, state: Halves, now_us: int) -> Halves:
    """The state as it is in the period of ``now_us``."""
    current = max(now_us // bucket.period_us, state.slot)
    if current == state.slot + 1:
        return Halves(current, 0, state.sent, 0, state.ok)
    if current > state.slot:
        return Halves(current)
    return state


def _judge_unverified(bucket: Unverified, state: Halves, now_us: int) -> int:
    if state == Halves():
        return 0
    found = _turned(bucket, state, now_us)
    # In milliseconds, so that Lua's doubles hold every product up to a million messages in a day.
    period = bucket.period_us // 1000
    rest = period - max(0, now_us // 1000 - found.slot * period)
    good = found.ok * period + found.ok_before * rest
    unanswered = found.sent * period + found.sent_before * rest - good
    if 100 * unanswered < max(100 * bucket.floor * period, bucket.per_cent * good):
        return 0
    return (found.slot + 1) * bucket.period_us


def _charge_unverified(bucket: Unverified, state: Halves, now_us: int) -> State:
    found = _turned(bucket, state, now_us)
    return Halves(found.slot, found.sent + 1, found.sent_before, found.ok, found.ok_before)


def _refund_unverified(bucket: Unverified, state: Halves, at_us: int) -> State:
    if state == Halves():
        return state
    found = _turned(bucket, state, at_us)
    if found.sent:
        return Halves(found.slot, found.sent - 1, found.sent_before, found.ok, found.ok_before)
    return Halves(found.slot, 0, max(0, found.sent_before - 1), found.ok, found.ok_before)


def _judge_purse(bucket: Purse, state: Slice, _: int) -> int:
    return FAR if state.left is None or state.left < bucket.price else 0


def _charge_purse(bucket: Purse, state: Slice, _: int) -> State:
    return Slice((state.left or 0) - bucket.price)


def _refund_purse(bucket: Purse, state: Slice, _: int) -> State:
    return state if state.left is None else Slice(state.left + bucket.price)


def _judge_block(_: Block, state: Until, now_us: int) -> int:
    return state.at_us if now_us < state.at_us else 0


def _as_it_is(_: Bucket, state: State, __: int) -> State:
    return state


_Judge = Callable[[Any, Any, int], int]
_Change = Callable[[Any, Any, int], State]
_JUDGE: dict[type[Any], _Judge] = {
    Gcra: _judge_gcra,
    Window: _judge_window,
    Schedule: _judge_schedule,
    Streak: _judge_streak,
    Unverified: _judge_unverified,
    Purse: _judge_purse,
    Block: _judge_block,
}
_CHARGE: dict[type[Any], _Change] = {
    Gcra: _charge_gcra,
    Window: _charge_window,
    Schedule: _charge_schedule,
    Streak: _charge_streak,
    Unverified: _charge_unverified,
    Purse: _charge_purse,
    Block: _as_it_is,
}
_REFUND: dict[type[Any], _Change] = {
    Gcra: _refund_gcra,
    Window: _refund_window,
    Schedule: _refund_schedule,
    Streak: _refund_streak,
    Unverified: _refund_unverified,
    Purse: _refund_purse,
    Block: _as_it_is,
}
