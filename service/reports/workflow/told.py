"""What others are told of a report: the audit's entry of a vote, and events. Ids and codes."""

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.jobs import emit
from service.infra.postgres import Tx
from service.kit.ids import wire
from service.reports.model import Change, Kind, Report, State, Vote

EVENTS = {
    State.FILED: EventName.REPORT_FILED,
    State.CORROBORATED: EventName.REPORT_CORROBORATED,
    State.CONFIRMED: EventName.REPORT_CONFIRMED,
    State.DISMISSED: EventName.REPORT_DISMISSED,
    State.APPEALED: EventName.REPORT_APPEALED,
}


def filed(tx: Tx, report: Report, vote: Vote, actor: Actor) -> None:
    """One more vote."""
    facts = {"vote": wire("rep", vote.id), "kind": vote.kind.value, "topic": report.topic.value}
    record(tx, actor=actor, action="report.filed", object=wire("rep", report.id), facts=facts)
    tell(tx, report, Change(State.FILED), vote.kind)


def tell(tx: Tx, report: Report, change: Change, kind: Kind | None = None) -> None:
    """Line and registration are named where the line is ours; ``kind`` with a vote, a reason with a decision."""
    refs = {"report": report.id.hex, "topic": report.topic.value}
    if report.line_id is not None and report.registration_id is not None:
        refs |= {"line": report.line_id.hex, "registration": report.registration_id.hex}
    if kind is not None:
        refs["kind"] = kind.value
    if change.reason is not None:
        refs["reason"] = change.reason
    emit(tx, Event(EVENTS[change.to], report.operator_id, tx.now, refs))
