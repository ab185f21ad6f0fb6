"""From lines as a machine read them in a picture to a zone: which lines, how long, and what stands where only a digit
or only a letter can. Pure, and it keeps account: what was moved or changed is said, field by field.

Nothing is tried until the check digits agree: that way leads to a wrong number that looks right. A document number
has letters and digits in any place (9303-3, 4.2.2), so no character of one is ever changed here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.kit.mrz.layout import POSITIONS, Layout, Positions
from service.kit.mrz.zone import DocumentUnreadable, Mrz, parse

MOST_LINES: Final = 40
_LEAST_WIDTH: Final = 14
_ICAO: Final = (Layout.TD1, Layout.TD2, Layout.TD3, Layout.MRV_A, Layout.MRV_B)
# A line may have lost so many fillers, or have got so many too many. More is another line, or half of one.
_LOST: Final = 16
_GAINED: Final = 4

_FILLERS: Final = str.maketrans({"«": "<<", "‹": "<", "＜": "<", "〈": "<", "《": "<<", "≤": "<"})
_NO_ZONE: Final = re.compile(r"[^A-Z0-9<]")
_RUN: Final = re.compile(r"<{2,}")
# Two fillers end the names; what stands behind them are fillers that were taken for narrow letters.
_NOISE: Final = re.compile(r"([A-Z]+(?:<[A-Z]+)*<<[A-Z]+(?:<[A-Z]+)*<<)([<CEKLSX]*)")

AS_DIGIT: Final[Mapping[str, str]] = {
    "O": "0", "D": "0", "Q": "0", "I": "1", "L": "1", "Z": "2", "A": "4", "S": "5", "G": "6", "T": "7", "B": "8",
}  # fmt: skip
AS_LETTER: Final[Mapping[str, str]] = {
    "0": "O", "1": "I", "2": "Z", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B",
}  # fmt: skip

_SHAPES: Final = {
    "P": (POSITIONS[Layout.TD3],),
    "V": (POSITIONS[Layout.MRV_A], POSITIONS[Layout.MRV_B]),
    "A": (POSITIONS[Layout.TD1], POSITIONS[Layout.TD2]),
    "C": (POSITIONS[Layout.TD1], POSITIONS[Layout.TD2]),
    "I": (POSITIONS[Layout.TD1], POSITIONS[Layout.TD2]),
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A zone, and what was done to have one.

    ``is_exact``: every line was as long as the layout wants, and they stood together. ``repaired``: the fields of
    which a character was changed, a check digit counting for the field that it covers.
    """

    mrz: Mrz
    is_exact: bool
    repaired: frozenset[str] = field(default_factory=frozenset)


def fit(lines: Sequence[str]) -> Fitted:
    """The zone among ``lines``, top to bottom as they were read. Raises :class:`DocumentUnreadable` where none of
    the five sizes of Doc 9303 fits, or more than one fits as well."""
    read = [_clean(line) for line in lines[:MOST_LINES]]
    chosen = _choose(read)
    if chosen is None:
        return _national(read)
    at, places, is_exact = chosen
    is_exact = is_exact and all(line.isascii() for line in lines)
    zone = [_sized(read[place], at, number) for number, place in enumerate(places)]
    if None in zone:
        raise DocumentUnreadable("A line of the zone is not whole in the picture. Take it again, all of it.")
    text, repaired = _repair("".join(line for line in zone if line), at)
    width = at.width
    mended = [text[start : start + width] for start in range(0, len(text), width)]
    return Fitted(parse(mended), is_exact, repaired)


def _clean(line: str) -> str:
    """Without spaces; signs that only stand for fillers are fillers. Anything else that no zone has is kept, so that
    the line is seen to be none."""
    return "".join(line[:120].translate(_FILLERS).split())


