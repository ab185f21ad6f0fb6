"""The order of everything that happens to a picture, in one place; see the package for why it is this order."""

from typing import Any, Final, NamedTuple

from service.vision import measure
from service.vision.agree import agree
from service.vision.blackout import Seen, black_out
from service.vision.container import Refused, strip
from service.vision.decode import decode
from service.vision.glyphs import Glyphs
from service.vision.locate import Line, locate
from service.vision.read import Letters, Recogniser, places_on, turned
from service.vision.read import strip as line_strip

SMALLEST: Final = 400
"""Pixels of the longer side below which no zone of 44 letters could be read."""
SURE: Final = 0.80
"""Mean certainty of a line from which its other side is not tried."""
_WIDTHS: Final = (30, 36, 44)


class Readers(NamedTuple):
    """What is loaded once."""

    recogniser: Recogniser
    glyphs: Glyphs


def load() -> Readers:
    return Readers(Recogniser(), Glyphs())


def look(data: bytes, readers: Readers) -> dict[str, Any]:
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
            "again": [],
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
    lines, letters = _read(seen, readers.recogniser)
    agreed = [
        agree(each, readers.glyphs.read(seen, line, _count(seen, letters), places_on(line, each)))
        for line, each in zip(lines, letters, strict=True)
    ]
    blur, glare, advice = measure.quality(seen)
    return {
        "lines": [each.text for each in agreed],
        "again": [each.again for each in agreed],
        "scores": [round(1000 * each.certainty) for each in agreed],
        "quality": size | {"blur": blur, "glare": glare},
        "advice": advice,
        "fingerprint": measure.fingerprint(seen, lines),
    }


def _count(seen: Seen, letters: list[Letters]) -> int:
    """Letters a line: as most lines were read, where that is a layout's number; else as the ruler has it."""
    counts = [len(each.text) for each in letters]
    for count in sorted(set(counts), key=lambda count: -counts.count(count)):
        if count in _WIDTHS:
            return count
    return seen.letters or 44


def _read(seen: Seen, recogniser: Recogniser) -> tuple[tuple[Line, ...], list[Letters]]:
    """The lines as they are read, top to bottom, and what they say. One line decides which side is up."""
    ways = [seen.lines, turned(seen.lines)]
    first = recogniser.read(line_strip(seen, ways[0][-1]))
    other = None if first.mean >= SURE else recogniser.read(line_strip(seen, ways[1][-1]))
    lines, known = (ways[1], other) if other and other.mean > first.mean else (ways[0], first)
    return lines, [*(recogniser.read(line_strip(seen, line)) for line in lines[:-1]), known]
