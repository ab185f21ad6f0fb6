"""The zone itself: its characters, and how its fields are read from them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from service.kit.errors import Kind, Refusal
from service.kit.mrz.digits import ALPHABET
from service.kit.mrz.layout import POSITIONS, Layout, Positions
from service.kit.names import ZoneNames

MAX_CHARACTERS: Final = 256
MAX_LINES: Final = 8
_SPACE: Final = re.compile(r"[ \t\r\n]+")
_BY_SHAPE: Final = {
    (at.lines, at.width): at for at in map(POSITIONS.get, (Layout.TD1, Layout.TD2, Layout.TD3)) if at
}
_BY_SIZE: Final = {at.size: at for at in _BY_SHAPE.values()}
_VISAS: Final = {72: POSITIONS[Layout.MRV_B], 88: POSITIONS[Layout.MRV_A]}
_ID_FRA: Final = POSITIONS[Layout.ID_FRA]
# (widths of the lines) -> (position, its prefix) of the zones that no part of 9303 describes
_NATIONAL: Final = {
    POSITIONS[Layout.DL_FRA].widths: (POSITIONS[Layout.DL_FRA], 0, ("D1FRA",)),
    POSITIONS[Layout.DL_CHE].widths: (POSITIONS[Layout.DL_CHE], 9, ("FACHE", "FALIE")),
}
_NATIONAL_BY_SIZE: Final = {sum(widths): found for widths, found in _NATIONAL.items()}


class DocumentUnreadable(Refusal):
    """What was sent is not a readable document; fact ``advice`` says what to look at. It never repeats the input."""

    code = "document-unreadable"
    kind = Kind.INVALID
    title = "The document could not be read"

    def __init__(self, advice: str) -> None:
        super().__init__(None, advice=advice)


@dataclass(frozen=True, slots=True)
class Mrz:
    """The characters of a zone of known layout, lines joined. Fields are read when asked for.

    Only :func:`parse` makes one, so ``text`` has the layout's size and alphabet; nothing else is promised: the
    fields of a zone that fails :func:`service.kit.mrz.check` may be nonsense, but reading them never raises.
    """

    positions: Positions
    text: str = field(repr=False)

    @property
    def layout(self) -> Layout:
        return self.positions.layout

    @property
    def lines(self) -> tuple[str, ...]:
        found, start = [], 0
        for width in self.positions.widths:
            found.append(self.text[start : start + width])
            start += width
        return tuple(found)

    @property
    def document_code(self) -> str:
        """One or two letters: ``P``, ``PD``, ``I``, ``V``, …"""
        return self.text[self.positions.code].rstrip("<")

    @property
    def issuing_state(self) -> str:
        return self.text[self.positions.issuer].rstrip("<")

    @property
    def nationality(self) -> str:
        return self.text[self.positions.nationality].rstrip("<")

    @property
    def document_number(self) -> str:
        """Without padding; a long number with its part from the optional field (9303-5 and 9303-6, note j)."""
        found = self._long_number()
        return found[0] if found else self.text[self.positions.document_number].rstrip("<")

    @property
    def birth_date(self) -> str:
        """Six characters, as in the zone: see :func:`service.kit.mrz.dates.birth_date`; none of a French licence."""
        return self.text[self.positions.birth_date]

    @property
    def expiry_date(self) -> str:
        return self.text[self.positions.expiry_date]

    @property
    def sex(self) -> str:
        """``M``, ``F``, ``X`` or ``<`` where the zone is sound; ``<`` where the layout has no sex."""
        return self.text[self.positions.sex] if self.positions.sex >= 0 else "<"

    @property
    def optional(self) -> str:
        """The optional field without padding and without the rest of a long number; TD3: the personal number."""
        found = self._long_number()
        raw = self.text[self.positions.optional]
        return (raw[found[2] :] if found else raw).strip("<")

    @property
    def optional_2(self) -> str:
        """TD1's second optional field; empty elsewhere."""
        place = self.positions.optional_2
        return self.text[place].rstrip("<") if place else ""

    @property
    def names(self) -> ZoneNames:
        raw = self.text[self.positions.names]
        if self.positions.given.stop:
            given = self.text[self.positions.given]
            truncated = raw[-1] != "<" or given[-1] != "<"
            return ZoneNames(_words(raw), _words(given), truncated=truncated)
        primary, _, rest = raw.strip("<").partition("<<")
        return ZoneNames(primary, _words(rest), truncated=raw[-1] != "<")

    def _long_number(self) -> tuple[str, str, int] | None:
        """(number, its check digit, characters used of the optional field), where the number is a long one.

        9303-5 and 9303-6, note j: a filler stands for the check digit; the rest of the number, its check digit
        and a filler begin the optional field.
        """
        at = self.positions
        if not at.long_numbers or self.text[at.document_number_digit] != "<":
            return None
        head = self.text[at.document_number]
        rest = self.text[at.optional].partition("<")[0]
        if head[-1] == "<" or len(rest) < 2:
            return None
        return head + rest[:-1], rest[-1], len(rest)


