"""The network that an address belongs to: what one household, shop or farm of cards has."""

from ipaddress import IPv6Address, ip_address, ip_network


def network_of(ip: str) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; a mapped IPv4 address is what it is. None for what is no
    address."""
    try:
        found = ip_address(ip)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ip_network((found, 48 if isinstance(found, IPv6Address) else 24), strict=False))
