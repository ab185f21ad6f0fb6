"""The links of a case: a table of lines, one of what they share, and the drawing of both."""

from dataclasses import dataclass
from datetime import datetime

from service.admin.views.pieces import Act, Badge, Tab, Tone


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """``strength`` in per cent; ``via`` in words. An erased holder's line has no number, and its row says so."""

    id: str
    number: str
    badge: Badge
    hop: int
    strength: int
    via: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ThingRow:
    """What lines hang on, named by its kind and a letter: what it is stands nowhere but in the keyed hash."""

    anchor: str
    name: str
    shared_by: str
    worth: str
    is_common: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """``shape``: root, line, thing, common, or many (things that were drawn as one). ``title`` is all that it says and
    holds the ``label``; ``word`` is drawn beside it where there is room."""

    x: float
    y: float
    shape: str
    tone: Tone
    title: str
    href: str
    label: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Tie:
    x1: float
    y1: float
    x2: float
    y2: float
    is_strong: bool


@dataclass(frozen=True, slots=True)
class Graph:
    size: int
    orbits: tuple[float, ...]
    ties: tuple[Tie, ...]
    nodes: tuple[Node, ...]
    is_folded: bool


@dataclass(frozen=True, slots=True)
class LinksPage:
    id: str
    number: str
    tabs: tuple[Tab, ...]
    lines: tuple[LinkedRow, ...]
    things: tuple[ThingRow, ...]
    graph: Graph
    ring: str | None
    is_cut: bool
    acts: tuple[Act, ...] = ()
