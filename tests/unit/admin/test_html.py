"""Filters, charts and words of the console."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admin import present, words
from service.admin.charts import BAR_WIDTH, bar, columns
from service.admin.html import count, environment, instant, short, span, visible, when
from service.admin.store import ChainState
from service.admin.views import Day
from service.lines.model import Action
from service.risk.model import CATALOGUE, ApplicantCode, Fact, Reason, Verdict

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("char", "code"),
    [
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u200b", "U+200B"),
        ("\u200d", "U+200D"),
        ("\ufeff", "U+FEFF"),
        ("\u00ad", "U+00AD"),
        ("\u3164", "U+3164"),
        ("\ufe0f", "U+FE0F"),
        ("\U000e0041", "U+E0041"),
        ("\x00", "U+0000"),
        ("\n", "U+000A"),
        ("\u00a0", "U+00A0"),
        ("\ud800", "U+D800"),
    ],
)
def test_what_cannot_be_seen_is_shown(char: str, code: str) -> None:
    assert code in visible(f"AN{char}NA")
    assert char not in visible(f"AN{char}NA")


@given(st.text())
def test_foreign_text_never_becomes_markup(text: str) -> None:
    shown = str(visible(text))
    assert shown.startswith("<bdi>")
    inside = shown.removeprefix("<bdi>").removesuffix("</bdi>")
    for part in inside.split('<span class="unseen"'):
        tail = part.partition("</span>")[2] if "</span>" in part else part
        assert "<" not in tail


def test_ordinary_names_stay_as_they_are() -> None:
    for name in ("Anna-Maria O’Neill", "Nguyễn Thị Ánh", "山田 太郎", "محمد", "Łukasz"):
        assert str(visible(name)) == f"<bdi>{name}</bdi>"


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=20), "14:07, just now"),
        (timedelta(minutes=3), "14:05, 3 min ago"),
        (timedelta(hours=2, minutes=5), "12:03, 2 h 05 min ago"),
        (timedelta(hours=15), "yesterday 23:08"),
        (timedelta(days=3), "20 Nov 14:08"),
        (timedelta(days=400), "19 Oct 2025"),
        (-timedelta(hours=1), "15:08, in 1 h 00 min"),
        (-timedelta(days=30), "23 Dec 2026"),
    ],
)
def test_times_read_as_people_say_them(ago: timedelta, said: str) -> None:
    assert when(NOW - ago, NOW) == said
    assert 'title="2026-11-23 14:08:00 UTC"' in instant(NOW, NOW)


def test_spans_and_counts_and_ids() -> None:
    assert [span(timedelta(seconds=s)) for s in (-5, 59, 60, 3600, 93_600, 2_000_000)] == [
        "under a minute",
        "under a minute",
        "1 min",
        "1 h 00 min",
        "1 d 2 h",
        "23 days",
    ]
    assert [count(n) for n in (0, 7, 1204, 12_345, 2.5)] == ["0", "7", "1204", "12\u202f345", "2.5"]
    assert short("reg_019318c2f4a07b3c9d51e6a2b8c4d0f1") == "reg_0193…d0f1"
    assert short("D-0042") == "D-0042"


@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_a_bar_stays_in_its_box_and_starts_at_zero(
    value: int, threshold: int | None, usual: int | None
) -> None:
    drawn = bar(value, threshold, usual)
    for x in (drawn.value, drawn.threshold, drawn.usual):
        assert x is None or 0 <= x <= BAR_WIDTH
    if threshold is not None and value > threshold:
        assert drawn.threshold is not None
        assert drawn.value >= drawn.threshold


@given(st.lists(st.tuples(*[st.integers(0, 500)] * 4), max_size=40))
def test_columns_stand_on_the_floor_and_stay_in_the_plot(counts: list[tuple[int, int, int, int]]) -> None:
    days = [Day(NOW + timedelta(days=i), *parts) for i, parts in enumerate(counts)]
    chart = columns(days, (1, 9))
    assert len(chart.ticks) <= 6
    assert chart.ticks[0] == (chart.floor, 0)
    for column, day in zip(chart.columns, days, strict=True):
        assert 0 <= column.x <= column.x + column.width <= 100.1
        assert sum(piece.height for piece in column.pieces) <= chart.floor
        assert len(column.pieces) == sum(
            1 for part in (day.approved, day.waits, day.denied, day.open) if part
        )


def test_usual_needs_a_week_of_days() -> None:
    assert present.usual_text([0] * 20 + [3] * 6) == "not enough days yet"
    assert present.usual_text([5] * 29) == "usually 5"
    assert present.usual_text([*range(1, 30)]) == "usually 4 to 26"


def reason(*facts: Fact, effect: Verdict | None = Verdict.REVIEW, staff: str = "Three of them") -> Reason:
    return Reason("busy-device", effect, 0, staff, ApplicantCode.NEEDS_A_PERSON, "…", facts)


def test_a_reason_shows_the_number_that_is_furthest_past_its_mark() -> None:
    near = Fact("lines_on_document", ">=", 5, 5, True)
    far = Fact("lines_on_device", ">", 9, 5, True)
    not_so = Fact("scam_on_dealer", ">=", 50, 99, False)
    truth = Fact("agent_absent", "==", True, True, True)
    shown = present.reason_of(reason(near, far, not_so, truth), {"lines_on_device": 1})
    assert (shown.value, shown.threshold, shown.usual, shown.counts) == (9, 5, 1, "counts above 5")
    assert shown.text == "Three of them."
    assert present.reason_of(reason(truth), {}).value is None


def test_a_sentence_full_of_zeros_is_said_without_them() -> None:
    one = Fact("scam_on_device", ">=", 3, 1, True)
    two = Fact("scam_on_dealer", ">=", 4, 3, True)
    shown = present.reason_of(reason(one, two, staff="0 on the document, 3 on the device, 0 elsewhere"), {})
    assert shown.text == (
        "3 lines from this device that were stopped for scam, and 4 lines of this dealer that were stopped for scam."
    )


def test_the_chain_is_late_by_the_sealers_clock() -> None:
    def state(oldest: int | None, sealed_at: int | None, sealed: int = 10) -> ChainState:
        def ago(seconds: int | None) -> datetime | None:
            return None if seconds is None else NOW - timedelta(seconds=seconds)

        return ChainState(sealed, b"\x01" * 32, ago(sealed_at), 9, NOW, 1 if oldest else 0, ago(oldest))

    assert present.chain(state(None, 400), NOW).tone == "approve"
    assert present.chain(state(5, 400), NOW).tone == "approve"
    assert present.chain(state(61, 61), NOW).tone == "review"
    assert present.chain(state(86_400, 1), NOW).tone == "approve", "the seed writes entries of the past"
    assert present.chain(state(None, None, 0), NOW).text == "Nothing sealed yet"


def test_words_cover_what_the_domains_can_say() -> None:
    assert {name for name, _, _ in words.RELATED} <= set(CATALOGUE)
    assert set(words.LINE_ACTS) == set(words.LINE_REASONS) == {action.value for action in Action}
    assert set(words.DEALER_ACTS) == set(words.DEALER_REASONS)
    for acts in (words.LINE_ACTS, words.DEALER_ACTS):
        keys = [key for key, *_ in acts.values()]
        assert len(keys) == len(set(keys)), "a key opens one drawer"
        assert not set(keys) & {"j", "k", "r"}, "keys that mean something else"


def test_words_blame_nobody() -> None:
    every = [environment().loader]
    text = " ".join(str(value) for value in vars(words).values()) + str(every)
    for word in ("fraudster", "criminal", "suspicious", "High velocity"):
        assert word not in text
