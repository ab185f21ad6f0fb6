"""Names of limits, of what they are keyed by, and of who charges them."""

from collections.abc import Mapping
from enum import StrEnum


class Limit(StrEnum):
    """Every limit there is, named action-Per-key; the value is the fact ``limit`` of a refusal.

    If you add one, you MUST say here what its budget is keyed by (:data:`DIMENSION`), give it buckets in
    ``policy/limits.toml``, put it into :data:`SHARES` unless it is the caller's own, and write it into
    ``docs/limits.md``.

    A budget of the caller's own is keyed by operator **and client**, so that ``retry_at`` tells a client
    nothing about what other clients sent to the same number.
    """

    OTP_SENDS_PER_MSISDN = "OtpSendsPerMsisdn"
    """Messages with a code to one number."""

    OTP_SENDS_PER_MSISDN_EVERYWHERE = "OtpSendsPerMsisdnEverywhere"
    """The same over all operators and clients: shields a victim from bombing. Shared."""

    OTP_SENDS_PER_CLIENT = "OtpSendsPerClient"
    OTP_SENDS_PER_DEALER = "OtpSendsPerDealer"
    """A dealer that a client merely asserts cannot use up another key's budget: the client is in its key."""

    OTP_SENDS_PER_IP = "OtpSendsPerIp"
    """By the applicant's address as the caller says it: an IPv4 address, or the /64 of an IPv6 one."""

    OTP_SENDS_PER_NETWORK = "OtpSendsPerNetwork"
    """The /48 of an IPv6 address, the /24 of an IPv4 one."""

    OTP_SENDS_PER_DEVICE = "OtpSendsPerDevice"
    OTP_SENDS_PER_BLOCK = "OtpSendsPerBlock"
    """The number without its last four digits."""

    OTP_SENDS_PER_COUNTRY = "OtpSendsPerCountry"
    OTP_CHALLENGE_PER_CLIENT = "OtpChallengePerClient"
    """Gate: with so many messages of this client unanswered, the first one to a number wants a solved challenge."""

    OTP_NEIGHBOURS_PER_HUNDRED = "OtpNeighboursPerHundred"
    """First messages to numbers that differ in their last two digits alone. Shared."""

    OTP_UNVERIFIED_PER_COUNTRY = "OtpUnverifiedPerCountry"
    OTP_UNVERIFIED_PER_BLOCK = "OtpUnverifiedPerBlock"
    OTP_UNVERIFIED_PER_IP = "OtpUnverifiedPerIp"
    OTP_UNVERIFIED_EVERYWHERE = "OtpUnverifiedEverywhere"
    """The breaker: all messages of an operator. Shared."""

    OTP_BLOCKED_MSISDN = "OtpBlockedMsisdn"
    """The holder's wish, or staff's: no codes of this client to this number. Shared."""

    OTP_BLOCKED_MSISDN_EVERYWHERE = "OtpBlockedMsisdnEverywhere"
    OTP_BLOCKED_BLOCK = "OtpBlockedBlock"
    OTP_BLOCKED_COUNTRY = "OtpBlockedCountry"
    OTP_BLOCKED_CLIENT = "OtpBlockedClient"
    OTP_BLOCKED_EVERYWHERE = "OtpBlockedEverywhere"
    OTP_MONEY_PER_DAY = "OtpMoneyPerDay"
    """What an operator's messages may cost in a day of UTC. A purse."""

    OTP_SEND_ATTEMPTS_PER_CLIENT = "OtpSendAttemptsPerClient"
    """Asked for, sent or not: what an attack looks like from here. Pressure."""

    OTP_CHECKS_PER_CLIENT = "OtpChecksPerClient"
    """Codes compared for one client."""

    OTP_CHECKS_PER_IP = "OtpChecksPerIp"
    OTP_WRONG_CODES_PER_MSISDN = "OtpWrongCodesPerMsisdn"
    """Wrong codes for one number; a new code does not refill it."""

    OTP_SPRAYED_PER_CLIENT = "OtpSprayedPerClient"
    """Codes whose first answer was wrong: one guess at each of many numbers."""

    OTP_SPRAYED_PER_IP = "OtpSprayedPerIp"
    REPORTS_PER_CLIENT = "ReportsPerClient"
    """Scam reports that one client files."""


class Share(StrEnum):
    """Who charges a budget, which is who may be told of it. The values are the wire to Lua."""

    OWN = "own"
    SHARED = "shared"
    GATE = "gate"
    PURSE = "purse"


SHARES: Mapping[Limit, Share] = {
    Limit.OTP_CHALLENGE_PER_CLIENT: Share.GATE,
    Limit.OTP_MONEY_PER_DAY: Share.PURSE,
    **dict.fromkeys(
        (
            Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
            Limit.OTP_NEIGHBOURS_PER_HUNDRED,
            Limit.OTP_UNVERIFIED_PER_COUNTRY,
            Limit.OTP_UNVERIFIED_PER_BLOCK,
            Limit.OTP_UNVERIFIED_PER_IP,
            Limit.OTP_UNVERIFIED_EVERYWHERE,
            Limit.OTP_BLOCKED_MSISDN,
            Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
            Limit.OTP_BLOCKED_BLOCK,
            Limit.OTP_BLOCKED_COUNTRY,
            Limit.OTP_BLOCKED_CLIENT,
            Limit.OTP_BLOCKED_EVERYWHERE,
        ),
        Share.SHARED,
    ),
}
"""Limits that are not the caller's own. Which they are is structure, not policy: a mistake here would tell."""

SHARED = frozenset(limit for limit, share in SHARES.items() if share is Share.SHARED)


