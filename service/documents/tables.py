"""Rows of document checks: codes in clear, what the document says in one sealed blob. And the installation's trust
store: public certificates, insert-only."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


def _of_check() -> tuple[sa.ForeignKeyConstraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["operator_id", "document_id"], ["document_check.operator_id", "document_check.id"]
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "registration_id"], ["registration.operator_id", "registration.id"]
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"], ["subscriber.operator_id", "subscriber.id"]
        ),
    )


class DocumentCheckRow(Tenant, Base):
    __tablename__ = "document_check"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["operator_id", "registration_id"], ["registration.operator_id", "registration.id"]
        ),
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"], ["subscriber.operator_id", "subscriber.id"]
        ),
        sa.Index(None, "operator_id", "registration_id"),
        sa.Index(None, "operator_id", "subscriber_id"),
        sa.Index(None, "operator_id", "chip_idx", postgresql_where=sa.text("chip_idx IS NOT NULL")),
        sa.CheckConstraint("outcome IN ('pass', 'refer', 'fail')", name="outcome"),
        sa.CheckConstraint("proof IN ('none', 'consistent', 'confirmed', 'signed')", name="proof"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none the registration it belongs to")
    subscriber_id: Mapped[UUID] = mapped_column(comment="pii:none whose key seals it")
    kind: Mapped[str] = mapped_column(sa.String(20), comment="pii:none how it was submitted")
    document_type: Mapped[str] = mapped_column(sa.String(20), comment="pii:none type of document")
    issuing_state: Mapped[str | None] = mapped_column(sa.String(3), comment="pii:none issuing state, a code")
    outcome: Mapped[str] = mapped_column(sa.String(8), comment="pii:none pass, refer or fail")
    proof: Mapped[str] = mapped_column(sa.String(12), comment="pii:none what it proves about itself")
    reason: Mapped[str | None] = mapped_column(sa.String(20), comment="pii:none coarse reason, a code")
    checks: Mapped[list[Any]] = mapped_column(comment="pii:none findings: ids, outcomes and codes")
    registry_answer: Mapped[str | None] = mapped_column(
        sa.String(16), comment="pii:none the registry's answer"
    )
    sealed: Mapped[bytes] = mapped_column(comment="pii:sealed number, names, dates; or the description")
    chip_idx: Mapped[bytes | None] = mapped_column(
        comment="pii:index keyed hash of the chip's security object"
    )
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was judged")
    judged_at: Mapped[datetime] = mapped_column(comment="pii:none when it was judged last")


class DocumentTraceRow(Tenant, Base):
    """What the next document is held against; kept for thirty days."""

    __tablename__ = "document_trace"
    __table_args__ = (
        *_of_check(),
        sa.Index(None, "operator_id", "registration_id"),
        sa.Index(None, "operator_id", "subscriber_id"),
        sa.Index(None, "operator_id", "at"),
        *(
            sa.Index(None, "operator_id", name, "at", postgresql_where=sa.text(f"{name} IS NOT NULL"))
            for name in ("document_idx", "device_idx", "dealer_id", "agent_id")
        ),
    )

    document_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none the document")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none the registration it belongs to")
    subscriber_id: Mapped[UUID] = mapped_column(comment="pii:none whose it is")
    failed: Mapped[bool] = mapped_column(comment="pii:none whether it failed")
    document_idx: Mapped[bytes | None] = mapped_column(comment="pii:index keyed hash of the document")
    names_idx: Mapped[bytes | None] = mapped_column(comment="pii:index keyed hash of the names on it")
    device_idx: Mapped[bytes | None] = mapped_column(comment="pii:index keyed hash of the applicant's device")
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the shop where it was shown")
    agent_id: Mapped[UUID | None] = mapped_column(comment="pii:none who was shown it")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was shown")


class PictureHashRow(Tenant, Base):
    """Narrow, because every one of an operator's month is compared; kept for thirty days."""

    __tablename__ = "picture_hash"
    __table_args__ = (
        *_of_check(),
        sa.Index(None, "operator_id", "registration_id"),
        sa.Index(None, "operator_id", "subscriber_id"),
        sa.Index(None, "operator_id", "at"),
    )

    document_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none the document")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none the registration it belongs to")
    subscriber_id: Mapped[UUID] = mapped_column(comment="pii:none whose document it shows")
    hash: Mapped[Any] = mapped_column(
        BIT(256),
        comment="pii:index perceptual hash of the blacked-out picture, under a mask of the operator's",
    )
    at: Mapped[datetime] = mapped_column(comment="pii:none when it came")


class CscaImportRow(Base):
    """Staged by one person, verified; in force only by an activation."""

    __tablename__ = "csca_import"
    __table_args__ = (sa.CheckConstraint("kind IN ('master_list', 'certificate', 'crl')", name="kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    kind: Mapped[str] = mapped_column(sa.String(12), comment="pii:none list, certificate or revocations")
    source: Mapped[str] = mapped_column(sa.String(100), comment="pii:none whose it is")
    dated_at: Mapped[datetime] = mapped_column(comment="pii:none when it was signed")
    digest: Mapped[str] = mapped_column(sa.String(64), comment="pii:none hash of the content")
    count: Mapped[int] = mapped_column(comment="pii:none certificates, or serial numbers")
    content: Mapped[bytes] = mapped_column(comment="pii:none the file: certificates of states")
    staged_by: Mapped[UUID] = mapped_column(comment="pii:none the staff member who brought it")
    staged_at: Mapped[datetime] = mapped_column(comment="pii:none when")


class CscaActivationRow(Base):
    """What came into force, or was withdrawn; the last one of an import says."""

    __tablename__ = "csca_activation"
    __table_args__ = (sa.CheckConstraint("effect IN ('trust', 'withdraw')", name="effect"),)

    number: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="pii:none order"
    )
    import_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("csca_import.id"), index=True, comment="pii:none what"
    )
    effect: Mapped[str] = mapped_column(sa.String(8), comment="pii:none trust or withdraw")
    done_by: Mapped[UUID] = mapped_column(comment="pii:none the staff member who did it")
    done_at: Mapped[datetime] = mapped_column(comment="pii:none when")
