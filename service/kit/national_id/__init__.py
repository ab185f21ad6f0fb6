"""Numbers that governments give to people: syntax and checksum by python-stdnum. They prove nothing about issuance."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from types import ModuleType
from typing import Final, Self

from stdnum.exceptions import InvalidChecksum, InvalidComponent

from service.kit.mrz.dates import MrzDate
from service.kit.national_id import parts
from service.kit.national_id.schemes import BY_STATE, SCHEMES, Scheme
from service.kit.values import Malformed

NUMBERS: Final = tuple(SCHEMES)
"""Countries whose numbers can be checked, ISO 3166-1 alpha-2."""

MAX_CHARACTERS: Final = 40

# What is wrong with a number, the most telling first: a number of no scheme is described by its nearest.
FAULTS: Final = ("number-digit", "number-birth", "number-region", "number-part", "number-shape")


@dataclass(frozen=True, slots=True)
class NationalId:
    """A number that is built as its state builds them. ``region``: whether its place is in the tables, None where it
    names none. ``birth`` and ``sex`` where the number tells them."""

    country: str
    scheme: Scheme = field(repr=False)
    number: str = field(repr=False)
    birth: MrzDate | None = field(repr=False)
    sex: str = field(repr=False)
    region: bool | None = None

    @property
    def state(self) -> str:
        """Alpha-3, as machine-readable zones write states."""
        return SCHEMES[self.country][0]

    @property
    def canonical(self) -> str:
        """One text for one person: a number of a second scheme carries its name, because schemes share numbers."""
        if self.scheme is SCHEMES[self.country][1][0]:
            return self.number
        return self.scheme.name + self.number

    @classmethod
    def parse(cls, country: str, text: str, today: date, pointer: str = "/number") -> Self:
        """Raise :class:`Malformed` for a country without a table, and with one of :data:`FAULTS` for a number of no
        scheme of that country."""
        if country not in SCHEMES:
            raise Malformed("/country", "country-unknown", "Numbers of this country cannot be checked here.")
        found = _read(country, text, today)
        if isinstance(found, str):
            raise Malformed(pointer, found, "This is no number of that country: check each character.")
        scheme, number, region = found
        module = _module(scheme)
        try:
            birth = parts.birth(scheme.module, module, number, today)
        except Exception:  # noqa: BLE001 - stdnum raises its own errors, and others on input that nobody foresaw
            birth = None
        try:
            sex = parts.sex(scheme.module, module, number)
        except Exception:  # noqa: BLE001 - as above
            sex = ""
        return cls(country, scheme, _one_spelling(scheme, number, birth), birth, sex, region)

    @classmethod
    def of_state(cls, state: str, text: str, today: date) -> Self | None:
        """As :meth:`parse`, for an alpha-3 code and the state's first scheme alone; None for anything else."""
        country = BY_STATE.get(state)
        if country is None:
            return None
        try:
            found = cls.parse(country, text, today)
        except Malformed:
            return None
        return found if found.scheme is SCHEMES[country][1][0] else None


def _module(scheme: Scheme) -> ModuleType:
    return import_module(f"stdnum.{scheme.module}")


def _read(country: str, text: str, today: date) -> tuple[Scheme, str, bool | None] | str:
    """The first scheme that takes ``text``, its number and whether its region is known; else the nearest fault."""
    if len(text) > MAX_CHARACTERS or not text.isascii():
        return "number-shape"
    faults: list[str] = []
    for scheme in SCHEMES[country][1]:
        module = _module(scheme)
        try:
            number = str(module.validate(text)).upper()
        except InvalidChecksum:
            faults.append("number-digit")
        except InvalidComponent:
            if scheme.module == "cn.ric" and _is_sound_elsewhere(module, text):
                return scheme, str(module.compact(text)), False
            faults.append(_part(scheme, module, text, today))
        except Exception:  # noqa: BLE001 - stdnum raises its own errors, and others on input that nobody foresaw
            faults.append("number-shape")
        else:
            if scheme.is_person(number):
                return scheme, number, True if scheme.region else None
            faults.append("number-shape")
    return min(faults, key=FAULTS.index)


def _is_sound_elsewhere(module: ModuleType, text: str) -> bool:
    """GB 11643: all but the region agrees. Its table ages, and does not hold the permits of residents from Taiwan
    (83) nor of foreigners (9): such a number is for a person to look at."""
    number = module.compact(text)
    try:
        module.get_birth_date(number)
    except Exception:  # noqa: BLE001 - as above
        return False
    return len(number) == 18 and number[-1] == module.calc_check_digit(number)


def _part(scheme: Scheme, module: ModuleType, text: str, today: date) -> str:
    try:
        number = str(module.compact(text))
        if hasattr(module, "get_birth_date"):
            parts.birth(scheme.module, module, number, today)
    except Exception:  # noqa: BLE001 - as above
        return "number-birth"
    try:
        if scheme.module in _PLACES:
            _PLACES[scheme.module](module, number)
    except Exception:  # noqa: BLE001 - as above
        return "number-region"
    return "number-part"


# How the library looks a place up; each raises where it is in no table. Of Indonesia's, the place is all that is left.
_PLACES: Final[dict[str, Callable[[ModuleType, str], object]]] = {
    "cn.ric": lambda module, number: module.get_birth_place(number),
    "id.nik": lambda module, number: module._check_registration_place(number),
    "my.nric": lambda module, number: module.get_birth_place(number),
    "ro.cnp": lambda module, number: module.get_county(number),
}


def _one_spelling(scheme: Scheme, number: str, birth: MrzDate | None) -> str:
    """One person has one number: Sweden writes it with and without its century, Peru with and without its digit."""
    if scheme.module == "se.personnummer" and birth and birth.exact:
        return f"{birth.exact:%Y%m%d}{number[-4:]}"
    return number[:8] if scheme.module == "pe.cui" else number


def compact_of_state(state: str, text: str, today: date) -> str | None:
    """The number of the state's first scheme in one spelling, where ``text`` is one; None where it is not, and where
    the scheme has no check digit that would show it."""
    found = NationalId.of_state(state, text, today)
    return found.canonical if found and found.scheme.digit else None
