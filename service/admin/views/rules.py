"""Rules: the list, one rule, the form, and the draft that waits for a second person."""

from dataclasses import dataclass, field
from datetime import datetime

from service.admin.views.pieces import Act, Badge, Choice, Fact, FormField, Moment, Tone


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule in the list. ``precision``: of the cases that were judged, how many bore the rule out."""

    id: str
    says: str
    badge: Badge
    effect: str
    tone: Tone
    owner: str
    version: int
    hits: int
    doubts: int
    judged: int
    borne_out: int
    last: datetime | None
    in_draft: bool = False


@dataclass(frozen=True, slots=True)
class DraftNote:
    """The draft in one line, with the way to it."""

    text: str
    href: str
    tone: Tone = "review"


@dataclass(frozen=True, slots=True)
class RulesPage:
    rows: tuple[RuleRow, ...]
    policy: str
    may_edit: bool
    draft: DraftNote | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a rule before and after; ``is_code`` for conditions and examples."""

    label: str
    before: str
    after: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class RulePage:
    """A rule as it is in force, and what a draft would make of it."""

    row: RuleRow
    facts: tuple[Fact, ...]
    condition: str
    staff: str
    applicant: str
    examples: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    edit_href: str | None = None
    draft: DraftNote | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """A field whose value is one of a closed set."""

    name: str
    label: str
    value: str
    choices: tuple[Choice, ...]
    hint: str | None = None
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The form of a rule; ``id`` is None for a new one."""

    id: str | None
    path: str
    expected: str
    fields: tuple[FormField | Select, ...]
    signals: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    cancel: str
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class DraftRule:
    """One changed rule of a draft."""

    id: str
    is_new: bool
    version: int
    changes: tuple[Change, ...]
    edit_href: str | None = None
    undo: str | None = None


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A draft for whoever has to decide on it. ``digest`` names exactly what is shown; ``code``: publishing asks
    for the second factor again; ``wrong`` is what stood in the way just now."""

    id: str
    version: int
    badge: Badge
    clock: str
    clock_at: datetime
    facts: tuple[Fact, ...]
    rules: tuple[DraftRule, ...]
    acts: tuple[Act, ...]
    timeline: tuple[Moment, ...] = field(default=())
    digest: str | None = None
    why_none: str | None = None
    code: bool = False
    wrong: str | None = None
