"""Rows of staff: people, links, recovery codes, reveals."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class StaffRow(Tenant, Base):
    __tablename__ = "staff"
    __table_args__ = (
        sa.UniqueConstraint("operator_id", "login"),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    login: Mapped[str] = mapped_column(sa.String(40), comment="pii:none sign-in name, a handle at work")
    role: Mapped[str] = mapped_column(sa.String(12), comment="pii:none role")
    state: Mapped[str] = mapped_column(sa.String(10), comment="pii:none invited, active or disabled")
    epoch: Mapped[int] = mapped_column(comment="pii:none grows when every session is to end")
    sealed: Mapped[bytes] = mapped_column(comment="pii:sealed name and TOTP secret")
    password_hash: Mapped[str | None] = mapped_column(sa.String(200), comment="pii:none argon2id")
    totp_step: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="pii:none the newest TOTP step that was accepted"
    )
    failures: Mapped[int] = mapped_column(comment="pii:none wrong tries since the last right one")
    failed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when the last wrong try was")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when they were added")
    version: Mapped[int] = mapped_column(comment="pii:none version of the row")


class StaffLinkRow(Tenant, Base):
    __tablename__ = "staff_link"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "staff_id"], ["staff.operator_id", "staff.id"]),
        sa.Index(None, "operator_id", "staff_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    staff_id: Mapped[UUID] = mapped_column(comment="pii:none whose link it is")
    sha256: Mapped[bytes] = mapped_column(comment="pii:none SHA-256 of its random secret")
    is_demo: Mapped[bool] = mapped_column(comment="pii:none signs in without a password; demo alone")
    expires_at: Mapped[datetime] = mapped_column(comment="pii:none end of its life")
    used_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was used")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was made")


class StaffRecoveryRow(Tenant, Base):
    __tablename__ = "staff_recovery"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "staff_id"], ["staff.operator_id", "staff.id"]),
    )

    staff_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none whose code it is")
    slot: Mapped[int] = mapped_column(
        sa.SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="pii:none its number, shown in the code",
    )
    code_hash: Mapped[str] = mapped_column(sa.String(200), comment="pii:none argon2id")
    used_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was used")


class StaffRevealRow(Tenant, Base):
    """One row a reveal: the hour's limit is counted here, under a lock on the person's row."""

    __tablename__ = "staff_reveal"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "staff_id"], ["staff.operator_id", "staff.id"]),
        sa.Index(None, "operator_id", "staff_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    staff_id: Mapped[UUID] = mapped_column(comment="pii:none who looked")
    object: Mapped[str] = mapped_column(sa.String(60), comment="pii:none wire id of what was shown")
    reason: Mapped[str] = mapped_column(sa.String(48), comment="pii:none reason code")
    at: Mapped[datetime] = mapped_column(comment="pii:none when")