def _words(raw: str) -> str:
    return "<".join(part for part in raw.split("<") if part)


def parse(lines: Sequence[str]) -> Mrz:
    """Read 1 to 3 lines, or one text that holds them all; raise :class:`DocumentUnreadable` on anything else.

    Letters may be small, spaces and line ends are dropped. The layout follows from the size, the letter V, and the
    first characters of national zones.
    """
    text = "".join(lines)
    if len(text) > MAX_CHARACTERS or len(lines) > MAX_LINES:
        raise DocumentUnreadable(
            "Send only the machine-readable zone: 1 to 3 lines of at most 44 characters."
        )
    positions = _positions(lines)
    if positions is None or not _is_zone(text):
        text, positions = _mend(lines)
    if text[0] == "V":
        positions = _VISAS.get(len(text), positions)
    elif text[:5] == "IDFRA" and positions.width == 36:
        positions = _ID_FRA  # France writes no TD2 card
    return Mrz(positions, text)


def _positions(lines: Sequence[str]) -> Positions | None:
    """The size that the lines have, all of them equally; None for any other shape."""
    width = len(lines[0]) if lines else 0
    for line in lines:
        if len(line) != width:
            return None
    return _BY_SHAPE.get((len(lines), width))


def _is_zone(text: str) -> bool:
    return text.isascii() and not text.encode("ascii").translate(None, ALPHABET)


def _mend(lines: Sequence[str]) -> tuple[str, Positions]:
    """Drop spaces, line ends and empty lines, raise small letters; refuse with advice where that is no zone.

    Letters are raised only in ASCII: ``ß``, ``ı`` and full-width forms would turn into letters that nobody read.
    """
    kept = [line for text in lines for part in text.splitlines() if (line := _SPACE.sub("", part))]
    text = "".join(kept)
    wrong = next(
        (at for at, char in enumerate(text) if not (char.isascii() and (char.isalnum() or char == "<"))), -1
    )
    if wrong >= 0:
        raise DocumentUnreadable(
            f"Only A–Z, 0–9 and < stand in a machine-readable zone; character {wrong + 1} is another."
        )
    text = text.upper()
    if len(kept) == 1 and len(text) in _BY_SIZE:
        return text, _BY_SIZE[len(text)]
    positions = _positions(kept) or _national(kept, text)
    if positions is None:
        sizes = ", ".join(str(len(line)) for line in kept) or "none"
        raise DocumentUnreadable(
            "A zone has 2 lines of 44 or 36 characters or 3 lines of 30, fillers (<) included; "
            f"the lines sent have: {sizes}. Copy every < to the end of each line."
        )
    return text, positions


def _national(kept: Sequence[str], text: str) -> Positions | None:
    """A driving licence by its lines and first characters; refused where it is that of another state."""
    found = _NATIONAL.get(tuple(map(len, kept))) or (
        _NATIONAL_BY_SIZE.get(len(text)) if len(kept) == 1 else None
    )
    if found is None:
        return None
    positions, start, prefixes = found
    if text[start] not in "DF":
        return None
    if not text.startswith(prefixes, start):
        raise DocumentUnreadable(
            "Of driving licences only those of France (D1FRA), Switzerland and Liechtenstein (FACHE, FALIE) can be "
            "read. Send another document."
        )
    return positions
