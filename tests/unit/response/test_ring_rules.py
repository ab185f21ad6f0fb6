"""The ring's plan and the states of its proposal: two people, one digest, once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.errors import Refusal, StateConflict
from service.response import rules
from service.response.model import (
    Facts,
    Guard,
    Mark,
    Member,
    MemberFacts,
    ResponsePolicy,
    RingAction,
    RingState,
    Sharing,
    Step,
)
from service.risk.model import HoldingKind
from service.risk.model.links import LinkedLine, Ring

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = ResponsePolicy()


def linked(n: int, strength: int, hop: int = 1) -> LinkedLine:
    return LinkedLine(UUID(int=n), UUID(int=n), "live", NOW, hop, strength, (HoldingKind.DEVICE,))


def facts(
    n: int, *, is_open: bool = True, days: int = 30, marks: frozenset[Mark] = frozenset()
) -> MemberFacts:
    shared = {"document": Sharing(1, 1), "device": Sharing(3, 3)}
    return MemberFacts(Facts(is_open, NOW - days * DAY, marks), UUID(int=n), shared)


def members(*more: Member) -> tuple[Member, ...]:
    ring = Ring(UUID(int=1), (linked(1, 1000, 0), linked(2, 900), linked(3, 300), linked(4, 900)), 800, "")
    known = {
        UUID(int=1): facts(1),
        UUID(int=2): facts(2, is_open=False),
        UUID(int=3): facts(3),
        UUID(int=4): facts(4, days=400),
    }
    return (*rules.plan(ring, known, POLICY, NOW), *more)


def found() -> RingAction:
    made = members()
    return RingAction(
        UUID(int=7), UUID(int=8), UUID(int=9), UUID(int=1), rules.digest(made), 800, RingState.FOUND, NOW,
        NOW + POLICY.proposal, made,
    )  # fmt: skip


def test_the_plan() -> None:
    one, gone, weak, old = members()
    assert (one.step, one.guard, one.strikes) == (Step.SUSPEND, None, ("document", "device"))
    assert (gone.step, gone.strikes) == (None, ("document", "device")), "its papers are struck all the same"
    assert weak.step is Step.HOLD
    assert (old.step, old.guard, old.strikes) == (Step.SUSPEND, Guard.TENURED, ())


@pytest.mark.parametrize(
    ("kind", "shared", "is_struck"),
    [
        ("document", Sharing(9, 1), True),
        ("device", Sharing(5, 1), True),  # a family's
        ("device", Sharing(40, 3), False),  # a hostel's
        ("device", Sharing(40, 21), True),
        ("person", Sharing(40, 3), False),
        ("dealer", Sharing(10, 2), False),  # too few
        ("dealer", Sharing(15, 3), True),
        ("dealer", Sharing(16, 3), False),  # a busy shop
        ("address", Sharing(1, 1), False),
    ],
)
def test_what_is_struck(kind: str, shared: Sharing, is_struck: bool) -> None:
    assert (kind in rules.struck({kind: shared}, POLICY)) is is_struck


def test_the_digest_is_of_members_and_steps_in_any_order() -> None:
    made = members()
    assert rules.digest(made) == rules.digest(made[::-1])
    assert rules.digest(made) != rules.digest(made[:-1])
    assert rules.digest(made) != rules.digest((*made[:-1], replace(made[-1], step=Step.HOLD)))
    assert rules.digest(made) != rules.digest((*made[:-1], replace(made[-1], guard=None)))
    assert rules.digest(made) == rules.digest((*made[:-1], replace(made[-1], strikes=("dealer",))))


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["propose", "approve", "refuse", "dismiss"]),
        st.sampled_from(["ann", "ben"]),
        st.integers(0, 9),  # days that pass before
        st.booleans(),  # whether the ring changed
    ),
    max_size=8,
)


@settings(max_examples=200)
@given(MOVES)
def test_whatever_is_asked_two_people_stand_behind_an_approval(
    moves: list[tuple[str, str, int, bool]],
) -> None:
    ring, now, current, approvals = found(), NOW, members(), 0
    for what, who, days, changes in moves:
        now += days * DAY
        if changes:
            current = (*current, replace(current[0], registration_id=UUID(int=100 + len(current))))
        before = ring
        try:
            match what:
                case "propose":
                    ring = rules.propose(ring, current, 800, who, POLICY, now)
                case "approve":
                    ring = rules.approve(ring, ring.digest, rules.digest(current), who, now)
                    approvals += 1
                    assert before.state is RingState.PROPOSED
                    assert who != before.proposed_by
                    assert now < before.expires_at
                    assert before.digest == rules.digest(current)
                case "refuse":
                    ring = rules.refuse(ring, who, now)
                case "dismiss":
                    ring = replace(ring, state=RingState.UNDONE, ended_at=now)
        except Refusal:
            assert ring is before
    assert approvals <= 1


@pytest.mark.parametrize("state", [each for each in RingState if not each.is_open])
def test_what_was_decided_is_not_decided_again(state: RingState) -> None:
    ring = replace(found(), state=state, proposed_by="ann")
    for ask in (
        lambda: rules.propose(ring, ring.members, 1, "ann", POLICY, NOW),
        lambda: rules.approve(ring, ring.digest, ring.digest, "ben", NOW),
        lambda: rules.refuse(ring, "ben", NOW),
    ):
        with pytest.raises(StateConflict):
            ask()
