"""What a message says and how many parts it is paid as. Pure."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from service.kit.msisdn import Msisdn
from service.otp.model import Wording

FALLBACK = "en"
"""The language of who asks for one that we do not speak."""

OPERATOR_CHARACTERS = 20
"""What a message shows of an operator's name; the test of lengths counts with it."""

# GSM 03.38: the basic alphabet, and what costs two places in it.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")


def compose(
    *,
    language: str,
    purpose: str,
    operator: str,
    number: Msisdn,
    code: str,
    in_shop: bool,
    web_domain: str | None = None,
) -> tuple[str, str]:
    """The message and the language that it is in.

    In a shop the agent asks for the code, so that text says whom it may be shown to. ``web_domain`` adds the
    last line by which a browser fills the code into that domain's page alone (WICG, Origin-bound one-time codes).
    """
    spoken = language.partition("-")[0].lower()
    spoken = spoken if spoken in wordings() else FALLBACK
    words = wordings()[spoken]
    base = words.base.format(
        operator=_shown(operator), code=code, purpose=words.purposes[purpose], last=number.value[-3:]
    )
    text = f"{base} {words.shop if in_shop else words.caller}"
    return (f"{text}\n@{web_domain} #{code}" if web_domain else text), spoken


def sms_parts(text: str) -> int:
    """How many messages a text is sent and paid as (3GPP TS 23.038; 7 bytes of a part join the parts)."""
    if all(letter in _GSM or letter in _GSM_TWICE for letter in text):
        length, one, more = len(text) + sum(letter in _GSM_TWICE for letter in text), 160, 153
    else:
        length, one, more = len(text.encode("utf-16-be")) // 2, 70, 67
    return 1 if length <= one else -(-length // more)


@cache
def wordings() -> Mapping[str, Wording]:
    """The templates of every language, as they are packaged."""
    data = tomllib.loads(resources.files("service.otp").joinpath("texts.toml").read_text("utf-8"))
    return {language: Wording(**table) for language, table in data.items()}


def _shown(operator: str) -> str:
    """The operator's name as a message shows it: printable, short, on one line."""
    printable = "".join(letter for letter in operator if letter.isprintable())
    return printable[:OPERATOR_CHARACTERS].strip()
