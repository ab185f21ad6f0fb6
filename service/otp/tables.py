"""The history of codes: what was decided, on what, and what came of it. Ids, codes, counts and keyed hashes."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class OtpEventRow(Tenant, Base):
    __tablename__ = "otp_event"
    __table_args__ = (
        sa.Index(None, "operator_id", "subject"),
        sa.Index(None, "operator_id", "challenge"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    at: Mapped[datetime] = mapped_column(primary_key=True, comment="pii:none when, by the clock of Redis")
    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id, by which it is written once")
    kind: Mapped[str] = mapped_column(
        sa.String(12), comment="pii:none send, check, accepted, unsent, withheld or receipt"
    )
    outcome: Mapped[str] = mapped_column(sa.String(16), comment="pii:none what came of it")
    limit: Mapped[str | None] = mapped_column(sa.String(40), comment="pii:none the limit that decided")
    subject: Mapped[UUID | None] = mapped_column(comment="pii:none registration or verification")
    challenge: Mapped[UUID | None] = mapped_column(comment="pii:none which code")
    client_id: Mapped[UUID | None] = mapped_column(comment="pii:none who asked")
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none for which dealer")
    purpose: Mapped[str | None] = mapped_column(sa.String(16), comment="pii:none what the code is for")
    country: Mapped[str | None] = mapped_column(sa.String(2), comment="pii:none country of the number")
    block: Mapped[str | None] = mapped_column(
        sa.String(16), comment="pii:none the number without its last four digits"
    )
    channel: Mapped[str | None] = mapped_column(sa.String(8), comment="pii:none sms or voice")
    language: Mapped[str | None] = mapped_column(sa.String(8), comment="pii:none of the message")
    sender: Mapped[str | None] = mapped_column(sa.String(16), comment="pii:none who took it")
    price: Mapped[int | None] = mapped_column(sa.BigInteger, comment="pii:none micro-units")
    policy: Mapped[str | None] = mapped_column(sa.String(40), comment="pii:none version of the limits")
    facts: Mapped[dict[str, Any]] = mapped_column(
        comment="pii:none keyed hashes that name budgets, and limits in shadow that had no room"
    )


class NoticeRow(Tenant, Base):
    """A message without a code. What it says and to whom is kept only while it waits, under its reader's own key; the
    row says later that somebody was told, and how that ended."""

    __tablename__ = "notice"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"], ["subscriber.operator_id", "subscriber.id"]
        ),
        sa.Index("ix_notice_due", "operator_id", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.Index("ix_notice_made", "operator_id", "made_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id, made of what it is about")
    kind: Mapped[str] = mapped_column(sa.String(12), comment="pii:none card-asked, new-line or step")
    about: Mapped[UUID] = mapped_column(comment="pii:none registration, line or action, by its kind")
    way: Mapped[str] = mapped_column(sa.String(12), comment="pii:none which of the messages about that")
    subscriber_id: Mapped[UUID] = mapped_column(comment="pii:none whose key seals it")
    sealed: Mapped[bytes | None] = mapped_column(comment="pii:sealed number and text, while it waits")
    made_at: Mapped[datetime] = mapped_column(comment="pii:none when it was asked for")
    tries: Mapped[int] = mapped_column(comment="pii:none how often it was handed over")
    due_at: Mapped[datetime | None] = mapped_column(comment="pii:none next try; none once it is over")
    outcome: Mapped[str | None] = mapped_column(sa.String(16), comment="pii:none of the last try")
    sent_at: Mapped[datetime | None] = mapped_column(comment="pii:none when a sender took it")
