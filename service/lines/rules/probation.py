"""Probation: days of ordinary use that a line of low assurance has to show before it is like any other.

Only days that were lived count: a line that lies in a drawer until it is needed for calls stays on probation,
however old it is. That is what a calendar alone cannot see.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from service.lines.model import Change, DayOfUse, Line, ProbationPolicy, Use, UseAsked

PROBATION_ENDED, PROBATION_RESTARTED = "probation-ended", "probation-restarted"
ORDINARY_USE, ASSURANCE = "ordinary-use", "assurance"
SIM_CHANGED, HANDSET_CHANGED = "sim-changed", "handset-changed"
_DAY = timedelta(days=1)
MOST_DAYS = 31
"""As much is asked about one line at once."""


def is_on(line: Line) -> bool:
    """Whether the line is on probation; a closed one is past all that."""
    return line.probation_until is not None and line.state.is_open


def begun(line: Line, until: datetime, now: datetime) -> Line:
    """On probation from now, at least until ``until``: as many days of ordinary use as lie between."""
    days = -((now - until) // _DAY)
    return replace(line, probation_until=until, probation_since=now, probation_days=days, ordinary_days=0)


def _ended(line: Line, reason: str) -> tuple[Line, list[Change]]:
    line = replace(line, probation_until=None, probation_since=None, probation_days=None, ordinary_days=0)
    return line, [Change(PROBATION_ENDED, reason)]


def assured(line: Line, assurance: str) -> tuple[Line, list[Change]]:
    """What a proof of this assurance does: from substantial on it ends a probation."""
    if is_on(line) and assurance in ("substantial", "high"):
        return _ended(line, ASSURANCE)
    return line, []


def restarted(
    line: Line, reason: str, policy: ProbationPolicy, now: datetime, at: datetime | None = None
) -> tuple[Line, list[Change]]:
    """A new card or handset at ``at``: on a line that is young, dormant or on probation it begins (again).

    Whether a line is dormant is judged by what the network told before; where it told nothing, it is not.
    """
    at = at or now
    young = at - line.holder_since < policy.young
    dormant = line.used_on is not None and at.date() - line.used_on > policy.dormant
    if not policy.days or not line.state.is_open or not (young or dormant or is_on(line)):
        return line, []
    return begun(line, at + _DAY * policy.days, at), [Change(PROBATION_RESTARTED, reason)]


def question(line: Line, msisdn: str, now: datetime) -> UseAsked | None:
    """What to ask about the line's whole days (UTC) up to yesterday; None where all of them were judged."""
    yesterday = now.astimezone(UTC).date() - _DAY
    since = _first_unjudged(line, yesterday)
    if since > yesterday:
        return None
    until = min(yesterday, since + _DAY * (MOST_DAYS - 1))
    return UseAsked(line.id, line.registration_id, msisdn, since, until)


def _first_unjudged(line: Line, yesterday: date) -> date:
    if line.judged_to is not None:
        return line.judged_to + _DAY
    return _since(line).date() if is_on(line) else yesterday


def _since(line: Line) -> datetime:
    """Lines that were opened before probation was counted have no beginning of it; theirs is their own."""
    return (line.probation_since or line.holder_since).astimezone(UTC)


def days_needed(line: Line) -> int:
    """Days of ordinary use that end the probation."""
    if line.probation_days is not None:
        return line.probation_days
    assert line.probation_until is not None
    return max(1, -((_since(line) - line.probation_until) // _DAY))


def is_used(day: DayOfUse) -> bool:
    return day.outgoing > 0 or day.incoming > 0


def is_ordinary(day: DayOfUse, policy: ProbationPolicy) -> bool:
    """Used, and not to call more people than people call."""
    return is_used(day) and day.callees <= policy.callees


def judged(
    line: Line, use: Use, asked: UseAsked, policy: ProbationPolicy, now: datetime, *, sees_use: bool
) -> tuple[Line, list[Change]]:
    """The line after the days that were asked about. ``sees_use`` is false of a calendar, which knows no silence.

    A day counts once: days that were judged are not asked about again, and others in the answer are left out.
    """
    days = {day.day: day for day in use.days}
    changed = use.handset_changed_at
    if changed is not None and changed <= (line.handset_changed_at or line.holder_since):
        changed = None
    changes: list[Change] = []
    for offset in range((asked.until - asked.since).days + 1):
        today = asked.since + _DAY * offset
        if changed is not None and changed.astimezone(UTC).date() <= today:
            line, more = restarted(line, HANDSET_CHANGED, policy, now, changed)
            line, changed = replace(line, handset_changed_at=changed), None
            changes += more
        day = days.get(today)
        if day is None or not is_used(day):
            continue
        if is_on(line) and today >= _since(line).date() and is_ordinary(day, policy):
            line = replace(line, ordinary_days=line.ordinary_days + 1)
        if sees_use:
            line = replace(line, used_on=today)
    line, more = _weighed(replace(line, judged_to=asked.until), asked.until, now)
    return line, [*changes, *more]


def _weighed(line: Line, to: date, now: datetime) -> tuple[Line, list[Change]]:
    """Ended, or the earliest end that is left: what silent days took is added, so that nobody is told a date that
    has gone by."""
    if not is_on(line) or line.probation_until is None:
        return line, []
    left = days_needed(line) - line.ordinary_days
    if left <= 0 and now >= line.probation_until:
        return _ended(line, ORDINARY_USE)
    earliest = datetime.combine(to + _DAY, time(), UTC) + _DAY * max(0, left)
    return replace(line, probation_until=max(line.probation_until, earliest)), []
