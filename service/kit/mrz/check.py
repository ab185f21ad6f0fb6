"""Judging a zone: every check digit, date, code and name of it. Pure; no policy, no comparison with anything else."""

import re
from datetime import date, timedelta
from typing import Final

from service.kit import states
from service.kit.checks import CheckOutcome, CheckResult
from service.kit.mrz import national
from service.kit.mrz.dates import birth_date, expiry_date, expiry_year
from service.kit.mrz.digits import DIGITS, VALUES, of_long_values, of_values
from service.kit.mrz.layout import NATIONAL, Layout
from service.kit.mrz.zone import Mrz

# An expiry date further ahead than any passport or card is issued for: an error, or a card that never expires.
FAR_YEARS: Final = 20

# MMDD of every day that all years have: most dates are judged by one look-up. 29 February goes the long way.
_DAYS: Final = frozenset(f"{(date(2001, 1, 1) + timedelta(days=n)).strftime('%m%d')}" for n in range(365))

_NAMES = re.compile(r"[A-Z]+(?:<[A-Z]+)*(?:<<[A-Z]+(?:<[A-Z]+)*)?<*")
_PASS, _FAIL, _WARN = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN


class _Digit:
    """The four ways a check digit can turn out, made once: judging allocates nothing."""

    __slots__ = ("agrees", "empty", "missing", "wrong")

    def __init__(self, check_id: str) -> None:
        self.agrees = CheckResult(check_id, _PASS, "digit-agrees")
        self.empty = CheckResult(check_id, _PASS, "field-empty")
        self.wrong = CheckResult(check_id, _FAIL, "digit-wrong")
        self.missing = CheckResult(check_id, _FAIL, "digit-missing")


_NUMBER = _Digit("mrz.document_number_digit")
_BIRTH = _Digit("mrz.birth_date_digit")
_EXPIRY = _Digit("mrz.expiry_date_digit")
_PERSONAL = _Digit("mrz.personal_number_digit")
_COMPOSITE = _Digit("mrz.composite_digit")


def _results(check_id: str, **codes: CheckOutcome) -> dict[str, CheckResult]:
    names = {code: code.replace("_", "-") for code in codes}
    return {names[code]: CheckResult(check_id, outcome, names[code]) for code, outcome in codes.items()}


_CODE = _results("mrz.document_code", known=_PASS, unknown=_FAIL, crew=_FAIL)
_ISSUER = _results("mrz.issuing_state", known=_PASS, unknown=_FAIL)
_NATION = _results("mrz.nationality", known=_PASS, unknown=_FAIL)
_BORN = _results("mrz.birth_date", real=_PASS, partly_unknown=_PASS, unknown=_WARN, unreal=_FAIL)
_ENDS = _results("mrz.expiry_date", valid=_PASS, expired=_FAIL, far=_WARN, none=_WARN, unreal=_FAIL)
_SEX = _results("mrz.sex", known=_PASS, unknown=_FAIL)
_FILLED = _results("mrz.document_number", present=_PASS, empty=_FAIL, broken=_FAIL)
_NAMED = _results("mrz.names", sound=_PASS, uneven=_WARN, empty=_FAIL, unsound=_FAIL)

CHECK_IDS: Final = (
    "mrz.document_code",
    "mrz.issuing_state",
    "mrz.nationality",
    "mrz.names",
    "mrz.document_number",
    "mrz.document_number_digit",
    "mrz.birth_date",
    "mrz.birth_date_digit",
    "mrz.sex",
    "mrz.expiry_date",
    "mrz.expiry_date_digit",
    "mrz.personal_number_digit",
    "mrz.composite_digit",
)
"""What the zones of Doc 9303 are checked for."""


def check(mrz: Mrz, today: date) -> tuple[CheckResult, ...]:
    """Every finding about ``mrz`` on ``today``, in the order of :data:`CHECK_IDS`.

    A layout without a composite or personal number digit has no finding for it: visas have neither (9303-7).
    National zones have findings of their own beside them, ``national.CHECK_IDS``, and lack those of what they do not
    show.
    """
    if mrz.layout in NATIONAL:
        return national.check(mrz, today)
    text = mrz.text
    at = mrz.positions
    values = text.encode("ascii").translate(VALUES)
    found = [
        _document_code(mrz),
        _ISSUER["known" if text[2:5].rstrip("<") in states.ISSUERS else "unknown"],
        _NATION["known" if text[at.nationality].rstrip("<") in states.NATIONALITIES else "unknown"],
        _names(text[at.names]),
        *_document_number(mrz, values),
        _birth(text[at.birth_date], today),
        _digit(_BIRTH, values[at.birth_date], text[at.birth_date_digit]),
        _SEX["known" if text[at.sex] in "MFX<" else "unknown"],
        _expiry(text[at.expiry_date], today),
        _digit(_EXPIRY, values[at.expiry_date], text[at.expiry_date_digit]),
    ]
    if at.personal_number_digit is not None:
        found.append(_personal(text[at.optional], values[at.optional], text[at.personal_number_digit]))
    if at.composite_digit is not None:
        joined = b"".join([values[part] for part in at.composite])
        agrees = text[at.composite_digit] == DIGITS[of_long_values(joined)]
        found.append(_COMPOSITE.agrees if agrees else _wrong(_COMPOSITE, text[at.composite_digit]))
    return tuple(found)


