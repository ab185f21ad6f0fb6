"""Which step a report may take, and who may take it."""

from dataclasses import replace
from datetime import datetime

from service.kit.errors import InvalidRequest, StateConflict
from service.reports.model import (
    APPEAL_REASONS,
    CONFIRM_REASONS,
    DISMISS_REASONS,
    Change,
    Place,
    Report,
    ReportPolicy,
    State,
    Told,
)

CONFIRM, DISMISS, APPEAL = "confirm", "dismiss", "appeal"
_REASONS = {State.CONFIRMED: CONFIRM_REASONS, State.DISMISSED: DISMISS_REASONS}
_VERBS = {State.CONFIRMED: CONFIRM, State.DISMISSED: DISMISS}


def allowed(report: Report, policy: ReportPolicy, now: datetime) -> tuple[str, ...]:
    """What a person may do now: confirm, dismiss, appeal. Nobody judges a line that is not theirs."""
    if report.place is Place.ELSEWHERE:
        return ()
    if not report.state.is_decided:
        return (CONFIRM, DISMISS)
    may_appeal = report.appealed_at is None and report.decided_at is not None
    return (APPEAL,) if may_appeal and now <= _appeal_until(report, policy) else ()


def corroborate(
    report: Report, counted: int, policy: ReportPolicy, now: datetime
) -> tuple[Report, list[Change]]:
    """Take in how many votes count. Asked again, it says nothing; what was corroborated does not go back by itself,
    for somebody may have acted on it."""
    after = replace(report, counted=counted) if report.state.is_open else report
    if report.state is not State.FILED or report.place is Place.ELSEWHERE or counted < policy.required:
        return after, []
    return replace(after, state=State.CORROBORATED, corroborated_at=now), [Change(State.CORROBORATED)]


def decide(
    report: Report, to: State, reason: str, by: str, policy: ReportPolicy, now: datetime
) -> tuple[Report, list[Change]]:
    """A person, ``by``, confirms or dismisses. Raises StateConflict, also for the first decider of what was appealed,
    and InvalidRequest for a reason that is none of this step's."""
    verbs = allowed(report, policy, now)
    if to not in _VERBS or _VERBS[to] not in verbs:
        raise StateConflict(report.state.value, verbs)
    if reason not in _REASONS[to]:
        raise InvalidRequest("/reason", "unknown", "This is no reason for that.")
    if report.state is State.APPEALED and report.decided_by == by:
        raise StateConflict(
            report.state.value, verbs, "An appeal is decided by another person than the first decision."
        )
    after = replace(report, state=to, decided_at=now, decided_by=by, reason=reason)
    return after, [Change(to, reason)]


def appeal(report: Report, reason: str, policy: ReportPolicy, now: datetime) -> tuple[Report, list[Change]]:
    """Once, within the policy's time. Raises StateConflict, InvalidRequest."""
    if reason not in APPEAL_REASONS:
        raise InvalidRequest("/reason", "unknown", "This is no reason for that.")
    verbs = allowed(report, policy, now)
    if APPEAL not in verbs:
        raise StateConflict(report.state.value, verbs, _why_no_appeal(report))
    return replace(report, state=State.APPEALED, appealed_at=now), [Change(State.APPEALED, reason)]


def _why_no_appeal(report: Report) -> str | None:
    if not report.state.is_decided:
        return None
    if report.appealed_at is not None:
        return "It was appealed once and decided again; that decision stands."
    return "The time for an appeal is over."


def _appeal_until(report: Report, policy: ReportPolicy) -> datetime:
    assert report.decided_at is not None
    return report.decided_at + policy.appeal


def shown(
    report: Report, filed_at: datetime, policy: ReportPolicy, now: datetime, *, is_bound: bool
) -> State | Told:
    """The state on the wire. Of a line that is not ours, and to a key that is bound to a dealer, ``filed`` and after a
    fixed time ``closed``: what others do or said changes neither the word nor its instant."""
    if report.place is Place.OURS and not is_bound:
        return report.state
    return Told.FILED if now < filed_at + policy.told else Told.CLOSED
