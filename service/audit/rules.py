"""How an entry, a link and a head are computed and checked: pure, and enough to write a verifier from.

    entry  = SHA-256("simward/audit/entry/v1\\n" || body)
    link_0 = SHA-256("simward/audit/zero/v1\\n" || installation || op)
    link_n = SHA-256("simward/audit/link/v1\\n" || op || u64be(n) || link_{n-1} || entry)
    head   = Ed25519("simward/audit/head/v1\\n" || RFC 8785 {v, installation, op, n, link, at})

``body`` is RFC 8785 JSON of v, id, op, at, actor, action, object, reason, facts, note_commit, trace. Ids are
the usual text of a UUID, inside hashes its 16 bytes; instants are UTC with microseconds.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import rfc8785

from service.audit.model import Actor, ActorKind, Entry, Fact, Head

UNSEALED_AFTER = timedelta(seconds=60)
"""An entry that waits longer was withheld from the sealer, or the sealer is down."""

_FIELDS = frozenset(
    ("v", "id", "op", "at", "actor", "action", "object", "reason", "facts", "note_commit", "trace")
)
_CODE = re.compile(r"[a-z][a-z0-9_.\-]{0,63}")
_FACT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_TEXT = 200
_MAX_INT = (1 << 53) - 1


class BadBody(Exception):
    """A text that is not the body of an entry."""


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def compose(
    *,
    entry_id: UUID,
    operator: UUID,
    at: datetime,
    actor: Actor,
    action: str,
    object: str,
    reason: str | None,
    facts: Mapping[str, Fact],
    note_commit: bytes | None,
    trace: str | None,
) -> Entry:
    """The entry with its body. ``ValueError`` for anything that is not an id, a code, a count or a truth."""
    for code in (action, reason):
        if code is not None and not _CODE.fullmatch(code):
            raise ValueError("action and reason are codes")
    for text in (actor.id, object):
        if not 1 <= len(text) <= _MAX_TEXT:
            raise ValueError("actor and object are short ids")
    for name, value in facts.items():
        if not _FACT.fullmatch(name) or not _is_fact(value):
            raise ValueError(f"fact {name[:40]!r} is no short text, integer, truth or null")
    commit = note_commit.hex() if note_commit else None
    body = rfc8785.dumps(
        {
            "v": 1,
            "id": str(entry_id),
            "op": str(operator),
            "at": instant(at),
            "actor": f"{actor.kind}:{actor.id}",
            "action": action,
            "object": object,
            "reason": reason,
            "facts": dict(facts),
            "note_commit": commit,
            "trace": trace,
        }
    ).decode()
    return Entry(entry_id, operator, at, actor, action, object, reason, dict(facts), commit, trace, body)


def _is_fact(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT
    return value is None or (isinstance(value, int) and abs(value) <= _MAX_INT)


def read(body: str) -> Entry:
    """The entry that a body says. :class:`BadBody` unless it is canonical, whole and of a known version."""
    try:
        data = json.loads(body)
        if rfc8785.dumps(data) != body.encode() or data["v"] != 1 or set(data) != _FIELDS:
            raise BadBody
        kind, _, actor = data["actor"].partition(":")
        return Entry(
            UUID(data["id"]),
            UUID(data["op"]),
            datetime.strptime(data["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
            Actor(ActorKind(kind), actor),
            data["action"],
            data["object"],
            data["reason"],
            data["facts"],
            data["note_commit"],
            data["trace"],
            body,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadBody from None


def entry_hash(body: str) -> bytes:
    return hashlib.sha256(b"simward/audit/entry/v1\n" + body.encode()).digest()


def link_zero(installation: UUID, operator: UUID) -> bytes:
    return hashlib.sha256(b"simward/audit/zero/v1\n" + installation.bytes + operator.bytes).digest()


def link(operator: UUID, n: int, before: bytes, entry: bytes) -> bytes:
    """The link of entry number ``n``; ``before`` and ``entry`` are 32 bytes each."""
    data = b"".join(
        (b"simward/audit/link/v1\n", operator.bytes, n.to_bytes(8, "big"), before, entry),
    )
    return hashlib.sha256(data).digest()


def note_commitment(salt: bytes, note: str) -> bytes:
    """Binds an entry to a note that is sealed elsewhere, and says nothing of it once the note is gone."""
    return hashlib.sha256(salt + note.encode()).digest()


def head_text(installation: UUID, operator: UUID, n: int, link: bytes, at: datetime) -> bytes:
    """What is signed."""
    body: dict[str, str | int] = {
        "v": 1,
        "installation": str(installation),
        "op": str(operator),
        "n": n,
        "link": link.hex(),
        "at": instant(at),
    }
    return b"simward/audit/head/v1\n" + rfc8785.dumps(body)


def write_head(head: Head) -> str:
    """One line of a heads file."""
    return json.dumps(
        {
            "v": 1,
            "installation": str(head.installation),
            "op": str(head.operator),
            "n": head.n,
            "link": head.link.hex(),
            "at": instant(head.at),
            "signature": head.signature.hex(),
        },
        separators=(",", ":"),
    )


def read_head(line: str) -> Head:
    """A line of a heads file; ``ValueError`` if it is none."""
    try:
        data = json.loads(line)
        at = datetime.strptime(data["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        n = data["n"]
        if data["v"] != 1 or not isinstance(n, int) or n < 1:
            raise ValueError
        return Head(
            UUID(data["installation"]),
            UUID(data["op"]),
            n,
            bytes.fromhex(data["link"]),
            at,
            bytes.fromhex(data["signature"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("a line of the heads file is not a head") from None


def is_due(last: datetime | None, now: datetime, every: timedelta) -> bool:
    """Whether ``every`` has passed since ``last``. A clock that stepped back makes it due, never silent."""
    return last is None or abs(now - last) >= every


def is_overdue(at: datetime, now: datetime) -> bool:
    """Whether an unsealed entry has waited too long, also one whose clock ran ahead."""
    return abs(now - at) > UNSEALED_AFTER
