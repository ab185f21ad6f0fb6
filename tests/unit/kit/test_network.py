"""The network of an address."""

import pytest

from service.kit.network import network_of


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
        ("nowhere", None),
        ("", None),
    ],
)
def test_network(ip: str, network: str | None) -> None:
    assert network_of(ip) == network
