"""The list of rings, the page of one, and a line's ledger, with invented content."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.admin import ring_words as said
from service.admin import views as v
from service.admin.present import rings as shown
from service.admin.views import rings as pages
from service.response.model import Guard, Member, MemberState, Step

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
RNG = "rng_019318c2f4a07b3c9d51e6a2b8c4d0f1"
REG = "reg_019318c2f4a07b3c9d51e6a2b8c4d0f1"


def ago(**kw: float) -> datetime:
    return NOW - timedelta(**kw)


def tabs(here: str) -> tuple[v.Tab, ...]:
    return tuple(
        v.Tab(word, "/admin/rings", many, word == here) for word, many in (("Waiting", 3), ("Decided", 9))
    )


ROWS = tuple(
    pages.RingListRow(
        f"rng_0193{i:04x}f4a07b3c9d51e6a2b8c4{i:04x}",
        said.RING[state],
        3 + i * 17,
        870 - i * 110,
        ago(minutes=7 + i * 190),
        NOW + timedelta(days=5) if state == "proposed" else None,
        "Ines Okafor" if state == "proposed" else None,
    )
    for i, state in enumerate(("found", "proposed", "expired"))
)
WAITING = (
    pages.WaitingRow(
        "line_019318c2f4a07b3c9d51e6a2b8c4d0f1", "Suspend", "Its holder has had it for long", ago(hours=3)
    ),
    pages.WaitingRow(
        "line_019318c2f4a07b3c9d51e6a2b8c4d0f2",
        "Hold until verified again",
        "The holder appeals",
        ago(days=1),
    ),
)
LIST = pages.RingsPage(tabs("Waiting"), ROWS, WAITING, 3)

MEMBERS = tuple(
    Member(
        UUID(int=n), UUID(int=n) if step or guard else None, hop, strength, via, step, guard, strikes, state
    )
    for n, (hop, strength, via, step, guard, strikes, state) in enumerate(
        (
            (0, 1000, (), Step.SUSPEND, None, ("document", "device"), MemberState.PLANNED),
            (1, 910, ("device", "dealer"), Step.SUSPEND, None, ("document", "device"), MemberState.PLANNED),
            (1, 880, ("address", "payment"), Step.SUSPEND, Guard.TENURED, (), MemberState.PLANNED),
            (2, 410, ("contact", "device"), Step.HOLD, None, ("document",), MemberState.PLANNED),
            (2, 380, ("device",), None, None, ("document",), MemberState.PLANNED),
        )
    )
)


def act(key: str, name: str, verb: str, effect: str, reasons: tuple[v.Choice, ...] = ()) -> v.Act:
    return v.Act(
        key,
        name,
        verb,
        "no" if name == "approve" else "main",
        effect,
        f"/admin/rings/{RNG}/{name}",
        reasons,
        verb,
    )


RING = pages.RingPage(
    id=RNG,
    version=2,
    digest="0" * 32,
    badge=said.RING["proposed"],
    clock="Found 2 h 05 min ago",
    clock_at=ago(hours=2, minutes=5),
    facts=(
        v.Fact("Report", "rep_019318c2f4a07b3c9d51e6a2b8c4d0f1", "id", "/admin/reports/x"),
        v.Fact("Registration of the reported line", REG, "id", f"/admin/review/{REG}"),
        v.Fact("Looks like one hand", "870 of 1000"),
        v.Fact("Proposed by", "Ines\u202eOkafor", "name"),
    ),
    effects=shown.effects(MEMBERS),
    spared=shown.spared(MEMBERS),
    rows=tuple(
        shown.member_row(each, UUID(int=0), {UUID(int=n): f"+49 151 •••• {300 + n * 41}" for n in range(4)})
        for each in MEMBERS
    ),
    timeline=(
        v.Moment(ago(hours=2), "Found", "review"),
        v.Moment(ago(hours=1), "Proposed", "review", by="Ines Okafor"),
    ),
    acts=(
        act("a", "approve", "Approve the action", "What is listed above happens to 5 lines, within minutes."),
        act("p", "propose", "Propose anew", "The ring is looked at again as it is now."),
        act("d", "refuse", "Leave it alone", "Nothing is done to these lines.", said.REFUSE_REASONS),
    ),
    why_none=None,
    code=True,
)

LEDGER = pages.Ledger(
    rows=(
        pages.LedgerRow(
            "act_0",
            1,
            "Suspend",
            said.STATE["lifted"],
            f"{said.GROUND['hand']}: Scam, suspected",
            None,
            ago(hours=9),
            None,
            None,
            said.EFFECT["suspend"],
            None,
            None,
            "/admin/lines/x/actions/act_0",
            is_by_hand=True,
        ),
        pages.LedgerRow(
            "act_1",
            1,
            "Suspend",
            said.STATE["referred"],
            said.GROUND["ring"],
            said.GUARD["tenured"],
            ago(hours=3),
            None,
            None,
            said.EFFECT["suspend"],
            None,
            None,
            "/admin/lines/x/actions/act_1",
            (v.Choice("accept", "Suspend this line"), v.Choice("refuse", "Leave the line alone")),
        ),
        pages.LedgerRow(
            "act_2",
            3,
            "Hold until verified again",
            said.STATE["in_force"],
            said.GROUND["confirmed"],
            None,
            ago(days=2),
            NOW + timedelta(days=12),
            ago(days=2),
            said.EFFECT["hold"],
            "The holder appeals",
            "We sell \u202eflowers.",
            "/admin/lines/x/actions/act_2",
            (v.Choice("uphold", "Uphold the appeal"), v.Choice("dismiss", "Dismiss the appeal")),
        ),
        pages.LedgerRow(
            "act_3",
            2,
            "Restrict outgoing",
            said.STATE["over"],
            said.GROUND["reported"],
            None,
            ago(days=40),
            ago(days=25),
            ago(days=41),
            said.EFFECT["restrict"],
            None,
            None,
            "/admin/lines/x/actions/act_3",
        ),
    ),
    rings=(RNG,),
    marks=(
        pages.MarkRow("business", said.MARK["business"], True),
        pages.MarkRow("public-service", said.MARK["public-service"], False),
    ),
    may_mark=True,
    path="/admin/lines/x/mark",
    label_until=NOW + timedelta(days=9),
)

RING_PAGES = {
    "rings": ("rings.html", LIST, "/admin/rings"),
    "rings-empty": ("rings.html", replace(LIST, rows=(), waiting=(), total=0), "/admin/rings"),
    "ring": ("ring.html", RING, f"/admin/rings/{RNG}"),
    "ring-wrong": (
        "ring.html",
        replace(RING, wrong="The code does not fit, or was used before.", acts=RING.acts[:1]),
        f"/admin/rings/{RNG}",
    ),
    "ring-bare": (
        "ring.html",
        replace(RING, effects=(), rows=(), acts=(), why_none="You proposed it. Another person approves it."),
        f"/admin/rings/{RNG}",
    ),
}
