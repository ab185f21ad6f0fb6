"""The words of a notice and of its page. They name no person, no number and no operator."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

FALLBACK = "en"
_SPOKEN = {
    "AT": "de", "BE": "nl", "BR": "pt", "CH": "de", "CN": "zh", "DE": "de", "EG": "ar", "ES": "es", "FR": "fr",
    "ID": "id", "IT": "it", "LI": "de", "LU": "fr", "MX": "es", "NL": "nl", "PL": "pl", "PT": "pt", "SA": "ar",
    "TH": "th", "TR": "tr",
}  # fmt: skip
"""By the country of the number (ISO 3166-1 alpha-2). Where several are spoken, the most spoken one: the page behind the
link answers in the browser's."""


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files("service.notices").joinpath("words.toml").read_text("utf-8"))


def language_for(country: str | None) -> str:
    """The language of a message to a number of ``country``."""
    return _SPOKEN.get(country or "", FALLBACK)


def text(language: str, link: str) -> str:
    """The message; an unknown language has the English one."""
    words = _words().get(language, _words()[FALLBACK])
    return f"{words['message']} {link}"


def pages(language: str) -> Mapping[str, str]:
    """The words of the page; languages without a page of their own have the English one."""
    words = _words().get(language, {})
    return words if "title" in words else _words()[FALLBACK]
