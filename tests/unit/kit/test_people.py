"""Invented people have sound papers, of a state that does not exist."""

import random
from datetime import date

import pytest

from service.kit.mrz import NATIONAL, Layout, check, parse
from service.kit.names import Agreement, names_agree
from service.kit.people import invent

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("layout", sorted(set(Layout) - NATIONAL))
def test_their_papers_are_sound(layout: Layout) -> None:
    dice = random.Random(7)
    for _ in range(100):
        person = invent(dice, TODAY, layout=layout)
        mrz = parse(person.lines)
        assert [result for result in check(mrz, TODAY) if result.outcome != "pass"] == []
        assert names_agree(person.family_name, person.given_names, mrz.names) is Agreement.AGREE
        assert (mrz.issuing_state, mrz.document_number) == ("UTO", person.document_number)
        assert person.expiry > TODAY
        assert 18 < (TODAY - person.birth_date).days / 365.25 < 79
        assert (person.birth_date.month, person.birth_date.day) != (1, 1)


def test_the_same_dice_give_the_same_person() -> None:
    assert invent(random.Random(3), TODAY) == invent(random.Random(3), TODAY)
    assert len({invent(random.SystemRandom(), TODAY).document_number for _ in range(50)}) > 45
