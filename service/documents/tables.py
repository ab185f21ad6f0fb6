"""Rows of document checks: codes in clear, what the document says in one sealed blob."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


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
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was judged")
    judged_at: Mapped[datetime] = mapped_column(comment="pii:none when it was judged last")