def _digit(field: _Digit, values: bytes, shown: str) -> CheckResult:
    return field.agrees if shown == DIGITS[of_values(values)] else _wrong(field, shown)


def _wrong(field: _Digit, shown: str) -> CheckResult:
    return field.missing if shown == "<" else field.wrong


def _personal(text: str, values: bytes, shown: str) -> CheckResult:
    """9303-4, 4.2.2.2: where the field is empty, its check digit may be 0 or ``<``."""
    if shown in "0<" and not text.strip("<"):
        return _PERSONAL.empty
    return _digit(_PERSONAL, values, shown)


def _document_number(mrz: Mrz, values: bytes) -> tuple[CheckResult, CheckResult]:
    at = mrz.positions
    number = mrz.text[at.document_number]
    # a number may hold a filler for a hyphen, but nothing begins with one
    sound = "present" if number[0] != "<" else "broken" if number.strip("<") else "empty"
    filled = _FILLED[sound]
    shown = mrz.text[at.document_number_digit]
    if shown == "<" and at.long_numbers:
        # 9303-5 and 9303-6, note j: the digit stands behind the rest of the number, and counts over all of it
        rest = mrz.text[at.optional].partition("<")[0]
        if number[-1] == "<" or len(rest) < 2:
            return filled, _NUMBER.missing
        begin = at.optional.start
        whole = values[at.document_number] + values[begin : begin + len(rest) - 1]
        return filled, _digit(_NUMBER, whole, rest[-1])
    return filled, _digit(_NUMBER, values[at.document_number], shown)


def _document_code(mrz: Mrz) -> CheckResult:
    """9303-4: P and a letter or filler. 9303-5, 9303-6: A, C or I, then neither V nor I after A; AC is for crews.

    9303-7: V and a letter or filler.
    """
    first, second = mrz.text[0], mrz.text[1]
    if second.isdigit():
        return _CODE["unknown"]
    if mrz.layout is Layout.TD3:
        return _CODE["known" if first == "P" else "unknown"]
    if mrz.layout is Layout.TD1 or mrz.layout is Layout.TD2:
        if first == "A" and second == "C":
            return _CODE["crew"]
        if first not in "ACI" or second == "V" or (first == "A" and second == "I"):
            return _CODE["unknown"]
        return _CODE["known"]
    return _CODE["known"]  # a visa's layout is chosen by its V


def _birth(text: str, today: date) -> CheckResult:
    if text[2:] in _DAYS and text[:2].isdigit():
        return _BORN["real"]  # some century makes it a past day
    born = birth_date(text, today)
    if born is None:
        return _BORN["unreal"]
    if born.year is None:
        return _BORN["unknown"]
    return _BORN["real" if born.day is not None else "partly-unknown"]


def _expiry(text: str, today: date) -> CheckResult:
    if text[2:] in _DAYS and text[:2].isdigit():
        year = expiry_year(int(text[:2]), today)
        if year == today.year:
            return _ENDS["expired" if int(text[2:]) < today.month * 100 + today.day else "valid"]
        return _ENDS["expired" if year < today.year else "far" if year > today.year + FAR_YEARS else "valid"]
    ends = expiry_date(text, today)
    if ends is None:
        return _ENDS["unreal"]
    if ends.year is None:
        return _ENDS["none"]
    if (ends.year, ends.month, ends.day) < (today.year, today.month, today.day):
        return _ENDS["expired"]
    return _ENDS["far" if ends.year > today.year + FAR_YEARS else "valid"]


def _names(text: str) -> CheckResult:
    """9303-3, 4.6: primary identifier, two fillers, secondary identifier; letters and single fillers in each."""
    if _NAMES.fullmatch(text):
        return _NAMED["sound"]
    plain = text.rstrip("<")
    if not plain:
        return _NAMED["empty"]
    if plain[0] == "<" or not plain.replace("<", "").isalpha():
        return _NAMED["unsound"]
    return _NAMED["uneven"]  # more fillers between names than the standard writes: some issuers do
