"""Dates of six characters, ``YYMMDD``: which century, and birth dates of which a part is unknown."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from service.kit.values import Malformed

# An expiry date lies in [this year - 20, this year + 79]: documents that never expire are often dated 99 (Spain).
_EXPIRY_PAST_YEARS = 20


@dataclass(frozen=True, slots=True)
class MrzDate:
    """A date of which the day, or day and month, or all may be unknown (Doc 9303-3, 4.8: ``<<`` in their place)."""

    year: int | None
    month: int | None
    day: int | None

    @property
    def exact(self) -> date | None:
        """The date where every part is known."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)

    @property
    def iso(self) -> str | None:
        """``1974-08-12``, ``1974-08``, ``1974``; None where the year is unknown."""
        if self.year is None:
            return None
        if self.month is None:
            return f"{self.year:04d}"
        if self.day is None:
            return f"{self.year:04d}-{self.month:02d}"
        return f"{self.year:04d}-{self.month:02d}-{self.day:02d}"

    @property
    def is_weak(self) -> bool:
        """Many people share it: unknown in part, or 1 January, which issuers write for an unknown day."""
        return self.exact is None or (self.month == 1 and self.day == 1)

    @property
    def zone(self) -> str:
        """The six characters of a zone."""
        parts = (None if self.year is None else self.year % 100, self.month, self.day)
        return "".join("<<" if part is None else f"{part:02d}" for part in parts)

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day.year, day.month, day.day)

    @classmethod
    def parse(cls, text: str, pointer: str = "/birth_date") -> Self:
        """From ``1974``, ``1974-08`` or ``1974-08-12``; raise :class:`Malformed` on anything else."""
        parts = text.split("-")
        shape = [len(part) for part in parts]
        if shape not in ([4], [4, 2], [4, 2, 2]) or not all(
            part.isascii() and part.isdigit() for part in parts
        ):
            raise Malformed(pointer, "date-shape", "Write a date as 1974-08-12, 1974-08 or 1974.")
        numbers = [int(part) for part in parts]
        try:
            date(*[*numbers, 1, 1][:3])
        except ValueError:
            raise Malformed(pointer, "date-unreal", "There is no such date.") from None
        return cls(
            numbers[0], numbers[1] if len(numbers) > 1 else None, numbers[2] if len(numbers) > 2 else None
        )

    def agrees(self, other: "MrzDate") -> bool:
        """Whether no part that both know differs."""
        pairs = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(one is None or two is None or one == two for one, two in pairs)


def birth_date(text: str, today: date) -> MrzDate | None:
    """The latest reading of ``text`` that is not after ``today``; None where it is no date.

    Somebody older than 99 reads a century too young: six characters cannot say it.
    """
    parts = _parts(text)
    if parts is None:
        return None
    year, month, day = parts
    if year is None:
        return MrzDate(None, month, day) if _real(2000, month, day) else None
    full = today.year // 100 * 100 + year
    if (full, month or 1, day or 1) > (today.year, today.month, today.day):
        full -= 100
    return _real(full, month, day)


def expiry_date(text: str, today: date) -> MrzDate | None:
    """The reading of ``text`` within 20 years behind and 79 ahead; all parts None for ``<<<<<<``; None for no date."""
    if text == "<<<<<<":
        return MrzDate(None, None, None)
    parts = _parts(text)
    if parts is None or None in parts:
        return None
    return _real(expiry_year(parts[0] or 0, today), parts[1], parts[2])


def expiry_year(short: int, today: date) -> int:
    """The year that the two digits ``short`` of an expiry date mean on ``today``."""
    first = today.year - _EXPIRY_PAST_YEARS
    return first + (short - first) % 100


def _parts(text: str) -> tuple[int | None, int | None, int | None] | None:
    if text.isdigit():
        return int(text[:2]), int(text[2:4]), int(text[4:6])
    found: list[int | None] = []
    for part in (text[:2], text[2:4], text[4:6]):
        if part == "<<":
            found.append(None)
        elif part.isdigit():
            found.append(int(part))
        else:
            return None
    year, month, day = found
    if month is None and day is not None:
        return None  # a day of no month
    return year, month, day


def _real(year: int, month: int | None, day: int | None) -> MrzDate | None:
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    if month is not None and day is not None and day > 28:
        try:
            date(year, month, day)
        except ValueError:
            return None
    return MrzDate(year, month, day)
