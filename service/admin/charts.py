"""Geometry of the small charts: numbers in, SVG coordinates out. Colours are the stylesheet's.

A strict CSP forbids style attributes, so everything that is drawn is placed by SVG attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from service.admin.views import Day, Hour, Stack

BAR_WIDTH = 180
BAR_PAD = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """Value, threshold and usual on one zero-based scale of ``BAR_WIDTH`` units; None where there is none."""

    value: float
    threshold: float | None
    usual: float | None


def bar(value: float, threshold: float | None, usual: float | None) -> Bar:
    """The largest of the three ends a little before the right edge, so that a mark on it stays visible."""
    top = max(value, threshold or 0, usual or 0) * 1.12 or 1
    scale = (BAR_WIDTH - BAR_PAD) / top

    def x(amount: float | None) -> float | None:
        return None if amount is None else round(max(0.0, amount) * scale, 1)

    return Bar(x(value) or 0.0, x(threshold), x(usual))


@dataclass(frozen=True, slots=True)
class Piece:
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    width: float
    pieces: tuple[Piece, ...]
    title: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Columns:
    """A column chart ``height`` pixels tall, its baseline at ``floor``; x and widths are per cent of the plot's width,
    so that text keeps its size on every screen."""

    height: int
    floor: int
    columns: tuple[Column, ...]
    ticks: tuple[tuple[float, int], ...]
    band: tuple[float, float] | None


def _step(top: int) -> int:
    """The distance of the grid lines: 1, 2 or 5 times a power of ten, at most four of them."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if top <= 4 * factor * size:
                return factor * size
        size *= 10


def columns(days: Sequence[Day], usual: tuple[int, int] | None) -> Columns:
    """Stacked columns of a day each, oldest on the left; ``usual`` (low, high a day) becomes a band."""
    made = []
    for back, day in zip(range(len(days) - 1, -1, -1), days, strict=True):
        name = f"{day.day.day} {day.day:%b}"
        parts = (("approved", day.approved), ("waits", day.waits), ("denied", day.denied), ("open", day.open))
        made.append(Stack(f"{name}: {day.total}", parts, name if back % 7 == 0 else None))
    return stacked(made, usual)


def hour_columns(hours: Sequence[Hour]) -> Columns:
    """Messages of each hour, the verified ones at the foot; midnight and noon are named."""
    made = []
    for hour in hours:
        parts = (("approved", hour.verified), ("open", hour.sent - hour.verified))
        title = f"{hour.at.day} {hour.at:%b %H:%M}: {hour.sent} sent, {hour.verified} verified"
        midnight = f"{hour.at.day} {hour.at:%b}"
        made.append(Stack(title, parts, {0: midnight, 12: "12:00"}.get(hour.at.hour)))
    return stacked(made, None)


def stacked(stacks: Sequence[Stack], usual: tuple[int, int] | None) -> Columns:
    """Columns from the floor up, the first on the left."""
    height, head = 180, 8
    floor = height - 20
    top = max([stack.total for stack in stacks] + [usual[1] if usual else 0, 1])
    step = _step(top)
    top = -(-top // step) * step
    scale = (floor - head) / top
    slot = 100 / max(1, len(stacks))
    made: list[Column] = []
    for index, stack in enumerate(stacks):
        pieces: list[Piece] = []
        base = float(floor)
        for kind, amount in stack.parts:
            tall = amount * scale
            if amount:
                base -= tall
                pieces.append(Piece(round(base, 1), round(tall, 1), kind))
        made.append(
            Column(
                x=round(index * slot + slot * 0.15, 2),
                width=round(slot * 0.7, 2),
                pieces=tuple(pieces),
                title=stack.title,
                label=stack.label,
            )
        )
    ticks = tuple((round(floor - n * scale, 1), n) for n in range(0, top + 1, step))
    band = None if usual is None else (round(floor - usual[1] * scale, 1), round(floor - usual[0] * scale, 1))
    return Columns(height, floor, tuple(made), ticks, band)
