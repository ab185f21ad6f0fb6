"""IMSI: the identity inside a SIM (ITU-T E.212). It is never on the wire of the API."""

from dataclasses import dataclass
from typing import Self

from service.kit.masking import tail
from service.kit.values import Malformed


@dataclass(frozen=True, slots=True)
class Imsi:
    """14 or 15 digits: mobile country code (3), network code (2 or 3), subscriber."""

    value: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/imsi") -> Self:
        """Raise :class:`Malformed` unless ``text`` has 14 or 15 digits and a country code of E.212 (zones 2 to 7, 9).

        E.212 has no check digit, so nothing more can be said.
        """
        if not (text.isascii() and text.isdigit() and 14 <= len(text) <= 15):
            raise Malformed(pointer, "imsi-shape", "A SIM identity has 14 or 15 digits.")
        if text[0] in "018":
            raise Malformed(pointer, "imsi-country", "No country has this mobile country code.")
        return cls(text)

    @property
    def mcc(self) -> str:
        return self.value[:3]

    @property
    def masked(self) -> str:
        return tail(self.value, 3, lead=3)

    def __str__(self) -> str:
        return self.value
