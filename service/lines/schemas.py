"""Wire shapes of lines (``api.md``)."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from service.kit.clock import rfc3339
from service.kit.errors import JsonObject
from service.kit.ids import wire
from service.kit.text import clean
from service.lines.model import LABELLED, REASON_PATTERN, Line, State


class ActOnLine(BaseModel):
    """Body of restrict, suspend, reinstate and close. ``until`` ends a restriction or suspension by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, Field(pattern=REASON_PATTERN, max_length=48, examples=["scam"])]
    note: Annotated[str, Field(max_length=500), AfterValidator(lambda text: clean(text, "/note"))] | None = (
        None
    )
    until: AwareDatetime | None = None


class LineOut(BaseModel):
    """A number in service. ``reasons`` are codes: why it is not active, and ``labelled`` where it carries a label,
    until ``labelled_until``."""

    id: str
    msisdn: str
    state: State
    active_since: str | None
    holder_since: str
    sim_changed_at: str | None
    assurance: str
    probation_until: str | None
    service_until: str | None
    reasons: list[str]
    labelled_until: str | None


def rendered(line: Line, msisdn: str) -> JsonObject:
    """The answer about a line, to whoever asked for it by ``msisdn``."""

    def at(name: str) -> str | None:
        instant = getattr(line, name)
        return None if instant is None else rfc3339(instant)

    return {
        "id": wire("line", line.id),
        "msisdn": msisdn,
        "state": line.state.value,
        "active_since": at("active_since"),
        "holder_since": at("holder_since"),
        "sim_changed_at": at("sim_changed_at"),
        "assurance": line.assurance,
        "probation_until": at("probation_until"),
        "service_until": at("service_until"),
        "reasons": [*line.reasons, *([LABELLED] if line.labelled_until else [])],
        "labelled_until": at("labelled_until"),
    }
