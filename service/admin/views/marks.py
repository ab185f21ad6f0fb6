"""Marks on the papers of a case: what the holder said of them, and what staff may do about it."""

from dataclasses import dataclass
from datetime import datetime

from service.admin.views.pieces import Act


@dataclass(frozen=True, slots=True)
class PaperMarkRow:
    """``case`` is the id of the registration whose papers it is known from."""

    word: str
    effect: str
    since: datetime
    until: datetime | None
    by: str
    case: str


@dataclass(frozen=True, slots=True)
class MarksPage:
    id: str
    number: str
    rows: tuple[PaperMarkRow, ...]
    acts: tuple[Act, ...]
    state: str
    why_none: str | None = None
