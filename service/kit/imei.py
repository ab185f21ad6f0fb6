"""IMEI: the number of a handset (3GPP TS 23.003, 6.2)."""

from dataclasses import dataclass
from typing import Self

from service.kit import luhn
from service.kit.masking import tail
from service.kit.values import Malformed

_SEPARATORS = str.maketrans("", "", " -/")


@dataclass(frozen=True, slots=True)
class Imei:
    """15 digits: type allocation code (8), serial number (6), Luhn digit."""

    value: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/imei") -> Self:
        """Raise :class:`Malformed` unless ``text`` holds 15 digits that satisfy Luhn; space, ``-``, ``/`` are dropped.

        14 digits are refused, never completed: a digit that was lost in typing must be seen. 16 digits are an
        IMEISV, which has no check digit: refused here, see :meth:`from_imeisv`.
        """
        digits = text.translate(_SEPARATORS) if len(text) <= 32 else ""
        if not (digits.isascii() and digits.isdigit() and len(digits) == 15):
            raise Malformed(pointer, "imei-shape", "A handset number has 15 digits. Dial *#06# to see it.")
        if not luhn.is_valid(digits) or not digits.strip("0"):
            raise Malformed(pointer, "imei-digit", "The last digit does not agree with the others.")
        return cls(digits)

    @classmethod
    def from_imeisv(cls, text: str, pointer: str = "/imei") -> Self:
        """From the 16 digits that networks report: the software version goes, the Luhn digit comes."""
        if not (text.isascii() and text.isdigit() and len(text) == 16 and text.strip("0")):
            raise Malformed(pointer, "imei-shape", "An IMEISV has 16 digits.")
        return cls(text[:14] + luhn.digit(text[:14]))

    @property
    def tac(self) -> str:
        """Type allocation code: the model of the handset."""
        return self.value[:8]

    @property
    def masked(self) -> str:
        return tail(self.value, 3)

    def __str__(self) -> str:
        return self.value
