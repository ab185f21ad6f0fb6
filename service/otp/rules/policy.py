"""The policy of codes: read, checked, and what it says about a number. Pure."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any

import phonenumbers

from service.kit.msisdn import Msisdn
from service.kit.values import Malformed
from service.limits import rules as limits
from service.limits.model import PolicyInvalid
from service.otp.model import CodePolicy, Destination, NumberNotAllowed, TestNumber
from service.otp.rules.routing import load_routes

_FIELDS = {"ttl", "attempts", "tombstone", "claim", "line_types", "allow_unallocated", "work_bits"}
_TABLES = {"version", "otp", "limits", "countries"}
_OPTIONAL = {"money", "senders", "test_numbers"}
_LINE_TYPES = frozenset(
    {"mobile", "fixed", "fixed_or_mobile", "toll_free", "premium", "shared_cost"}
    | {"voip", "personal", "pager", "company", "voicemail", "unknown"}
)


def destination(number: Msisdn) -> Destination:
    """What anyone can compute of a number."""
    return Destination(number, *number.described())


def may_receive(policy: CodePolicy, to: Destination) -> None:
    """Raise :class:`NumberNotAllowed` where the policy sends no codes to this country or sort of line."""
    if to.country not in policy.prices:
        raise NumberNotAllowed("No codes are sent to numbers of this country.")
    if not to.is_allocated and not policy.allows_unallocated:
        raise NumberNotAllowed("The numbering plan has no such number.")
    if to.line_type not in policy.line_types:
        raise NumberNotAllowed("No codes are sent to this sort of line.")


def load_policy(text: str) -> CodePolicy:
    """Read a policy file, its limits included; :class:`PolicyInvalid` says what is wrong with it."""
    buckets = limits.load_policy(text)
    data = tomllib.loads(text)
    table = data.get("otp")
    if (
        not _TABLES <= set(data) <= _TABLES | _OPTIONAL
        or not isinstance(table, dict)
        or set(table) != _FIELDS
    ):
        raise PolicyInvalid(
            "a version, [limits], [countries], perhaps [money], [senders] and test_numbers, and [otp] with exactly"
            f" {', '.join(sorted(_FIELDS))}"
        )
    attempts, bits = table["attempts"], table["work_bits"]
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= 5:
        raise PolicyInvalid("otp.attempts is a whole number from 1 to 5")
    if not isinstance(bits, int) or isinstance(bits, bool) or not 8 <= bits <= 28:
        raise PolicyInvalid("otp.work_bits is a whole number from 8 to 28")
    if not isinstance(table["allow_unallocated"], bool):
        raise PolicyInvalid("otp.allow_unallocated is true or false")
    policy = CodePolicy(
        limits=buckets,
        ttl=limits.duration(table["ttl"]),
        attempts=attempts,
        tombstone=limits.duration(table["tombstone"]),
        claim=limits.duration(table["claim"]),
        line_types=_words(table["line_types"]),
        allows_unallocated=table["allow_unallocated"],
        prices=_prices(data["countries"]),
        work_bits=bits,
        test_numbers=_test_numbers(data.get("test_numbers", [])),
        routes=load_routes(data.get("senders", {})),
    )
    # NIST SP 800-63B, 5.1.3: an out-of-band secret is valid for at most ten minutes.
    if policy.ttl > limits.duration("10m"):
        raise PolicyInvalid("otp.ttl is at most 10m")
    if not policy.line_types <= _LINE_TYPES:
        raise PolicyInvalid("otp.line_types names a sort of line that there is not")
    return policy


def seed_policy() -> CodePolicy:
    """The packaged version."""
    return load_policy(limits.seed_text())


def _words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise PolicyInvalid("otp.line_types is a list of words")
    return frozenset(value)


def _prices(table: Any) -> Mapping[str, int]:
    if not isinstance(table, dict) or not table:
        raise PolicyInvalid("countries: the price of one SMS part for each country that codes are sent to")
    for country, price in table.items():
        if country not in phonenumbers.SUPPORTED_REGIONS:
            raise PolicyInvalid("countries: a name is a code of ISO 3166-1, two capital letters")
        if not isinstance(price, int) or isinstance(price, bool) or not 0 < price <= 10**9:
            raise PolicyInvalid(f"countries.{country}: a price is whole micro-units, above zero")
    return dict(table)


def _test_numbers(rows: Any) -> Mapping[str, TestNumber]:
    if not isinstance(rows, list):
        raise PolicyInvalid("test_numbers is a list of {number, code, until}")
    found: dict[str, TestNumber] = {}
    for row in rows:
        if not isinstance(row, dict) or set(row) != {"number", "code", "until"}:
            raise PolicyInvalid("test_numbers: each has number, code and until, and nothing else")
        code, until = row["code"], row["until"]
        if not isinstance(code, str) or not re.fullmatch("[0-9]{6}", code, re.ASCII):
            raise PolicyInvalid("test_numbers: a code is six digits")
        if type(until) is not date:
            raise PolicyInvalid("test_numbers: until is a date; a number without an end would be a back door")
        try:
            number = Msisdn.parse(str(row["number"])).value
        except Malformed:
            raise PolicyInvalid("test_numbers: a number is written as + and digits") from None
        found[number] = TestNumber(code, until)
    return found
