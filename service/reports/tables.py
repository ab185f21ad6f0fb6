"""Rows of reports and of the votes that they are made of."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant

_OPEN = "state IN ('filed', 'corroborated')"


class ReportRow(Tenant, Base):
    """One open report a line and topic; of a number that is not ours advisory locks on its indexes see to the same."""

    __tablename__ = "report"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "line_id"], ["line.operator_id", "line.id"]),
        sa.Index(
            "uq_report_open_line",
            "operator_id",
            "line_id",
            "topic",
            unique=True,
            postgresql_where=sa.text(f"{_OPEN} AND line_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_report_number",
            "operator_id",
            "number_idx",
            postgresql_where=sa.text("number_idx IS NOT NULL"),
        ),
        sa.Index("ix_report_state", "operator_id", "state", "id"),
        sa.Index("ix_report_line", "operator_id", "line_id"),
        sa.CheckConstraint(
            "state IN ('filed','corroborated','confirmed','dismissed','appealed')", name="state"
        ),
        sa.CheckConstraint("place IN ('ours','elsewhere')", name="place"),
        sa.CheckConstraint("topic IN ('conduct','ownership')", name="topic"),
        sa.CheckConstraint("(place = 'ours') = (line_id IS NOT NULL)", name="line_is_ours"),
        sa.CheckConstraint("place = 'ours' OR state = 'filed'", name="elsewhere_is_not_judged"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    topic: Mapped[str] = mapped_column(sa.String(12), comment="pii:none conduct or ownership")
    place: Mapped[str] = mapped_column(sa.String(12), comment="pii:none ours or elsewhere")
    state: Mapped[str] = mapped_column(sa.String(12), comment="pii:none where it stands")
    line_id: Mapped[UUID | None] = mapped_column(comment="pii:none the line, where it is ours")
    registration_id: Mapped[UUID | None] = mapped_column(comment="pii:none what opened the line")
    holder_since: Mapped[datetime | None] = mapped_column(
        comment="pii:none since when the line has its holder"
    )
    number_idx: Mapped[bytes | None] = mapped_column(comment="pii:index the number, where it is not ours")
    secret: Mapped[bytes | None] = mapped_column(comment="pii:sealed the number, where it is not ours")
    opened_at: Mapped[datetime] = mapped_column(comment="pii:none when the first vote was filed")
    last_filed_at: Mapped[datetime] = mapped_column(comment="pii:none when the last one was")
    votes: Mapped[int] = mapped_column(comment="pii:none how many were filed")
    counted: Mapped[int] = mapped_column(comment="pii:none how many of them count")
    corroborated_at: Mapped[datetime | None] = mapped_column(comment="pii:none when enough counted")
    decided_at: Mapped[datetime | None] = mapped_column(comment="pii:none when a person last decided")
    decided_by: Mapped[str | None] = mapped_column(sa.String(40), comment="pii:none id of that person")
    reason: Mapped[str | None] = mapped_column(sa.String(48), comment="pii:none code of their reason")
    appealed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was appealed")
    version: Mapped[int] = mapped_column(comment="pii:none counts the changes of its state")


class VoteRow(Tenant, Base):
    """Nothing of the reporter's number stands here: the ids of a line say whose vote it is."""

    __tablename__ = "report_vote"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["operator_id", "report_id"], ["report.operator_id", "report.id"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["operator_id", "line_id"], ["line.operator_id", "line.id"]),
        sa.Index("ix_report_vote_report", "operator_id", "report_id", "filed_at"),
        sa.Index(
            "ix_report_vote_line",
            "operator_id",
            "line_id",
            postgresql_where=sa.text("line_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_report_vote_subscriber",
            "operator_id",
            "subscriber_id",
            postgresql_where=sa.text("subscriber_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    report_id: Mapped[UUID] = mapped_column(comment="pii:none the report that it is part of")
    kind: Mapped[str] = mapped_column(sa.String(16), comment="pii:none what is said to have happened")
    filed_at: Mapped[datetime] = mapped_column(comment="pii:none when it was filed")
    happened_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it is said to have happened")
    client_id: Mapped[UUID | None] = mapped_column(
        comment="pii:none who filed it; null where another operator's side did"
    )
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the dealer that the key is bound to")
    proved_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none when the reporter's number was proved"
    )
    line_id: Mapped[UUID | None] = mapped_column(comment="pii:none the reporter's line, where it is proved")
    registration_id: Mapped[UUID | None] = mapped_column(comment="pii:none what opened the reporter's line")
    subscriber_id: Mapped[UUID | None] = mapped_column(comment="pii:none the reporter; null once erased")
    line_since: Mapped[datetime | None] = mapped_column(
        comment="pii:none since when the reporter has the line"
    )
    line_dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the shop that registered it")
    sim_changed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when its SIM was last changed")
    sealed: Mapped[bytes | None] = mapped_column(comment="pii:sealed the note, under the reporter's key")
    secret: Mapped[bytes | None] = mapped_column(comment="pii:sealed the note of a reporter without a line")
    why: Mapped[str] = mapped_column(sa.String(16), comment="pii:none code: counts, or why not")
    weight: Mapped[int | None] = mapped_column(comment="pii:none the reporter's reputation, permille")
