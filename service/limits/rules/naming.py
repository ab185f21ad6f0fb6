"""Which budgets a request charges, and what they are called in Redis. Pure: the hashes are given."""

from collections.abc import Iterable, Mapping
from datetime import date

from service.limits.model import DIMENSION, TAG, Block, Charge, Dimension, Limit, LimitPolicy, Rule
from service.limits.rules.policy import BLOCKS, suffix

_BLOCK = Rule((Block(),))

Hashes = Mapping[Dimension, str]
"""The keyed hash of each dimension that a request has: 22 characters of base64url."""


def charges(policy: LimitPolicy, limit: Limit, hashes: Hashes) -> tuple[Charge, ...]:
    """The buckets of ``limit``; none where the policy has none or the request lacks what it is keyed by."""
    name = hashes.get(DIMENSION[limit])
    rule = _BLOCK if limit in BLOCKS else policy.rules.get(limit)
    if name is None or rule is None:
        return ()
    return tuple(
        Charge(limit, budget_key(limit, name, suffix(bucket)), bucket, rule.stage) for bucket in rule.buckets
    )


def budget_key(limit: Limit, hashed: str, suffix: str) -> str:
    """``suffix`` tells kind and period (:func:`service.limits.rules.suffix`)."""
    return f"{{otp}}:l:{hashed}:{TAG[limit]}:{suffix}"


def all_charges(policy: LimitPolicy, limits: Iterable[Limit], hashes: Hashes) -> tuple[Charge, ...]:
    return tuple(charge for limit in limits for charge in charges(policy, limit, hashes))


def block_key(limit: Limit, hashed: str) -> str:
    """Where a block of this limit stands; ``hashed`` is the keyed hash of its dimension."""
    return budget_key(limit, hashed, "b")


def purse_key(operator: str, day: date) -> str:
    """The purse of an operator (its keyed hash) for a day of UTC."""
    return f"{{otp}}:m:{operator}:{day:%Y%m%d}"
