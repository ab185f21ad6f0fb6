"""The words of the page behind an appeal's link. They name no person, no number and no operator."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

FALLBACK = "en"


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files("service.response").joinpath("words.toml").read_text("utf-8"))


def page_words(language: str) -> tuple[str, Mapping[str, str]]:
    """The language of the page and its words: the one that is asked for, where there are texts, else English."""
    spoken = language if language in _words() else FALLBACK
    return spoken, _words()[spoken]
