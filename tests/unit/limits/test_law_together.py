"""Many budgets at once: what binds, what is charged, what is told, at every stage and for every share."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.limits import rules
from service.limits.model import (
    Block,
    Bucket,
    Charge,
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
    Until,
    Window,
)

S = rules.SECOND_US
HOUR = 3600 * S
NOW = 20 * S
RESENDS = Schedule((30 * S,), HOUR)
ONE = Window(1, HOUR)
FULL = Marks((10 * S,))

OF: dict[Share, Limit] = {
    Share.OWN: Limit.OTP_SENDS_PER_MSISDN,
    Share.SHARED: Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
    Share.GATE: Limit.OTP_CHALLENGE_PER_CLIENT,
    Share.PURSE: Limit.OTP_MONEY_PER_DAY,
}


def of(share: Share, bucket: Bucket = ONE, stage: Stage = Stage.ENFORCED, key: str = "k") -> Charge:
    return Charge(OF[share], key, bucket, stage)


def test_all_are_charged_or_none() -> None:
    charges = [of(Share.OWN, Window(5, HOUR)), of(Share.OWN), of(Share.OWN, RESENDS)]
    states: list[State] = [Marks(), FULL, Run(1, 10 * S, 0)]
    verdict, after = rules.spend(charges, states, NOW)
    assert verdict.outcome is Outcome.DENIED
    assert verdict.free_us == 10 * S + HOUR  # the strictest, not the first
    assert list(after) == states


def test_what_others_sent_is_never_told() -> None:
    """A full shared budget: the caller's own are charged and the answer looks like a yes."""
    charges = [of(Share.OWN, Window(5, HOUR)), of(Share.OWN, RESENDS), of(Share.SHARED, Window(1, 24 * HOUR))]
    verdict, after = rules.spend(charges, [Marks(), Run(), FULL], NOW)
    assert (verdict.outcome, verdict.limit) == (Outcome.SUPPRESSED, Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE)
    assert verdict.free_us == 50 * S  # of the caller's own schedule
    assert list(after) == [Marks((NOW,)), Run(1, NOW, 0), FULL]


def test_a_suppressed_send_costs_no_money_and_no_shared_budget() -> None:
    """A gate is the caller's own as well: it counts, or a blocked place would make challenges cheap."""
    room = Window(5, HOUR)
    charges = [
        of(Share.OWN, room),
        of(Share.GATE, room),
        of(Share.SHARED),
        of(Share.SHARED, room),
        of(Share.PURSE, Purse(3)),
    ]
    verdict, after = rules.spend(charges, [Marks(), Marks(), FULL, Marks(), Slice(9)], NOW)
    assert verdict.outcome is Outcome.SUPPRESSED
    charged = Marks((NOW,))
    assert list(after) == [charged, charged, FULL, Marks(), Slice(9)]
    assert {each.share for each in rules.charged(charges, verdict)} == {Share.OWN, Share.GATE}


