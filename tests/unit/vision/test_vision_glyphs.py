"""The drawings of OCR-B are what the font gives, and two readers are put together as they should."""

import numpy as np

from service.vision.agree import agree
from service.vision.glyphs import Glyphs, Shapes
from service.vision.read import ALPHABET, Letters
from tests.house.tree import ROOT
from tests.pictures.needed import needs_font
from tools import glyphs


@needs_font
def test_the_drawings_are_the_fonts() -> None:
    assert glyphs.table() == (ROOT / "service/vision/ocr_b.txt").read_text("ascii")


def test_there_is_one_drawing_for_each_letter_of_a_zone() -> None:
    assert Glyphs().alphabet == ALPHABET == glyphs.ALPHABET


def shapes(text: str, lead: float = 0.2) -> Shapes:
    likeness = np.full((len(text), len(ALPHABET)), 0.6, np.float32)
    for cell, letter in enumerate(text):
        likeness[cell, ALPHABET.index(letter)] += lead
    return Shapes(text, likeness)


def letters(text: str, score: float = 0.99) -> Letters:
    return Letters(text, (score,) * len(text), tuple(float(place) for place in range(len(text))))


def test_two_who_agree_are_more_certain_than_either() -> None:
    both = agree(letters("AB<", 0.7), shapes("AB<", 0.05))
    assert (both.text, both.again) == ("AB<", "AB<")
    assert 0.97 < both.certainty < 1


def test_where_they_differ_nothing_is_certain_and_both_are_said() -> None:
    both = agree(letters("A6C"), shapes("AGC", 0.01))
    assert (both.text, both.again, both.certainty) == ("A6C", "AGC", 0.0)


def test_the_shapes_alone_tell_o_from_0() -> None:
    both = agree(letters("00"), shapes("O0"))
    assert (both.text, both.again) == ("O0", "O0")
    assert agree(letters("00"), shapes("O0", 0.01)).certainty < 0.7


def test_a_round_letter_that_one_of_them_takes_for_something_else_is_uncertain() -> None:
    assert agree(letters("0"), shapes("D")).certainty == 0.0


def test_letters_that_were_lost_are_filled_in_for_a_person_to_confirm() -> None:
    both = agree(letters("A<<"), shapes("A<<<"))
    assert (both.text, both.again, both.certainty) == ("A<<<", "A<<", 0.0)
    vague = agree(letters("A<<"), Shapes("XXXX", np.full((4, 37), 0.3, np.float32)))
    assert (vague.text, vague.certainty) == ("A<<", 0.0)