class Dimension(StrEnum):
    """What a budget is keyed by; the value stands in the names of Redis. Each says its parts, after the label."""

    OPERATOR = "o"
    CLIENT = "c"
    DEALER = "d"
    """operator, client, dealer."""

    MSISDN = "n"
    """operator, client, number."""

    MSISDN_EVERYWHERE = "N"
    """number."""

    MSISDN_OPERATOR = "m"
    """operator, number."""

    IP = "i"
    """operator, client, address."""

    IP_OPERATOR = "J"
    """operator, address."""

    NETWORK = "I"
    """operator, client, network."""

    DEVICE = "f"
    """operator, client, device."""

    BLOCK = "b"
    """operator, client, block."""

    BLOCK_OPERATOR = "B"
    """operator, block."""

    COUNTRY = "k"
    """operator, client, country."""

    COUNTRY_OPERATOR = "K"
    """operator, country."""

    HUNDRED = "h"
    """operator, number without its last two digits."""


DIMENSION: Mapping[Limit, Dimension] = {
    Limit.OTP_SENDS_PER_MSISDN: Dimension.MSISDN,
    Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE: Dimension.MSISDN_EVERYWHERE,
    Limit.OTP_SENDS_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_SENDS_PER_DEALER: Dimension.DEALER,
    Limit.OTP_SENDS_PER_IP: Dimension.IP,
    Limit.OTP_SENDS_PER_NETWORK: Dimension.NETWORK,
    Limit.OTP_SENDS_PER_DEVICE: Dimension.DEVICE,
    Limit.OTP_SENDS_PER_BLOCK: Dimension.BLOCK,
    Limit.OTP_SENDS_PER_COUNTRY: Dimension.COUNTRY,
    Limit.OTP_CHALLENGE_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_NEIGHBOURS_PER_HUNDRED: Dimension.HUNDRED,
    Limit.OTP_UNVERIFIED_PER_COUNTRY: Dimension.COUNTRY_OPERATOR,
    Limit.OTP_UNVERIFIED_PER_BLOCK: Dimension.BLOCK_OPERATOR,
    Limit.OTP_UNVERIFIED_PER_IP: Dimension.IP_OPERATOR,
    Limit.OTP_UNVERIFIED_EVERYWHERE: Dimension.OPERATOR,
    Limit.OTP_BLOCKED_MSISDN: Dimension.MSISDN,
    Limit.OTP_BLOCKED_MSISDN_EVERYWHERE: Dimension.MSISDN_OPERATOR,
    Limit.OTP_BLOCKED_BLOCK: Dimension.BLOCK_OPERATOR,
    Limit.OTP_BLOCKED_COUNTRY: Dimension.COUNTRY_OPERATOR,
    Limit.OTP_BLOCKED_CLIENT: Dimension.CLIENT,
    Limit.OTP_BLOCKED_EVERYWHERE: Dimension.OPERATOR,
    Limit.OTP_MONEY_PER_DAY: Dimension.OPERATOR,
    Limit.OTP_SEND_ATTEMPTS_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_CHECKS_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_CHECKS_PER_IP: Dimension.IP,
    Limit.OTP_WRONG_CODES_PER_MSISDN: Dimension.MSISDN,
    Limit.OTP_SPRAYED_PER_CLIENT: Dimension.CLIENT,
    Limit.OTP_SPRAYED_PER_IP: Dimension.IP,
    Limit.REPORTS_PER_CLIENT: Dimension.CLIENT,
}


TAG: Mapping[Limit, str] = {
    limit: tag
    for tag, limit in {
        "s": Limit.OTP_SENDS_PER_MSISDN,
        "se": Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE,
        "sc": Limit.OTP_SENDS_PER_CLIENT,
        "sd": Limit.OTP_SENDS_PER_DEALER,
        "si": Limit.OTP_SENDS_PER_IP,
        "sn": Limit.OTP_SENDS_PER_NETWORK,
        "sf": Limit.OTP_SENDS_PER_DEVICE,
        "sb": Limit.OTP_SENDS_PER_BLOCK,
        "sk": Limit.OTP_SENDS_PER_COUNTRY,
        "g": Limit.OTP_CHALLENGE_PER_CLIENT,
        "h": Limit.OTP_NEIGHBOURS_PER_HUNDRED,
        "uk": Limit.OTP_UNVERIFIED_PER_COUNTRY,
        "ub": Limit.OTP_UNVERIFIED_PER_BLOCK,
        "ui": Limit.OTP_UNVERIFIED_PER_IP,
        "u": Limit.OTP_UNVERIFIED_EVERYWHERE,
        "bn": Limit.OTP_BLOCKED_MSISDN,
        "bm": Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
        "bb": Limit.OTP_BLOCKED_BLOCK,
        "bk": Limit.OTP_BLOCKED_COUNTRY,
        "bc": Limit.OTP_BLOCKED_CLIENT,
        "b": Limit.OTP_BLOCKED_EVERYWHERE,
        "m": Limit.OTP_MONEY_PER_DAY,
        "pa": Limit.OTP_SEND_ATTEMPTS_PER_CLIENT,
        "cc": Limit.OTP_CHECKS_PER_CLIENT,
        "ci": Limit.OTP_CHECKS_PER_IP,
        "w": Limit.OTP_WRONG_CODES_PER_MSISDN,
        "wc": Limit.OTP_SPRAYED_PER_CLIENT,
        "wi": Limit.OTP_SPRAYED_PER_IP,
        "r": Limit.REPORTS_PER_CLIENT,
    }.items()
}
"""A limit in the names of Redis: short, and never given to another limit."""
