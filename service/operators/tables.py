"""Operators, clients and keys. ``operator`` is the installation's own list and has no tenant above it."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class OperatorRow(Base):
    __tablename__ = "operator"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True, comment="pii:none short name for commands")
    name: Mapped[str] = mapped_column(sa.String(80), comment="pii:none name that messages show")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was added")


class ClientRow(Tenant, Base):
    __tablename__ = "client"
    __table_args__ = (
        sa.UniqueConstraint("operator_id", "name"),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.ForeignKeyConstraint(["operator_id", "dealer_id"], ["dealer.operator_id", "dealer.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    name: Mapped[str] = mapped_column(sa.String(60), comment="pii:none name of the calling system")
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the dealer it is bound to")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was added")


class ClientKeyRow(Tenant, Base):
    """Found by ``key_id`` before any operator is known: its policy also admits the row that is named exactly."""

    __tablename__ = "client_key"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id", "client_id"], ["client.operator_id", "client.id"]),
        sa.Index(None, "operator_id", "client_id"),
    )

    key_id: Mapped[str] = mapped_column(
        sa.String(40), primary_key=True, comment="pii:none public part of the key"
    )
    client_id: Mapped[UUID] = mapped_column(comment="pii:none whose key it is")
    client: Mapped[str] = mapped_column(sa.String(60), comment="pii:none name of the client")
    operator: Mapped[str] = mapped_column(sa.String(80), comment="pii:none name of the operator")
    dealer_id: Mapped[UUID | None] = mapped_column(comment="pii:none the dealer that the client is bound to")
    sha256: Mapped[bytes] = mapped_column(comment="pii:none SHA-256 of the key, which is random")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(sa.String(20)), comment="pii:none what it may do")
    cidr: Mapped[str | None] = mapped_column(
        sa.String(50), comment="pii:none network that it may be used from"
    )
    expires_at: Mapped[datetime | None] = mapped_column(comment="pii:none end of its life")
    revoked_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was revoked")
    created_at: Mapped[datetime] = mapped_column(comment="pii:none when it was made")
