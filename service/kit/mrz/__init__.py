"""The machine-readable zone of travel documents, ICAO Doc 9303 parts 3 to 7, and of three national documents.

``parse`` reads lines into an :class:`Mrz` or refuses; it never judges. ``check`` judges: every check digit, dates,
codes and names, each with a public id. ``compose`` writes valid lines. A zone that passes proves only that its
characters are consistent: anyone can compute check digits.
"""

from service.kit.mrz.check import CHECK_IDS, check
from service.kit.mrz.compose import MrzFields, compose
from service.kit.mrz.dates import MrzDate, birth_date, expiry_date
from service.kit.mrz.layout import NATIONAL, Layout
from service.kit.mrz.national import CHECK_IDS as NATIONAL_CHECK_IDS
from service.kit.mrz.zone import DocumentUnreadable, Mrz, parse

__all__ = [
    "CHECK_IDS",
    "NATIONAL",
    "NATIONAL_CHECK_IDS",
    "DocumentUnreadable",
    "Layout",
    "Mrz",
    "MrzDate",
    "MrzFields",
    "birth_date",
    "check",
    "compose",
    "expiry_date",
    "parse",
]
