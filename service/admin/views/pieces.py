"""The pieces that pages are made of, and the frame around them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Tone = Literal["approve", "review", "deny", "plain"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict or a state: a word, and the tone that chooses its shape and colour."""

    word: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as the foot of the rail names them."""

    name: str
    role: str
    operator: str


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Rows(StrEnum):
    COMPACT = "compact"
    COMFORTABLE = "comfortable"


@dataclass(frozen=True, slots=True)
class Look:
    """A person's own choices; kept in a cookie that holds nothing else."""

    theme: Theme = Theme.SYSTEM
    rows: Rows = Rows.COMPACT
    keys: bool = True


@dataclass(frozen=True, slots=True)
class RailItem:
    word: str
    path: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Flash:
    """What was just done, said once."""

    text: str
    tone: Literal["good", "warn", "bad"] = "good"
    link: str | None = None
    link_text: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything around a page."""

    now: datetime
    look: Look
    path: str
    is_demo: bool = False
    person: Person | None = None
    rail: tuple[RailItem, ...] = ()
    csrf: str = ""
    flash: Flash | None = None
    bell: int = 0


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the overview: today against usual, and the list behind it."""

    label: str
    value: str
    usual: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """One day's registrations by where they stand now."""

    day: datetime
    approved: int
    waits: int
    denied: int
    open: int

    @property
    def total(self) -> int:
        return self.approved + self.waits + self.denied + self.open


@dataclass(frozen=True, slots=True)
class RuleCount:
    text: str
    count: int
    tone: Tone = "review"


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that waits for a person and is not a case."""

    text: str
    at: datetime | None
    href: str | None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One case in a list. ``since`` is when it began to wait, or was decided."""

    id: str
    msisdn: str
    since: datetime
    badge: Badge
    reasons: tuple[str, ...]
    dealer: str | None
    channel: str
    is_appeal: bool = False


@dataclass(frozen=True, slots=True)
class Tab:
    word: str
    href: str
    count: int | None
    is_here: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """Keyset paging: ``older`` is the link to the next page, ``newest`` back to the first."""

    older: str | None = None
    newest: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a sentence; value against threshold against usual, where it counts something. ``counts`` says from
    where on the threshold counts, ``usually`` what is usual, in words."""

    code: str
    text: str
    tone: Tone
    value: float | None = None
    threshold: float | None = None
    usual: float | None = None
    counts: str = ""
    usually: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """``proves``: what it shows when it passes; ``gives``: what that contributes to a level of assurance."""

    text: str
    outcome: str
    tone: Tone
    detail: str | None = None
    proves: str = ""
    gives: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """``kind`` chooses how the value is laid out."""

    label: str
    value: str
    kind: Literal["text", "id", "masked", "name", "link"] = "text"
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of a timeline."""

    at: datetime
    text: str
    tone: Tone = "plain"
    by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """One drawer of the decision bar: the verb, its effect spelled out, the reasons it may have."""

    key: str
    name: str
    verb: str
    tone: Literal["yes", "no", "main"]
    effect: str
    path: str
    reasons: tuple[Choice, ...]
    button: str


@dataclass(frozen=True, slots=True)
class Reveal:
    """Masked data that may be shown for a reason; ``shown`` is filled in the one answer that shows it."""

    path: str
    reasons: tuple[Choice, ...]
    left: int
    shown: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Related:
    """A number found on the same document, person, device or dealer."""

    text: str
    count: int
    href: str | None
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form with what was typed and what is wrong with it."""

    name: str
    label: str
    value: str = ""
    hint: str | None = None
    wrong: str | None = None
    kind: str = "text"
    autocomplete: str = "off"
    required: bool = True
    maxlength: int = 200
    inputmode: str | None = None
    readonly: bool = False
