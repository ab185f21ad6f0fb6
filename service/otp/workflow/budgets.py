"""Which budgets a send and a check charge, under which names."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from uuid import UUID

from service.limits import rules as limits
from service.limits.model import Dimension
from service.limits.rules import Bill, Plan
from service.limits.volatile import Names, name
from service.otp.model import CodePolicy, Destination
from service.otp.rules.charging import CHECK, send_plan
from service.otp.volatile import Budget, Tariff

_AT_CHECK = (
    Dimension.MSISDN,
    Dimension.IP,
    Dimension.COUNTRY_OPERATOR,
    Dimension.BLOCK_OPERATOR,
    Dimension.IP_OPERATOR,
)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a code. ``ip`` and ``device`` are the applicant's as the caller asserts them; ``device`` is a text
    that only ever goes into a keyed hash. ``is_bound``: the key belongs to the dealer."""

    operator: UUID
    operator_name: str
    client: UUID
    dealer: UUID | None = None
    is_bound: bool = False
    ip: str | None = field(default=None, repr=False)
    device: bytes | str | None = field(default=None, repr=False)


class Budgets:
    """Names and charges. Hashes of what recurs (client, country, block) are kept; those of people are not."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._kept = lru_cache(maxsize=20_000)(self._name)
        self._policy: CodePolicy | None = None
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._checks: dict[tuple[UUID, UUID], tuple[CodePolicy, Tariff]] = {}

    def _name(self, dimension: Dimension, *parts: Any) -> str:
        return name(self._names, dimension, *parts)

    def hashes(self, asker: Asker, to: Destination) -> dict[Dimension, str]:
        """The keyed hash of each dimension that this request has."""
        operator, client = asker.operator, asker.client
        number = to.msisdn.value
        found = {
            Dimension.OPERATOR: self._kept(Dimension.OPERATOR, operator),
            Dimension.CLIENT: self._kept(Dimension.CLIENT, operator, client),
            Dimension.MSISDN: self._name(Dimension.MSISDN, operator, client, number),
            Dimension.MSISDN_OPERATOR: self._name(Dimension.MSISDN_OPERATOR, operator, number),
            Dimension.MSISDN_EVERYWHERE: self._name(Dimension.MSISDN_EVERYWHERE, number),
            Dimension.BLOCK: self._kept(Dimension.BLOCK, operator, client, to.block),
            Dimension.BLOCK_OPERATOR: self._kept(Dimension.BLOCK_OPERATOR, operator, to.block),
            Dimension.HUNDRED: self._name(Dimension.HUNDRED, operator, to.hundred),
        }
        if to.country is not None:
            found[Dimension.COUNTRY] = self._kept(Dimension.COUNTRY, operator, client, to.country)
            found[Dimension.COUNTRY_OPERATOR] = self._kept(Dimension.COUNTRY_OPERATOR, operator, to.country)
        if asker.dealer is not None:
            found[Dimension.DEALER] = self._kept(Dimension.DEALER, operator, client, asker.dealer)
        # On a key that is bound to a dealer the dealer's limits take the place of those by address.
        if asker.ip is not None and not asker.is_bound:
            address, network = places(asker.ip)
            found[Dimension.IP] = self._name(Dimension.IP, operator, client, address)
            found[Dimension.IP_OPERATOR] = self._name(Dimension.IP_OPERATOR, operator, address)
            found[Dimension.NETWORK] = self._name(Dimension.NETWORK, operator, client, network)
        if asker.device is not None:
            found[Dimension.DEVICE] = self._name(Dimension.DEVICE, operator, client, asker.device)
        return found

    def send(
        self,
        policy: CodePolicy,
        hashes: dict[Dimension, str],
        *,
        price: int,
        now: datetime,
        is_first: bool,
        in_shop: bool,
        has_solved: bool,
    ) -> Bill:
        """What one message charges. ``price`` is of the whole message, micro-units."""
        shape = (tuple(hashes), price, now.date(), is_first, in_shop, has_solved)
        if self._policy is not policy or len(self._plans) >= 1000:
            self._policy, self._plans = policy, {}
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._plans[shape] = send_plan(policy.limits, *shape)
        return plan.bill(hashes)

    def check(self, policy: CodePolicy, operator: UUID, client: UUID) -> Tariff:
        """What one comparison charges. ``?x`` in a name is filled in by the script, from what the home knows."""
        known = self._checks.get((operator, client))
        if known is not None and known[0] is policy:
            return known[1]
        hashes = {dimension: f"?{dimension.value}" for dimension in _AT_CHECK}
        hashes[Dimension.OPERATOR] = self._kept(Dimension.OPERATOR, operator)
        hashes[Dimension.CLIENT] = self._kept(Dimension.CLIENT, operator, client)
        found = Tariff(
            [
                Budget(charge, when)
                for limit, when in CHECK
                for charge in limits.charges(policy.limits, limit, hashes)
            ]
        )
        if len(self._checks) >= 10_000:
            self._checks.clear()
        self._checks[operator, client] = (policy, found)
        return found


def kept_for_checks(hashes: dict[Dimension, str], *, is_test: bool = False) -> dict[str, str]:
    """What the home has to know. A test number was sent nothing, so its right answer is no conversion: it would make
    room for messages that nobody answers."""
    kept = {dimension.value: hashes[dimension] for dimension in _AT_CHECK if dimension in hashes}
    return {**kept, "test": "1"} if is_test else kept


def places(ip: str) -> tuple[str, str]:
    """``(address, network)``: IPv4 and its /24, or the /64 and the /48 of IPv6. A mapped IPv4 address is what it is."""
    found = ip_address(ip)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False)), str(ip_network((found, 48), strict=False))
    return str(found), str(ip_network((found, 24), strict=False))
