"""Rows of the audit. Insert-only: ``ddl.py`` takes every other right away."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class InstallationRow(Base):
    """One row: the id under which every chain of this installation begins."""

    __tablename__ = "installation"
    __table_args__ = (sa.CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, comment="pii:none true: there is one installation")
    id: Mapped[UUID] = mapped_column(comment="pii:none random id of the installation")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when its first chain began")


class AuditEntryRow(Tenant, Base):
    """``xid`` orders entries by transaction, whatever the clock did; the application may not write it."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        sa.Index(None, "operator_id", "xid"),
        sa.Index(None, "operator_id", "object"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    at: Mapped[datetime] = mapped_column(primary_key=True, comment="pii:none when it was done")
    actor_kind: Mapped[str] = mapped_column(sa.String(10), comment="pii:none client, staff, system, cli")
    actor_id: Mapped[str] = mapped_column(sa.String(200), comment="pii:none id of who did it")
    action: Mapped[str] = mapped_column(sa.String(64), comment="pii:none what was done, a code")
    object: Mapped[str] = mapped_column(sa.String(200), comment="pii:none id of what it was done to")
    reason: Mapped[str | None] = mapped_column(sa.String(64), comment="pii:none why, a code")
    body: Mapped[str] = mapped_column(sa.Text, comment="pii:none RFC 8785 JSON of the entry: ids and codes")
    entry: Mapped[bytes] = mapped_column(comment="pii:none SHA-256 of the body")
    xid: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default=sa.text("((pg_current_xact_id())::text)::bigint"),
        comment="pii:none transaction that wrote it",
    )


class AuditNoteRow(Tenant, Base):
    """The free note of an entry, sealed under the subject's key (gone with it) or the operator's.

    The one table here whose rows may change: a rotation seals a note again. The entry's ``note_commit`` holds
    the note to what it was.
    """

    __tablename__ = "audit_note"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id of the entry")
    sealed: Mapped[bytes] = mapped_column(comment="pii:sealed salt and note")
    kek_id: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="pii:none key-encryption key of an operator's note; null: the subject's key"
    )


class AuditSealRow(Tenant, Base):
    """``horizon``: every transaction below it was over when this was sealed, so no older entry can appear."""

    __tablename__ = "audit_seal"
    __table_args__ = (sa.UniqueConstraint("operator_id", "entry_id"),)

    n: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, comment="pii:none number in the chain")
    entry_id: Mapped[UUID] = mapped_column(comment="pii:none id of the entry")
    entry_at: Mapped[datetime] = mapped_column(comment="pii:none instant of the entry, its partition")
    link: Mapped[bytes] = mapped_column(comment="pii:none SHA-256 over the link before and the entry")
    horizon: Mapped[int] = mapped_column(sa.BigInteger, comment="pii:none transactions below it are sealed")
    sealed_at: Mapped[datetime] = mapped_column(comment="pii:none when it was sealed")


class AuditHeadRow(Tenant, Base):
    __tablename__ = "audit_head"

    n: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, comment="pii:none number of the entry")
    link: Mapped[bytes] = mapped_column(comment="pii:none link of that entry")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was signed")
    signature: Mapped[bytes] = mapped_column(comment="pii:none Ed25519, with the id of its key")
