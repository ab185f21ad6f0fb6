"""Judging and writing the zones that no part of Doc 9303 describes; ``layout`` says where they are published."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from service.kit.checks import CheckOutcome, CheckResult
from service.kit.mrz.dates import MrzDate, birth_date, expiry_date
from service.kit.mrz.digits import of_text
from service.kit.mrz.layout import Layout

if TYPE_CHECKING:
    from service.kit.mrz.zone import Mrz

CHECK_IDS: Final = ("mrz.issue_date", "mrz.fixed_characters")
"""What only national zones are checked for."""

_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED
_NAME = re.compile(r"[A-Z]+(?:<[A-Z]+)*<*")
_NAMES = re.compile(r"[A-Z]+(?:<[A-Z]+)*(?:<<[A-Z]+(?:<[A-Z]+)*)?<*")
_GIVEN = re.compile(r"(?:[A-Z]+(?:<{1,2}[A-Z]+)*)?<*")
_BLANK = re.compile(r"[A-Z0-9]{3}[0-9]{3}[DFIR]<<")

# The card was printed from 1988 to August 2021. It holds ten years; fifteen for whoever was of age when it was issued
# in 2004 or later (Décret n° 2013-1188 of 18 December 2013, in force from 1 January 2014).
_FIRST, _LAST = (1988, 1), (2021, 12)
_LONGER_SINCE: Final = 2004
_OF_AGE: Final = 18


@dataclass(frozen=True, slots=True)
class Issued:
    """When a French card was issued, and the last day that it can hold."""

    year: int
    month: int

    def last_day(self, born: MrzDate | None) -> date:
        """The end of the same month, ten or fifteen years on; the zone shows no day of issue."""
        of_age = (
            born is not None
            and born.year is not None
            and (born.year + _OF_AGE, born.month or 1) <= (self.year, self.month)
        )
        years = 15 if of_age and self.year >= _LONGER_SINCE else 10
        year, month = (self.year + years, self.month + 1) if self.month < 12 else (self.year + years + 1, 1)
        return date(year, month, 1) - timedelta(days=1)


def issued(mrz: "Mrz") -> Issued | None:
    """From the number of a French card, whose first four digits are year and month; None where they are no month."""
    text = mrz.text[mrz.positions.document_number][:4]
    if mrz.layout is not Layout.ID_FRA or not text.isdigit():
        return None
    short, month = int(text[:2]), int(text[2:])
    year = short + (1900 if short >= 88 else 2000)
    if not 1 <= month <= 12 or not _FIRST <= (year, month) <= _LAST:
        return None
    return Issued(year, month)


def check(mrz: "Mrz", today: date) -> tuple[CheckResult, ...]:
    """Every finding about a national zone; code and issuer are sound, or it would not have been read as one."""
    found = (
        CheckResult("mrz.document_code", _PASS, "known"),
        CheckResult("mrz.issuing_state", _PASS, "known"),
    )
    return (*found, *_CHECKS[mrz.layout](mrz, today))


def _french_card(mrz: "Mrz", today: date) -> list[CheckResult]:
    at, text = mrz.positions, mrz.text
    number = text[at.document_number]
    since = issued(mrz)
    if since is None:
        ends = CheckResult("mrz.expiry_date", _SKIPPED, "not-shown")
    else:
        holds = today <= since.last_day(birth_date(mrz.birth_date, today))
        ends = CheckResult("mrz.expiry_date", _PASS if holds else _FAIL, "valid" if holds else "expired")
    return [
        _names(_NAME, text[at.names], _GIVEN.fullmatch(text[at.given]) is not None),
        _number("<" not in number, number),
        _digit("mrz.document_number_digit", number, text[at.document_number_digit]),
        CheckResult("mrz.issue_date", _PASS if since else _FAIL, "real" if since else "unreal"),
        _birth(mrz, today),
        _digit("mrz.birth_date_digit", mrz.birth_date, text[at.birth_date_digit]),
        CheckResult("mrz.sex", *((_PASS, "known") if mrz.sex in "MFX<" else (_FAIL, "unknown"))),
        ends,
        _composite(mrz),
    ]


def _french_licence(mrz: "Mrz", today: date) -> list[CheckResult]:
    at, text = mrz.positions, mrz.text
    number = text[at.document_number]
    ends = expiry_date(mrz.expiry_date, today)
    if ends is None or ends.exact is None:
        end = CheckResult("mrz.expiry_date", _FAIL, "unreal")
    else:
        holds = today <= ends.exact
        end = CheckResult("mrz.expiry_date", _PASS if holds else _FAIL, "valid" if holds else "expired")
    return [
        _names(_NAME, text[at.names]),
        _number("<" not in number, number),
        _digit("mrz.document_number_digit", text[: at.document_number_digit], text[at.document_number_digit]),
        end,
        _composite(mrz),
    ]


def _swiss_licence(mrz: "Mrz", today: date) -> list[CheckResult]:
    at, text = mrz.positions, mrz.text
    number = text[at.document_number]
    fixed = (
        _BLANK.fullmatch(text[at.optional]) is not None
        and text[at.document_number.stop : at.birth_date.start] == "<<"
        and not text[at.birth_date.stop : at.names.start].strip("<")
    )
    return [
        CheckResult("mrz.fixed_characters", *((_PASS, "sound") if fixed else (_FAIL, "unsound"))),
        _names(_NAMES, text[at.names]),
        _number(number.isdigit(), number),
        # nothing in this zone would show a misread or invented character
        CheckResult("mrz.document_number_digit", _WARN, "no-digit"),
        _birth(mrz, today),
    ]


_CHECKS: Final[Mapping[Layout, Callable[["Mrz", date], list[CheckResult]]]] = {
    Layout.ID_FRA: _french_card,
    Layout.DL_FRA: _french_licence,
    Layout.DL_CHE: _swiss_licence,
}


def _names(shape: re.Pattern[str], text: str, given: bool = True) -> CheckResult:
    if not text.strip("<"):
        return CheckResult("mrz.names", _FAIL, "empty")
    sound = given and shape.fullmatch(text) is not None
    return CheckResult("mrz.names", _PASS if sound else _FAIL, "sound" if sound else "unsound")


def _number(sound: bool, number: str) -> CheckResult:
    code = "present" if sound else "broken" if number.strip("<") else "empty"
    return CheckResult("mrz.document_number", _PASS if sound else _FAIL, code)


def _birth(mrz: "Mrz", today: date) -> CheckResult:
    born = birth_date(mrz.birth_date, today)
    if born is None:
        return CheckResult("mrz.birth_date", _FAIL, "unreal")
    if born.year is None:
        return CheckResult("mrz.birth_date", _WARN, "unknown")
    return CheckResult("mrz.birth_date", _PASS, "real" if born.day is not None else "partly-unknown")


def _digit(check_id: str, text: str, shown: str) -> CheckResult:
    if shown == of_text(text):
        return CheckResult(check_id, _PASS, "digit-agrees")
    return CheckResult(check_id, _FAIL, "digit-missing" if shown == "<" else "digit-wrong")


def _composite(mrz: "Mrz") -> CheckResult:
    at = mrz.positions
    assert at.composite_digit is not None
    return _digit("mrz.composite_digit", mrz.text[at.composite[0]], mrz.text[at.composite_digit])
