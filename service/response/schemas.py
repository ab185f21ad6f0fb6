"""Wire shapes of what was done to a line for reports."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.kit.clock import rfc3339
from service.kit.errors import JsonObject
from service.kit.ids import wire
from service.kit.text import clean
from service.response import rules
from service.response.model import LONGEST_APPEAL, LineAction, ResponsePolicy, State, Step


class AppealAction(BaseModel):
    """The holder's words, and which step; without ``action`` the strictest that is in force or announced."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[
        str, Field(min_length=1, max_length=LONGEST_APPEAL), AfterValidator(lambda text: clean(text, "/text"))
    ]
    action: Annotated[str, Field(max_length=40, examples=["act_019318c2f4a07b3c9d51e6a2b8c4d0f1"])] | None = (
        None
    )


class ActionOut(BaseModel):
    """One step on a line. ``until`` is its end; of a hold the day by which the holder is verified again."""

    id: str
    step: Step
    state: State
    reason: str
    notice_at: str | None
    begins_at: str | None
    until: str | None
    may_appeal: bool
    appealed_at: str | None
    appeal_outcome: str | None


class ActionsOut(BaseModel):
    """Newest first."""

    items: list[ActionOut]


def rendered(action: LineAction, policy: ResponsePolicy, now: datetime) -> JsonObject:
    """Without what it goes back to: who reported whom is nobody's business but the operator's staff's."""

    def at(instant: datetime | None) -> str | None:
        return None if instant is None else rfc3339(instant)

    return {
        "id": wire("act", action.id),
        "step": action.step.value,
        "state": action.state.value,
        "reason": rules.reason_of(action),
        "notice_at": at(action.notice_at),
        "begins_at": at(action.taken_at or action.due_at),
        "until": at(action.until),
        "may_appeal": rules.may_appeal(action, policy, now),
        "appealed_at": at(action.appealed_at),
        "appeal_outcome": action.appeal_outcome,
    }
