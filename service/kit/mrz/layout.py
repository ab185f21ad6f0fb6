"""Where each field of a machine-readable zone stands: ICAO Doc 9303, parts 4 (TD3), 5 (TD1), 6 (TD2), 7 (visas).

Positions count from 0 over all lines joined, so that TD3's second line starts at 44.

Three national zones stand beside them. France printed its identity card until 2021 in a layout of its own, published
by its users (Wikipedia, "National identity card (France)"; dcode.fr, "French ID Card") and confirmed here on published
samples. No public standard describes the zones of the French and Swiss driving licences: what is read of them is what
the makers of readers agree on (cheminfo/mrz, issues 54 and 2), of which France's check digits agree with the sample
licence of 2013, and Switzerland's zone has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Layout(StrEnum):
    """The five sizes of Doc 9303, and three national zones (:data:`NATIONAL`)."""

    TD1 = "td1"  # card, 3 lines of 30
    TD2 = "td2"  # larger card, 2 lines of 36
    TD3 = "td3"  # passport, 2 lines of 44
    MRV_A = "mrv_a"  # visa, 2 lines of 44
    MRV_B = "mrv_b"  # visa, 2 lines of 36
    ID_FRA = "id_fra"  # French identity card of 1988 to 2021, 2 lines of 36
    DL_FRA = "dl_fra"  # French driving licence since 2013, 1 line of 30
    DL_CHE = "dl_che"  # driving licence of Switzerland and Liechtenstein since 2003, lines of 9, 30 and 30


NATIONAL = frozenset({Layout.ID_FRA, Layout.DL_FRA, Layout.DL_CHE})
_NONE = slice(0, 0)
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Positions:
    """Slices and single positions of one layout; None, -1 or an empty slice where the layout has no such field."""

    layout: Layout
    lines: int
    width: int
    names: slice
    document_number: slice
    document_number_digit: int
    nationality: slice
    birth_date: slice
    birth_date_digit: int
    sex: int
    expiry_date: slice
    expiry_date_digit: int
    optional: slice
    optional_2: slice | None
    personal_number_digit: int | None
    composite: tuple[slice, ...]
    composite_digit: int | None
    long_numbers: bool  # a document number may go on in the optional field (9303-5 note j, 9303-6 note j)
    code: slice = field(default_factory=lambda: slice(0, 2))
    issuer: slice = field(default_factory=lambda: slice(2, 5))
    given: slice = field(
        default_factory=lambda: _NONE
    )  # given names, where they stand apart from the family name
    first_width: int | None = None  # of the first line, where it differs

    @property
    def widths(self) -> tuple[int, ...]:
        """How long each line is."""
        return (self.first_width or self.width, *(self.width,) * (self.lines - 1))

    @property
    def size(self) -> int:
        return sum(self.widths)


POSITIONS: Mapping[Layout, Positions] = MappingProxyType(
    {
        Layout.TD1: Positions(
            layout=Layout.TD1,
            lines=3,
            width=30,
            names=slice(60, 90),
            document_number=slice(5, 14),
            document_number_digit=14,
            nationality=slice(45, 48),
            birth_date=slice(30, 36),
            birth_date_digit=36,
            sex=37,
            expiry_date=slice(38, 44),
            expiry_date_digit=44,
            optional=slice(15, 30),
            optional_2=slice(48, 59),
            personal_number_digit=None,
            composite=(slice(5, 30), slice(30, 37), slice(38, 45), slice(48, 59)),
            composite_digit=59,
            long_numbers=True,
        ),
        Layout.TD2: Positions(
            layout=Layout.TD2,
            lines=2,
            width=36,
            names=slice(5, 36),
            document_number=slice(36, 45),
            document_number_digit=45,
            nationality=slice(46, 49),
            birth_date=slice(49, 55),
            birth_date_digit=55,
            sex=56,
            expiry_date=slice(57, 63),
            expiry_date_digit=63,
            optional=slice(64, 71),
            optional_2=None,
            personal_number_digit=None,
            composite=(slice(36, 46), slice(49, 56), slice(57, 71)),
            composite_digit=71,
            long_numbers=True,
        ),
        Layout.TD3: Positions(
            layout=Layout.TD3,
            lines=2,
            width=44,
            names=slice(5, 44),
            document_number=slice(44, 53),
            document_number_digit=53,
            nationality=slice(54, 57),
            birth_date=slice(57, 63),
            birth_date_digit=63,
            sex=64,
            expiry_date=slice(65, 71),
            expiry_date_digit=71,
            optional=slice(72, 86),
            optional_2=None,
            personal_number_digit=86,
            composite=(slice(44, 54), slice(57, 64), slice(65, 87)),
            composite_digit=87,
            long_numbers=False,
        ),
        Layout.MRV_A: Positions(
            layout=Layout.MRV_A,
            lines=2,
            width=44,
            names=slice(5, 44),
            document_number=slice(44, 53),
            document_number_digit=53,
            nationality=slice(54, 57),
            birth_date=slice(57, 63),
            birth_date_digit=63,
            sex=64,
            expiry_date=slice(65, 71),
            expiry_date_digit=71,
            optional=slice(72, 88),
            optional_2=None,
            personal_number_digit=None,
            composite=(),
            composite_digit=None,
            long_numbers=False,
        ),
        Layout.MRV_B: Positions(
            layout=Layout.MRV_B,
            lines=2,
            width=36,
            names=slice(5, 36),
            document_number=slice(36, 45),
            document_number_digit=45,
            nationality=slice(46, 49),
            birth_date=slice(49, 55),
            birth_date_digit=55,
            sex=56,
            expiry_date=slice(57, 63),
            expiry_date_digit=63,
            optional=slice(64, 72),
            optional_2=None,
            personal_number_digit=None,
            composite=(),
            composite_digit=None,
            long_numbers=False,
        ),
        Layout.ID_FRA: Positions(
            layout=Layout.ID_FRA,
            lines=2,
            width=36,
            names=slice(5, 30),
            document_number=slice(36, 48),
            document_number_digit=48,
            nationality=slice(2, 5),  # the card is for French citizens alone
            birth_date=slice(63, 69),
            birth_date_digit=69,
            sex=70,
            expiry_date=_NONE,
            expiry_date_digit=_NOWHERE,
            optional=slice(30, 36),  # department and office of issue; empty on some
            optional_2=None,
            personal_number_digit=None,
            composite=(slice(0, 71),),
            composite_digit=71,
            long_numbers=False,
            given=slice(49, 63),
        ),
        Layout.DL_FRA: Positions(
            layout=Layout.DL_FRA,
            lines=1,
            width=30,
            names=slice(21, 29),
            document_number=slice(5, 14),
            document_number_digit=14,  # over everything before it, D1FRA included
            nationality=_NONE,
            birth_date=_NONE,
            birth_date_digit=_NOWHERE,
            sex=_NOWHERE,
            expiry_date=slice(15, 21),
            expiry_date_digit=_NOWHERE,
            optional=_NONE,
            optional_2=None,
            personal_number_digit=None,
            composite=(slice(0, 29),),
            composite_digit=29,
            long_numbers=False,
        ),
        Layout.DL_CHE: Positions(
            layout=Layout.DL_CHE,
            lines=3,
            width=30,
            first_width=9,
            code=slice(9, 11),
            issuer=slice(11, 14),
            names=slice(39, 69),
            document_number=slice(
                14, 26
            ),  # the holder's number in the register, and which of their licences it is
            document_number_digit=_NOWHERE,
            nationality=_NONE,
            birth_date=slice(28, 34),
            birth_date_digit=_NOWHERE,
            sex=_NOWHERE,
            expiry_date=_NONE,
            expiry_date_digit=_NOWHERE,
            optional=slice(0, 9),  # number of the blank card, and the language it is printed in
            optional_2=None,
            personal_number_digit=None,
            composite=(),
            composite_digit=None,
            long_numbers=False,
        ),
    }
)
