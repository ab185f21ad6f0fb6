"""What the page behind a holder's link says: the same in every language of messages, and in the asked one."""

import re
from unicodedata import bidirectional

import pytest

from service.otp import rules

LANGUAGES = sorted(rules.wordings())
NAMES = {
    "told": {"operator", "number"},
    "client_note": {"operator"},
    "everyone_note": {"operator"},
    "kept": {"operator"},
    "done_client": {"number", "until"},
    "done_everyone": {"operator", "number", "until"},
}
"""What each text has to name; the others name nothing."""


def test_every_language_of_messages_has_its_page() -> None:
    assert sorted(rules.pages()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_out(language: str) -> None:
    words = rules.pages()[language]
    assert set(words) == set(rules.pages()["en"])
    for name, text in words.items():
        assert set(re.findall(r"{(\w*)}", text)) == NAMES.get(name, set()), name
    assert words["client"] != words["everyone"]
    assert words["done_client"] != words["done_everyone"]
    assert "30" in words["asked"]


def test_what_reads_from_the_right_says_so() -> None:
    found = {one for one, words in rules.pages().items() if "AL" in map(bidirectional, words["title"])}
    assert found == rules.RIGHT_TO_LEFT


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.3, fr;q=0.7", "fr"),
        ("xx, ar-EG;q=0.5", "ar"),
        ("es;q=0, pt", "pt"),
        ("fr, de", "fr"),
        ("AR", "ar"),
        ("de;q=nan, fr;q=0.1", "fr"),
        ("de;q=1e9, fr", "fr"),
        ("de;v=1, fr", "fr"),
        ("*", "en"),
        ("," * 5000 + "de", "en"),
    ],
)
def test_the_language_that_is_asked_for(accepted: str, language: str) -> None:
    assert rules.language_of(accepted) == language
