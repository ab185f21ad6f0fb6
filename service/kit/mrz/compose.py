"""Writing a zone: the inverse of reading one. For tests, the seed and invented specimens."""

import re
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from service.kit.mrz.dates import MrzDate
from service.kit.mrz.digits import VALUES, of_text, of_values
from service.kit.mrz.layout import NATIONAL, POSITIONS, Layout, Positions
from service.kit.transliteration import Table, transliterate
from service.kit.values import Malformed

_LETTERS = re.compile(r"[A-Z]+")
_FIELD = re.compile(r"[A-Z0-9<]*")


@dataclass(frozen=True, slots=True, repr=False)
class MrzFields:
    """What a zone says. Names in any script with a table; ``given_names`` None for people with one name.

    ``optional``: TD3's personal number, otherwise the (first) optional field; ``optional_2``: TD1 only. A national
    zone is given what it shows; its document code is its own.
    """

    document_code: str
    issuing_state: str
    family_name: str
    given_names: str | None
    document_number: str
    nationality: str
    birth_date: MrzDate
    sex: str
    expiry_date: date
    optional: str = ""
    optional_2: str = ""


def compose(layout: Layout, fields: MrzFields, table: Table = Table.LONG) -> tuple[str, ...]:
    """The lines of a valid zone. Raise :class:`Malformed` where a field does not fit or cannot be written."""
    at = POSITIONS[layout]
    if layout in NATIONAL:
        return _national(at, fields, table)
    zone = ["<"] * at.size
    number, digit, optional = _number(at, fields.document_number, fields.optional)
    _put(zone, slice(0, 2), fields.document_code, "/document_code")
    _put(zone, slice(2, 5), fields.issuing_state, "/issuing_state")
    _put(zone, at.names, names(fields.family_name, fields.given_names, _width(at.names), table), "/names")
    _put(zone, at.document_number, number, "/document_number")
    zone[at.document_number_digit] = digit
    _put(zone, at.nationality, fields.nationality, "/nationality")
    _dated(zone, at.birth_date, at.birth_date_digit, fields.birth_date.zone)
    zone[at.sex] = "<" if fields.sex == "X" else fields.sex
    _dated(zone, at.expiry_date, at.expiry_date_digit, MrzDate.of(fields.expiry_date).zone)
    _put(zone, at.optional, optional, "/optional")
    if at.optional_2 is not None:
        _put(zone, at.optional_2, fields.optional_2, "/optional_2")
    if at.personal_number_digit is not None:
        zone[at.personal_number_digit] = of_text("".join(zone[at.optional])) if optional else "<"
    if at.composite_digit is not None:
        values = "".join(zone).encode("ascii").translate(VALUES)
        zone[at.composite_digit] = str(of_values(b"".join(values[part] for part in at.composite)))
    return tuple("".join(zone[start : start + at.width]) for start in range(0, at.size, at.width))


_CODES = {
    Layout.ID_FRA: ("ID", ("FRA",)),
    Layout.DL_FRA: ("D1", ("FRA",)),
    Layout.DL_CHE: ("FA", ("CHE", "LIE")),
}


