"""Holdings (who hangs on which lines, as blind indexes) and decisions (by month)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.infra.postgres import Base, Tenant


class HoldingRow(Tenant, Base):
    """One thing that one registration's line hangs on; at most one of a kind for a registration.

    A projection of this domain, fed by events: it has no foreign key, because it outlives the registration's
    personal data while a strike has not decayed.
    """

    __tablename__ = "holding"
    __table_args__ = (
        sa.UniqueConstraint("operator_id", "registration_id", "kind"),
        sa.Index("ix_holding_idx", "operator_id", "idx", "opened_at"),
        sa.Index(
            "ix_holding_scam",
            "operator_id",
            "idx",
            postgresql_where=sa.text("scam_at IS NOT NULL OR struck_at IS NOT NULL"),
        ),
        sa.Index("ix_holding_line", "operator_id", "line_id"),
        sa.CheckConstraint(
            "kind IN ('document','personal_number','person','device','dealer',"
            "'address','contact','agent','payment','block')",
            name="kind",
        ),
        sa.CheckConstraint("state IN ('approved','live','closed','released')", name="state"),
        sa.CheckConstraint("evidence IN ('limited','full')", name="evidence"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none whose line it is")
    line_id: Mapped[UUID | None] = mapped_column(comment="pii:none the line, once there is one")
    kind: Mapped[str] = mapped_column(sa.String(16), comment="pii:none what the index is of")
    idx: Mapped[bytes] = mapped_column(comment="pii:index keyed hash; of kind dealer and agent: the id")
    evidence: Mapped[str] = mapped_column(sa.String(8), comment="pii:none what the line was granted on")
    state: Mapped[str] = mapped_column(sa.String(10), comment="pii:none how far the line's life is")
    opened_at: Mapped[datetime] = mapped_column(comment="pii:none when it was approved")
    closed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when the line was closed")
    document_ends: Mapped[date | None] = mapped_column(
        sa.Date, comment="pii:none month in which the person's document ends; kind person alone"
    )
    renewal_of: Mapped[UUID | None] = mapped_column(
        comment="pii:none registration whose document this one seems to renew; kind document alone"
    )
    scam_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none when the line was last stopped for scam"
    )
    stopped_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none newest step on a report or ring that holds; kinds dealer and agent alone"
    )
    struck_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none the newest strike that holds; decays"
    )
    lifted_at: Mapped[datetime | None] = mapped_column(
        comment="pii:none when the line was last reinstated, which undoes both"
    )


class StrikeRow(Tenant, Base):
    """One thing that one line hangs on, struck by one source. It holds while ``at`` is later than ``undone_at``.

    Like the holdings that it strikes it outlives what is known of the person, and has no foreign key.
    """

    __tablename__ = "strike"
    __table_args__ = (
        sa.Index("ix_strike_source", "operator_id", "source_kind", "source_id"),
        sa.CheckConstraint("source_kind IN ('line','report','ring')", name="source"),
    )

    registration_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none whose line it is")
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="pii:none kind of holding")
    source_kind: Mapped[str] = mapped_column(
        sa.String(6), primary_key=True, comment="pii:none line, report or ring"
    )
    source_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none which one")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was put; decays")
    undone_at: Mapped[datetime | None] = mapped_column(comment="pii:none up to when it is undone")
    is_erased: Mapped[bool] = mapped_column(comment="pii:none the person was erased since")


class LinkComponentRow(Tenant, Base):
    """Lines that hang together: those of one component. A line that hangs together with nobody has no row.

    A projection of the holdings and of the policy's weights, which ``Links.sweep`` can make again.
    """

    __tablename__ = "link_component"
    __table_args__ = (sa.Index("ix_link_component_component", "operator_id", "component"),)

    registration_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none whose line it is")
    component: Mapped[UUID] = mapped_column(comment="pii:none the component's lowest registration")


class LinkCommonRow(Tenant, Base):
    """A thing that staff have marked as shared by many (a shop's device, a hostel's address): it links nobody, however
    few lines are on it. It goes with the last line that hangs on it."""

    __tablename__ = "link_common"
    __table_args__ = (sa.CheckConstraint("kind IN ('device','address','contact','payment')", name="kind"),)

    idx: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of the thing")
    kind: Mapped[str] = mapped_column(sa.String(16), comment="pii:none what the index is of")
    reason: Mapped[str] = mapped_column(sa.String(48), comment="pii:none code: why many share it")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was marked")
    by: Mapped[str] = mapped_column(sa.String(40), comment="pii:none id of staff")


class DecisionRow(Tenant, Base):
    """Insert-only. ``signals`` and ``reasons`` hold counts, booleans and codes, never personal data."""

    __tablename__ = "decision"
    __table_args__ = (
        sa.Index("ix_decision_registration", "operator_id", "registration_id", "at"),
        sa.Index("ix_decision_at", "operator_id", "at", "id"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    at: Mapped[datetime] = mapped_column(primary_key=True, comment="pii:none when it was decided")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none what it is about")
    decided_by: Mapped[str] = mapped_column(sa.String(8), comment="pii:none rules or person")
    previous_id: Mapped[UUID | None] = mapped_column(comment="pii:none the decision that a person looked at")
    code: Mapped[str | None] = mapped_column(sa.String(60), comment="pii:none reason that a person gave")
    verdict: Mapped[str] = mapped_column(sa.String(10), comment="pii:none approved, review or denied")
    score: Mapped[int] = mapped_column(comment="pii:none sum of weights")
    assurance: Mapped[str] = mapped_column(sa.String(12), comment="pii:none how sure of the holder")
    evidence: Mapped[str] = mapped_column(sa.String(8), comment="pii:none limited or full")
    restricted_until: Mapped[datetime | None] = mapped_column(comment="pii:none condition")
    probation_until: Mapped[datetime | None] = mapped_column(comment="pii:none condition")
    policy_version: Mapped[str] = mapped_column(sa.String(64), comment="pii:none under which it was made")
    signals: Mapped[dict[str, Any]] = mapped_column(comment="pii:none what was seen: counts and codes")
    reasons: Mapped[list[Any]] = mapped_column(comment="pii:none rules with value and threshold")
    shadow: Mapped[list[Any]] = mapped_column(
        server_default=sa.text("'[]'"),
        comment="pii:none what rules in shadow would have said; decides nothing",
    )


class BaselineRow(Tenant, Base):
    """What is usual for one signal, counted daily from stored decisions; replaced by the next count."""

    __tablename__ = "signal_baseline"

    signal: Mapped[str] = mapped_column(
        sa.String(60), primary_key=True, comment="pii:none name of the signal"
    )
    p50: Mapped[int] = mapped_column(comment="pii:none half of the decisions had at most this")
    p99: Mapped[int] = mapped_column(comment="pii:none 99 of 100 decisions had at most this")
    of: Mapped[int] = mapped_column(comment="pii:none how many decisions were counted")
    at: Mapped[datetime] = mapped_column(comment="pii:none when they were counted")


class RuleDraftRow(Tenant, Base):
    """One set of changes to the rules, from the first edit to its publication or its end. ``rules`` are the changed
    rules as their authors wrote them, by id."""

    __tablename__ = "rule_draft"
    __table_args__ = (
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.CheckConstraint("state IN ('open','proposed','published','dropped')", name="state"),
        sa.CheckConstraint(
            "(state IN ('proposed','published')) = (proposed_by IS NOT NULL)", name="proposed"
        ),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_persons"),
        sa.Index(
            "uq_rule_draft_unfinished",
            "operator_id",
            unique=True,
            postgresql_where=sa.text("state IN ('open','proposed')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    version: Mapped[int] = mapped_column(comment="pii:none of the row; each change adds one")
    state: Mapped[str] = mapped_column(sa.String(10), comment="pii:none open, proposed, published or dropped")
    base_version: Mapped[str] = mapped_column(sa.String(32), comment="pii:none policy that it changes")
    rules: Mapped[dict[str, Any]] = mapped_column(comment="pii:none changed rules by id")
    authors: Mapped[list[Any]] = mapped_column(comment="pii:none ids of staff who changed a rule in it")
    digest: Mapped[str | None] = mapped_column(
        sa.String(64), comment="pii:none of changes and base, as proposed; an approval names it"
    )
    reason: Mapped[str | None] = mapped_column(
        sa.String(40), comment="pii:none code of the proposer's reason"
    )
    made_at: Mapped[datetime] = mapped_column(comment="pii:none when it was begun")
    changed_at: Mapped[datetime] = mapped_column(comment="pii:none when it was last changed")
    proposed_by: Mapped[UUID | None] = mapped_column(comment="pii:none id of staff")
    proposed_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was proposed")
    approved_by: Mapped[UUID | None] = mapped_column(comment="pii:none id of staff, another person")
    published_version: Mapped[str | None] = mapped_column(
        sa.String(32), comment="pii:none policy that it became"
    )


class SharedHoldingRow(Base):
    """That some line hangs on an identity, whosever it is: no operator stands here, and no right is given on it.

    It is reached only through the functions of ``service.risk.ddl`` (``security.md`` 1.5).
    """

    __tablename__ = "shared_holding"
    __table_args__ = (
        sa.Index("ix_shared_holding_line", "line_ref"),
        sa.CheckConstraint("kind IN ('document','person','msisdn','licence')", name="kind"),
    )

    idx: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash over all operators")
    line_ref: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of the line's id")
    kind: Mapped[str] = mapped_column(sa.String(10), comment="pii:none what the index is of")
    until: Mapped[datetime] = mapped_column(
        comment="pii:none until when it counts; infinity while it is open"
    )


class SharedAskRow(Base):
    """One identity that one asker asked about on one day. Both hashes are of the ``volatile`` key and joined to
    nothing: not even to ``shared_holding``. Reached through the same functions alone."""

    __tablename__ = "shared_ask"

    asker: Mapped[bytes] = mapped_column(primary_key=True, comment="pii:index keyed hash of who asked")
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True, comment="pii:none UTC day")
    asked: Mapped[bytes] = mapped_column(
        primary_key=True, comment="pii:index keyed hash of asker and identity"
    )


class DeniedKeyRow(Tenant, Base):
    """What a denied registration would have hung on: that it was denied is remembered for ``denial_days``."""

    __tablename__ = "denied_key"
    __table_args__ = (sa.Index("ix_denied_key_idx", "operator_id", "idx", "at"),)

    registration_id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none which registration")
    kind: Mapped[str] = mapped_column(
        sa.String(16), primary_key=True, comment="pii:none what the index is of"
    )
    idx: Mapped[bytes] = mapped_column(comment="pii:index keyed hash")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was denied")


class IdentityMarkRow(Tenant, Base):
    """What a holder says of their own papers: one row for each index of the identity, under one id."""

    __tablename__ = "identity_mark"
    __table_args__ = (
        sa.Index("ix_identity_mark_idx", "operator_id", "idx"),
        sa.Index("ix_identity_mark_registration", "operator_id", "registration_id"),
        sa.CheckConstraint("kind IN ('frozen','document_lost')", name="kind"),
        sa.CheckConstraint("of IN ('document','personal_number','person')", name="of"),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id of the mark")
    of: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="pii:none what the index is of")
    kind: Mapped[str] = mapped_column(sa.String(16), comment="pii:none frozen or document_lost")
    idx: Mapped[bytes] = mapped_column(comment="pii:index keyed hash")
    registration_id: Mapped[UUID] = mapped_column(comment="pii:none whose papers they are known from")
    set_at: Mapped[datetime] = mapped_column(comment="pii:none when it was set")
    set_by: Mapped[str] = mapped_column(sa.String(40), comment="pii:none holder, or id of staff")
    until: Mapped[datetime | None] = mapped_column(
        comment="pii:none when it ends by itself; null: when it is lifted"
    )
    lifted_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was lifted before its end")
    lifted_by: Mapped[str | None] = mapped_column(sa.String(40), comment="pii:none holder, or id of staff")


class PeerRateRow(Tenant, Base):
    """What is usual among sellers of one kind: all their lines of the span, and how many were stopped for scam."""

    __tablename__ = "peer_rate"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('dealer','agent')", name="kind"),
        sa.CheckConstraint("stopped BETWEEN 0 AND lines", name="stopped"),
    )

    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="pii:none whose rate")
    lines: Mapped[int] = mapped_column(sa.BigInteger, comment="pii:none lines within the span")
    stopped: Mapped[int] = mapped_column(sa.BigInteger, comment="pii:none of them stopped for scam")
    at: Mapped[datetime] = mapped_column(comment="pii:none when it was counted")


class BacktestRunRow(Tenant, Base):
    """A backtest that staff asked for; the twenty newest are kept."""

    __tablename__ = "backtest_run"
    __table_args__ = (
        sa.Index(
            "uq_backtest_run_open",
            "operator_id",
            unique=True,
            postgresql_where=sa.text("state IN ('waiting', 'running')"),
        ),
        sa.CheckConstraint("state IN ('waiting','running','done','cancelled','failed')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="pii:none id")
    draft_id: Mapped[UUID] = mapped_column(comment="pii:none the draft that it is about")
    digest: Mapped[str] = mapped_column(sa.String(64), comment="pii:none hash of the policy")
    since: Mapped[datetime] = mapped_column(comment="pii:none begin of the time")
    until: Mapped[datetime] = mapped_column(comment="pii:none end of the time")
    state: Mapped[str] = mapped_column(sa.String(10), comment="pii:none how far it is")
    asked_by: Mapped[UUID] = mapped_column(comment="pii:none who asked for it")
    asked_at: Mapped[datetime] = mapped_column(comment="pii:none when")
    risk: Mapped[dict[str, Any]] = mapped_column(comment="pii:none the policy: rules, no person")
    done: Mapped[int] = mapped_column(comment="pii:none decisions judged")
    total: Mapped[int] = mapped_column(comment="pii:none decisions in that time")
    result: Mapped[dict[str, Any] | None] = mapped_column(comment="pii:none the report: counts and ids")
    ended_at: Mapped[datetime | None] = mapped_column(comment="pii:none when it was over")
