"""The default alphabet, and how a text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kit import gsm

LETTERS = gsm.BASIC.replace("\x1b", "") + "^{}\\[~]|€\f"
HEADER = 6


@pytest.mark.parametrize(
    ("letter", "octets"),
    [
        # 3GPP TS 23.038, 6.2.1 and 6.2.1.1: corners of both tables.
        ("@", b"\x00"),
        ("Δ", b"\x10"),
        ("Æ", b"\x1c"),
        (" ", b"\x20"),
        ("¤", b"\x24"),
        ("?", b"\x3f"),
        ("¡", b"\x40"),
        ("A", b"\x41"),
        ("Ä", b"\x5b"),
        ("§", b"\x5f"),
        ("¿", b"\x60"),
        ("z", b"\x7a"),
        ("à", b"\x7f"),
        ("€", b"\x1b\x65"),
        ("[", b"\x1b\x3c"),
        ("|", b"\x1b\x40"),
        ("\\", b"\x1b\x2f"),
        ("~", b"\x1b\x3d"),
        ("^", b"\x1b\x14"),
        ("\f", b"\x1b\x0a"),
    ],
)
def test_where_a_letter_stands(letter: str, octets: bytes) -> None:
    assert gsm.septets(letter) == octets
    assert gsm.from_septets(octets) == letter


def test_the_table_has_a_place_for_every_septet() -> None:
    assert len(gsm.BASIC) == len(set(gsm.BASIC)) == 128
    assert gsm.BASIC[gsm.ESCAPE] == "\x1b"


@pytest.mark.parametrize("letter", ["\x1b", "ç", "ó", "`", "\t", "😀", "ا"])
def test_what_is_not_in_it(letter: str) -> None:
    assert not gsm.is_gsm(letter)
    with pytest.raises(ValueError):
        gsm.septets(letter)
    assert gsm.cut(letter).coding is gsm.Coding.UCS2


@pytest.mark.parametrize("data", [b"\x1b", b"\x1b\x00", b"\x80", b"\xff"])
def test_what_no_table_has_reads_as_a_space(data: bytes) -> None:
    assert gsm.from_septets(data) == " "


@given(st.text(st.sampled_from(LETTERS), max_size=700))
def test_no_escape_is_torn_from_its_letter(text: str) -> None:
    found = gsm.cut(text)
    assert found.coding is gsm.Coding.GSM
    assert "".join(map(gsm.from_septets, found.parts)) == text
    assert len(found.parts) == 1 or all(len(part) <= 153 for part in found.parts)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_no_surrogate_is_torn_from_the_other(text: str) -> None:
    found = gsm.cut("ó" + text)
    assert found.coding is gsm.Coding.UCS2
    assert "".join(part.decode("utf-16-be") for part in found.parts) == "ó" + text
    assert len(found.parts) == 1 or all(len(part) + HEADER <= 140 for part in found.parts)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 152 + "€" * 5, [152, 10]),
        ("ó" * 71, [134, 8]),
        ("ó" * 66 + "😀" * 3, [132, 12]),
        ("", [0]),
    ],
)
def test_where_a_text_is_cut(text: str, sizes: list[int]) -> None:
    assert [len(part) for part in gsm.cut(text).parts] == sizes


def test_no_more_parts_than_can_be_counted() -> None:
    assert len(gsm.cut("a" * 153 * 255).parts) == 255
    with pytest.raises(ValueError):
        gsm.cut("a" * (153 * 255 + 1))