def _national(at: Positions, fields: MrzFields, table: Table) -> tuple[str, ...]:
    """What the layout shows of ``fields``, with its own code and digits."""
    code, issuers = _CODES[at.layout]
    if fields.issuing_state not in issuers:
        raise Malformed("/issuing_state", "zone-issuer", "No such document of this state is known here.")
    zone = ["<"] * at.size
    _put(zone, at.code, code, "/document_code")
    _put(zone, at.issuer, fields.issuing_state, "/issuing_state")
    _put(zone, at.document_number, _written(fields.document_number, "/document_number"), "/document_number")
    _put(zone, at.optional, _written(fields.optional, "/optional"), "/optional")
    if at.layout is Layout.DL_CHE:
        _put(zone, at.names, names(fields.family_name, fields.given_names, _width(at.names), table), "/names")
    else:
        _put(zone, at.names, names(fields.family_name, None, _width(at.names), table), "/names")
        given = [transliterate(name, table) or "" for name in (fields.given_names or "").split()]
        _put(zone, at.given, "<<".join(given)[: _width(at.given)], "/names")
    if at.birth_date.stop:
        _put(zone, at.birth_date, fields.birth_date.zone, "/birth_date")
    if at.expiry_date.stop:
        _put(zone, at.expiry_date, MrzDate.of(fields.expiry_date).zone, "/expiry_date")
    if at.sex >= 0:
        zone[at.sex] = "<" if fields.sex == "X" else fields.sex
    if at.document_number_digit >= 0:
        begin = 0 if at.layout is Layout.DL_FRA else at.document_number.start
        zone[at.document_number_digit] = of_text("".join(zone[begin : at.document_number_digit]))
    if at.birth_date_digit >= 0:
        zone[at.birth_date_digit] = of_text("".join(zone[at.birth_date]))
    if at.composite_digit is not None:
        zone[at.composite_digit] = of_text("".join(zone[at.composite[0]]))
    text, ends = "".join(zone), list(accumulate(at.widths))
    return tuple(text[end - width : end] for width, end in zip(at.widths, ends, strict=True))


def names(family: str, given: str | None, width: int, table: Table = Table.LONG) -> str:
    """The name field, at most ``width`` characters and without padding.

    Names that are too long end in a letter in the last position and keep at least one letter of the secondary
    identifier (9303-4, 4.2.3). Raise :class:`Malformed` where a character has no transliteration.
    """
    primary = transliterate(family, table)
    secondary = transliterate(given, table) if given else ""
    if not primary or secondary is None:
        raise Malformed(
            "/names", "name-script", "The name has characters that no transliteration table knows."
        )
    if len(primary) + (2 + len(secondary) if secondary else 0) <= width:
        return f"{primary}<<{secondary}" if secondary else primary
    if not secondary:
        return _cut(primary, width)
    if len(primary) > width - 3:
        return f"{_cut(primary, width - 3)}<<{secondary[0]}"
    return _cut(f"{primary}<<{secondary}", width)


def _cut(text: str, width: int) -> str:
    """``text`` cut to ``width`` with a letter in the last place, where one can be moved there.

    A filler in the last place would say that nothing was cut, so letters are taken from the longest word before it.
    """
    while text[width - 1] == "<":
        longest = max(_LETTERS.finditer(text, 0, width), key=lambda word: word.end() - word.start())
        if longest.end() - longest.start() < 2 or len(text) <= width:
            break
        text = text[: longest.end() - 1] + text[longest.end() :]
    return text[:width]


def _number(at: Positions, number: str, optional: str) -> tuple[str, str, str]:
    """(number field, its digit, optional field); a long number goes on in the optional field."""
    written = _written(number, "/document_number")
    rest = _written(optional, "/optional")
    if len(written) <= 9:
        return written, of_text(written), rest
    if not at.long_numbers:
        raise Malformed(
            "/document_number", "number-length", "This layout holds numbers of at most 9 characters."
        )
    tail = written[9:] + of_text(written) + "<" + rest
    if "<" in written or len(tail.rstrip("<")) >= _width(at.optional):
        raise Malformed(
            "/document_number", "number-length", "The number does not fit into the optional field."
        )
    return written[:9], "<", tail


def _written(text: str, pointer: str) -> str:
    field = text.upper().replace("-", "<").replace(" ", "<")
    if not _FIELD.fullmatch(field):
        raise Malformed(pointer, "zone-characters", "Only A–Z, 0–9 and < stand in a zone.")
    return field


def _put(zone: list[str], place: slice, text: str, pointer: str) -> None:
    width = _width(place)
    if len(text.rstrip("<")) > width or not _FIELD.fullmatch(text):
        raise Malformed(pointer, "zone-length", f"The field holds {width} characters of A–Z, 0–9 and <.")
    zone[place] = text[:width].ljust(width, "<")


def _dated(zone: list[str], place: slice, digit: int, text: str) -> None:
    zone[place] = text
    zone[digit] = of_text(text)


def _width(place: slice) -> int:
    return int(place.stop - place.start)
