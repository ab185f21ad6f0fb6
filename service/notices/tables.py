"""Rows of notices: which line was told (of the operator whose line it is), how often an identity was, and links that
were used. The last two belong to no operator and are reached through the functions of ``service.notices.ddl`` alone."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class OwnerNoticeRow(Tenant, Base):
    """That a line was told of a new one. It stands with the operator of the line that was told, and says nothing of
    where the new one is."""

    __tablename__ = "owner_notice"
    __table_args__ = (
        sa.UniqueConstraint("operator_id", "line_id", "about", "way"),
        sa.Index("ix_owner_notice_at", "operator_id", "at"),
        sa.CheckConstraint("way IN ('line','contact')", name="way"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    line_id: Mapped[UUID] = mapped_column(comment="pii:none the line that was told")
    about: Mapped[bytes] = mapped_column(comment="pii:index keyed hash of the new line's registration")
    way: Mapped[str] = mapped_column(sa.String(8), comment="pii:none to the line or to the contact on file")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was due")
    sent_at: Mapped[datetime | None] = mapped_column(comment="pii:none when a sender took it")
    failed: Mapped[str | None] = mapped_column(sa.String(32), comment="pii:none why none did; a code")


class NoticeTakenRow(Base):
    """That an identity was told of one new line."""

    __tablename__ = "notice_taken"

    idx: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index identity over all operators")
    about: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of the new line")
    at: Mapped[datetime] = mapped_column(comment="pii:none when")


class NoticeSpentRow(Base):
    """A link that was used."""

    __tablename__ = "notice_spent"

    token: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index hash of the sealed token")
    until: Mapped[datetime] = mapped_column(comment="pii:none when the link is over by itself")
