"""Everything that outlives a request, read as whoever stole it would: tables, Redis, files, logs, numbers."""

import base64
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import redis as sync_redis
from prometheus_client import generate_latest
from psycopg import sql

from service.infra.telemetry import REGISTRY
from tests.conftest import Backend

Needles = Mapping[str, bytes]
"""What must not be found, by what it is."""


def base64_forms(data: bytes) -> dict[str, bytes]:
    """The same bytes in base64 at each of the three alignments, without the characters that neighbours share."""
    found = {}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data)
        # The first characters also hold what stood before, the last ones what comes after.
        inner = text[(4 if shift else 0) :].rstrip(b"=")
        inner = inner[: len(inner) - (1 if (len(data) + shift) % 3 else 0)]
        found[f"base64+{shift}"] = inner
        found[f"base64url+{shift}"] = inner.replace(b"+", b"-").replace(b"/", b"_")
    return found


class Sweep:
    """``find(needles)`` says where which of them lies; an empty list is what every test wants."""

    def __init__(self, backend: Backend, logs: io.StringIO) -> None:
        self._backend = backend
        self._logs = logs

    @property
    def logs(self) -> str:
        return self._logs.getvalue()

    def find(self, needles: Needles, *, files: Needles | None = None) -> list[str]:
        """``files``: what to look for in the data folder, where that is less than ``needles``."""
        found = [f"{place}: {name}" for place, body in self._kept() for name in _hits(body, needles)]
        wanted = needles if files is None else files
        return found + [f"{place}: {name}" for place, body in self._files() for name in _hits(body, wanted)]

    def places(self) -> list[str]:
        """What a sweep reads, for the test that it reads anything at all."""
        return [place for place, body in self._kept() if body]

    def _kept(self) -> Iterator[tuple[str, bytes]]:
        yield from self.tables()
        yield from self.redis()
        yield "logs", self.logs.encode()
        yield "metrics", generate_latest(REGISTRY)

    def tables(self) -> Iterator[tuple[str, bytes]]:
        """Every row of every table of ours, in COPY's binary form: texts, JSON and bytes stand in it as they are."""
        with self._backend.admin() as conn:
            names = conn.execute(
                "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2"
            ).fetchall()
            for schema, name in names:
                copy = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)").format(
                    sql.Identifier(str(schema), str(name))
                )
                with conn.cursor().copy(copy) as rows:
                    body = b"".join(bytes(part) for part in rows)
                yield f"table {name}", body[19:-2]

    def redis(self) -> Iterator[tuple[str, bytes]]:
        """Names and values of every key, of every type."""
        client: sync_redis.Redis[Any]
        with sync_redis.Redis.from_url(self._backend.servers.redis_admin_url) as client:
            for key in client.scan_iter(count=1000):
                yield f"redis {key[:24]!r}…", b"\0".join([key, *_flat(_value(client, key))])

    def _files(self) -> Iterator[tuple[str, bytes]]:
        """The servers' data folder with everything written out: pages, write-ahead log, logs, append-only file."""
        with self._backend.admin() as conn:
            conn.execute("CHECKPOINT")
        for folder, _, names in os.walk(self._backend.folder):
            for name in names:
                path = Path(folder, name)
                try:
                    yield f"file {path.relative_to(self._backend.folder)}", path.read_bytes()
                except OSError:  # a socket, or a file that the server has just removed
                    continue


def _hits(body: bytes, needles: Needles) -> Iterator[str]:
    return (name for name, needle in needles.items() if needle in body)


def _value(client: Any, key: bytes) -> Any:
    readers = {
        b"string": lambda: client.get(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"hash": lambda: client.hgetall(key),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"stream": lambda: client.xrange(key),
        b"none": lambda: None,
    }
    return readers[client.type(key)]()


def _flat(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(name)
            yield from _flat(part)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for part in value:
            yield from _flat(part)
