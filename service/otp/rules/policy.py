"""The policy of codes: read, checked, and what it says about a number. Pure."""

import tomllib
from typing import Any

from service.kit.msisdn import Msisdn
from service.limits import rules as limits
from service.limits.model import PolicyInvalid
from service.otp.model import CodePolicy, NumberNotAllowed

_FIELDS = {"ttl", "attempts", "tombstone", "claim", "line_types", "countries"}
_LINE_TYPES = frozenset(
    {"mobile", "fixed", "fixed_or_mobile", "toll_free", "premium", "shared_cost"}
    | {"voip", "personal", "pager", "company", "voicemail", "unknown"}
)


def may_receive(policy: CodePolicy, number: Msisdn) -> None:
    """Raise :class:`NumberNotAllowed` where the policy sends no codes to this country or sort of line."""
    if "*" not in policy.countries and number.region not in policy.countries:
        raise NumberNotAllowed("No codes are sent to numbers of this country.")
    if number.line_type not in policy.line_types:
        raise NumberNotAllowed("No codes are sent to this sort of line.")


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
