"""Marks on papers, worded. Pure."""

from collections.abc import Sequence
from uuid import UUID

from service.admin import mark_words as said
from service.admin.present.people import masked_number
from service.admin.store import Names
from service.admin.views import Act
from service.admin.views.marks import MarksPage, PaperMarkRow
from service.kit.ids import wire
from service.risk.model import Mark, MarkKind


def _who(by: str, names: Names) -> str:
    try:
        return names.staff.get(UUID(hex=by), by[:8])
    except ValueError:
        return "the holder" if by == "holder" else "the command line"


def marks_page(
    case_id: str, number: str | None, marks: Sequence[Mark], names: Names, why_none: str | None
) -> MarksPage:
    """``why_none``: why nothing can be set or lifted here."""
    path = f"/admin/review/{case_id}/marks"
    held = {mark.kind for mark in marks}
    acts: list[Act] = []
    for kind in MarkKind if why_none is None else ():
        if kind not in held:
            key, verb, button = said.SET[kind]
            acts.append(Act(key, kind.value, verb, "no", said.EFFECT[kind], path, said.SET_REASONS, button))
    for n, mark in enumerate(marks if why_none is None else (), 1):
        word = said.MARK[mark.kind]
        effect = f"Lifts: {word.lower()}. Papers are judged as any others again."
        lift = f"{path}/{mark.id.hex}/lift"
        acts.append(
            Act(
                str(n),
                "lift",
                said.LIFT[mark.kind],
                "yes",
                effect,
                lift,
                said.LIFT_REASONS,
                "Lift the mark",
            )
        )
    return MarksPage(
        id=case_id,
        number=masked_number(number),
        rows=tuple(
            PaperMarkRow(
                said.MARK[mark.kind],
                said.EFFECT[mark.kind],
                mark.set_at,
                mark.until,
                _who(mark.set_by, names),
                wire("reg", mark.registration_id),
            )
            for mark in marks
        ),
        acts=tuple(acts),
        state="Marked" if marks else "Not marked",
        why_none=why_none,
    )
