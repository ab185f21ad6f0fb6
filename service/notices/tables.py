"""Rows of notices: how often an identity was told, and links that were used. They belong to no operator and are reached
through the functions of ``service.notices.ddl`` alone. That a line was told stands with its operator
(``service.otp.tables.NoticeRow``)."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base


class NoticeTakenRow(Base):
    """That an identity was told of one new line."""

    __tablename__ = "notice_taken"

    idx: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index identity over all operators")
    about: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of the new line")
    at: Mapped[datetime] = mapped_column(comment="pii:none when")


class NoticeSpentRow(Base):
    """A link that was used."""

    __tablename__ = "notice_spent"

    token: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index hash of the sealed token")
    until: Mapped[datetime] = mapped_column(comment="pii:none when the link is over by itself")
