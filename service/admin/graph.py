"""Geometry of the link graph: rings by hop around the line in question. The same graph is drawn the same each time.

Things stand between the lines that share them: ring 1 holds those of the root, ring 2 the lines on them, and so on.
A ring is as wide as its nodes need, so that none is smaller to the finger than another (24 px and a gap).
"""

from collections.abc import Mapping, Sequence
from math import cos, pi, sin

SPACE, SPACE_NEAR = 34, 64
"""Pixels of a ring's line that one node has for itself; on the innermost ring, where words stand beside them."""
STEP = 76
"""Least distance of two rings."""
MARGIN = 40
FOLDED_FROM = 150
"""With more nodes than this, the things of one kind on one ring are drawn as one, with their number."""


def radii(counts: Sequence[int]) -> list[float]:
    """Of ring 1 and those after it; a ring without nodes takes no room."""
    found: list[float] = []
    last = 0.0
    for ring, count in enumerate(counts, 1):
        if count:
            last = max(last + STEP, count * (SPACE_NEAR if ring == 1 else SPACE) / (2 * pi))
        found.append(round(last, 1))
    return found


def size(rings: Sequence[float]) -> int:
    """Width and height of the drawing in pixels."""
    return int(2 * (max(rings, default=0.0) + MARGIN))


def around(ids: Mapping[int, Sequence[str]]) -> tuple[int, tuple[float, ...], dict[str, tuple[float, float]]]:
    """Size, radii and each node's place: those of a ring stand in the order given, from the top, clockwise."""
    last = max(ids, default=0)
    rings = radii([len(ids.get(ring, ())) for ring in range(1, last + 1)])
    total = size(rings)
    places: dict[str, tuple[float, float]] = {}
    for ring in range(last + 1):
        members = ids.get(ring, ())
        radius = rings[ring - 1] if ring else 0.0
        for n, name in enumerate(members):
            angle = 2 * pi * n / len(members) - pi / 2
            places[name] = (
                round(total / 2 + radius * cos(angle), 1),
                round(total / 2 + radius * sin(angle), 1),
            )
    shown = (radius for ring, radius in enumerate(rings, 1) if ids.get(ring))
    return total, tuple(dict.fromkeys(shown)), places
