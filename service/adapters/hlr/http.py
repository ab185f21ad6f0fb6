"""The network's register of subscribers (HLR) over HTTP; the schema is in ``docs/ports.md``.

``POST /v1/hlr/look-up`` ``{"msisdn"}`` → 200 ``{"status": "active" | "absent" | "unknown" | "not_available",
"line_type": "mobile" | … | null}``. Whatever else comes back, or nothing, says nothing against a number: a message
that may fail is better than an applicant who is turned away because a register is down. It is counted.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.adapters.caller import Answer, Caller, CallFailed
from service.infra.telemetry import LOOKUPS
from service.kit.clock import Clock
from service.kit.msisdn import LINE_TYPES, Msisdn

DEADLINE_S = 2.0
"""All attempts of one look-up together; the caller of the API waits for it."""

LIFE = timedelta(minutes=10)
MOST = 2000
_STATUSES = frozenset({"active", "absent", "unknown"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What the register said of a number. ``absent``: switched off or out of reach, which may be over in a moment."""

    status: str
    line_type: str | None


class HttpLookup:
    """:class:`service.otp.ports.Lookup` over a :class:`Caller`.

    Clear answers are kept for ten minutes, at most two thousand, in this process's memory alone: a resend costs no
    second look-up. ``sends_to`` says whether the policy sends codes to a sort of line; it is asked each time, so that
    a new policy binds at once.
    """

    def __init__(self, caller: Caller, sends_to: Callable[[str], bool], clock: Clock) -> None:
        self._caller = caller
        self._sends_to = sends_to
        self._clock = clock
        self._kept: OrderedDict[str, tuple[datetime, Entry]] = OrderedDict()

    async def may_receive(self, number: Msisdn) -> bool:
        """False for a number without a subscriber and for a sort of line that the policy does not send to."""
        entry = self._known(number.value) or await self._ask(number.value)
        if entry is None:
            LOOKUPS.labels("gone").inc()
            return True
        allowed = entry.status != "unknown" and (entry.line_type is None or self._sends_to(entry.line_type))
        LOOKUPS.labels("allowed" if allowed else "withheld").inc()
        return allowed

    def _known(self, number: str) -> Entry | None:
        kept = self._kept.get(number)
        return kept[1] if kept is not None and self._clock.now() < kept[0] + LIFE else None

    async def _ask(self, number: str) -> Entry | None:
        try:
            entry = _read(await self._caller.post("/v1/hlr/look-up", {"msisdn": number}, reads=True))
        except CallFailed:
            return None
        if entry is not None:
            self._kept[number] = (self._clock.now(), entry)
            self._kept.move_to_end(number)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return entry

    async def close(self) -> None:
        await self._caller.close()


def _read(answer: Answer) -> Entry | None:
    status, kind = answer.data.get("status"), answer.data.get("line_type")
    if answer.status != 200 or not isinstance(status, str) or status not in _STATUSES:
        return None
    # A sort of line that the kit has no name for says nothing: it must not turn a number away.
    return Entry(status, kind if isinstance(kind, str) and kind in LINE_TYPES else None)
