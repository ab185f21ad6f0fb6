"""Small SVG: bars and lines on a white sheet, placed by attributes alone. The same numbers give the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
INK, GREY, GRID = "#1f2933", "#616e7c", "#e4e7eb"
COLOURS = ("#0b6e99", "#b44d12", "#5b7f2b", "#7a4b94", "#8a6d0b")
FONT = 'font-family="system-ui, sans-serif"'


@dataclass(frozen=True, slots=True)
class Bar:
    """``value`` None is drawn as a dash; ``colour`` is an index into :data:`COLOURS`."""

    label: str
    value: float | None
    colour: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    bars: Sequence[Bar]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    label: str
    points: Sequence[tuple[float, float]]
    colour: int


def number(value: float | None, unit: str = "") -> str:
    """Three figures that count, with thousands parted; a dash for none."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{unit}"


def bars(title: str, said: str, panels: Sequence[Panel]) -> str:
    """Panels of horizontal bars below one another; values may be negative."""
    body, top = [], 66
    for panel in panels:
        body.append(_text(16, top, panel.title, size=13, weight="600"))
        part, top = _panel(panel, top + 10)
        body += part
        top += 30
    return _sheet(title, said, top - 8, body)


def _panel(panel: Panel, top: int) -> tuple[list[str], int]:
    left, right, step = 250, WIDTH - 210, 20
    values = [bar.value for bar in panel.bars if bar.value is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    scale = (right - left) / ((high - low) or 1)
    zero = left - low * scale
    body = []
    for index, bar in enumerate(panel.bars):
        y = top + index * step
        body.append(_text(left - 8, y + 13, bar.label, anchor="end"))
        end = zero + (bar.value or 0) * scale
        x, width = min(zero, end), abs(end - zero)
        colour = COLOURS[bar.colour % len(COLOURS)]
        body.append(
            f'<rect x="{x:.1f}" y="{y + 3}" width="{max(width, 0.5):.1f}" height="13" fill="{colour}"/>'
        )
        words = f"{number(bar.value, panel.unit)} {bar.note}".strip()
        body.append(_text(max(zero, end) + 6, y + 13, words, fill=GREY))
    bottom = top + len(panel.bars) * step
    body.append(f'<line x1="{zero:.1f}" y1="{top}" x2="{zero:.1f}" y2="{bottom + 2}" stroke="{INK}"/>')
    return body, bottom


def curves(title: str, said: str, charts: Sequence[tuple[str, str, Sequence[Curve]]]) -> str:
    """Line charts below one another: (title, name of the x axis, curves). x is a share from 0; y begins at 0."""
    body, top = [], 66
    for name, axis, lines in charts:
        body.append(_text(16, top, name, size=13, weight="600"))
        body += _chart(axis, lines, top + 14)
        top += 262
    return _sheet(title, said, top - 4, body)


def _chart(axis: str, lines: Sequence[Curve], top: int) -> list[str]:
    left, right, height = 64, WIDTH - 210, 190
    floor = top + height
    most_x = max(x for line in lines for x, _ in line.points)
    step = _step(max(y for line in lines for _, y in line.points))
    most_y = step * -(-max(y for line in lines for _, y in line.points) // step) or step
    body = []
    for tick in range(round(most_y / step) + 1):
        y = floor - tick * step / most_y * height
        body.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{GRID}"/>')
        body.append(_text(left - 8, y + 4, number(tick * step), anchor="end", fill=GREY))
    for tick in range(7):
        x = left + tick / 6 * (right - left)
        body.append(_text(x, floor + 16, f"{tick / 6 * most_x:.0%}", anchor="middle", fill=GREY))
    body.append(_text((left + right) / 2, floor + 32, axis, anchor="middle", fill=GREY))
    taken: list[float] = []
    for line in sorted(lines, key=lambda each: -each.points[-1][1]):
        colour = COLOURS[line.colour % len(COLOURS)]
        placed = [(left + x / most_x * (right - left), floor - y / most_y * height) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(placed) > 2:
            body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        y = placed[-1][1] + 4
        while any(abs(y - other) < 14 for other in taken):
            y += 1
        taken.append(y)
        body.append(_text(right + 8, y, line.label, fill=colour))
    return body


def _step(top: float) -> float:
    """1, 2 or 5 times a power of ten, at most five of them."""
    size = 0.01
    while True:
        for factor in (1, 2, 5):
            if top <= 5 * factor * size:
                return factor * size
        size *= 10


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: str = "400",
    fill: str = INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
        f' fill="{fill}">{escape(words)}</text>'
    )


def _sheet(title: str, said: str, height: int, body: Sequence[str]) -> str:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-labelledby="t" {FONT}>',
        f'<title id="t">{escape(title)}. {escape(said)}</title>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, title, size=15, weight="600"),
        _text(16, 40, said, fill=GREY),
    ]
    return "\n".join([*head, *body, "</svg>", ""])