def _choose(read: Sequence[str]) -> tuple[Positions, tuple[int, ...], bool] | None:
    """(layout, places of its lines, whether they are exact): what fits with the fewest characters lost or gained."""
    found: list[tuple[int, int, Positions, tuple[int, ...]]] = []
    long = [place for place, line in enumerate(read) if len(line) >= _LEAST_WIDTH]
    for start, place in enumerate(long):
        for at in _SHAPES.get(AS_LETTER.get(read[place][0], read[place][0]), ()):
            places = tuple(long[start : start + at.lines])
            off = [len(read[each]) - at.width for each in places]
            if len(places) == at.lines and all(-_LOST <= each <= _GAINED for each in off):
                together = places[-1] - places[0] == at.lines - 1
                if all(not _NO_ZONE.search(read[each]) for each in places):
                    found.append((sum(map(abs, off)), 0 if together else 1, at, places))
    if not found:
        return None
    found.sort(key=lambda each: each[:2])
    best = found[0]
    if len(found) > 1 and found[1][:2] == best[:2] and (found[1][2], found[1][3]) != (best[2], best[3]):
        raise DocumentUnreadable("More than one zone can be read in the picture. Show one document alone.")
    return best[2], best[3], best[:2] == (0, 0)


def _national(read: Sequence[str]) -> Fitted:
    """Zones that no part of Doc 9303 describes are taken as they were read, or not at all."""
    whole = [line for line in read if not _NO_ZONE.search(line)]
    mrz = parse(whole)
    if mrz.layout in _ICAO:  # as long as one of 9303, but it does not begin like one
        raise DocumentUnreadable("No machine-readable zone was found. Show the whole page.")
    return Fitted(mrz, len(whole) == len(read))


def _sized(line: str, at: Positions, number: int) -> str | None:
    """The line in its layout's width: fillers are added or taken where there is one place for them. None: where there
    is none, or several."""
    off = len(line) - at.width
    if off == 0:
        return line
    runs = list(_RUN.finditer(line))
    if off > 0:
        run = runs[-1] if runs else None
        if run is None or len(run[0]) <= off or (len(runs) > 1 and run.end() < len(line)):
            return None
        return line[: run.start()] + line[run.start() + off :]
    end = (number + 1) * at.width
    if at.names.stop == end or (at.optional.stop == end and line.endswith("<")):
        return line.ljust(at.width, "<")  # the line ends in a field that is filled up
    if len(runs) != 1:
        return None
    return line[: runs[0].start()] + "<" * -off + line[runs[0].start() :]


def _repair(text: str, at: Positions) -> tuple[str, frozenset[str]]:
    """``text`` with the characters changed that cannot stand where they do, and the names of the fields."""
    zone = list(text)
    repaired: set[str] = set()

    def swap(places: slice | int | None, table: Mapping[str, str], name: str) -> None:
        if places is None:
            return
        span = range(places, places + 1) if isinstance(places, int) else range(places.start, places.stop)
        for place in span:
            if zone[place] in table:
                zone[place] = table[zone[place]]
                repaired.add(name)

    for places, name in (
        (at.document_number_digit, "document_number"),
        (at.birth_date, "birth_date"),
        (at.birth_date_digit, "birth_date"),
        (at.expiry_date, "expiry_date"),
        (at.expiry_date_digit, "expiry_date"),
        (at.personal_number_digit, "optional"),
        (at.composite_digit, "composite"),
    ):
        swap(places, AS_DIGIT, name)
    for place, name in ((slice(2, 5), "issuing_state"), (at.nationality, "nationality")):
        if "".join(zone[place]) == "0<<":  # D<<, Germany: the one code of a single letter
            zone[place.start] = "D"
            repaired.add(name)
        swap(place, AS_LETTER, name)
    swap(slice(0, 2), AS_LETTER, "document_code")
    swap(at.names, AS_LETTER, "names")
    noise = _NOISE.fullmatch("".join(zone[at.names]))
    if noise and noise[2].strip("<"):
        zone[at.names] = noise[1].ljust(at.names.stop - at.names.start, "<")
        repaired.add("names")
    return "".join(zone), frozenset(repaired)
