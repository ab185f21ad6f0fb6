"""The Luhn check digit (ISO/IEC 7812-1 annex B), used by ICCID (ITU-T E.118) and IMEI (3GPP TS 23.003)."""

_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))


def total(digits: str) -> int:
    """The Luhn sum of ``digits`` (ASCII digits, the check digit last); a multiple of ten when they agree."""
    data = digits.encode("ascii")
    return sum(data[-1::-2].translate(_PLAIN)) + sum(data[-2::-2].translate(_DOUBLED))


def is_valid(digits: str) -> bool:
    """Whether the last of ``digits`` is the check digit of the others. False for anything but ASCII digits."""
    return digits.isascii() and digits.isdigit() and total(digits) % 10 == 0


def digit(body: str) -> str:
    """The check digit to be put behind ``body``."""
    return str(-total(body + "0") % 10)
