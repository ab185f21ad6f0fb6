"""Rings and a line's ledger: worded and counted. Pure; the instant is passed in."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from service.admin import ring_words as said
from service.admin import words
from service.admin.store import Names
from service.admin.views import Badge, Choice
from service.admin.views.rings import LedgerRow, MemberRow, RingListRow, WaitingRow
from service.kit.ids import wire
from service.response import rules
from service.response.model import Ground, LineAction, Member, RingAction, State, Step


def staff_name(staff: str | None, names: Names) -> str | None:
    """Who a staff id is; Simward where nobody of us did it."""
    if staff is None:
        return None
    try:
        return names.staff.get(UUID(hex=staff), staff[:8])
    except ValueError:
        return "Simward"


def ring_badge(ring: RingAction, now: datetime) -> Badge:
    return said.RING["expired" if rules.is_over(ring, now) and ring.proposed_at else ring.state.value]


def ring_row(ring: RingAction, lines: int, names: Names, now: datetime) -> RingListRow:
    return RingListRow(
        id=wire("rng", ring.id),
        badge=ring_badge(ring, now),
        lines=lines,
        score=ring.score,
        at=ring.found_at,
        until=ring.expires_at if ring.state.is_open and ring.proposed_at else None,
        by=staff_name(ring.decided_by or ring.proposed_by, names),
    )


def waiting_row(action: LineAction) -> WaitingRow:
    appealed = action.appealed_at is not None and action.appeal_outcome is None
    guard = said.GUARD.get(action.guard.value, "") if action.guard else ""
    return WaitingRow(
        line=wire("line", action.line_id),
        step=said.STEP[action.step.value],
        why="The holder appeals" if appealed else guard.capitalize(),
        since=action.appealed_at if appealed and action.appealed_at else action.at,
    )


def member_row(member: Member, root: UUID, numbers: Mapping[UUID, str]) -> MemberRow:
    if member.step is None:
        step = "nothing; the line has ended"
    elif member.guard is not None:
        step = "a person looks first"
    else:
        step = said.STEP[member.step.value]
    return MemberRow(
        line=wire("line", member.line_id) if member.line_id else None,
        msisdn=numbers.get(member.registration_id, "no line"),
        via=said.kinds(member.via) or "the reported line",
        hop=member.hop,
        strength=member.strength,
        step=step,
        spared=said.GUARD[member.guard.value].capitalize() if member.guard else None,
        strikes=said.kinds(member.strikes),
        done=said.MEMBER[member.state.value],
        is_root=member.registration_id == root,
    )


def effects(members: tuple[Member, ...]) -> tuple[tuple[str, int], ...]:
    """What would be done, counted."""
    steps = Counter(m.step for m in members if m.guard is None)
    strikes = Counter(kind for m in members for kind in m.strikes)
    counted = (
        ("Lines suspended", steps[Step.SUSPEND]),
        ("Lines held until verified again", steps[Step.HOLD]),
        ("Lines that a person looks at first", sum(m.guard is not None for m in members)),
        ("Lines that have ended already", steps[None]),
        *((f"Struck by {said.KIND[kind]}", count) for kind, count in strikes.items()),
    )
    return tuple((text, count) for text, count in counted if count)


def spared(members: tuple[Member, ...]) -> tuple[str, ...]:
    """What is not touched, and why."""
    found = [
        f"{count} {'line' if count == 1 else 'lines'}: {said.GUARD[guard]}. Nothing is done before a person has looked."
        for guard, count in Counter(m.guard.value for m in members if m.guard).items()
    ]
    shops = sum("dealer" in m.via and "dealer" not in m.strikes for m in members)
    if not any("dealer" in m.strikes for m in members):
        found.append("No shop is struck: the ring is no large part of any shop's trade.")
    elif shops:
        found.append("Shops of which the ring is a small part are not struck.")
    if any("device" in m.via and "device" not in m.strikes for m in members):
        found.append("Devices that many others use are not struck: a hostel's, a family's, a shop's.")
    return tuple(found)


def ledger_row(
    action: LineAction, me: str, now: datetime, appeal_text: str | None, *, may: bool
) -> LedgerRow:
    over = action.state is State.IN_FORCE and not action.is_in_force(now)
    appealed = action.appealed_at is not None and action.appeal_outcome is None
    acts: tuple[Choice, ...] = ()
    why_none = None
    if action.state is State.REFERRED and may:
        acts = (
            Choice("accept", f"{said.STEP[action.step.value]} this line"),
            Choice("refuse", "Leave the line alone"),
        )
    elif appealed and me in (action.by, action.decided_by):
        why_none = "You acted here. An appeal is judged by another person."
    elif appealed and may:
        acts = (Choice("uphold", "Uphold the appeal"), Choice("dismiss", "Dismiss the appeal"))
    line = wire("line", action.line_id)
    return LedgerRow(
        id=wire("act", action.id),
        version=action.version,
        step=said.STEP[action.step.value],
        badge=said.STATE["over" if over else action.state.value],
        ground=said.GROUND[action.ground.value]
        + (f": {words.reason_text(action.reason)}" if action.reason else ""),
        why=said.GUARD[action.guard.value] if action.guard else None,
        at=action.taken_at or action.due_at or action.at,
        until=action.until,
        told=action.notice_at,
        effect=said.EFFECT[action.step.value],
        appeal="The holder appeals" if appealed else said.APPEAL.get(action.appeal_outcome or ""),
        appeal_text=appeal_text,
        path=f"/admin/lines/{line}/actions/{wire('act', action.id)}",
        acts=acts,
        why_none=why_none,
        is_by_hand=action.ground is Ground.HAND,
    )
