"""Rows of dealers, agents, and how many registrations a dealer opened in an hour."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class DealerRow(Tenant, Base):
    __tablename__ = "dealer"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.UniqueConstraint("operator_id", "code"),
        sa.Index("ix_dealer_licence", "operator_id", "licence_idx"),
        sa.CheckConstraint("state IN ('active','paused','suspended')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    code: Mapped[str] = mapped_column(sa.String(32), comment="pii:none code that tills send")
    name: Mapped[str] = mapped_column(sa.String(120), comment="pii:none name over the door")
    licence: Mapped[bytes] = mapped_column(comment="pii:sealed licence number")
    licence_idx: Mapped[bytes] = mapped_column(comment="pii:index licence number")
    state: Mapped[str] = mapped_column(sa.String(12), comment="pii:none active, paused, suspended")
    hourly_quota: Mapped[int] = mapped_column(comment="pii:none registrations an hour")
    daily_quota: Mapped[int] = mapped_column(comment="pii:none registrations a day")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was registered")
    version: Mapped[int] = mapped_column(comment="pii:none counts the changes")


class AgentRow(Tenant, Base):
    __tablename__ = "agent"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "dealer_id"], ["dealer.operator_id", "dealer.id"]),
        sa.UniqueConstraint("operator_id", "dealer_id", "code"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    dealer_id: Mapped[UUID] = mapped_column(comment="pii:none the shop")
    code: Mapped[str] = mapped_column(sa.String(32), comment="pii:none code of the person, given by the shop")
    is_active: Mapped[bool] = mapped_column(comment="pii:none whether the code may be used")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was registered")


class DealerHourRow(Tenant, Base):
    """One row a dealer and UTC hour. A row older than a day serves statistics alone."""

    __tablename__ = "dealer_hour"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "dealer_id"], ["dealer.operator_id", "dealer.id"]),
    )

    dealer_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none the shop")
    hour: Mapped[datetime] = mapped_column(primary_key=True, comment="pii:none start of the UTC hour")
    created: Mapped[int] = mapped_column(comment="pii:none registrations opened")
