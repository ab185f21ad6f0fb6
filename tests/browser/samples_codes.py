"""The page of codes and the page of a block with invented content."""

from datetime import UTC, datetime, timedelta

from service.admin import code_words, words
from service.admin import views as v

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)


def ago(**kw: float) -> datetime:
    return NOW - timedelta(**kw)


BLK = "blk_019318c2f4a07b3c9d51e6a2b8c4d0f1"


def flows(*rows: tuple[str, int, int, int]) -> tuple[v.Converted, ...]:
    return tuple(
        v.Converted(
            name,
            sent,
            ok,
            held,
            f"{sent * 0.075:,.2f}",
            round(100 * ok / sent) if sent else None,
            sent >= 20 and ok * 5 < sent,
        )
        for name, sent, ok, held in rows
    )


def block_rows() -> tuple[v.BlockRow, ...]:
    guard = code_words.BLOCK_REASON["unanswered-messages"]
    rows = (
        ("Number block", "+49 1511234 ••••", guard, "the guard", 40, 20),
        ("Country", "LT, +370", guard, "the guard", 300, 60),
        (
            "Number",
            "+49 151 •••• 678",
            "The holder did not ask for these codes",
            "the holder of the number",
            900,
            900,
        ),
        (
            "Client",
            "Shop\u202esystem two",
            "A client's key seems to be in other hands",
            "jonas.weiss",
            1300,
            8000,
        ),
    )
    return tuple(
        v.BlockRow(
            f"blk_0193{i:04x}f4a07b3c9d51e6a2b8c4{i:04x}",
            kind,
            what,
            why,
            by,
            ago(minutes=since),
            NOW + timedelta(minutes=left),
        )
        for i, (kind, what, why, by, since, left) in enumerate(rows)
    )


TRAFFIC = v.CodesPage(
    span="Last 24 hours",
    tabs=(
        v.Tab("Last 24 hours", "/admin/codes", None, True),
        v.Tab("Last 7 days", "/admin/codes?span=7d", None, False),
    ),
    numbers=(
        v.Number("Messages today", "412", "usually 300 to 380"),
        v.Number("Verified, 24 h", "71 %", "404 of 570 messages"),
        v.Number("Held back, 24 h", "64", "the callers were not told"),
    ),
    money=v.MoneyToday(
        "EUR 187.40",
        "1\u202f812.60 of 2\u202f000.00 spent",
        1_812_600_000,
        2_000_000_000,
        "review",
        "Redis does not answer, so no codes are sent. At least this much is left by PostgreSQL's books.",
    ),
    hours=tuple(
        v.Hour(
            ago(hours=47 - i, minutes=8), 4 + (i * 7) % 23 + (60 if i == 44 else 0), 2 + (i * 5) % 3 + i % 2
        )
        for i in range(48)
    ),
    tables=(
        v.Conversions(
            "country",
            "By country",
            "Country",
            "EUR",
            flows(("DE, +49", 431, 350, 4), ("LT, +370", 97, 6, 60), ("AT, +43", 12, 11, 0)),
        ),
        v.Conversions(
            "block",
            "By number block",
            "Block",
            "EUR",
            flows(
                ("+370 6123 ••••", 97, 6, 60), ("+49 1511234 ••••", 40, 33, 0), ("+43 6641234 ••••", 0, 0, 3)
            ),
            31,
        ),
        v.Conversions(
            "sender", "By sender", "Sender", "EUR", flows(("smpp", 500, 390, 0), ("no sender", 12, 0, 64))
        ),
    ),
    pressed=tuple(
        v.Pressed(name, code_words.limit(name), *times, code_words.is_silent(name))
        for name, times in (
            ("OtpUnverifiedPerBlock", (60, 0, 0)),
            ("OtpSendsPerMsisdn", (31, 0, 0)),
            ("OtpUnverifiedPerCountry", (0, 22, 0)),
            ("OtpSendAttemptsPerClient", (0, 0, 4)),
            ("OtpChallengePerClient", (2, 0, 0)),
        )
    ),
    blocks=block_rows(),
    notices=(
        v.NoticeRow(
            "A line was registered with the holder's papers",
            "The day's money is spent.",
            12,
            ago(hours=3),
            waits=True,
        ),
        v.NoticeRow(
            "A step was taken on the holder's line, or is announced",
            "No sender took it.",
            1,
            ago(hours=80),
            waits=False,
        ),
    ),
    may_lift=True,
    form=v.BlockForm(
        BLK,
        (v.Choice("country", "A country"), v.Choice("client", "A client")),
        (v.Choice("1h", "1 hour"), v.Choice("1d", "1 day")),
        (v.Choice("pumped-traffic", "Messages that nobody answers, to earn from them"),),
        v.FormField("where", "Which", "D", "DE, or …", "Give the country's two letters, such as DE."),
    ),
)
BLOCK = v.BlockPage(
    id=BLK,
    kind="Number block",
    what="+49 1511234 ••••",
    badge=code_words.STANDS,
    clock="For another 20 min",
    clock_at=NOW + timedelta(minutes=20),
    facts=(
        v.Fact("Why", code_words.BLOCK_REASON["unanswered-messages"]),
        v.Fact("Set by", "the guard"),
        v.Fact("What it does", code_words.limit("OtpBlockedBlock")),
        v.Fact("The caller", "gets the ordinary answer and is not told"),
    ),
    timeline=(v.Moment(ago(minutes=40), "Set", "review", "Simward", "Too many messages unanswered"),),
    acts=(
        v.Act(
            "l",
            "lift",
            "Lift",
            "yes",
            "Codes go there again at once.",
            f"/admin/codes/blocks/{BLK}/lift",
            words.LIFT_REASONS,
            "Lift the block",
        ),
    ),
)
