"""The list of reports and the page of one, with invented content."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.admin import report_words as said
from service.admin import views as v
from service.admin import words
from service.reports.model import Kind, State, Why

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
REP = "rep_019318c2f4a07b3c9d51e6a2b8c4d0f1"


def ago(**kw: float) -> datetime:
    return NOW - timedelta(**kw)


def act(name: str) -> v.Act:
    key, verb, tone, effect, button, reasons = said.ACTS[name]
    return v.Act(key, name, verb, words.act_tone(tone), effect, f"/admin/reports/{REP}/act", reasons, button)


def tabs(here: str) -> tuple[v.Tab, ...]:
    counted = (("To decide", 3), ("Filed", 41), ("Confirmed", 12), ("Dismissed", 7), ("Not ours", 18))
    return tuple(v.Tab(word, "/admin/reports", many, word == here) for word, many in counted)


ROWS = tuple(
    v.ReportRow(
        f"rep_0193{i:04x}f4a07b3c9d51e6a2b8c4{i:04x}",
        f"+49 151 •••• {300 + i * 41}",
        said.STATE[state],
        what,
        votes,
        counted,
        ago(minutes=7 + i * 190),
        words.LINE[line],
    )
    for i, (state, what, votes, counted, line) in enumerate(
        (
            (State.CORROBORATED, "Scam call and 2 more", 17, 5, "active"),
            (State.APPEALED, "Scam message", 9, 6, "suspended"),
            (State.CORROBORATED, "Somebody posing as another", 1204, 5, "restricted"),
        )
    )
)


def vote(i: int, why: Why, standing: int | None, note: str | None = None) -> v.VoteRow:
    counts = why is Why.COUNTS
    return v.VoteRow(
        f"rep_0194{i:04x}f4a07b3c9d51e6a2b8c4{i:04x}",
        said.KIND[Kind.SCAM_SMS if i % 3 == 2 else Kind.SCAM_CALL],
        ago(minutes=12 + i * 55),
        None if i % 4 == 3 else ago(minutes=40 + i * 60),
        "another operator here" if why is Why.OTHER_OPERATOR else "hotline",
        v.Badge("Counts", "approve") if counts else v.Badge("Counts 0"),
        "" if counts else said.WHY[why],
        standing,
        note,
    )


PAGE = v.ReportPage(
    id=REP,
    version=2,
    msisdn="+49 151 •••• 341",
    badge=said.STATE[State.CORROBORATED],
    clock="First reported 1 d 3 h ago",
    clock_at=ago(hours=27),
    facts=(
        v.Fact("About", "What the line was used for"),
        v.Fact("Said", "scam call, scam message"),
        v.Fact("Line", "Active", "link", "/admin/lines/line_019318c2f4a07b3c9d51e6a2b8c4d0f1"),
    ),
    tally="5 of 17 votes count. 5 within 10 days corroborate.",
    votes=(
        vote(0, Why.COUNTS, 100, "He said that he was my bank, and\u202e asked for the code."),
        *(vote(i, why, 65) for i, why in enumerate((Why.LINKED, Why.SAME_CLIENT, Why.LOW_REPUTATION), 1)),
        *(vote(i, why, None) for i, why in enumerate((Why.UNPROVED, Why.YOUNG_LINE, Why.OTHER_OPERATOR), 4)),
    ),
    more=10,
    timeline=(
        v.Moment(ago(hours=27), "Reported", "review", "hotline"),
        v.Moment(ago(minutes=12), "Enough votes count", "review", "Simward"),
    ),
    acts=(act("dismiss"), act("confirm")),
)
REPORT_PAGES: dict[str, tuple[str, object, str]] = {
    "reports": ("reports.html", v.ReportsPage(tabs("To decide"), ROWS, 81, 5), "/admin/reports"),
    "reports-empty": ("reports.html", v.ReportsPage(tabs("To decide"), (), 0, 5), "/admin/reports"),
    "reports-elsewhere": (
        "reports.html",
        v.ReportsPage(
            tabs("Not ours"),
            tuple(replace(row, badge=said.ELSEWHERE, line=None, counted=0) for row in ROWS),
            81,
            5,
            v.Pager("/admin/reports?state=elsewhere&before=x", "/admin/reports?state=elsewhere"),
        ),
        "/admin/reports",
    ),
    "report": ("report.html", PAGE, f"/admin/reports/{REP}"),
    "report-decided": (
        "report.html",
        replace(
            PAGE,
            badge=said.STATE[State.CONFIRMED],
            votes=(),
            more=0,
            acts=(),
            why_none="It was decided, and the decision stands.",
        ),
        f"/admin/reports/{REP}",
    ),
}
