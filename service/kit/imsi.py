"""IMSI: the identity inside a SIM (ITU-T E.212). It is never on the wire of the API."""

from dataclasses import dataclass
from typing import Self

from stdnum import numdb

from service.kit.masking import tail
from service.kit.values import Malformed


@dataclass(frozen=True, slots=True)
class Imsi:
    """14 or 15 digits: mobile country code (3), network code (2 or 3), subscriber."""

    value: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/imsi") -> Self:
        """Raise :class:`Malformed` unless ``text`` has 14 or 15 digits and begins with a mobile country code that is
        in use (E.212: zones 2 to 7, and 9 for networks of no country).

        E.212 has no check digit, so nothing more can be said. Network codes come and go: an unknown one is no error.
        """
        if not (text.isascii() and text.isdigit() and 14 <= len(text) <= 15):
            raise Malformed(pointer, "imsi-shape", "A SIM identity has 14 or 15 digits.")
        if text[0] in "018" or _known(text)[0] is None:
            raise Malformed(pointer, "imsi-country", "No country has this mobile country code.")
        return cls(text)

    @property
    def mcc(self) -> str:
        return self.value[:3]

    @property
    def mnc(self) -> str | None:
        """Mobile network code; None where the table knows no such network and so not whether it has 2 digits or 3."""
        return _known(self.value)[1]

    @property
    def country(self) -> str | None:
        """ISO 3166-1 alpha-2 of the network; None for an unknown one and for one of no country (901)."""
        return _known(self.value)[2]

    @property
    def masked(self) -> str:
        return tail(self.value, 3, lead=3)

    def __str__(self) -> str:
        return self.value


def _known(digits: str) -> tuple[str | None, str | None, str | None]:
    """(country code, network code, ISO country) as far as python-stdnum's table of E.212 knows them."""
    parts = numdb.get("imsi").info(digits)
    if len(parts) < 2:
        return None, None, None
    (mcc, _), (mnc, facts) = parts[0], parts[1]
    if not facts:
        return mcc, None, None
    country = facts.get("cc", "").upper()
    return mcc, mnc, country if len(country) == 2 else None
