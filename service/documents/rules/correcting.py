"""A read of a picture and what whoever has the document says instead: one zone again, judged like a typed one."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any, Final

from service.documents.model import (
    MAX_CORRECTIONS,
    CheckOutcome,
    CheckResult,
    Correction,
    DocumentCheck,
    Outcome,
    Reading,
)
from service.documents.rules.pictures import READ
from service.kit.errors import InvalidRequest, StateConflict
from service.kit.mrz import Layout, Mrz, MrzDate, parse
from service.kit.mrz.compose import names
from service.kit.names import Agreement, names_agree
from service.kit.values import Malformed

CORRECTION: Final = "image.correction"
_ICAO: Final = (Layout.TD1, Layout.TD2, Layout.TD3, Layout.MRV_A, Layout.MRV_B)
_ANOTHER: Final = 2
"""Characters in which a number may differ from what was read; more is another number than the picture's."""


def may_correct(check: DocumentCheck, reading: Reading | None) -> None:
    """Refuse unless this is the read of a picture that a person has yet to settle."""
    if reading is None or check.outcome is not Outcome.REFER:
        raise StateConflict(
            check.outcome,
            [Outcome.REFER],
            "Only the read of a picture that waits for confirmation is corrected.",
        )
    if len(reading.corrections) >= MAX_CORRECTIONS:
        raise StateConflict(
            check.outcome, (), "It was corrected three times. Send another picture, or the lines of the zone."
        )


def merged(reading: Reading, said: Correction) -> Correction:
    """``said`` on top of what was said before: the last lines, and of each field that was said after them the last
    word. Lines replace it all."""
    if said.lines is not None:
        return said
    known: dict[str, Any] = {}
    for earlier in reading.corrections:
        told = earlier["said"]
        assert isinstance(told, Mapping)
        known = {**told} if "lines" in told else {**known, **told}
    if "lines" in known:
        known["lines"] = tuple(known["lines"])
    if "expiry_date" in known:
        known["expiry_date"] = date.fromisoformat(known["expiry_date"])
    for name, value in ((each.name, getattr(said, each.name)) for each in fields(Correction)):
        if value is not None:
            known[name] = value
    return Correction(**known)


def corrected(read: Mrz, said: Correction) -> Mrz:
    """``read``, or the lines that were said instead of it, with the fields that were said laid on.

    Check digits stay as they were: they judge what was said, too. Raises ``InvalidRequest`` for a value that does not
    fit, or a number that goes on in the optional field, and ``DocumentUnreadable`` for lines that are no zone.
    """
    if said.lines is not None:
        read = parse(said.lines)
        if said == Correction(lines=said.lines):
            return read
    if read.layout not in _ICAO:
        raise InvalidRequest(
            "/fields", "lines-needed", "Send the lines of this document's zone: /fields/lines."
        )
    at, zone = read.positions, list(read.text)

    def put(place: slice, text: str, pointer: str) -> None:
        width = place.stop - place.start
        if len(text) > width:
            raise InvalidRequest(
                pointer,
                "zone-length",
                f"The field holds {width} characters. Send the lines instead: /fields/lines.",
            )
        zone[place] = text.ljust(width, "<")

    for text, place, pointer in (
        (said.document_number, at.document_number, "/fields/document_number"),
        (said.issuing_state, slice(2, 5), "/fields/issuing_state"),
        (said.nationality, at.nationality, "/fields/nationality"),
        (_birth(said.birth_date), at.birth_date, "/fields/birth_date"),
        (_day(said.expiry_date), at.expiry_date, "/fields/expiry_date"),
        (said.sex and said.sex.replace("X", "<"), slice(at.sex, at.sex + 1), "/fields/sex"),
    ):
        if text is not None:
            put(place, text, pointer)
    if (text := _names(read, said)) is not None:
        put(at.names, text, "/fields/family_name")
    width = at.width
    made = parse(["".join(zone[start : start + width]) for start in range(0, len(zone), width)])
    number = said.document_number
    if number is not None and _plain(made.document_number) != _plain(number):
        # Of a long number only the head was replaced: 9303-5 and 9303-6, note j.
        raise InvalidRequest(
            "/fields/document_number", "zone-length", "Send the lines instead: /fields/lines."
        )
    return made


def _plain(number: str) -> str:
    return number.replace("<", "")


def _birth(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return MrzDate.parse(text, "/fields/birth_date").zone
    except Malformed as malformed:
        raise InvalidRequest("/fields/birth_date", malformed.reason, malformed.text) from None


def _day(day: date | None) -> str | None:
    return None if day is None else MrzDate.of(day).zone


def _names(read: Mrz, said: Correction) -> str | None:
    """The name field anew; None where none was said, or what was read already says it in the letters of a zone."""
    if said.family_name is None and said.given_names is None:
        return None
    shown = read.names
    family = said.family_name or shown.primary.replace("<", " ")
    given = said.given_names if said.given_names is not None else shown.secondary.replace("<", " ")
    if names_agree(family, given or None, shown) is Agreement.AGREE:
        return None
    width = read.positions.names.stop - read.positions.names.start
    try:
        return names(family, given or None, width)
    except Malformed as malformed:
        raise InvalidRequest("/fields/family_name", malformed.reason, malformed.text) from None


def findings_of_correction(
    before: Iterable[CheckResult], zone: Iterable[CheckResult], read: Mrz, now: Mrz, said: Correction
) -> tuple[CheckResult, ...]:
    """The ``image.…`` findings of a read after it was corrected, and the findings of the corrected zone.

    It is confirmed while a number or lines that somebody typed hold, and waits again where none does. A check digit
    that disagrees with a field is for a person: it may be the digit that was misread.
    """
    is_confirmed = said.lines is not None or said.document_number is not None
    found = [
        _stands(result, is_confirmed)
        for result in before
        if result.id.startswith("image.") and result.id != CORRECTION
    ]
    return (
        *found,
        _difference(read, now),
        *(zone if said == Correction(lines=said.lines) else map(_softened, zone)),
    )


def _stands(result: CheckResult, is_confirmed: bool) -> CheckResult:
    if result.id != READ:
        return result
    if is_confirmed:
        return replace(result, outcome=CheckOutcome.PASS, code="confirmed")
    if result.code == "confirmed":
        return replace(result, outcome=CheckOutcome.WARN, code="to-confirm")
    return result


def _softened(result: CheckResult) -> CheckResult:
    if result.id.endswith("_digit") and result.outcome is CheckOutcome.FAIL:
        return replace(result, outcome=CheckOutcome.WARN)
    return result


def _difference(read: Mrz, now: Mrz) -> CheckResult:
    if read.text == now.text:
        return CheckResult(CORRECTION, CheckOutcome.PASS, "as-read")
    one, two = read.document_number, now.document_number
    differ = sum(a != b for a, b in zip(one, two, strict=False)) + abs(len(one) - len(two))
    if differ > _ANOTHER:
        return CheckResult(CORRECTION, CheckOutcome.WARN, "another-number")
    return CheckResult(CORRECTION, CheckOutcome.PASS, "changed")
