"""Marks on papers: both set, by a person and by the holder; none; and an erased holder's."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.admin.present.marks import marks_page
from service.admin.store import Names
from service.admin.views.marks import MarksPage
from service.risk.model import Mark, MarkKind

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
REG = "reg_019318c2f4a07b3c9d51e6a2b8c4d0f1"
ANN = UUID(int=7)
NAMES = Names({}, {}, {}, {ANN: "Ines <b>Okafor</b>\u202e"})


def marked() -> MarksPage:
    frozen = Mark(UUID(int=1), MarkKind.FROZEN, UUID(int=3), NOW, ANN.hex, NOW + timedelta(days=365))
    lost = Mark(UUID(int=2), MarkKind.DOCUMENT_LOST, UUID(int=4), NOW - timedelta(days=9), "holder", None)
    return marks_page(REG, "+4915112345678", (lost, frozen), NAMES, None)


def none() -> MarksPage:
    return marks_page(REG, "+4915112345678", (), NAMES, None)


def erased() -> MarksPage:
    return marks_page(
        REG, None, (), NAMES, "The holder was erased: nothing is known of these papers any more."
    )
