"""Outgoing HTTP to an address that somebody configured: signed, bounded, and never into our own network.

A name is resolved once and that very address is connected, so that a second answer of its name server cannot
lead elsewhere; redirects, proxies of the environment and kept connections are not used. Standard Webhooks
(version 1) says how a body is signed.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx2

from service.kit import signed

CONNECT_S = 3.0
TOTAL_S = 5.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, in the order to try them; ``OSError`` where there are none."""

_UNICAST_V6 = IPv6Network("2000::/3")
# Inside 2000::/3 and not plain unicast: 6to4 wraps an IPv4 address, 3fff::/20 is for documents (RFC 9637).
_NOT_PLAIN_V6 = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"))


class TargetRefused(ValueError):
    """The URL may not be called; the text is a code."""


class NotReached(Exception):
    """No connection was made: certainly nothing was said."""


class AnswerLost(Exception):
    """A connection was made and no answer came: the other side may have acted."""


def is_public(address: str) -> bool:
    """Whether this is a public unicast address. An IPv4 address mapped into IPv6 is judged as what it is."""
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if isinstance(found, IPv6Address):
        plain = found in _UNICAST_V6 and not any(found in network for network in _NOT_PLAIN_V6)
    else:
        plain = found not in _RELAY_V4
    return plain and found.is_global and not found.is_multicast and not found.is_reserved


_RELAY_V4 = frozenset({IPv4Address("192.88.99.1")})  # the 6to4 relay anycast address, retired by RFC 7526


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks: one signature for each secret (``whsec_`` and base64)."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{signed.signature(each, message_id, timestamp, body)}" for each in secrets
        ),
    }


def signing_key(secret: str) -> bytes:
    """The bytes of a secret: 24 to 64, as the specification has it."""
    try:
        return signed.signing_key(secret)
    except signed.SecretRefused as refused:
        raise TargetRefused(str(refused)) from None


async def resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@cache
def public_roots() -> ssl.SSLContext:
    """The usual certificate authorities, read once: reading them costs some 40 ms."""
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called: https, no credentials in it; ``allow_private`` admits http and our own network.

    ``roots``: whom to trust for its certificate; None is :func:`public_roots`.
    """

    url: httpx2.URL
    allow_private: bool
    roots: ssl.SSLContext | None = None

    @classmethod
    def parse(
        cls, text: str, *, allow_private: bool = False, roots: ssl.SSLContext | None = None
    ) -> "Target":
        """Raise :class:`TargetRefused` for what may never be called, whatever its name resolves to."""
        try:
            url = httpx2.URL(text)
        except httpx2.InvalidURL:
            raise TargetRefused("not-a-url") from None
        if url.scheme != "https" and not (url.scheme == "http" and allow_private):
            raise TargetRefused("https-only")
        if not url.host or url.userinfo or url.fragment:
            raise TargetRefused("host-or-credentials")
        return cls(url, allow_private, roots)

    async def post(self, body: bytes, headers: Mapping[str, str], *, resolver: Resolve = resolve) -> int:
        """The status of the answer; its body is not read. Raises :class:`TargetRefused`, :class:`NotReached`,
        :class:`AnswerLost`; at most five seconds in all."""
        reached = False
        try:
            async with asyncio.timeout(TOTAL_S):
                address = await self._address(resolver)
                reached = True
                return await self._post(address, body, headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise NotReached from error
        except (httpx2.TransportError, TimeoutError) as error:
            raise (AnswerLost if reached else NotReached) from error

    async def _address(self, resolver: Resolve) -> str:
        port = self.url.port or (443 if self.url.scheme == "https" else 80)
        try:
            addresses = await resolver(self.url.host, port)
        except OSError as error:
            raise NotReached from error
        if not addresses:
            raise NotReached
        # One private address among public ones is how a name is rebound: the whole answer is refused.
        if not self.allow_private and not all(map(is_public, addresses)):
            raise TargetRefused("address-not-public")
        return addresses[0]

    async def _post(self, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        client = httpx2.AsyncClient(
            verify=self.roots or public_roots(),
            timeout=httpx2.Timeout(TOTAL_S, connect=CONNECT_S),
            limits=httpx2.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )
        host = self.url.netloc.decode("ascii")
        async with client:
            request = client.build_request(
                "POST",
                self.url.copy_with(host=address),
                content=body,
                headers={**headers, "host": host, "content-type": "application/json"},
                # The certificate is checked against the name that was configured, not against the address.
                extensions={"sni_hostname": self.url.host},
            )
            response = await client.send(request, stream=True)
            await response.aclose()
            return response.status_code
