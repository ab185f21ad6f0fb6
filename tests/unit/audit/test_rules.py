"""Entries, links and heads: vectors that another verifier must reach, and what is no entry."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from service.audit import rules
from service.audit.model import Actor, ActorKind, Entry, Fact, Head

OP = UUID("018f0000-0000-7000-8000-000000000001")
ID = UUID("018f0000-0000-7000-8000-0000000000e1")
INSTALLATION = UUID("018f0000-0000-7000-8000-0000000000f1")
AT = datetime(2026, 11, 23, 10, 0, 0, 123456, UTC)


def entry(**changes: object) -> Entry:
    values: dict[str, object] = {
        "entry_id": ID,
        "operator": OP,
        "at": AT,
        "actor": Actor(ActorKind.CLIENT, "pos-1"),
        "action": "registration.created",
        "object": "reg_018f",
        "reason": None,
        "facts": {"purpose": "new", "count": 3, "ok": True, "dealer": None},
        "note_commit": None,
        "trace": None,
    }
    return rules.compose(**(values | changes))  # type: ignore[arg-type]


def test_the_body_is_canonical_and_reads_back() -> None:
    made = entry()
    assert made.body == (
        '{"action":"registration.created","actor":"client:pos-1","at":"2026-11-23T10:00:00.123456Z",'
        '"facts":{"count":3,"dealer":null,"ok":true,"purpose":"new"},'
        '"id":"018f0000-0000-7000-8000-0000000000e1","note_commit":null,"object":"reg_018f",'
        '"op":"018f0000-0000-7000-8000-000000000001","reason":null,"trace":null,"v":1}'
    )
    assert rules.read(made.body) == made


def test_vectors() -> None:
    import hashlib

    hashed = rules.entry_hash(entry().body)
    assert hashed == hashlib.sha256(b"simward/audit/entry/v1\n" + entry().body.encode()).digest()
    zero = rules.link_zero(INSTALLATION, OP)
    assert (
        zero.hex() == hashlib.sha256(b"simward/audit/zero/v1\n" + INSTALLATION.bytes + OP.bytes).hexdigest()
    )
    assert (
        rules.link(OP, 1, zero, hashed)
        == hashlib.sha256(
            b"simward/audit/link/v1\n" + OP.bytes + b"\0\0\0\0\0\0\0\1" + zero + hashed
        ).digest()
    )
    assert len({rules.link(OP, 1, zero, hashed), rules.link(OP, 2, zero, hashed), zero}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"action": "Anna Jansen"},
        {"reason": "because he called"},
        {"action": "x" * 65},
        {"object": ""},
        {"object": "x" * 201},
        {"facts": {"value": 1.5}},
        {"facts": {"list": [1]}},
        {"facts": {"Bad Name": 1}},
        {"facts": {"big": 1 << 53}},
        {"facts": {"text": "x" * 201}},
    ],
)
def test_what_is_no_code_id_or_count_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        entry(**change)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        entry().body.replace(":", ": ", 1),
        entry().body.replace('"v":1', '"v":2'),
        entry().body.replace('"trace":null,', ""),
        entry().body.replace("client:", "robot:"),
        entry().body.replace(".123456Z", "Z"),
        "[" * 100_000,
    ],
)
def test_a_body_that_is_no_entry_is_told(body: str) -> None:
    with pytest.raises(rules.BadBody):
        rules.read(body)


def test_heads_read_back_and_what_is_signed_names_everything() -> None:
    head = Head(INSTALLATION, OP, 7, b"\1" * 32, AT, b"sig")
    assert rules.read_head(rules.write_head(head)) == head
    texts = {
        rules.head_text(INSTALLATION, OP, 7, b"\1" * 32, AT),
        rules.head_text(OP, OP, 7, b"\1" * 32, AT),
        rules.head_text(INSTALLATION, INSTALLATION, 7, b"\1" * 32, AT),
        rules.head_text(INSTALLATION, OP, 8, b"\1" * 32, AT),
        rules.head_text(INSTALLATION, OP, 7, b"\2" * 32, AT),
        rules.head_text(INSTALLATION, OP, 7, b"\1" * 32, AT + timedelta(microseconds=1)),
    }
    assert len(texts) == 6


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        '{"v":1,"n":0}',
        rules.write_head(Head(INSTALLATION, OP, 7, b"", AT, b"")).replace("7", '"7"', 1),
    ],
)
def test_a_line_that_is_no_head_is_told(line: str) -> None:
    with pytest.raises(ValueError):
        rules.read_head(line)


def test_a_clock_that_stepped_back_makes_a_signature_due_not_silent() -> None:
    minute = timedelta(minutes=1)
    assert rules.is_due(None, AT, minute)
    assert not rules.is_due(AT, AT + timedelta(seconds=59), minute)
    assert rules.is_due(AT, AT + minute, minute)
    assert rules.is_due(AT, AT - timedelta(hours=5), minute)
    assert rules.is_overdue(AT + timedelta(hours=5), AT)


def test_a_note_commitment_depends_on_its_salt() -> None:
    assert rules.note_commitment(b"a" * 16, "n") != rules.note_commitment(b"b" * 16, "n")


def test_facts_are_copied() -> None:
    facts: dict[str, Fact] = {"n": 1}
    made = entry(facts=facts)
    facts["n"] = 2
    assert made.facts == {"n": 1}
