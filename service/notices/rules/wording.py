"""The words of a notice and of its page. They name no person, no number and no operator."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

FALLBACK = "en"


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files("service.notices").joinpath("words.toml").read_text("utf-8"))


def text(language: str, link: str) -> str:
    """The message; an unknown language has the English one."""
    words = _words().get(language, _words()[FALLBACK])
    return f"{words['message']} {link}"


def pages(language: str) -> Mapping[str, str]:
    """The words of the page; languages without a page of their own have the English one."""
    words = _words().get(language, {})
    return words if "title" in words else _words()[FALLBACK]
