"""Numbers that governments give to people: syntax and checksum by python-stdnum. They prove nothing about issuance."""

from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from types import ModuleType
from typing import Final, Self

from service.kit.values import Malformed

# ISO 3166 alpha-2 -> (alpha-3, module of stdnum). Only numbers of natural persons; tax numbers of firms are not here.
NUMBERS: Final[dict[str, tuple[str, str]]] = {
    "AR": ("ARG", "ar.dni"),
    "BE": ("BEL", "be.nn"),
    "BG": ("BGR", "bg.egn"),
    "BR": ("BRA", "br.cpf"),
    "CL": ("CHL", "cl.rut"),
    "CN": ("CHN", "cn.ric"),
    "CU": ("CUB", "cu.ni"),
    "CZ": ("CZE", "cz.rc"),
    "DK": ("DNK", "dk.cpr"),
    "DO": ("DOM", "do.cedula"),
    "EC": ("ECU", "ec.ci"),
    "EE": ("EST", "ee.ik"),
    "ES": ("ESP", "es.dni"),
    "FI": ("FIN", "fi.hetu"),
    "FR": ("FRA", "fr.nir"),
    "GR": ("GRC", "gr.amka"),
    "HR": ("HRV", "hr.oib"),
    "ID": ("IDN", "id.nik"),
    "IL": ("ISR", "il.idnr"),
    "IN": ("IND", "in_.aadhaar"),
    "IS": ("ISL", "is_.kennitala"),
    "IT": ("ITA", "it.codicefiscale"),
    "KR": ("KOR", "kr.rrn"),
    "LT": ("LTU", "lt.asmens"),
    "MU": ("MUS", "mu.nid"),
    "MX": ("MEX", "mx.curp"),
    "MY": ("MYS", "my.nric"),
    "NL": ("NLD", "nl.bsn"),
    "NO": ("NOR", "no.fodselsnummer"),
    "PE": ("PER", "pe.cui"),
    "PK": ("PAK", "pk.cnic"),
    "PL": ("POL", "pl.pesel"),
    "RO": ("ROU", "ro.cnp"),
    "SE": ("SWE", "se.personnummer"),
    "SI": ("SVN", "si.emso"),
    "SK": ("SVK", "sk.rc"),
    "TH": ("THA", "th.pin"),
    "TR": ("TUR", "tr.tckimlik"),
    "ZA": ("ZAF", "za.idnr"),
}
_BY_STATE: Final = {alpha3: alpha2 for alpha2, (alpha3, _) in NUMBERS.items()}


def _module(alpha2: str) -> ModuleType:
    return import_module(f"stdnum.{NUMBERS[alpha2][1]}")


@dataclass(frozen=True, slots=True)
class NationalId:
    """A number whose checksum agrees. ``birth_date`` where the number tells it, else None."""

    country: str
    number: str = field(repr=False)
    birth_date: date | None = field(repr=False)

    @property
    def state(self) -> str:
        """Alpha-3, as machine-readable zones write states."""
        return NUMBERS[self.country][0]

    @classmethod
    def parse(cls, country: str, text: str, pointer: str = "/number") -> Self:
        """Raise :class:`Malformed` for a country without a table and for a number that its checksum refuses."""
        if country not in NUMBERS:
            raise Malformed("/country", "country-unknown", "Numbers of this country cannot be checked here.")
        number = compact(country, text)
        if number is None:
            raise Malformed(
                pointer, "number-digit", "This is no number of that country: check each character."
            )
        birth = getattr(_module(country), "get_birth_date", None)
        return cls(country, number, _birth(birth, number))


def compact(country: str, text: str) -> str | None:
    """The number without separators where its checksum agrees; None where it does not."""
    if country not in NUMBERS or len(text) > 40 or not text.isascii():
        return None
    try:
        number = str(_module(country).validate(text))
    except Exception:  # noqa: BLE001 - stdnum raises its own errors, and others on input that nobody foresaw
        return None
    return number.upper()


def compact_of_state(state: str, text: str) -> str | None:
    """As :func:`compact`, for a state's alpha-3 code; None also where no table is known for it."""
    alpha2 = _BY_STATE.get(state)
    return compact(alpha2, text) if alpha2 else None


def _birth(function: object, number: str) -> date | None:
    if not callable(function):
        return None
    try:
        found = function(number)
    except Exception:  # noqa: BLE001 - as above
        return None
    return found if isinstance(found, date) else None
