"""The words of the holder's page, and in which language it answers. Pure."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from service.otp.rules.wording import FALLBACK

RIGHT_TO_LEFT = frozenset({"ar"})
_LONGEST = 200
"""Characters of the header that are read: what a browser sends is shorter."""


@cache
def pages() -> Mapping[str, Mapping[str, str]]:
    """The words by language, as they are packaged; the languages are those of messages."""
    return tomllib.loads(resources.files("service.otp").joinpath("pages.toml").read_text("utf-8"))


def language_of(accepted: str) -> str:
    """The best of our languages for an ``Accept-Language`` (RFC 9110, 12.5.4), by its first subtag."""
    wanted: list[tuple[float, str]] = []
    for part in accepted[:_LONGEST].split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().partition("-")[0].lower()
        quality = _quality(parameter.strip())
        if language in pages() and quality > 0:
            wanted.append((quality, language))
    # The first of those that are wanted equally.
    return max(wanted, key=lambda each: each[0])[1] if wanted else FALLBACK


def _quality(parameter: str) -> float:
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    try:
        found = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
