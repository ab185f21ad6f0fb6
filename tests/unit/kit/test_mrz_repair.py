"""From lines as a machine read them to a zone: what is fitted, what is put right, what is said of it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kit.mrz import DocumentUnreadable, Layout, check
from service.kit.mrz.repair import AS_DIGIT, AS_LETTER, Fitted, fit

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
VISA = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")


def changed(lines: tuple[str, ...], line: int, at: int, to: str) -> tuple[str, ...]:
    old = lines[line]
    return (*lines[:line], old[:at] + to + old[at + 1 :], *lines[line + 1 :])


@pytest.mark.parametrize(
    ("lines", "layout"),
    [(TD3, Layout.TD3), (TD1, Layout.TD1), (TD2, Layout.TD2), (VISA, Layout.MRV_A)],
    ids=["td3", "td1", "td2", "visa"],
)
def test_a_clean_read_is_left_alone(lines: tuple[str, ...], layout: Layout) -> None:
    found = fit(lines)
    assert (found.mrz.layout, found.mrz.lines) == (layout, lines)
    assert found.is_exact
    assert not found.repaired
    spaced = tuple(f" {line[:9]} {line[9:]}" for line in lines)
    assert fit(("PASSPORT", "Utopia / Utopie", *spaced, "x")) == found


@pytest.mark.parametrize(
    ("lines", "line", "at", "to", "field"),
    [
        (TD3, 1, 9, "G", "document_number"),  # its check digit 6
        (TD3, 1, 13, "T", "birth_date"),
        (TD3, 1, 19, "Z", "birth_date"),
        (TD3, 1, 22, "Z", "expiry_date"),
        (TD3, 1, 42, "I", "optional"),
        (TD3, 1, 43, "O", "composite"),
        (TD3, 1, 12, "0", "nationality"),
        (TD3, 0, 4, "0", "issuing_state"),
        (TD3, 0, 7, "1", "names"),
        (TD3, 0, 10, "5", "names"),
        (TD1, 0, 0, "1", "document_code"),
        (TD1, 0, 14, "T", "document_number"),
        (TD1, 1, 29, "G", "composite"),
        (TD2, 1, 27, "G", "expiry_date"),
    ],
)
def test_a_digit_among_letters_is_put_right_and_said(
    lines: tuple[str, ...], line: int, at: int, to: str, field: str
) -> None:
    found = fit(changed(lines, line, at, to))
    if to not in AS_DIGIT and to not in AS_LETTER:
        raise AssertionError("the example changes nothing")
    assert found.repaired == {field}
    same = [
        place
        for place, (one, two) in enumerate(zip("".join(lines), found.mrz.text, strict=True))
        if one != two
    ]
    assert not same or field in ("expiry_date", "document_number"), (
        "but for a guess that the digit then judges"
    )


def test_germany_has_the_only_code_of_one_letter() -> None:
    lines = (TD3[0].replace("P<UTO", "P<0<<"), TD3[1].replace("UTO", "0<<"))
    found = fit(lines)
    assert (found.mrz.issuing_state, found.mrz.nationality) == ("D", "D")
    assert found.repaired == {"issuing_state", "nationality"}


@given(st.sampled_from([TD3, TD1, TD2, VISA]), st.data())
def test_no_character_of_a_number_is_ever_changed(lines: tuple[str, ...], data: st.DataObject) -> None:
    found = fit(lines)
    place = found.mrz.positions.document_number
    at = data.draw(st.integers(place.start, place.stop - 1))
    width = found.mrz.positions.width
    to = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"))
    read = changed(lines, at // width, at % width, to)
    assert fit(read).mrz.text[place] == "".join(read)[place]


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        ((TD3[0][:30], TD3[1]), TD3),
        ((TD3[0] + "<<", TD3[1]), TD3),
        ((TD3[0], TD3[1].replace("<<<<<", "<<")), TD3),
        ((TD3[0].replace("<<<<", "«‹<"), TD3[1]), TD3),
        ((TD3[0][:36], TD3[1].replace("<<<<<", "")[:36]), None),
        ((TD1[0][:17], TD1[1], TD1[2][:22]), TD1),
        ((TD1[0], TD1[1].replace("<" * 11, "<" * 8), TD1[2]), TD1),
        ((TD2[0][:27], TD2[1].replace("<" * 7, "<" * 5)), TD2),
    ],
)
def test_lost_fillers_are_found_again_where_there_is_one_place_for_them(
    read: tuple[str, ...], wanted: tuple[str, ...] | None
) -> None:
    if wanted is None:
        with pytest.raises(DocumentUnreadable):
            fit(read)
        return
    found = fit(read)
    assert found.mrz.lines == wanted
    assert not found.is_exact


def test_fillers_that_were_taken_for_letters() -> None:
    noisy = changed(changed(TD3, 0, 30, "K"), 0, 38, "C")
    found = fit(noisy)
    assert found.mrz.lines == TD3
    assert found.repaired == {"names"}
    assert fit(changed(TD3, 0, 26, "K")).mrz.lines != TD3, (
        "one filler behind a name may part it from an initial"
    )


def test_a_passport_whose_lines_lost_their_fillers_is_no_card() -> None:
    """Both lines 36 long, as a TD2's: what begins with P is a passport."""
    assert fit((TD3[0][:36], TD3[1])).mrz.layout is Layout.TD3
    found = fit((TD3[0][:36], TD3[1][:28] + TD3[1][-8:]))
    assert found.mrz.layout is Layout.TD3
    assert not found.is_exact


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("HELLO",),
        (TD3[0],),
        (TD3[1], TD3[0]),
        (TD3[0], "L898902C3#UTO7408122F1204159ZE184226B<<<<<10"),
        (*TD3, *TD3),
        (TD3[0], TD3[1][:30]),
        ("X" * 500,) * 60,
    ],
)
def test_what_is_no_zone_or_two_of_them(lines: tuple[str, ...]) -> None:
    with pytest.raises(DocumentUnreadable):
        fit(lines)


@given(st.lists(st.text("PIVACD<0OI1 ABUTO9«\u202e", max_size=60), max_size=6))
def test_any_lines_are_fitted_or_refused(lines: list[str]) -> None:
    try:
        found = fit(lines)
    except DocumentUnreadable:
        return
    assert isinstance(found, Fitted)
    check(found.mrz, date(2026, 11, 29))
