"""The ledger of lines, what staff marked them as, and rings with their members."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant

_STEPS = "('label','restrict','hold','suspend','close')"


def _line() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["operator_id", "line_id"], ["line.operator_id", "line.id"])


class LineActionRow(Tenant, Base):
    """One step on one line for one source: the unique rule makes a repeated event or job harmless."""

    __tablename__ = "line_action"
    __table_args__ = (
        _line(),
        sa.UniqueConstraint("operator_id", "line_id", "source_id", "step"),
        sa.Index("ix_line_action_source", "operator_id", "source_id"),
        sa.Index(
            "ix_line_action_person",
            "operator_id",
            "at",
            postgresql_where=sa.text(
                "state = 'referred' OR (appealed_at IS NOT NULL AND appeal_outcome IS NULL)"
            ),
        ),
        sa.Index(
            "ix_line_action_due", "operator_id", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")
        ),
        sa.CheckConstraint(f"step IN {_STEPS}", name="step"),
        sa.CheckConstraint("(ground = 'hand') = (reason IS NOT NULL)", name="reason"),
        sa.CheckConstraint("ground IN ('reported','confirmed','ownership','ring','hand')", name="ground"),
        sa.CheckConstraint("source_kind IN ('report','ring','act')", name="source"),
        sa.CheckConstraint(
            "state IN ('waiting','referred','in_force','lifted','undone','refused','void')", name="state"
        ),
        sa.CheckConstraint("appeal_outcome IN ('upheld','dismissed')", name="appeal"),
        sa.CheckConstraint(
            "step <> 'close' OR state <> 'in_force' OR decided_by IS NOT NULL", name="closed_by_person"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    line_id: Mapped[UUID] = mapped_column(comment="pii:none the line")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none the registration that opened it")
    step: Mapped[str] = mapped_column(sa.String(8), comment="pii:none rung of the ladder")
    ground: Mapped[str] = mapped_column(sa.String(10), comment="pii:none on whose word")
    source_kind: Mapped[str] = mapped_column(sa.String(6), comment="pii:none report or ring")
    source_id: Mapped[UUID] = mapped_column(comment="pii:none what it goes back to")
    state: Mapped[str] = mapped_column(sa.String(8), comment="pii:none how far it is")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was asked for")
    by: Mapped[str] = mapped_column(sa.String(40), comment="pii:none who asked: system, or id of staff")
    guard: Mapped[str | None] = mapped_column(sa.String(16), comment="pii:none why a person comes first")
    bar_s: Mapped[int | None] = mapped_column(sa.Integer, comment="pii:none how long it lasts, seconds")
    notice_at: Mapped[datetime | None] = mapped_column(comment="pii:none when the holder was told")
    due_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it is to begin")
    taken_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it began")
    until: Mapped[datetime | None] = mapped_column(comment="pii:none when it ends, or a person looks")
    moved: Mapped[bool] = mapped_column(comment="pii:none whether it changed the line")
    was_state: Mapped[str | None] = mapped_column(sa.String(12), comment="pii:none how the line stood before")
    was_reason: Mapped[str | None] = mapped_column(sa.String(48), comment="pii:none and why")
    was_until: Mapped[datetime | None] = mapped_column(comment="pii:none and until when")
    appealed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when the holder appealed")
    appeal_outcome: Mapped[str | None] = mapped_column(
        sa.String(10), comment="pii:none what became of the appeal"
    )
    decided_by: Mapped[str | None] = mapped_column(
        sa.String(40), comment="pii:none id of staff who allowed it"
    )
    decided_at: Mapped[datetime | None] = mapped_column(comment="pii:none when")
    undone_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was taken back")
    undone_reason: Mapped[str | None] = mapped_column(sa.String(48), comment="pii:none code of why")
    reason: Mapped[str | None] = mapped_column(
        sa.String(48), comment="pii:none code given for an act by hand"
    )
    version: Mapped[int] = mapped_column(comment="pii:none counts the changes")


class LineMarkRow(Tenant, Base):
    """What a line is, as staff have marked it: such a line goes to a person first."""

    __tablename__ = "line_mark"
    __table_args__ = (
        _line(),
        sa.CheckConstraint("mark IN ('business','public-service')", name="mark"),
    )

    line_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none the line")
    mark: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="pii:none what it is")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was marked")
    by: Mapped[str] = mapped_column(sa.String(40), comment="pii:none id of staff")


class RingRow(Tenant, Base):
    """One ring for a confirmed report; ``digest`` is of its members as they were proposed."""

    __tablename__ = "ring_action"
    __table_args__ = (
        sa.UniqueConstraint("operator_id", "report_id"),
        sa.Index("ix_ring_action_state", "operator_id", "state", "found_at"),
        sa.CheckConstraint(
            "state IN ('found','proposed','approved','done','refused','undone')", name="state"
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved','done') OR (proposed_by IS NOT NULL AND decided_by <> proposed_by)",
            name="two_persons",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    report_id: Mapped[UUID] = mapped_column(comment="pii:none the report that was confirmed")
    root: Mapped[UUID] = mapped_column(comment="pii:none registration of the reported line")
    digest: Mapped[str] = mapped_column(sa.String(32), comment="pii:none of the members and their steps")
    score: Mapped[int] = mapped_column(comment="pii:none how much it looks like one hand, 0 to 1,000")
    state: Mapped[str] = mapped_column(sa.String(8), comment="pii:none how far it is")
    found_at: Mapped[datetime] = mapped_column(comment="pii:none when it was found")
    expires_at: Mapped[datetime] = mapped_column(comment="pii:none until when it may be approved")
    proposed_by: Mapped[str | None] = mapped_column(sa.String(40), comment="pii:none id of staff")
    proposed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was proposed")
    decided_by: Mapped[str | None] = mapped_column(
        sa.String(40), comment="pii:none id of staff who approved or refused"
    )
    decided_at: Mapped[datetime | None] = mapped_column(comment="pii:none when")
    ended_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was carried out or dropped")
    version: Mapped[int] = mapped_column(comment="pii:none counts the changes")


class RingMemberRow(Tenant, Base):
    """One line of a ring, why it is in it, what is done to it."""

    __tablename__ = "ring_member"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "ring_id"], ["ring_action.operator_id", "ring_action.id"]),
        sa.Index("ix_ring_member_registration", "operator_id", "registration_id"),
        sa.CheckConstraint(f"step IN {_STEPS} AND step <> 'close'", name="step"),
        sa.CheckConstraint("state IN ('planned','taken','referred','skipped','undone')", name="state"),
    )

    ring_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none the ring")
    registration_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none whose line it is")
    line_id: Mapped[UUID | None] = mapped_column(comment="pii:none the line, where there is one")
    hop: Mapped[int] = mapped_column(
        sa.SmallInteger, comment="pii:none how many links from the reported line"
    )
    strength: Mapped[int] = mapped_column(sa.SmallInteger, comment="pii:none how strongly, 0 to 1,000")
    via: Mapped[list[str]] = mapped_column(ARRAY(sa.String(16)), comment="pii:none kinds of the links")
    step: Mapped[str | None] = mapped_column(sa.String(8), comment="pii:none what is done to the line")
    guard: Mapped[str | None] = mapped_column(sa.String(16), comment="pii:none why a person comes first")
    strikes: Mapped[list[str]] = mapped_column(
        ARRAY(sa.String(16)), comment="pii:none kinds of holdings that are struck"
    )
    state: Mapped[str] = mapped_column(sa.String(8), comment="pii:none how far it is")
