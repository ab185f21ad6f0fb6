"""Which limits a send and a check charge. Pure: the engine and a replay read the same lists."""

from collections.abc import Iterable
from datetime import date

from service.limits import rules as limits
from service.limits.model import Dimension, Limit, LimitPolicy, Purse, Stage
from service.limits.rules import Plan, Row

SEND = (
    Limit.OTP_SENDS_PER_MSISDN,
    Limit.OTP_SENDS_PER_DEVICE,
    Limit.OTP_SENDS_PER_IP,
    Limit.OTP_SENDS_PER_NETWORK,
    Limit.OTP_SENDS_PER_DEALER,
    Limit.OTP_SENDS_PER_BLOCK,
    Limit.OTP_SENDS_PER_COUNTRY,
    Limit.OTP_SENDS_PER_CLIENT,
    Limit.OTP_CHALLENGE_PER_CLIENT,
    Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
    Limit.OTP_UNVERIFIED_PER_COUNTRY,
    Limit.OTP_UNVERIFIED_PER_BLOCK,
    Limit.OTP_UNVERIFIED_PER_IP,
    Limit.OTP_UNVERIFIED_EVERYWHERE,
    Limit.OTP_BLOCKED_BLOCK,
    Limit.OTP_BLOCKED_COUNTRY,
    Limit.OTP_BLOCKED_CLIENT,
    Limit.OTP_BLOCKED_EVERYWHERE,
    Limit.OTP_SEND_ATTEMPTS_PER_CLIENT,
)
HOLDERS = (Limit.OTP_BLOCKED_MSISDN, Limit.OTP_BLOCKED_MSISDN_EVERYWHERE)
"""The holder's wish: it does not bind a registration in a shop (``api.md``, Verifications)."""

CHECK: tuple[tuple[Limit, str], ...] = (
    (Limit.OTP_CHECKS_PER_CLIENT, "always"),
    (Limit.OTP_CHECKS_PER_IP, "always"),
    (Limit.OTP_WRONG_CODES_PER_MSISDN, "wrong"),
    (Limit.OTP_SPRAYED_PER_CLIENT, "first"),
    (Limit.OTP_SPRAYED_PER_IP, "first"),
    (Limit.OTP_UNVERIFIED_PER_COUNTRY, "right"),
    (Limit.OTP_UNVERIFIED_PER_BLOCK, "right"),
    (Limit.OTP_UNVERIFIED_PER_IP, "right"),
    (Limit.OTP_UNVERIFIED_EVERYWHERE, "right"),
    (Limit.OTP_CHALLENGE_PER_CLIENT, "right"),
)


def send_plan(
    policy: LimitPolicy,
    having: Iterable[Dimension],
    price: int,
    day: date,
    is_first: bool,
    in_shop: bool,
    has_solved: bool,
) -> Plan:
    """What one message charges that has these dimensions. ``price`` is of the whole message, micro-units; ``day`` of
    UTC is whose money it takes. What asks for a challenge asks before the first message alone."""
    wanted = SEND if in_shop else (*SEND, *HOLDERS)
    if is_first:
        wanted = (*wanted, Limit.OTP_NEIGHBOURS_PER_HUNDRED)
    rows = limits.plan(policy, wanted, having, solved=has_solved or not is_first).rows
    if policy.money is not None:
        tail = limits.purse_tail(day)
        rows = (*rows, Row(Limit.OTP_MONEY_PER_DAY, tail, Purse(price), Stage.ENFORCED))
    return Plan(rows)
