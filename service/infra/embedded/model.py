"""Nouns of the embedded servers: what a caller gets, what it is told when it gets nothing."""

from dataclasses import dataclass
from urllib.parse import quote

SUPERUSER = "postgres"
ROLES = ("simward_owner", "simward_app", "simward_sealer", "simward_read")


class EmbeddedError(Exception):
    """The servers cannot be had; the text is for the person who typed the command."""


class AlreadyRunning(EmbeddedError):
    """Another process owns this data folder; the text says which one and where."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where to connect. The SQL urls are SQLAlchemy's; ``redis_admin_url`` may do everything (tests flush)."""

    owner_url: str
    app_url: str
    sealer_url: str
    read_url: str
    redis_url: str
    redis_admin_url: str
    redis_version: str
    pids: tuple[int, ...]
    attached: bool


def sql_url(role: str, database: str, sockets: str) -> str:
    """A peer-authenticated url. The port is only part of the socket's name, but PGPORT would change it."""
    return f"postgresql+psycopg://{role}@/{quote(database)}?host={quote(sockets)}&port=5432"


def redis_url(user: str, password: str, socket: str) -> str:
    """A url in redis-py's form for Unix sockets."""
    return f"unix://{user}:{quote(password)}@{quote(socket)}?db=0"
