"""Addresses of Redis: one server, Sentinels that know which one is the master, or the nodes of a cluster.

``redis://``, ``rediss://`` and ``unix://`` are redis-py's own forms (the first two are in the IANA register of URI
schemes) and are handed on. The other two are ours, since no standard names several hosts:

- ``redis+sentinel://[user:password@]h1[:26379],h2,…/service[/db][?sentinel_username=…&sentinel_password=…]``
- ``redis+cluster://[user:password@]h1[:6379],h2,…``

User and password are those of the servers; those of the Sentinels are options of their own. Both may be
percent-encoded.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_OPTIONS = frozenset({"db", "username", "password", "client_name", "protocol", "health_check_interval"})
"""What may follow a ``?`` in redis-py's forms, beside ``ssl_…``. A time limit may not: it would replace ours."""


class RedisUrlError(ValueError):
    """The text says what is wrong and never repeats the address, which may hold a password."""


class Topology(StrEnum):
    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """What an address says. ``url`` is for redis-py where it is one server; ``hosts`` are Sentinels or nodes."""

    topology: Topology
    url: str = field(default="", repr=False)
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


def redis_address(url: str) -> RedisAddress:
    """Read an address. Raises :class:`RedisUrlError`."""
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss", "unix") and "://" in url:
        return _single(url, scheme)
    if scheme == "redis+sentinel":
        return _sentinel(url)
    if scheme == "redis+cluster":
        return _cluster(url)
    raise RedisUrlError(
        "begins with none of redis://, rediss://, unix://, redis+sentinel://, redis+cluster://"
    )


def _single(url: str, scheme: str) -> RedisAddress:
    try:
        parts = urlsplit(url)
        port = parts.port if scheme != "unix" else None
    except ValueError:
        raise RedisUrlError("the host or its port cannot be read") from None
    if port == 0:
        raise RedisUrlError("the port is 0")
    if scheme == "unix" and not parts.path.strip("/"):
        raise RedisUrlError("a Unix socket needs a path")
    if scheme != "unix" and not re.fullmatch(r"/?|/[0-9]+", parts.path):
        raise RedisUrlError("what follows the host is the number of a database")
    options = parse_qs(parts.query, keep_blank_values=True)
    if not all(name in _OPTIONS or name.startswith("ssl_") for name in options):
        raise RedisUrlError("an option that is not known here")
    if not all(re.fullmatch("[0-9]+", each) for each in options.get("db", [])):
        raise RedisUrlError("db is the number of a database")
    return RedisAddress(Topology.SINGLE, url=url)


def _sentinel(url: str) -> RedisAddress:
    hosts, username, password, path, query = _several(url, 26379)
    match = re.fullmatch(r"/([A-Za-z0-9._-]+)(?:/([0-9]{1,4}))?", path)
    if not match:
        raise RedisUrlError("after the Sentinels come /service or /service/db")
    options = parse_qs(query, keep_blank_values=True)
    if not options.keys() <= {"sentinel_username", "sentinel_password"}:
        raise RedisUrlError("an option that is not known here")
    given = {name: values[-1] for name, values in options.items()}
    return RedisAddress(
        Topology.SENTINEL,
        hosts=hosts,
        service=match[1],
        db=int(match[2] or 0),
        username=username,
        password=password,
        sentinel_username=given.get("sentinel_username"),
        sentinel_password=given.get("sentinel_password"),
    )


def _cluster(url: str) -> RedisAddress:
    hosts, username, password, path, query = _several(url, 6379)
    if path not in ("", "/", "/0") or query:
        raise RedisUrlError("a cluster has one database, 0, and no options here")
    return RedisAddress(Topology.CLUSTER, hosts=hosts, username=username, password=password)


def _several(url: str, port: int) -> tuple[tuple[tuple[str, int], ...], str | None, str | None, str, str]:
    """Hosts, user, password, path and query of an address with several hosts, which urllib does not read."""
    rest, _, query = url.partition("://")[2].partition("?")
    authority, slash, path = rest.partition("/")
    credentials, at, listed = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    hosts = []
    for each in listed.split(","):
        match = _HOST.fullmatch(each)
        found = int(match[3] or port) if match else 0
        if not match or not 0 < found < 65536:
            raise RedisUrlError("hosts are host or host:port, with commas between")
        hosts.append((match[1] or match[2], found))
    if at and not password:
        raise RedisUrlError("a user without a password")
    return tuple(hosts), unquote(user) or None, unquote(password) or None, slash + path, query
