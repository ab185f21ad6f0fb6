"""The registration's row: one aggregate, one row, its evidence as codes."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant

_OPEN = sa.text("state IN ('collecting', 'in_review', 'approved')")


class RegistrationRow(Tenant, Base):
    """The partial unique indexes are what keeps one open registration a number and a SIM."""

    __tablename__ = "registration"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["operator_id", "subscriber_id"], ["subscriber.operator_id", "subscriber.id"]
        ),
        sa.ForeignKeyConstraint(["operator_id", "dealer_id"], ["dealer.operator_id", "dealer.id"]),
        sa.ForeignKeyConstraint(["operator_id", "client_id"], ["client.operator_id", "client.id"]),
        sa.Index(
            "uq_registration_open_msisdn", "operator_id", "msisdn_idx", unique=True, postgresql_where=_OPEN
        ),
        sa.Index(
            "uq_registration_open_iccid", "operator_id", "iccid_idx", unique=True, postgresql_where=_OPEN
        ),
        sa.Index("ix_registration_state", "operator_id", "state", "id"),
        sa.Index("ix_registration_msisdn", "operator_id", "msisdn_idx", "id"),
        sa.Index("ix_registration_subscriber", "operator_id", "subscriber_id"),
        sa.Index("ix_registration_dealer", "operator_id", "dealer_id", "id"),
        sa.ForeignKeyConstraint(
            ["operator_id", "line_id"],
            ["line.operator_id", "line.id"],
            name="fk_registration_operator_id_line",
            use_alter=True,  # a line names the registration that opened it, too
        ),
        sa.Index(
            "ix_registration_line", "operator_id", "line_id", postgresql_where=sa.text("line_id IS NOT NULL")
        ),
        sa.Index("ix_registration_expiry", "expires_at", postgresql_where=sa.text("state = 'collecting'")),
        sa.CheckConstraint(
            "state IN ('collecting','approved','in_review','denied','active','expired','cancelled')",
            name="state",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    client_id: Mapped[UUID] = mapped_column(comment="pii:none the system that opened it")
    subscriber_id: Mapped[UUID] = mapped_column(comment="pii:none the applicant")
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the shop")
    agent_id: Mapped[UUID | None] = mapped_column(comment="pii:none the person in the shop")
    state: Mapped[str] = mapped_column(sa.String(12), comment="pii:none where it stands")
    purpose: Mapped[str] = mapped_column(sa.String(10), comment="pii:none what for")
    channel: Mapped[str] = mapped_column(sa.String(12), comment="pii:none how it came in")
    line_id: Mapped[UUID | None] = mapped_column(comment="pii:none the line in service that it is about")
    told_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none when the holder was told of a lost card"
    )
    plan: Mapped[str] = mapped_column(sa.String(10), comment="pii:none plan of the service")
    form: Mapped[str] = mapped_column(sa.String(5), comment="pii:none sim or esim")
    msisdn_idx: Mapped[bytes] = mapped_column(comment="pii:index the number")
    iccid_idx: Mapped[bytes | None] = mapped_column(comment="pii:index the SIM's serial")
    device_idx: Mapped[bytes | None] = mapped_column(
        comment="pii:index the device's fingerprint, never kept itself"
    )
    device_role: Mapped[str | None] = mapped_column(sa.String(10), comment="pii:none applicant or dealer")
    payment_idx: Mapped[bytes | None] = mapped_column(
        comment="pii:index the payment token, never kept itself"
    )
    sealed: Mapped[bytes] = mapped_column(comment="pii:sealed number, ICCID, IMEI, addresses of the network")
    identity: Mapped[bytes | None] = mapped_column(comment="pii:sealed who the best document says this is")
    can_receive: Mapped[bool] = mapped_column(
        comment="pii:none whether the SIM gets messages before activation"
    )
    documents: Mapped[list[Any]] = mapped_column(comment="pii:none judged documents, in codes")
    codes: Mapped[list[Any]] = mapped_column(comment="pii:none codes that came back right")
    patches: Mapped[int] = mapped_column(sa.SmallInteger, comment="pii:none how often the data were changed")
    outcome: Mapped[dict[str, Any] | None] = mapped_column(
        comment="pii:none what was decided, in codes and counts"
    )
    activation: Mapped[dict[str, Any] | None] = mapped_column(comment="pii:none how far provisioning is")
    appealed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when the denial was appealed")
    service_until: Mapped[datetime | None] = mapped_column(comment="pii:none when the service is to end")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was opened")
    expires_at: Mapped[datetime] = mapped_column(comment="pii:none when collecting ends")
    ended_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none when it was denied, expired or cancelled"
    )
    legal_hold: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="pii:none kept past retention"
    )
    version: Mapped[int] = mapped_column(comment="pii:none counts the changes")
