"""The row of a line."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant

_OPEN = sa.text("state IN ('active', 'restricted', 'suspended')")


class LineRow(Tenant, Base):
    """Advisory locks on the indexes keep one open line a number and a card, also while an index key rotates;
    the partial unique indexes say the same to whoever writes past the workflow."""

    __tablename__ = "line"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"], ["subscriber.operator_id", "subscriber.id"]
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "registration_id"], ["registration.operator_id", "registration.id"]
        ),
        sa.ForeignKeyConstraint(["operator_id", "dealer_id"], ["dealer.operator_id", "dealer.id"]),
        sa.UniqueConstraint("operator_id", "registration_id"),
        sa.Index("uq_line_open_msisdn", "operator_id", "msisdn_idx", unique=True, postgresql_where=_OPEN),
        sa.Index("uq_line_open_iccid", "operator_id", "iccid_idx", unique=True, postgresql_where=_OPEN),
        sa.Index("ix_line_msisdn", "operator_id", "msisdn_idx", "id"),
        sa.Index("ix_line_iccid", "operator_id", "iccid_idx", "id"),
        sa.Index("ix_line_state", "operator_id", "state", "id"),
        sa.Index("ix_line_subscriber", "operator_id", "subscriber_id"),
        sa.Index("ix_line_due", "operator_id", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.Index(
            "ix_line_probation",
            "operator_id",
            "id",
            postgresql_where=sa.text("probation_until IS NOT NULL"),
        ),
        sa.CheckConstraint(
            "state IN ('active','restricted','suspended','quarantined','closed')", name="state"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    subscriber_id: Mapped[UUID] = mapped_column(comment="pii:none the holder")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none the registration that opened it")
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the shop that registered it")
    state: Mapped[str] = mapped_column(sa.String(12), comment="pii:none where it stands")
    reasons: Mapped[list[str]] = mapped_column(
        ARRAY(sa.String(48)), comment="pii:none codes: why it is not active"
    )
    assurance: Mapped[str] = mapped_column(sa.String(12), comment="pii:none none, basic, substantial, high")
    country: Mapped[str] = mapped_column(
        sa.String(2), comment="pii:none country of the number, for retention"
    )
    msisdn_idx: Mapped[bytes | None] = mapped_column(comment="pii:index the number; null once forgotten")
    iccid_idx: Mapped[bytes | None] = mapped_column(comment="pii:index the SIM's serial; null once forgotten")
    sealed: Mapped[bytes | None] = mapped_column(comment="pii:sealed number and ICCID; null once forgotten")
    holder_since: Mapped[datetime] = mapped_column(comment="pii:none when this holder's line was opened")
    active_since: Mapped[datetime | None] = mapped_column(comment="pii:none when it was first active")
    sim_changed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when its SIM was last changed")
    probation_until: Mapped[datetime | None] = mapped_column(comment="pii:none end of its probation")
    probation_since: Mapped[datetime | None] = mapped_column(comment="pii:none when its probation began")
    probation_days: Mapped[int | None] = mapped_column(
        sa.SmallInteger, comment="pii:none days of ordinary use that end its probation"
    )
    ordinary_days: Mapped[int] = mapped_column(
        sa.SmallInteger, server_default=sa.text("0"), comment="pii:none days of ordinary use so far"
    )
    judged_to: Mapped[date | None] = mapped_column(comment="pii:none last day whose use was looked at")
    used_on: Mapped[date | None] = mapped_column(comment="pii:none last day on which it was used")
    handset_changed_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none when it was last seen in another handset"
    )
    service_until: Mapped[datetime | None] = mapped_column(comment="pii:none when the service is to end")
    held_until: Mapped[datetime | None] = mapped_column(comment="pii:none end of a restriction or suspension")
    labelled_until: Mapped[datetime | None] = mapped_column(
        comment="pii:none until when whoever is called may be told of reports"
    )
    awaiting_until: Mapped[datetime | None] = mapped_column(
        comment="pii:none until when its own code may come"
    )
    quarantine_until: Mapped[datetime | None] = mapped_column(comment="pii:none when the number is free")
    closed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was closed")
    due_at: Mapped[datetime | None] = mapped_column(comment="pii:none when time alone changes it next")
    applied_version: Mapped[int] = mapped_column(comment="pii:none newest version that the network confirmed")
    apply_failed: Mapped[str | None] = mapped_column(
        sa.String(64), comment="pii:none why the network did not take the newest version; for staff"
    )
    version: Mapped[int] = mapped_column(comment="pii:none counts the changes")
