"""National numbers: each country's table is there, and no text raises anything but the refusal."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.national_id import NUMBERS, NationalId, compact_of_state
from service.kit.states import ISSUERS
from service.kit.values import Malformed


@pytest.mark.parametrize("country", NUMBERS)
def test_every_country_has_its_table_and_refuses_nonsense(country: str) -> None:
    assert NUMBERS[country][0] in ISSUERS
    for text in ("", "x", "0", "<<<<", "1" * 41, "٣" * 11, "😀", "\x00" * 11):
        with pytest.raises(Malformed):
            NationalId.parse(country, text)


@pytest.mark.parametrize(
    ("country", "text", "number", "born"),
    [
        ("PL", "44051401359", "44051401359", date(1944, 5, 14)),
        ("EE", "36805280109", "36805280109", date(1968, 5, 28)),
        ("RO", "1630615123457", "1630615123457", date(1963, 6, 15)),
        ("TR", "10000000146", "10000000146", None),
        ("NL", "1112.22.333", "111222333", None),
    ],
)
def test_numbers_whose_digit_agrees(country: str, text: str, number: str, born: date | None) -> None:
    parsed = NationalId.parse(country, text)
    assert (parsed.number, parsed.birth_date) == (number, born)
    assert compact_of_state(parsed.state, text) == number
    assert number not in repr(parsed)


@given(
    st.sampled_from(sorted(NUMBERS)), st.text(max_size=50) | st.text("0123456789", min_size=8, max_size=20)
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_number_or_refused(country: str, text: str) -> None:
    try:
        parsed = NationalId.parse(country, text)
    except Malformed:
        return
    assert parsed.number.isascii()
