"""MSISDN: a phone number in E.164 form."""

import re
from dataclasses import dataclass
from typing import Self

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType, ValidationResult

from service.kit.masking import DOTS
from service.kit.values import Malformed

_SHAPE = re.compile(r"\+([1-9][0-9]{6,14})", re.ASCII)
_TYPES = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""What ``region`` may say, but None: ISO 3166-1 alpha-2."""
LINE_TYPES = frozenset(_TYPES.values())
"""What ``line_type`` may say, but ``unknown``."""


@dataclass(frozen=True, slots=True)
class Msisdn:
    """``+`` and 7 to 15 digits whose country code exists and whose length that country's plan has.

    ``parse`` says only that the number is possible. Whether its range is assigned (``is_valid``) and what sort of
    line it is (``line_type``) come from libphonenumber's data, cost some 0.2 ms, and are for policy to weigh.
    """

    value: str
    country_code: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/msisdn") -> Self:
        """Raise :class:`Malformed` unless ``text`` is strict E.164: no spaces, no ``00``, no trunk zero."""
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise Malformed(
                pointer, "msisdn-shape", "Write the number as + and digits, as in +4915112345678."
            )
        digits = shape[1]
        code = next((digits[:n] for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), None)
        if code is None:
            raise Malformed(pointer, "msisdn-country", "No country has this country code.")
        number = cls(text, code)
        possible = phonenumbers.is_possible_number_with_reason(number._parsed())
        if possible != ValidationResult.IS_POSSIBLE or number._has_trunk_zero():
            raise Malformed(
                pointer, "msisdn-length", "No number of this country has this length or this start."
            )
        return number

    @property
    def national(self) -> str:
        """The digits behind the country code."""
        return self.value[1 + len(self.country_code) :]

    @property
    def region(self) -> str | None:
        """ISO 3166-1 alpha-2 code of the country; None where libphonenumber cannot tell."""
        region: str | None = phonenumbers.region_code_for_number(self._parsed())
        return None if region == "001" else region

    @property
    def is_valid(self) -> bool:
        """Whether the numbering plan has this range assigned, as far as libphonenumber knows."""
        return phonenumbers.is_valid_number(self._parsed())

    @property
    def line_type(self) -> str:
        """mobile, fixed, fixed_or_mobile, voip, toll_free, premium, …, unknown. Ported numbers are not known."""
        return _TYPES.get(phonenumbers.number_type(self._parsed()), "unknown")

    def described(self) -> tuple[str | None, str, bool]:
        """``(region, line_type, is_valid)`` at once: libphonenumber matches the number's type but one time for all. A
        number is valid for it where it has a type (its ``is_valid_number_for_region``)."""
        parsed = self._parsed()
        kind = phonenumbers.number_type(parsed)
        region: str | None = phonenumbers.region_code_for_number(parsed)
        return (
            (None if region == "001" else region),
            _TYPES.get(kind, "unknown"),
            kind != PhoneNumberType.UNKNOWN,
        )

    @property
    def masked(self) -> str:
        """``+49 151 •••• 678``: country code, the first three and the last three digits, less of short numbers."""
        national = self.national
        if len(national) >= 9:
            head, end = 3, 3
        elif len(national) >= 7:
            head, end = 1, 2
        else:
            head, end = 0, 2
        lead = f" {national[:head]}" if head else ""
        return f"+{self.country_code}{lead} {DOTS} {national[-end:]}"

    def _parsed(self) -> phonenumbers.PhoneNumber:
        national = self.national
        zeros = len(national) - len(national.lstrip("0"))
        return phonenumbers.PhoneNumber(
            country_code=int(self.country_code),
            national_number=int(national or "0"),
            italian_leading_zero=True if zeros else None,
            number_of_leading_zeros=zeros if zeros > 1 else None,
        )

    def _has_trunk_zero(self) -> bool:
        """A zero behind the code is a trunk prefix that E.164 leaves out, where the plan has no such number."""
        return self.national.startswith("0") and not self.is_valid

    def __str__(self) -> str:
        return self.value
