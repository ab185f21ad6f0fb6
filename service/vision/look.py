"""The order of everything that happens to a picture, in one place; see the package for why it is this order."""

from typing import Any, Final

from service.vision import measure
from service.vision.blackout import Seen, black_out
from service.vision.container import Refused, strip
from service.vision.decode import decode
from service.vision.locate import Line, locate
from service.vision.read import Letters, Recogniser, turned
from service.vision.read import strip as line_strip

SMALLEST: Final = 400
"""Pixels of the longer side below which no zone of 44 letters could be read."""
SURE: Final = 0.80
"""Mean certainty of a line from which its other side is not tried."""


def look(data: bytes, recogniser: Recogniser) -> dict[str, Any]:
    """The answer to one picture, ready for JSON."""
    try:
        bare = strip(data)
        picture = decode(bare)
    except Refused as refused:
        return {"refused": refused.code, "advice": []}
    size = {"width": bare.width, "height": bare.height}
    found = locate(picture)
    if not found.lines:
        is_small = max(bare.width, bare.height) < SMALLEST
        return {
            "lines": [],
            "scores": [],
            "quality": size | {"blur": found.blur, "glare": found.glare},
            "advice": [
                "no-zone",
                *measure.advice(found.blur, found.glare, is_small=is_small, is_dark=found.is_dark),
            ],
            "fingerprint": None,
        }
    seen = black_out(picture, found.lines)
    del picture
    lines, letters = _read(seen, recogniser)
    blur, glare, advice = measure.quality(seen)
    return {
        "lines": [each.text for each in letters],
        "scores": [round(1000 * min(each.scores, default=0.0)) for each in letters],
        "quality": size | {"blur": blur, "glare": glare},
        "advice": advice,
        "fingerprint": measure.fingerprint(seen, lines),
    }


def _read(seen: Seen, recogniser: Recogniser) -> tuple[tuple[Line, ...], list[Letters]]:
    """The lines as they are read, top to bottom, and what they say. One line decides which side is up."""
    ways = [seen.lines, turned(seen.lines)]
    first = recogniser.read(line_strip(seen, ways[0][-1]))
    if first.mean >= SURE:
        other = None
    else:
        other = recogniser.read(line_strip(seen, ways[1][-1]))
    lines, known = (ways[1], other) if other and other.mean > first.mean else (ways[0], first)
    return lines, [*(recogniser.read(line_strip(seen, line)) for line in lines[:-1]), known]
