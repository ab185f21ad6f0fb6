"""ICCID: the serial number of a SIM or eSIM profile (ITU-T E.118)."""

from dataclasses import dataclass
from typing import Self

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from service.kit import luhn
from service.kit.masking import tail
from service.kit.values import Malformed

_COUNTRIES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))
_SHAPE = "A SIM serial number has 19 or 20 digits and starts with 89."


@dataclass(frozen=True, slots=True)
class Iccid:
    """19 or 20 digits: 89, an E.164 country code, issuer, account, and a Luhn digit at the end."""

    value: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/iccid") -> Self:
        """Raise :class:`Malformed` unless ``text`` is one.

        Spaces are dropped. One trailing ``F`` behind 19 digits is dropped too: readers print the filler of the
        last half-byte of EF-ICCID (3GPP TS 31.102, 4.2.2). Nothing else is mended.
        """
        digits = text.replace(" ", "") if len(text) <= 32 else ""
        if len(digits) == 20 and digits[-1] in "Ff":
            digits = digits[:19]
        if not (digits.isascii() and digits.isdigit() and 19 <= len(digits) <= 20 and digits[:2] == "89"):
            raise Malformed(pointer, "iccid-shape", _SHAPE)
        if not any(digits[2:n] in _COUNTRIES for n in (3, 4, 5)):
            raise Malformed(pointer, "iccid-country", "No country has the code that follows 89.")
        if not luhn.is_valid(digits):
            raise Malformed(pointer, "iccid-digit", "The last digit does not agree with the others.")
        return cls(digits)

    @property
    def country_code(self) -> str:
        """E.164 country code of the issuer, 1 to 3 digits; codes of the plan begin no other, so there is one."""
        return next(self.value[2:n] for n in (3, 4, 5) if self.value[2:n] in _COUNTRIES)

    @property
    def masked(self) -> str:
        return tail(self.value, 4, lead=4)

    def __str__(self) -> str:
        return self.value