@pytest.mark.parametrize(
    ("full", "outcome"),
    [
        ({Share.OWN, Share.GATE, Share.PURSE, Share.SHARED}, Outcome.DENIED),
        ({Share.GATE, Share.PURSE, Share.SHARED}, Outcome.CHALLENGED),
        ({Share.PURSE, Share.SHARED}, Outcome.SHORT),
        ({Share.SHARED}, Outcome.SUPPRESSED),
        (set(), Outcome.ALLOWED),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_which_answer_comes_first(full: set[Share], outcome: Outcome, backwards: bool) -> None:
    """Own before gate before purse before shared, in whatever order they are named."""
    charges = [of(share, Purse(3) if share is Share.PURSE else ONE) for share in Share]
    states: list[State] = [
        Slice(0 if share in full else 9) if share is Share.PURSE else (FULL if share in full else Marks())
        for share in Share
    ]
    if backwards:
        charges, states = charges[::-1], states[::-1]
    verdict, after = rules.spend(charges, states, NOW)
    assert verdict.outcome is outcome
    if outcome in (Outcome.DENIED, Outcome.CHALLENGED, Outcome.SHORT):
        assert list(after) == states
        assert rules.charged(charges, verdict) == ()


def test_a_block_suppresses_and_names_itself_to_us_alone() -> None:
    charges = [of(Share.OWN), Charge(Limit.OTP_BLOCKED_COUNTRY, "b", Block())]
    verdict, after = rules.spend(charges, [Marks(), Until(NOW + 1)], NOW)
    assert (verdict.outcome, verdict.limit) == (Outcome.SUPPRESSED, Limit.OTP_BLOCKED_COUNTRY)
    assert verdict.free_us == NOW + HOUR, "of the caller's own window; the block's end is nobody's business"
    assert list(after) == [Marks((NOW,)), Until(NOW + 1)]


@given(st.sampled_from(list(Share)), st.booleans())
def test_a_shadow_never_binds_and_is_named_where_it_would_have(share: Share, is_full: bool) -> None:
    bucket: Bucket = Purse(3) if share is Share.PURSE else ONE
    full: State = Slice(0) if share is Share.PURSE else FULL
    empty: State = Slice(9) if share is Share.PURSE else Marks()
    shadow = of(share, bucket, Stage.SHADOW, "s")
    verdict, after = rules.spend([of(Share.OWN), shadow], [Marks(), full if is_full else empty], NOW)
    assert verdict.outcome is Outcome.ALLOWED
    assert verdict.shadows == ((OF[share],) if is_full else ())
    # Charged as if it were enforced: a full one would have denied, so it is not charged.
    assert after[1] == (full if is_full else rules.charge(bucket, empty, NOW))
    assert (shadow in rules.charged([of(Share.OWN), shadow], verdict)) == (not is_full)


def test_a_denied_send_leaves_shadows_as_they_were() -> None:
    states: list[State] = [FULL, Marks()]
    _, after = rules.spend([of(Share.OWN), of(Share.OWN, Window(5, HOUR), Stage.SHADOW)], states, NOW)
    assert list(after) == states


@pytest.mark.parametrize("outcome", [Outcome.ALLOWED, Outcome.SUPPRESSED, Outcome.SHORT, Outcome.DENIED])
def test_pressure_is_charged_whatever_comes_of_it(outcome: Outcome) -> None:
    binding = {
        Outcome.ALLOWED: (of(Share.OWN), Marks()),
        Outcome.SUPPRESSED: (of(Share.SHARED), FULL),
        Outcome.SHORT: (of(Share.PURSE, Purse(3)), Slice(0)),
        Outcome.DENIED: (of(Share.OWN), FULL),
    }[outcome]
    pressure = of(Share.OWN, ONE, Stage.PRESSURE, "p")
    verdict, after = rules.spend([binding[0], pressure], [binding[1], FULL], NOW)
    assert verdict.outcome is outcome
    assert verdict.pressures == (Limit.OTP_SENDS_PER_MSISDN,)
    assert after[1] == Marks((NOW,))
    assert pressure not in rules.charged([binding[0], pressure], verdict), (
        "it did happen: no failure gives it back"
    )


def test_what_is_counted_binds_nobody_and_is_charged_with_the_rest() -> None:
    """A gate whose challenge was solved: full or not it counts what is sent, and nothing that is denied."""
    gate = of(Share.GATE, ONE, Stage.COUNTED, "g")
    verdict, after = rules.spend([of(Share.OWN), gate], [Marks(), FULL], NOW)
    assert (verdict.outcome, verdict.shadows, verdict.pressures) == (Outcome.ALLOWED, (), ())
    assert after[1] == Marks((NOW,))
    assert gate in rules.charged([of(Share.OWN), gate], verdict)
    verdict, after = rules.spend([of(Share.OWN), gate], [FULL, Marks()], NOW)
    assert (verdict.outcome, after[1]) == (Outcome.DENIED, Marks())


windows = st.builds(Window, st.integers(1, 3), st.just(HOUR))
mixed = st.lists(
    st.tuples(
        st.sampled_from([Share.OWN, Share.SHARED, Share.GATE]),
        windows,
        st.sampled_from(list(Stage)),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=6,
)


@given(mixed)
def test_any_mixture_is_judged_by_its_enforced_buckets_alone(
    parts: list[tuple[Share, Window, Stage, int]],
) -> None:
    charges = [of(share, bucket, stage, str(n)) for n, (share, bucket, stage, _) in enumerate(parts)]
    states: list[State] = [Marks((10 * S,) * used) for *_, used in parts]
    verdict, after = rules.spend(charges, states, NOW)
    bare = [pair for pair in zip(charges, states, strict=True) if pair[0].stage is Stage.ENFORCED]
    alone = rules.peek([each for each, _ in bare], [state for _, state in bare], NOW)
    assert (verdict.outcome, verdict.limit) == (alone.outcome, alone.limit)
    assert rules.peek(charges, states, NOW).outcome is verdict.outcome
    # What a spend has charged and what a failure gives back are the same, but for what measures pressure.
    moved = {n for n, (one, other) in enumerate(zip(states, after, strict=True)) if one != other}
    given_back = {int(each.key) for each in rules.charged(charges, verdict)}
    pressed = {n for n, each in enumerate(charges) if each.stage is Stage.PRESSURE}
    assert moved == given_back | pressed


def test_the_answer_says_from_when_the_callers_own_have_room_again() -> None:
    shadow = of(Share.OWN, replace(ONE, period_us=9 * HOUR), Stage.SHADOW)
    shared = of(Share.SHARED, Window(1, 24 * HOUR))
    verdict, _ = rules.spend([of(Share.OWN), shadow, shared], [Marks(), Marks(), Marks()], NOW)
    assert (verdict.outcome, verdict.free_us) == (Outcome.ALLOWED, NOW + HOUR)
    verdict, _ = rules.spend([shared], [Marks()], NOW)
    assert verdict.free_us == NOW
