"""Wire shapes of reports (``api.md``)."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from service.kit.errors import JsonObject
from service.kit.ids import parse, wire
from service.kit.text import clean
from service.reports.model import Kind, State, Statement, Told
from service.web.fields import Number, Wire


class ReporterIn(Wire):
    """Who was called or written to. They count only where ``verification`` proves their number."""

    msisdn: Number
    verification: Annotated[str, Field(pattern="^ver_[0-9a-f]{32}$")] | None = None


class FileReport(Wire):
    """Body of a report. Whoever is ``reported`` may be anybody's customer, or nobody's."""

    reported: Number
    kind: Kind
    happened_at: AwareDatetime | None = None
    reporter: ReporterIn | None = None
    note: Annotated[str, Field(max_length=500), AfterValidator(lambda text: clean(text, "/note"))] | None = (
        None
    )

    def statement(self) -> Statement:
        reporter = self.reporter
        proof = reporter.verification if reporter is not None else None
        return Statement(
            reported=self.reported,
            kind=self.kind,
            happened_at=self.happened_at,
            reporter=None if reporter is None else reporter.msisdn,
            verification=None if proof is None else parse("ver", proof),
            note=self.note or None,
        )


class ReportOut(BaseModel):
    """A report. ``state`` of a line that is not the operator's own is ``filed`` or ``closed`` and nothing else."""

    id: str
    state: State | Told


def rendered(vote_id: UUID, state: State | Told) -> JsonObject:
    return {"id": wire("rep", vote_id), "state": state.value}
