"""From an entry of the stream to a line of the history. Pure; an entry that makes no sense is a ``ValueError``."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from service.limits.model import TAG, Limit, Outcome
from service.otp.model import CodeEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT = {tag: limit for limit, tag in TAG.items()}
WORDS = {
    Outcome.DENIED: "denied",
    Outcome.ALLOWED: "sent",
    Outcome.SUPPRESSED: "suppressed",
    Outcome.SHORT: "unfunded",
    Outcome.CHALLENGED: "challenged",
}
"""What a send's outcome is called in the history."""
_FLAGS = {"first": "f", "shop": "s", "solved": "q", "refilled": "r"}


def read(said: bytes, result: bytes | None) -> tuple[UUID, CodeEvent]:
    """``(operator, event)``. ``said``: what was known before the script; ``result``: what the script found, None for
    an entry of the journal."""
    try:
        entry = json.loads(said)
        operator = UUID(hex=entry["o"])
        match entry["k"]:
            case "send":
                assert result is not None
                return operator, _send(entry, json.loads(result))
            case "check":
                assert result is not None
                return operator, _check(entry, json.loads(result))
            case _:
                return operator, _noted(entry)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError) as error:
        raise ValueError(f"an entry of the history makes no sense ({type(error).__name__})") from None


def _send(entry: Mapping[str, Any], result: Any) -> CodeEvent:
    """Only a test number charges nothing: no message, no price."""
    outcome, index, shadows, pressures, now_us = result
    tags = entry["l"]
    facts: dict[str, Any] = {"names": entry["n"]}
    facts |= {name: True for name, key in _FLAGS.items() if entry.get(key)}
    for name, found in (("shadows", shadows), ("pressures", pressures)):
        if found:
            facts[name] = [_LIMIT[tags[n - 1]].value for n in found]
    return CodeEvent(
        id=UUID(hex=entry["e"]),
        at=_at(now_us),
        kind="send",
        outcome=WORDS[Outcome(outcome)] if tags else "test",
        limit=_named(tags, index),
        subject=UUID(hex=entry["v"]),
        challenge=UUID(hex=entry["h"]),
        client_id=UUID(hex=entry["c"]),
        dealer_id=UUID(hex=entry["d"]) if "d" in entry else None,
        purpose=entry["p"],
        country=entry["cc"] or None,
        block=entry["b"],
        channel=entry["w"],
        language=entry["g"],
        price=entry["x"] if tags else 0,
        policy=entry["y"],
        facts=facts,
    )


def _check(entry: Mapping[str, Any], result: Any) -> CodeEvent:
    word, first, _, now_us, *challenge = result
    return CodeEvent(
        id=UUID(hex=entry["e"]),
        at=_at(now_us),
        kind="check",
        outcome=word,
        limit=_named(entry["l"], int(first)) if word == "limited" else None,
        subject=UUID(hex=entry["v"]),
        challenge=UUID(hex=challenge[0]) if challenge and challenge[0] else None,
        client_id=UUID(hex=entry["c"]),
        facts={"compared": True} if word == "expired" and int(first) else {},
    )


def _noted(entry: Mapping[str, Any]) -> CodeEvent:
    return CodeEvent(
        id=UUID(hex=entry["e"]),
        at=_at(entry["t"]),
        kind=str(entry["k"])[:12],
        outcome=str(entry.get("outcome") or entry.get("cause") or entry["k"])[:16],
        challenge=UUID(hex=entry["h"]),
        sender=str(entry["sender"])[:16] if "sender" in entry else None,
    )


def _named(tags: Any, index: int) -> str | None:
    limit: Limit | None = _LIMIT[tags[index - 1]] if index else None
    return None if limit is None else limit.value


def _at(micros: str | int) -> datetime:
    return EPOCH + timedelta(microseconds=int(micros))
