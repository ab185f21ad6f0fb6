"""Rows of the register of persons."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class SubscriberRow(Tenant, Base):
    """It outlives its person's erasure, empty, because registrations and lines point at it."""

    __tablename__ = "subscriber"
    __table_args__ = (sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),)

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    sealed: Mapped[bytes | None] = mapped_column(
        comment="pii:sealed what is known of the person, and what it is indexed by; null once erased"
    )
    version: Mapped[int] = mapped_column(comment="pii:none counts changes")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was added")


class SubjectKeyRow(Tenant, Base):
    """The data key of a subject, wrapped. Deleting the row is the erasure."""

    __tablename__ = "subject_key"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "id"], ["subscriber.operator_id", "subscriber.id"]),
        sa.Index(None, "operator_id", "kek_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id of the subscriber")
    kek_id: Mapped[int] = mapped_column(sa.BigInteger, comment="pii:none key that wraps it")
    wrapped: Mapped[bytes] = mapped_column(comment="pii:sealed the data key, wrapped")


class SubjectIndexRow(Tenant, Base):
    """A keyed hash to find subscribers by. Not unique: two may share a device, and two keys may be live."""

    __tablename__ = "subject_index"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"], ["subscriber.operator_id", "subscriber.id"]
        ),
        sa.Index(None, "operator_id", "subscriber_id"),
    )

    idx: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of the value")
    subscriber_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none whose value it is")
    kind: Mapped[str] = mapped_column(sa.String(20), comment="pii:none kind of value")


class ErasureRow(Tenant, Base):
    """Insert-only tombstones (``service.audit.ddl``)."""

    __tablename__ = "erasure"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id of the subscriber")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was erased")
    reason: Mapped[str] = mapped_column(sa.String(64), comment="pii:none why, a code")
