"""Kept answers of requests that carried an ``Idempotency-Key``."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class KeptAnswerRow(Tenant, Base):
    __tablename__ = "kept_answer"
    __table_args__ = (sa.Index(None, "created_at"),)

    key: Mapped[bytes] = mapped_column(
        primary_key=True, comment="pii:none keyed hash of client, route and key"
    )
    fingerprint: Mapped[bytes] = mapped_column(comment="pii:none keyed hash of the body")
    holder: Mapped[bytes] = mapped_column(comment="pii:none who runs the request, random")
    lease_until: Mapped[datetime] = mapped_column(
        comment="pii:none a running request is taken for dead after this"
    )
    status: Mapped[int | None] = mapped_column(
        sa.SmallInteger, comment="pii:none status of the answer; null while running"
    )
    answer: Mapped[bytes | None] = mapped_column(comment="pii:sealed the answer's body")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when the key was first seen")
