"""Versions and their publications: of the installation, not of one operator; insert-only."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base


class PolicyVersionRow(Base):
    __tablename__ = "policy_version"

    version: Mapped[str] = mapped_column(
        sa.String(32), primary_key=True, comment="pii:none hash of the content"
    )
    sources: Mapped[dict[str, Any]] = mapped_column(comment="pii:none texts by file name")
    made_at: Mapped[datetime] = mapped_column(comment="pii:none when it was first published")


class PolicyPublicationRow(Base):
    __tablename__ = "policy_publication"

    number: Mapped[int] = mapped_column(
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="pii:none order of publication; a clock that steps back does not change it",
    )
    version: Mapped[str] = mapped_column(
        sa.ForeignKey("policy_version.version"), comment="pii:none what came into force"
    )
    published_by: Mapped[str] = mapped_column(sa.String(80), comment="pii:none seed, or who published it")
    published_at: Mapped[datetime] = mapped_column(comment="pii:none when it came into force")
