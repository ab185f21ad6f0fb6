"""The operator's figures of use over HTTP; the schema is in ``docs/ports.md``.

An answer that is not wholly as agreed is none: a day that was misread would end a probation.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeGuard

from service.adapters.caller import Caller, CallFailed
from service.kit.errors import JsonObject, JsonValue, Unavailable
from service.kit.ids import wire
from service.lines.model import DayOfUse, Use, UseAsked, UseByLine

DEPENDENCY = "usage"
MOST = 1_000_000
"""Of anything in a day; more is a fault at the other end."""


class HttpUsage:
    """:class:`service.lines.ports.Usage` over a :class:`Caller`."""

    is_calendar = False

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def of(self, asked: Sequence[UseAsked]) -> UseByLine:
        try:
            answer = await self._caller.post(
                "/v1/usage", {"lines": [_asked(each) for each in asked]}, reads=True
            )
        except CallFailed as error:
            raise Unavailable(DEPENDENCY, error.retry_after_s) from None
        found = answer.data.get("lines")
        if answer.status != 200 or not isinstance(found, dict):
            raise Unavailable(DEPENDENCY)
        told = {each.line_id: found.get(wire("line", each.line_id)) for each in asked}
        try:
            return {line: _use(use) for line, use in told.items() if use is not None}
        except ValueError:
            raise Unavailable(DEPENDENCY) from None

    async def close(self) -> None:
        await self._caller.close()


def _asked(each: UseAsked) -> JsonObject:
    return {
        "line": wire("line", each.line_id),
        "registration": wire("reg", each.registration_id),
        "msisdn": each.msisdn,
        "since": each.since.isoformat(),
        "until": each.until.isoformat(),
    }


def _use(told: JsonValue) -> Use:
    """Raises ValueError for anything that is not as agreed."""
    if not isinstance(told, dict) or not isinstance(told.get("days"), list):
        raise ValueError("no days")
    days = told["days"]
    assert isinstance(days, list)
    changed = told.get("handset_changed_at")
    return Use(tuple(_day(day) for day in days), None if changed is None else _instant(changed))


def _day(told: JsonValue) -> DayOfUse:
    if not isinstance(told, dict) or not isinstance(told.get("day"), str):
        raise ValueError("no day")
    counts = [told.get(name) for name in ("outgoing", "callees", "incoming")]
    if not all(_is_count(count) for count in counts):
        raise ValueError("no counts")
    outgoing, callees, incoming = (count for count in counts if _is_count(count))
    return DayOfUse(date.fromisoformat(str(told["day"])), outgoing, callees, incoming)


def _is_count(value: JsonValue) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MOST


def _instant(told: JsonValue) -> datetime:
    instant = datetime.fromisoformat(told) if isinstance(told, str) else None
    if instant is None or instant.tzinfo is None:
        raise ValueError("no instant")
    return instant
