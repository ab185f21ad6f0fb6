"""Judgement about codes, pure: who may be sent one, what the message says, how long it is."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from service.kit.msisdn import Msisdn
from service.limits import rules as limits
from service.limits.model import PolicyInvalid
from service.otp.model import CodePolicy, NumberNotAllowed, Wording

FALLBACK = "en"
"""The language of who asks for one that we do not speak."""

OPERATOR_CHARACTERS = 20
"""What a message shows of an operator's name; the test of lengths counts with it."""

_FIELDS = {"ttl", "attempts", "tombstone", "claim", "line_types", "countries"}
_LINE_TYPES = frozenset(
    {"mobile", "fixed", "fixed_or_mobile", "toll_free", "premium", "shared_cost"}
    | {"voip", "personal", "pager", "company", "voicemail", "unknown"}
)
# GSM 03.38: the basic alphabet, and what costs two places in it.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")


def may_receive(policy: CodePolicy, number: Msisdn) -> None:
    """Raise :class:`NumberNotAllowed` where the policy sends no codes to this country or sort of line."""
    if "*" not in policy.countries and number.region not in policy.countries:
        raise NumberNotAllowed("No codes are sent to numbers of this country.")
    if number.line_type not in policy.line_types:
        raise NumberNotAllowed("No codes are sent to this sort of line.")


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


def load_policy(text: str) -> CodePolicy:
    """Read a policy file, its limits included; :class:`PolicyInvalid` says what is wrong with it."""
    buckets = limits.load_policy(text)
    data = tomllib.loads(text)
    table = data.get("otp")
    if set(data) != {"version", "otp", "limits"} or not isinstance(table, dict) or set(table) != _FIELDS:
        raise PolicyInvalid(f"a version, [limits], and [otp] with exactly {', '.join(sorted(_FIELDS))}")
    attempts = table["attempts"]
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= 5:
        raise PolicyInvalid("otp.attempts is a whole number from 1 to 5")
    policy = CodePolicy(
        limits=buckets,
        ttl=limits.duration(table["ttl"]),
        attempts=attempts,
        tombstone=limits.duration(table["tombstone"]),
        claim=limits.duration(table["claim"]),
        line_types=_words(table["line_types"]),
        countries=_words(table["countries"]),
    )
    # NIST SP 800-63B, 5.1.3: an out-of-band secret is valid for at most ten minutes.
    if policy.ttl > limits.duration("10m"):
        raise PolicyInvalid("otp.ttl is at most 10m")
    if not policy.line_types <= _LINE_TYPES:
        raise PolicyInvalid("otp.line_types names a sort of line that there is not")
    if any(country != "*" and not (len(country) == 2 and country.isupper()) for country in policy.countries):
        raise PolicyInvalid('otp.countries are codes of two capital letters, or "*"')
    return policy


def seed_policy() -> CodePolicy:
    """The packaged version."""
    return load_policy(limits.seed_text())


def _words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise PolicyInvalid("otp.line_types and otp.countries are lists of words")
    return frozenset(value)


def _shown(operator: str) -> str:
    """The operator's name as a message shows it: printable, short, on one line."""
    printable = "".join(letter for letter in operator if letter.isprintable())
    return printable[:OPERATOR_CHARACTERS].strip()
