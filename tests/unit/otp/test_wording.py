"""Every language, for every purpose, with and without what may be added: what is said and what it costs."""

from unicodedata import bidirectional

import pytest

from service.kit.gsm import is_gsm
from service.kit.msisdn import Msisdn
from service.otp import rules

NUMBER = Msisdn.parse("+4915112345678")
PURPOSES = ("new", "port_in", "sim_swap", "reverify", "verification")
LANGUAGES = sorted(rules.wordings())
LONGEST = "W" * (rules.OPERATOR_CHARACTERS + 10)

GSM = frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "id"})
"""Languages that are worded in the default alphabet: a letter outside it would more than double their price."""

LINK = "https://sim.example/h/" + "x" * 53
WEB = {"web_domain": "sim.example"}
HOLDER = {"link": LINK}


def text(language: str = "en", purpose: str = "new", *, in_shop: bool = False, **more: str) -> str:
    return rules.compose(
        language=language,
        purpose=purpose,
        operator=LONGEST,
        number=NUMBER,
        code="013579",
        in_shop=in_shop,
        web_domain=more.get("web_domain"),
        link=more.get("link"),
    )[0]


def test_the_languages_that_are_promised() -> None:
    assert len(LANGUAGES) >= 10
    assert set(LANGUAGES) > GSM
    bases = {language: rules.wordings()[language].base for language in LANGUAGES}
    assert {one for one, base in bases.items() if "AL" in map(bidirectional, base)} == {"ar"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_words_for_every_purpose(language: str) -> None:
    words = rules.wordings()[language]
    assert set(words.purposes) == set(PURPOSES)
    assert len(set(words.purposes.values())) == len(PURPOSES), "one text for two purposes says neither"
    assert words.holder.count("{link}") == 1
    assert words.holder.endswith(" {link}"), "nothing that follows is taken for a part of the address"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("in_shop", [False, True])
@pytest.mark.parametrize(
    ("more", "parts_more"),
    [({}, 0), (WEB, 1), (HOLDER, 1), ({**WEB, **HOLDER}, 1)],
    ids=["plain", "webotp", "holder", "webotp-and-holder"],
)
def test_no_message_is_longer_than_it_may_cost(
    language: str, purpose: str, in_shop: bool, more: dict[str, str], parts_more: int
) -> None:
    """One part in the languages of GSM 03.38, at most two or three in the others. What is added costs one part more,
    and in UCS-2, where a link of 75 letters alone is longer than a part, two."""
    assert len(LINK) == 75
    said = text(language, purpose, in_shop=in_shop, **more)
    most = 1 if language in GSM else 3 if language in {"th", "pl", "tr"} else 2
    if "link" in more and language not in GSM:
        parts_more += 1
    assert rules.sms_parts(said) <= most + parts_more, len(said)
    assert is_gsm(said) == (language in GSM)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_holder_who_asked_for_nothing_is_told_where_to_say_so(language: str) -> None:
    lines = text(language, link=LINK, web_domain="sim.example").split("\n")
    assert lines[0] == text(language)
    assert lines[1] == rules.wordings()[language].holder.removesuffix("{link}") + LINK
    assert lines[2] == "@sim.example #013579", "a browser reads the last line alone"
    assert text(language, link=LINK).split("\n") == lines[:2]


def test_a_link_is_not_a_template() -> None:
    assert text(link="https://sim.example/{code}").endswith("/{code}")


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("a" * 152 + "€" * 77, 3),  # a pair more than fits: the last octet of each part stays empty
        ("ó" * 66 + "😀" * 34, 3),
        ("a" * 306, 2),
    ],
)
def test_what_is_paid_is_what_is_sent(said: str, parts: int) -> None:
    assert rules.sms_parts(said) == parts
