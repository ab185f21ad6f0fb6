"""What a number says of its holder: birth date and sex, by the library where it reads them, else by the scheme's rule.

Numbers are those that ``validate`` of their module returned. Sources are each scheme's own, as python-stdnum cites
them in the module.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import ModuleType
from typing import Final

from stdnum.cz import rc

from service.kit.mrz.dates import MrzDate, birth_date

# Schemes that write two digits of the year and nothing from which the century would follow.
_NO_CENTURY: Final = frozenset(
    {"gr.amka", "id.nik", "it.codicefiscale", "mx.rfc", "my.nric", "mu.nid", "za.idnr"}
)


def birth(scheme: str, module: ModuleType, number: str, today: date) -> MrzDate | None:
    """The birth date that the number tells, perhaps without its day; None where it tells none.

    Where only two digits of the year are told, the latest date that is not after ``today``.
    """
    if scheme in _DATED:
        return birth_date(_DATED[scheme](number), today)
    if scheme == "fi.hetu":
        return _finnish(number)
    if scheme == "is_.kennitala":
        return _whole(1900 if number[-1] == "9" else 2000, number[4:6], number[2:4], number[:2])
    if scheme == "ua.rntrc":
        # days since 31 December 1899
        return MrzDate.of(date(1899, 12, 31) + timedelta(days=int(number[:5])))
    if scheme in ("be.nn", "be.bis"):
        return _belgian(module, number)
    if (scheme == "lt.asmens" and number[0] == "9") or (scheme == "ro.cnp" and number[0] in "789"):
        return None  # no date is told, or one of which the century is not
    if scheme == "sk.rc":
        module = rc  # one law of Czechoslovakia; the Slovak module passes only its check on
    found = module.get_birth_date(number) if hasattr(module, "get_birth_date") else None
    if not isinstance(found, date):
        return None
    return birth_date(f"{found:%y%m%d}", today) if scheme in _NO_CENTURY else MrzDate.of(found)


# YYMMDD of the schemes for which the library reads no date itself.
_DATED: Final[Mapping[str, Callable[[str], str]]] = {
    "at.vnr": lambda number: number[8:10] + number[6:8] + number[4:6],
    "fr.nir": lambda number: number[1:5] + "<<" if "01" <= number[3:5] <= "12" else number[1:3] + "<<<<",
    "mu.nid": lambda number: number[5:7] + number[3:5] + number[1:3],
    "mx.rfc": lambda number: number[4:10],
}


def _finnish(number: str) -> MrzDate | None:
    sign = number[6]
    century = 1800 if sign == "+" else 1900 if sign in "-YXWVU" else 2000
    return _whole(century, number[4:6], number[2:4], number[:2])


def _whole(century: int, year: str, month: str, day: str) -> MrzDate:
    return MrzDate.of(date(century + int(year), int(month), int(day)))


def _belgian(module: ModuleType, number: str) -> MrzDate | None:
    """A Belgian number may tell the year alone, or year and month."""
    whole, year, month = (
        module.get_birth_date(number),
        module.get_birth_year(number),
        module.get_birth_month(number),
    )
    if whole is not None:
        return MrzDate.of(whole)
    return MrzDate(year, month, None) if year else None


def _odd_is_male(place: int) -> Callable[[str], str]:
    return lambda number: "M" if int(number[place]) % 2 else "F"


_SEXED: Final[Mapping[str, Callable[[str], str]]] = {
    "bg.egn": lambda number: "F" if int(number[8]) % 2 else "M",
    "cn.ric": _odd_is_male(16),
    "cz.rc": lambda number: "F" if int(number[2:4]) > 50 else "M",
    "dk.cpr": _odd_is_male(9),
    "fi.hetu": _odd_is_male(9),
    "fr.nir": lambda number: {"1": "M", "2": "F", "3": "M", "4": "F", "7": "M", "8": "F"}.get(number[0], ""),
    "id.nik": lambda number: "F" if int(number[6:8]) > 40 else "M",
    "kr.rrn": _odd_is_male(6),
    "lt.asmens": lambda number: "" if number[0] == "9" else "M" if int(number[0]) % 2 else "F",
    "my.nric": _odd_is_male(11),
    "ro.cnp": lambda number: "" if number[0] == "9" else "M" if int(number[0]) % 2 else "F",
    "sk.rc": lambda number: "F" if int(number[2:4]) > 50 else "M",
    "ua.rntrc": _odd_is_male(8),
}


def sex(scheme: str, module: ModuleType, number: str) -> str:
    """``F`` or ``M``, or empty where the number does not tell it."""
    rule = _SEXED.get(scheme)
    found = rule(number) if rule else module.get_gender(number) if hasattr(module, "get_gender") else ""
    return found if found in ("F", "M") else ""
