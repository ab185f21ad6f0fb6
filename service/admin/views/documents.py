"""View models of the evidence of a case: documents by source, and what they amount to."""

from dataclasses import dataclass

from service.admin.views.pieces import Badge, Check, Choice, FormField


@dataclass(frozen=True, slots=True)
class Source:
    """Checks of one source. ``checks`` is what a reviewer must see; ``rest`` is what agrees, folded away."""

    word: str
    means: str
    checks: tuple[Check, ...]
    rest: tuple[Check, ...]
    folded: str
    """What ``rest`` is called: ``9 agree, 2 not checked``."""


@dataclass(frozen=True, slots=True)
class ConfirmForm:
    """What staff say that a document shows whose picture was read uncertainly; never filled in with what was read."""

    path: str
    fields: tuple[FormField, ...]
    reasons: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """One judged document."""

    id: str
    title: str
    badge: Badge
    how: str
    proof: str
    means: str
    sources: tuple[Source, ...]
    confirm: ConfirmForm | None = None


@dataclass(frozen=True, slots=True)
class Score:
    what: str
    score: str
    why: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What is wanted ``for_`` a level."""

    for_: str
    wants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """What the evidence amounts to under GPG 45 and SP 800-63A-4."""

    gpg: Badge
    ial: Badge
    says: str
    scores: tuple[Score, ...]
    missing: tuple[Missing, ...]
    waiting: tuple[str, ...]
    """Documents that do not count, each with why."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """``codes``: what came back; ``level`` is None before there is anything to judge."""

    papers: tuple[Paper, ...] = ()
    codes: tuple[Check, ...] = ()
    level: Level | None = None
