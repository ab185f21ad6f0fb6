"""Rows of dealers, agents, and how many registrations a dealer opened in an hour."""

from datetime import date, datetime
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
        sa.CheckConstraint("band IN ('none','low','watch','high')", name="band"),
        sa.CheckConstraint("outlet IN ('none','low','watch','high')", name="outlet"),
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
    shrunk_to: Mapped[int | None] = mapped_column(comment="pii:none registrations on the day shrunk_on")
    shrunk_on: Mapped[date | None] = mapped_column(sa.Date, comment="pii:none UTC day of the smaller quota")
    band: Mapped[str] = mapped_column(
        sa.String(5), server_default="none", comment="pii:none how it stands beside its peers"
    )
    outlet: Mapped[str] = mapped_column(
        sa.String(5), server_default="none", comment="pii:none worst band of the licence at any operator"
    )


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


class DealerRiskRow(Tenant, Base):
    """A shop's last assessment; written again by the clock's chore, so that nothing is lost with it."""

    __tablename__ = "dealer_risk"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "dealer_id"], ["dealer.operator_id", "dealer.id"]),
    )

    dealer_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none the shop")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was assessed")
    lines: Mapped[int] = mapped_column(comment="pii:none lines of ninety days")
    stopped: Mapped[int] = mapped_column(comment="pii:none of them stopped for scam")
    struck: Mapped[int] = mapped_column(comment="pii:none of them struck")
    night: Mapped[int] = mapped_column(comment="pii:none of them approved at night")
    peak: Mapped[int] = mapped_column(comment="pii:none most in one hour")
    decided: Mapped[int] = mapped_column(comment="pii:none registrations decided this UTC day")
    reviewed: Mapped[int] = mapped_column(comment="pii:none of them sent to a person")
    rate: Mapped[int] = mapped_column(comment="pii:none permille, drawn to the mean")
    low: Mapped[int | None] = mapped_column(comment="pii:none lower end of its own rate, permille")
    high: Mapped[int | None] = mapped_column(comment="pii:none upper end of its own rate, permille")
    mean: Mapped[int] = mapped_column(comment="pii:none rate of its peers, permille")


class OutletBandRow(Base):
    """That a licence stands in a band at some operator: which one is not here, and no right is given on the table.
    It is reached through the functions of ``service.dealers.ddl`` alone (``security.md`` 1.5)."""

    __tablename__ = "outlet_band"

    idx: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index licence over all operators")
    dealer_ref: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of the dealer")
    band: Mapped[str] = mapped_column(sa.String(5), comment="pii:none low, watch or high")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was said last; forgotten after two days")
