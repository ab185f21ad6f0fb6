"""Scam reports as their pages show them."""

from collections.abc import Sequence

from service.admin import report_words, words
from service.admin.present.people import masked_number
from service.admin.store import Names
from service.admin.views.pieces import Act, Badge, Fact
from service.admin.views.reports import ReportRow, VoteRow
from service.kit.ids import wire
from service.lines.model import Line
from service.reports.model import Kind, Place, Report, ReportPolicy, Vote, Why
from service.reports.rules import FULL


def report_badge(report: Report) -> Badge:
    return report_words.ELSEWHERE if report.place is Place.ELSEWHERE else report_words.STATE[report.state]


def report_row(report: Report, number: str | None, line: Line | None, kinds: Sequence[Kind]) -> ReportRow:
    said = [report_words.KIND[kind] for kind in kinds]
    return ReportRow(
        id=wire("rep", report.id),
        msisdn=masked_number(number),
        badge=report_badge(report),
        said=said[0] + (f" and {len(said) - 1} more" if len(said) > 1 else "") if said else "",
        votes=report.votes,
        counted=report.counted,
        last_at=report.last_filed_at,
        line=None if line is None else words.LINE[line.state],
    )


def report_facts(report: Report, line: Line | None, kinds: Sequence[Kind]) -> tuple[Fact, ...]:
    found = [Fact("About", report_words.TOPIC[report.topic])]
    if kinds:
        found.append(Fact("Said", ", ".join(report_words.KIND[kind].lower() for kind in kinds)))
    if line is None:
        found.append(
            Fact("Line", "not ours; passed on if another operator here has it, and we are not told which")
        )
    else:
        path = f"/admin/lines/{wire('line', line.id)}"
        found.append(Fact("Line", words.LINE[line.state].word, "link", path))
    if report.reason is not None:
        found.append(Fact("Because", words.reason_text(report.reason) or report.reason))
    return tuple(found)


def tally(report: Report, policy: ReportPolicy) -> str:
    """The sentence under the heading: value against threshold."""
    if report.place is Place.ELSEWHERE:
        return "Not our line: what is said of it is kept, and nobody here decides on it."
    votes = "1 vote" if report.votes == 1 else f"{report.votes} votes"
    counts = "counts" if report.counted == 1 else "count"
    return f"{report.counted} of {votes} {counts}. {policy.required} within {policy.window.days} days corroborate."


def vote_row(vote: Vote, note: str | None, names: Names) -> VoteRow:
    counts = vote.why is Why.COUNTS
    return VoteRow(
        id=wire("rep", vote.id),
        said=report_words.KIND[vote.kind],
        filed_at=vote.filed_at,
        happened_at=vote.happened_at,
        by="another operator here"
        if vote.client_id is None
        else names.clients.get(vote.client_id, "a client that is gone"),
        worth=Badge("Counts", "approve") if counts else Badge("Counts 0"),
        why="" if counts else report_words.WHY[vote.why],
        standing=None if vote.weight is None else round(100 * vote.weight / FULL),
        note=note,
    )


def report_act(report: Report, verb: str) -> Act:
    key, word, tone, effect, button, reasons = report_words.ACTS[verb]
    path = f"/admin/reports/{wire('rep', report.id)}/act"
    return Act(key, verb, word, words.act_tone(tone), effect, path, reasons, button)
