"""What of limits must last: the money of a day, and blocks."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class MoneyDayRow(Tenant, Base):
    """What was leased to Redis of an operator's day: never more than its cap, whatever Redis loses."""

    __tablename__ = "money_day"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.CheckConstraint("leased >= 0 AND leased <= cap", name="within_cap"),
    )

    day: Mapped[date] = mapped_column(primary_key=True, comment="pii:none day of UTC")
    currency: Mapped[str] = mapped_column(sa.String(3), comment="pii:none ISO 4217")
    cap: Mapped[int] = mapped_column(sa.BigInteger, comment="pii:none micro-units that the day may cost")
    leased: Mapped[int] = mapped_column(sa.BigInteger, comment="pii:none micro-units leased so far")
    leased_at: Mapped[datetime] = mapped_column(comment="pii:none when the last slice was leased")


class SendBlockRow(Tenant, Base):
    """Somewhere no codes go until an instant. Redis holds a copy; this is the truth."""

    __tablename__ = "send_block"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.Index(None, "operator_id", "until"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    limit: Mapped[str] = mapped_column(sa.String(40), comment="pii:none which limit it fills: OtpBlocked…")
    place: Mapped[str | None] = mapped_column(
        sa.String(40), comment="pii:none country, number block or client id; none for a number"
    )
    client_id: Mapped[UUID | None] = mapped_column(comment="pii:none whose codes, where it is one client's")
    sealed: Mapped[bytes | None] = mapped_column(comment="pii:sealed the number, where it is one")
    reason: Mapped[str] = mapped_column(sa.String(40), comment="pii:none code of the reason")
    made_by: Mapped[str] = mapped_column(sa.String(40), comment="pii:none holder, guard, or id of staff")
    made_at: Mapped[datetime] = mapped_column(comment="pii:none when it was set")
    until: Mapped[datetime] = mapped_column(comment="pii:none when it ends")
    lifted_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was lifted before its end")
    lifted_by: Mapped[str | None] = mapped_column(sa.String(40), comment="pii:none id of staff")
