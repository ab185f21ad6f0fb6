"""What a message says and how many parts it is paid as. Pure."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from service.kit.gsm import cut
from service.kit.msisdn import Msisdn
from service.otp.model import Wording

FALLBACK = "en"
"""The language of who asks for one that we do not speak."""

OPERATOR_CHARACTERS = 20
"""What a message shows of an operator's name; the test of lengths counts with it."""


def compose(
    *,
    language: str,
    purpose: str,
    operator: str,
    number: Msisdn,
    code: str,
    in_shop: bool,
    web_domain: str | None = None,
    link: str | None = None,
) -> tuple[str, str]:
    """The message and the language that it is in.

    In a shop the agent asks for the code, so that text says whom it may be shown to. ``link`` adds a line by which
    a holder who asked for nothing says so. ``web_domain`` adds the last line by which a browser fills the code
    into that domain's page alone; nothing may follow it (WICG, Origin-bound one-time codes). A message that is read
    aloud takes neither.
    """
    spoken = language.partition("-")[0].lower()
    spoken = spoken if spoken in wordings() else FALLBACK
    words = wordings()[spoken]
    base = words.base.format(
        operator=_shown(operator), code=code, purpose=words.purposes[purpose], last=number.value[-3:]
    )
    lines = [f"{base} {words.shop if in_shop else words.caller}"]
    if link:
        lines.append(words.holder.format(link=link))
    if web_domain:
        lines.append(f"@{web_domain} #{code}")
    return "\n".join(lines), spoken


_LANGUAGES = {
    "AT": "de", "BR": "pt", "CH": "de", "CN": "zh", "DE": "de", "EG": "ar", "ES": "es", "FR": "fr", "ID": "id",
    "IT": "it", "MX": "es", "NL": "nl", "PL": "pl", "PT": "pt", "SA": "ar", "TH": "th", "TR": "tr",
}  # fmt: skip


def spoken_in(region: str | None) -> str:
    """A language for a message that nobody asked for: the one most people of the number's country read, as far as
    we speak it, else English."""
    return _LANGUAGES.get(region or "", FALLBACK)


def card_notice(language: str, operator: str) -> str:
    """That somebody asks for a card in the place of the reader's. It names no person and no number."""
    return wordings()[language].card_notice.format(operator=_shown(operator))


def sms_parts(text: str) -> int:
    """How many messages a text is sent and paid as (3GPP TS 23.038)."""
    return len(cut(text).parts)


@cache
def wordings() -> Mapping[str, Wording]:
    """The templates of every language, as they are packaged."""
    data = tomllib.loads(resources.files("service.otp").joinpath("texts.toml").read_text("utf-8"))
    return {language: Wording(**table) for language, table in data.items()}


def _shown(operator: str) -> str:
    """The operator's name as a message shows it: printable, short, on one line."""
    printable = "".join(letter for letter in operator if letter.isprintable())
    return printable[:OPERATOR_CHARACTERS].strip()
