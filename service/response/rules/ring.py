"""The plan for a ring: which step for whom, what is struck and what is spared; and the proposal's states."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.kit.errors import StateConflict
from service.response.model import (
    Member,
    MemberFacts,
    ResponsePolicy,
    RingAction,
    RingChanged,
    RingState,
    SecondPersonNeeded,
    Sharing,
    Step,
)
from service.response.rules.ladder import guard_of
from service.risk.model import HoldingKind
from service.risk.model.links import Ring

IDENTITY = (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER)
SHAREABLE = (HoldingKind.PERSON, HoldingKind.DEVICE)


def struck(
    sharing: Mapping[str, Sharing], policy: ResponsePolicy, *, spares_identity: bool = False
) -> tuple[str, ...]:
    """The kinds of a member's holdings that are struck.

    Papers are one person's, always. A device, or a name and birth date, only where few lines hang on it or most of
    them are the ring's: a hostel's telephone is not the ring's. A dealer only where the ring is a good
    part of its trade. ``spares_identity``: the person is the victim.
    """
    found = [kind for kind in IDENTITY if kind in sharing and not spares_identity]
    for kind in SHAREABLE[spares_identity:]:
        shared = sharing.get(kind)
        if shared is None:
            continue
        if shared.lines <= policy.few_lines or shared.ours * 100 > shared.lines * policy.sole_percent:
            found.append(kind)
    dealer = sharing.get(HoldingKind.DEALER)
    if (
        dealer is not None
        and dealer.ours >= policy.dealer_lines
        and dealer.ours * 100 >= dealer.lines * policy.dealer_percent
    ):
        found.append(HoldingKind.DEALER)
    return tuple(kind.value for kind in found)


def plan(
    ring: Ring, facts: Mapping[UUID, MemberFacts], policy: ResponsePolicy, now: datetime
) -> tuple[Member, ...]:
    """Each member with its step. A line that goes to a person first is not struck before that person has looked."""
    made = []
    for each in ring.members:
        known = facts.get(each.registration_id)
        if known is None:
            continue
        is_root = each.registration_id == ring.root
        strong = is_root or each.strength >= policy.suspend_strength
        step = (Step.SUSPEND if strong else Step.HOLD) if known.facts.is_open else None
        guard = guard_of(known.facts, policy, now) if known.facts.is_open else None
        made.append(
            Member(
                registration_id=each.registration_id,
                line_id=known.line_id,
                hop=each.hop,
                strength=each.strength,
                via=tuple(kind.value for kind in each.via),
                step=step,
                guard=guard,
                strikes=() if guard is not None else struck(known.sharing, policy),
            )
        )
    return tuple(made)


def digest(members: Sequence[Member]) -> str:
    """Of who is in it and what is to be done to whom; 32 hex digits. What is struck may drift with every line that a
    shop sells and is not part of it."""
    rows = sorted(
        [
            each.registration_id.hex,
            each.step.value if each.step else "",
            each.guard.value if each.guard else "",
        ]
        for each in members
    )
    return hashlib.sha256(b"simward/ring/v1\n" + json.dumps(rows).encode()).hexdigest()[:32]


def is_over(ring: RingAction, now: datetime) -> bool:
    """Nobody approved it in time."""
    return ring.state.is_open and now >= ring.expires_at


def propose(
    ring: RingAction,
    members: tuple[Member, ...],
    score: int,
    staff: str,
    policy: ResponsePolicy,
    now: datetime,
) -> RingAction:
    """A person proposes it as it is now; also anew, after it changed or ran out. StateConflict once it was approved,
    refused or undone."""
    if not ring.state.is_open:
        raise StateConflict(ring.state.value, [])
    return replace(
        ring,
        state=RingState.PROPOSED,
        members=members,
        digest=digest(members),
        score=score,
        proposed_by=staff,
        proposed_at=now,
        expires_at=now + policy.proposal,
    )


def approve(ring: RingAction, seen: str, current: str, staff: str, now: datetime) -> RingAction:
    """The second person says yes to ``seen``, the digest on the page; ``current`` is of the ring as it is now."""
    if ring.state is not RingState.PROPOSED:
        raise StateConflict(ring.state.value, ["propose"] if ring.state.is_open else [])
    if is_over(ring, now):
        raise StateConflict("expired", ["propose"], "The proposal has run out. Propose it anew.")
    if staff == ring.proposed_by:
        raise SecondPersonNeeded("Another person than the one who proposed it approves it.")
    if not seen == ring.digest == current:
        raise RingChanged()
    return replace(ring, state=RingState.APPROVED, decided_by=staff, decided_at=now)


def refuse(ring: RingAction, staff: str, now: datetime) -> RingAction:
    if not ring.state.is_open:
        raise StateConflict(ring.state.value, [])
    return replace(ring, state=RingState.REFUSED, decided_by=staff, decided_at=now, ended_at=now)
