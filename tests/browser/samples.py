# ruff: noqa: E501  lists of invented texts read best one a line
"""Every page of the console with invented content, in the states that are hard to reach by hand."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import segno

from service.admin import views as v
from service.admin.present.standing import risk
from service.dealers.model import Assessment, Band, Record
from tests.browser import samples_backtests, samples_links, samples_marks
from tests.browser import samples_documents as documents
from tests.browser import samples_rules as rules
from tests.browser.samples_codes import BLK, BLOCK, TRAFFIC
from tests.browser.samples_reports import REPORT_PAGES
from tests.browser.samples_rings import LEDGER, RING_PAGES

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
REG = "reg_019318c2f4a07b3c9d51e6a2b8c4d0f1"


def ago(**kw: float) -> datetime:
    return NOW - timedelta(**kw)


RAIL = (
    v.RailItem("Overview", "/admin"),
    v.RailItem("Review", "/admin/review", 12),
    v.RailItem("Lines", "/admin/lines"),
    v.RailItem("Reports", "/admin/reports"),
    v.RailItem("Dealers", "/admin/dealers"),
    v.RailItem("Rules", "/admin/rules"),
    v.RailItem("Codes", "/admin/codes"),
    v.RailItem("Audit", "/admin/audit"),
)
PERSON = v.Person("Ines Okafor", "supervisor", "Demo Mobile")
APPROVE_REASONS = (
    v.Choice("evidence-checked", "I checked the evidence and it holds"),
    v.Choice("sharing-explained", "What is shared has an honest reason"),
)
DENY_REASONS = (
    v.Choice("details-disagree", "Details and document disagree"),
    v.Choice("limit-reached", "Too many lines on this identity"),
)
WHY = (
    "Seven lines on this passport in 24 hours. Limit three.",
    "This phone opened nine registrations today. Usually one.",
    "Dealer D-0042 is at 94 % of its quota for weak evidence.",
    "The name on the document and the name that was typed differ.",
)


def queue(count: int) -> tuple[v.QueueRow, ...]:
    rows = []
    for i in range(count):
        why = tuple(WHY[(i + k) % 4] for k in range(1 + i % 3))
        rows.append(
            v.QueueRow(
                id=f"reg_0193{i:04x}f4a07b3c9d51e6a2b8c4{i:04x}",
                msisdn=f"+49 151 •••• {100 + i * 37 % 900}",
                since=ago(minutes=3 + i * i * 11),
                badge=v.Badge("In review", "review"),
                reasons=why,
                dealer=None if i % 4 == 3 else f"D-00{40 + i % 3}",
                channel="app",
                is_appeal=i == 2,
            )
        )
    return tuple(reversed(rows))


def lines(count: int) -> tuple[v.LineRow, ...]:
    states = (
        v.Badge("Active", "approve"),
        v.Badge("Restricted", "review"),
        v.Badge("Suspended", "deny"),
        v.Badge("Closed"),
    )
    return tuple(
        v.LineRow(
            id=f"lin_0193{i:04x}f4a07b3c9d51e6a2b8c4{i:04x}",
            msisdn=f"+49 151 •••• {100 + i * 37 % 900}",
            badge=states[(i * i) % 4 if i % 5 == 4 else 0],
            since=ago(hours=3 + i * 9),
            dealer=None if i % 4 == 3 else f"D-00{40 + i % 3}",
            assurance="basic" if i % 3 else "substantial",
            until=NOW + timedelta(days=30 - i) if i % 3 else None,
        )
        for i in range(count)
    )


def acts() -> tuple[v.Act, ...]:
    return (
        v.Act(
            "a",
            "approved",
            "Approve",
            "yes",
            "The line +49 151 •••• 678 is set up within a minute, at most two lines on this identity, watched for 30 days. The applicant is told.",
            f"/admin/review/{REG}/decide",
            APPROVE_REASONS,
            "Approve the line",
        ),
        v.Act(
            "d",
            "denied",
            "Deny",
            "no",
            "No line is opened. The applicant reads the reason in plain words and may appeal once within 30 days; another person then decides.",
            f"/admin/review/{REG}/decide",
            DENY_REASONS,
            "Deny the line",
        ),
    )


CASE = v.CasePage(
    id=REG,
    version=4,
    badge=v.Badge("In review", "review"),
    clock="Waiting 2 h 05 min",
    clock_at=ago(hours=2, minutes=5),
    facts=(
        v.Fact("Number", "+49 151 •••• 678", "masked"),
        v.Fact("SIM", "8949 •••• 678", "masked"),
        v.Fact("Asked for", "New line, prepaid"),
        v.Fact("Channel", "Shop"),
        v.Fact("Dealer", "D-0042", "text", "/admin/dealers/D-0042"),
        v.Fact("Agent", "A-7"),
        v.Fact("Sent by", "pos-1"),
    ),
    holder=(
        v.Fact("Family name", "J••••", "name"),
        v.Fact("Given names", "A•••• M\u202e••••", "name"),
        v.Fact("Birth date", "masked", "masked"),
        v.Fact("Nationality", "NLD"),
        v.Fact("Contact", "+31 6 •••• 001", "masked"),
        v.Fact("E-mail", "a••••@example.org", "masked"),
    ),
    reasons=(
        v.Reason("lines-on-document", WHY[0], "deny", 7, 3, 1, "counts from 3", "99 % have at most 1"),
        v.Reason("device-registrations", WHY[1], "review", 9, 4, 1, "counts above 4", "usually 1"),
        v.Reason(
            "evidence-unproven",
            "The document is consistent, but nothing proves that it is genuine.",
            "review",
        ),
        v.Reason("code-verified", "A code reached the new line and came back.", "approve"),
    ),
    ways=("Would pass if lines_on_document were at most 2.",),
    shadow=(v.Reason("large-quota", "A quota of 900 a day.", "review", 900, 300, 120, "counts from 300"),),
    evidence=documents.USUAL,
    timeline=(
        v.Moment(ago(hours=2, minutes=12), "Opened", by="pos-1"),
        v.Moment(ago(hours=2, minutes=10), "Document read: consistent", "approve"),
        v.Moment(ago(hours=2, minutes=8), "Code to the line came back", "approve"),
        v.Moment(ago(hours=2, minutes=5), "Sent to review by two rules", "review"),
    ),
    acts=acts(),
    reveal=v.Reveal(
        f"/admin/review/{REG}/reveal",
        (v.Choice("compare-document", "I compare it with a document in hand"),),
        29,
    ),
    related=(
        v.Related("Live lines on this document", 3, None, "review"),
        v.Related("Registrations from this device, last 30 days", 9, None, "plain"),
        v.Related("Lines suspended for scam on this document", 1, None, "deny"),
    ),
    policy="8f4c2a91d0e7",
    next_href=f"/admin/review/{REG}",
)

LINE = v.LinePage(
    id="lin_019318c2f4a07b3c9d51e6a2b8c4d0f1",
    version=2,
    msisdn="+49 151 •••• 678",
    badge=v.Badge("Active", "approve"),
    clock="In service 4 d 2 h",
    clock_at=ago(days=4, hours=2),
    facts=(
        v.Fact("Registration", REG, "id", f"/admin/review/{REG}"),
        v.Fact("Holder since", "19 Nov 12:08"),
        v.Fact("Assurance", "basic"),
        v.Fact("Watched until", "19 Dec 2026"),
        v.Fact("Dealer", "D-0042", "text", "/admin/dealers/D-0042"),
    ),
    timeline=(
        v.Moment(ago(days=4, hours=2), "Set up", "approve"),
        v.Moment(ago(days=1), "Restricted: many first calls", "review", by="Ines Okafor"),
    ),
    acts=(
        v.Act(
            "s",
            "suspend",
            "Suspend",
            "no",
            "Calls and messages stop, except emergency and operator care. It can be reinstated.",
            "/admin/lines/x/act",
            DENY_REASONS,
            "Suspend the line",
        ),
        v.Act(
            "c",
            "close",
            "Close",
            "no",
            "The line ends and the number rests for 90 days. This cannot be undone.",
            "/admin/lines/x/act",
            DENY_REASONS,
            "Close the line for good",
        ),
    ),
    registration=REG,
)
DEALER_ROWS = (
    v.DealerRow(
        "D-0040",
        "Kiosk am Markt",
        v.Badge("Active", "approve"),
        "DE-2219",
        12,
        40,
        3,
        10,
        0,
        risk(Assessment(Record(420, 3, 1, 4, 9, 12, 1), 7, (2, 21), 9, Band.LOW, Band.LOW)),
    ),
    v.DealerRow(
        "D-0041",
        "Hostel Süd, front desk",
        v.Badge("Active", "approve"),
        "DE-7712",
        33,
        40,
        4,
        10,
        2,
        risk(Assessment(Record(60, 3, 0, 2, 7, 33, 4), 25, (17, 137), 9, Band.WATCH)),
    ),
    v.DealerRow(
        "D-0042",
        "Phones & More \u200bOHG",
        v.Badge("Paused", "review"),
        "DE-1180",
        40,
        40,
        0,
        10,
        7,
        risk(Assessment(Record(90, 21, 12, 33, 18, 40, 22), 154, (158, 330), 9, Band.HIGH, Band.HIGH)),
        80,
    ),
    v.DealerRow("D-0043", "Bahnhof Handy", v.Badge("Suspended", "deny"), "DE-0031", 0, 40, 0, 10, 0),
)
DEALER_FORM = (
    v.FormField("ref", "Dealer id", "D-0042", readonly=True),
    v.FormField("name", "Name", "Phones & More OHG"),
    v.FormField("licence", "Licence number", "DE-1180"),
    v.FormField("daily_quota", "Registrations a day", "40", kind="number", inputmode="numeric"),
    v.FormField(
        "hourly_quota",
        "Registrations an hour",
        "1000",
        wrong="At most the daily quota.",
        kind="number",
        inputmode="numeric",
    ),
)
ACTIONS = ("registration.decided", "pii.revealed", "dealer.suspended", "staff.signed_in", "line.suspended")


@dataclass(frozen=True)
class Sample:
    template: str
    page: Any
    path: str = "/admin"
    extra: dict[str, Any] = field(default_factory=dict)


def _tabs(*words: tuple[str, int | None]) -> tuple[v.Tab, ...]:
    return tuple(v.Tab(word, f"/admin/x?tab={word}", n, i == 0) for i, (word, n) in enumerate(words))


def _audit() -> v.AuditPage:
    rows = tuple(
        v.AuditRow(
            None if i == 0 else 1204 - i,
            ago(minutes=i * 13),
            "Ines Okafor" if i % 2 else "system",
            ACTIONS[i % 5],
            REG,
            f"/admin/review/{REG}",
            "evidence-checked" if i % 2 else None,
            "verdict approved" if i % 3 else "",
        )
        for i in range(18)
    )
    form = (
        v.FormField("actor", "Who", required=False),
        v.FormField("action", "Did", required=False),
        v.FormField("object", "To", required=False),
    )
    chain = v.Chain(
        "Sealed to entry 1203",
        "approve",
        "1 entry waits for its number. The last head was signed at 14:07.",
        "9f2c4a91d0e78f4c2a91d0e78f4c2a91",
    )
    return v.AuditPage(rows, chain, form, 1204, v.Pager("/admin/audit?before=x"))


def _days() -> tuple[v.Day, ...]:
    return tuple(v.Day(ago(days=29 - i), 4 + (i * 7) % 5, i % 3, (i * 5) % 2, (i * 3) % 4) for i in range(30))


def overview() -> v.OverviewPage:
    return v.OverviewPage(
        (
            v.Number("Registrations", "14", "usually 8 to 13", "/admin/review"),
            v.Number("Approved", "9", "usually 5 to 9", "/admin/lines"),
            v.Number("In review now", "12", "usually 4 to 9", "/admin/review"),
            v.Number("Denied", "1", "usually 0 to 1", "/admin/review?tab=decided"),
            v.Number("Codes that came back", "87 %", "usually 84 to 92 %"),
        ),
        _days(),
        (6, 12),
        queue(5),
        12,
        (
            v.RuleCount("More lines on one document than usual", 21),
            v.RuleCount("Evidence that proves nothing", 13),
            v.RuleCount("One device, many people", 4, "deny"),
        ),
        (
            v.Attention(
                "Two lines could not be set up; the network answered no", ago(minutes=40), "/admin/review"
            ),
        ),
    )


SIGN_IN = (
    v.FormField(
        "login",
        "Sign-in name",
        hint="Like anna@demo: your name, @ and the operator.",
        autocomplete="username",
    ),
    v.FormField("password", "Password", kind="password", autocomplete="current-password"),
    v.FormField(
        "code",
        "Code from your app",
        hint="Or a recovery code.",
        autocomplete="one-time-code",
        inputmode="numeric",
    ),
)
LINK = (
    v.FormField(
        "password",
        "Password",
        kind="password",
        hint="At least 12 characters; a short sentence is good.",
        autocomplete="new-password",
    ),
    v.FormField("again", "The same again", kind="password", autocomplete="new-password"),
    v.FormField("code", "Code that the app shows", autocomplete="one-time-code", inputmode="numeric"),
)


def qr() -> str:
    text = "otpauth://totp/Simward:ines@demo?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Simward"
    return str(
        segno.make(text, error="m").svg_inline(
            scale=1, border=3, omitsize=True, svgclass=None, lineclass=None
        )
    )


SAMPLES: dict[str, Sample] = {
    "overview": Sample("overview.html", overview()),
    "overview-empty": Sample(
        "overview.html",
        v.OverviewPage((v.Number("Registrations", "0", "no usual day yet"),), (), None, (), 0, (), ()),
    ),
    "review": Sample(
        "review.html",
        v.ReviewPage(
            _tabs(("Waiting", 12), ("Appeals", 1), ("Decided", 40)),
            queue(12),
            12,
            "x",
            v.Pager("/admin/review?before=x"),
        ),
        "/admin/review",
    ),
    "review-empty": Sample(
        "review.html",
        v.ReviewPage(_tabs(("Waiting", 0), ("Appeals", 0), ("Decided", 0)), (), 0, ""),
        "/admin/review",
    ),
    "case": Sample("case.html", CASE, f"/admin/review/{REG}"),
    "case-signed": Sample("case.html", replace(CASE, evidence=documents.SIGNED), f"/admin/review/{REG}"),
    "case-against": Sample("case.html", replace(CASE, evidence=documents.AGAINST), f"/admin/review/{REG}"),
    "case-picture": Sample("case.html", replace(CASE, evidence=documents.READ), f"/admin/review/{REG}"),
    "case-bare": Sample("case.html", replace(CASE, evidence=documents.NOTHING), f"/admin/review/{REG}"),
    "backtests": Sample("backtests.html", samples_backtests.listed(), "/admin/rules/draft/2/backtests"),
    "backtest": Sample("backtest.html", samples_backtests.over(), "/admin/rules/backtests/1"),
    "backtest-runs": Sample("backtest.html", samples_backtests.under_way(), "/admin/rules/backtests/1"),
    "links": Sample("links.html", samples_links.page(6), f"/admin/review/{REG}/links"),
    "links-none": Sample("links.html", samples_links.bare(), f"/admin/review/{REG}/links"),
    "links-marked": Sample("links.html", samples_links.page(3, may_mark=True), f"/admin/review/{REG}/links"),
    "marks": Sample("marks.html", samples_marks.marked(), f"/admin/review/{REG}/marks"),
    "marks-none": Sample("marks.html", samples_marks.none(), f"/admin/review/{REG}/marks"),
    "marks-erased": Sample("marks.html", samples_marks.erased(), f"/admin/review/{REG}/marks"),
    "lines": Sample(
        "lines.html",
        v.LinesPage(
            _tabs(("All", 25), ("Active", 20), ("Restricted", 2), ("Suspended", 1), ("Closed", 2)),
            lines(16),
            25,
        ),
        "/admin/lines",
    ),
    "line": Sample("line.html", LINE, "/admin/lines/x"),
    "line-ledger": Sample("line.html", replace(LINE, ledger=LEDGER), "/admin/lines/x"),
    "dealers": Sample("dealers.html", v.DealersPage(DEALER_ROWS, 4, True), "/admin/dealers"),
    "dealer": Sample(
        "dealer.html",
        v.DealerPage(
            DEALER_ROWS[2], "/admin/dealers/D-0042", DEALER_FORM, ("A-7", "A-9"), LINE.acts[:1], True
        ),
        "/admin/dealers/D-0042",
    ),
    "audit": Sample("audit.html", _audit(), "/admin/audit"),
    "found": Sample("found.html", v.FoundPage("number", queue(2), lines(1)), "/admin/found/x"),
    "found-empty": Sample("found.html", v.FoundPage("number", (), ()), "/admin/found/x"),
    "you": Sample(
        "you.html",
        v.YouPage(
            "ines@demo", ago(hours=1), NOW + timedelta(hours=7), 9, (SIGN_IN[1],), (SIGN_IN[2],), False
        ),
        "/admin/you",
    ),
    "error": Sample(
        "error.html",
        v.ErrorPage(
            409,
            "Somebody decided this case first",
            "Ines Okafor denied it at 14:05, while this page was open.",
            "Your reason and note were not saved.",
            "Open the case again to see what was decided.",
            f"/admin/review/{REG}",
            "Open the case",
        ),
    ),
    "sign-in": Sample(
        "door/sign_in.html",
        v.SignInPage(
            SIGN_IN, "Name, password and code do not fit together. Wait 4 seconds before the next try.", "x"
        ),
    ),
    "link": Sample(
        "door/link.html",
        v.LinkPage(
            "Ines Okafor",
            "ines@demo",
            "/admin/link/x",
            qr(),
            "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
            LINK,
            None,
            "x",
        ),
    ),
    "rules": Sample("rules.html", rules.LISTED, "/admin/rules"),
    "rule": Sample("rule.html", rules.RULE, "/admin/rules/busy-device"),
    "rule-form": Sample("rule_edit.html", rules.FORM, "/admin/rules/busy-device/edit"),
    "rule-form-wrong": Sample("rule_edit.html", rules.WRONG, "/admin/rules/new"),
    "rule-draft": Sample("rule_draft.html", rules.DRAFT, "/admin/rules/draft/1"),
    "rule-draft-waits": Sample("rule_draft.html", rules.WAITS, "/admin/rules/draft/1"),
    "rule-draft-moved": Sample("rule_draft.html", rules.MOVED, "/admin/rules/draft/1"),
    "traffic": Sample("codes.html", TRAFFIC, "/admin/codes"),
    "traffic-empty": Sample(
        "codes.html",
        replace(
            TRAFFIC,
            numbers=(v.Number("Messages today", "0", "not enough days yet"),),
            money=None,
            hours=tuple(v.Hour(each.at, 0, 0) for each in TRAFFIC.hours),
            tables=(v.Conversions("country", "By country", "Country", "EUR", ()),),
            pressed=(),
            blocks=(),
            form=None,
        ),
        "/admin/codes",
    ),
    "block": Sample("block.html", BLOCK, f"/admin/codes/blocks/{BLK}"),
    "codes": Sample(
        "door/codes.html", v.RecoveryPage(tuple(f"{i:02d}-ab{i}d-efgh-jkmn" for i in range(10)), "/admin")
    ),
    **{name: Sample(*parts) for name, parts in REPORT_PAGES.items()},
    **{name: Sample(*parts) for name, parts in RING_PAGES.items()},
}


def frame(sample: Sample, theme: str) -> v.Frame:
    flash = (
        v.Flash("Approved. The line is being set up.", "good", f"/admin/review/{REG}", "Next case")
        if sample.template == "review.html"
        else None
    )
    person = None if sample.template.startswith("door/") else PERSON
    return v.Frame(NOW, v.Look(v.Theme(theme)), sample.path, True, person, RAIL, "token", flash, 3)
