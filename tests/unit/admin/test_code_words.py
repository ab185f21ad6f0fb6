"""Codes in words and figures: every limit, every block, what became of each code, money and shares."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from service.admin import code_words, present, words
from service.admin.charts import hour_columns
from service.admin.present import codes
from service.admin.store import Names
from service.admin.views import Hour
from service.kit.ids import new_id
from service.limits.model import SHARED, Limit, SendBlock
from service.limits.rules.policy import BLOCKS
from service.limits.workflow import MoneyLeft
from service.otp.model import CodeEvent, Handed, NoticeKind
from service.otp.rules.history import WORDS
from service.otp.store import Conversion

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
NOBODY = Names({}, {}, {}, {})


def test_every_limit_has_one_sentence() -> None:
    assert set(code_words.LIMIT) == set(Limit)
    assert len(set(code_words.LIMIT.values())) == len(Limit), "no two say the same"
    for text in code_words.LIMIT.values():
        assert text.endswith("."), text
        assert text.count(".") == 1, text
    assert code_words.limit("OtpOfYore") == "OtpOfYore, a limit of an earlier version."


def test_what_is_denied_in_silence_is_marked() -> None:
    assert {limit for limit in Limit if code_words.is_silent(limit.value)} == SHARED


def test_every_block_is_named() -> None:
    assert set(code_words.BLOCKED) == set(BLOCKS)


def test_every_notice_and_why_it_was_not_sent_have_words() -> None:
    assert set(code_words.NOTICE) == set(NoticeKind)
    assert set(code_words.NOT_SENT) == set(Handed) - {Handed.SENT}


def test_words_blame_nobody() -> None:
    text = " ".join(str(value) for value in vars(code_words).values())
    for word in ("fraudster", "criminal", "suspicious", "attacker"):
        assert word not in text


def test_limits_are_counted_by_stage_and_what_bound_comes_first() -> None:
    shown = present.pressed(
        [
            ("OtpSendAttemptsPerClient", "pressure", 90),
            ("OtpUnverifiedPerBlock", "enforced", 2),
            ("OtpUnverifiedPerCountry", "shadow", 7),
            ("OtpUnverifiedPerBlock", "shadow", 1),
        ]
    )
    assert [(row.name, row.enforced, row.shadow, row.pressure, row.is_silent) for row in shown] == [
        ("OtpUnverifiedPerBlock", 2, 1, 0, True),
        ("OtpUnverifiedPerCountry", 0, 7, 0, True),
        ("OtpSendAttemptsPerClient", 0, 0, 90, False),
    ]


@pytest.mark.parametrize(
    ("unspent", "value", "tone"),
    [(500, "EUR 1 500.00", "plain"), (-900, "EUR 100.00", "review"), (-1000, "EUR 0.00", "deny")],
)
def test_money_says_what_is_left_and_when_it_is_little(unspent: int, value: str, tone: str) -> None:
    left = MoneyLeft("EUR", 2_000_000_000, 1_000_000_000, unspent * 1_000_000)
    shown = present.money_today(left, is_exact=True)
    assert shown is not None
    assert (shown.value, shown.tone, shown.note) == (value.replace(" 1 5", " 1\u202f5"), tone, None)
    unsure = present.money_today(left, is_exact=False)
    assert unsure is not None
    assert "Redis does not answer" in (unsure.note or "")
    assert present.money_today(None, is_exact=True) is None


def test_a_low_share_is_marked_where_there_is_enough_to_tell() -> None:
    rows = [
        Conversion("DE", 400, 320, 0, 30_000_000),
        Conversion("LT", 100, 20, 60, 4_500_000),
        Conversion("AT", 19, 0, 0, 1),
        Conversion("none", 0, 0, 5, 0),
    ]
    shown = present.conversions("country", rows, "EUR")
    assert [(row.name, row.share, row.is_low) for row in shown.rows] == [
        ("DE, +49", 80, False),
        ("LT, +370", 20, True),
        ("AT, +43", 0, False),
        ("not known", None, False),
    ]
    many = present.conversions(
        "block", [Conversion(f"+4915112{n:02d}", 1, 0, 0, 0) for n in range(40)], "EUR"
    )
    assert (len(many.rows), many.more) == (codes.SHOWN, 40 - codes.SHOWN)


def test_hours_without_messages_are_there_and_noon_is_named() -> None:
    hours = present.hours([(NOW.replace(minute=0) - timedelta(hours=2), 9, 4)], NOW)
    assert len(hours) == 48
    assert hours[-3] == Hour(NOW.replace(hour=12, minute=0), 9, 4)
    assert sum(hour.sent for hour in hours) == 9
    chart = hour_columns(hours)
    assert [column.label for column in chart.columns if column.label] == [
        "22 Nov",
        "12:00",
        "23 Nov",
        "12:00",
    ]
    drawn = chart.columns[-3]
    assert [piece.kind for piece in drawn.pieces] == ["approved", "open"]
    assert drawn.pieces[0].y + drawn.pieces[0].height == chart.floor, "it stands on the baseline"


def test_places_read_as_people_write_them() -> None:
    assert codes.number_block("+491511234") == "+49 1511234 ••••"
    assert codes.number_block("what?") == "what? ••••"
    assert codes.country("LT") == "LT, +370"
    assert codes.country("none") == "none"
    assert present.is_country("LT")
    assert not present.is_country("XX")


def test_who_set_a_block_is_named() -> None:
    person, gone = new_id(), new_id()
    names = Names({}, {}, {}, {person: "jonas.weiss"})
    assert present.made_by("guard", names) == "the guard"
    assert present.made_by("holder", names) == "the holder of the number"
    assert present.made_by(person.hex, names) == "jonas.weiss"
    assert present.made_by(gone.hex, names).startswith("staff ")


@pytest.mark.parametrize("reason", ["unanswered-messages", "not-me", *(c.code for c in words.BLOCK_REASONS)])
def test_every_reason_of_a_block_has_words(reason: str) -> None:
    block = SendBlock(new_id(), Limit.OTP_BLOCKED_COUNTRY, "LT", None, None, reason, "guard", NOW, NOW)
    why = present.block_row(block, None, NOBODY).why
    assert why in (*code_words.BLOCK_REASON.values(), *(choice.text for choice in words.BLOCK_REASONS))


# The timeline of a case


def event(kind: str, outcome: str, challenge: UUID | None = None, **more: str) -> CodeEvent:
    return CodeEvent(new_id(), NOW, kind, outcome, challenge=challenge, **more)  # type: ignore[arg-type]


def test_every_outcome_of_a_code_has_words() -> None:
    assert set(code_words.SENT) == {*WORDS.values(), "test"}
    for kind, outcomes in (
        ("send", code_words.SENT),
        ("check", code_words.CHECKED),
        ("unsent", code_words.UNSENT),
    ):
        for outcome in outcomes:
            made = present.code_moments([event(kind, outcome)])
            assert len(made) == ((kind, outcome) != ("check", "verified")), "the audit has the right one"
    assert (
        present.code_moments([event("receipt", "not_delivered")])[0].text
        == "The network reports: not delivered"
    )
    assert "not told" in present.code_moments([event("withheld", "withheld")])[0].text


def test_a_held_back_code_says_why_and_that_nobody_was_told() -> None:
    [held] = present.code_moments([event("send", "suppressed", limit="OtpBlockedCountry")])
    assert held.text == "A code was held back; the caller was not told"
    assert held.note == "No codes go to this country."


def test_a_sent_code_names_its_sender_and_wrong_ones_are_counted() -> None:
    one = new_id()
    made = present.code_moments(
        [
            event("send", "sent", one, channel="sms"),
            event("accepted", "accepted", one, sender="smpp"),
            event("check", "rejected", one),
            event("check", "rejected", one),
            event("send", "denied", limit="OtpSendsPerMsisdn"),
            event("check", "rejected", one),
            event("check", "verified", one),
        ]
    )
    assert [(m.text, m.by) for m in made] == [
        ("A code was sent by SMS", "smpp"),
        ("A wrong code was given, 2 times", None),
        ("A code was asked for too soon or too often; the caller was told to wait", None),
        ("A wrong code was given", None),
    ]


def test_money_that_came_at_once_is_not_told() -> None:
    one, two = new_id(), new_id()
    made = present.code_moments(
        [
            event("send", "unfunded", one),
            event("send", "sent", one, channel="sms"),
            event("send", "unfunded", two),
        ]
    )
    assert [m.text for m in made] == ["A code was sent by SMS", "No code was sent: no money was ready"]
