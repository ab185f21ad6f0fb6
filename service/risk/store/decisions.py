"""Decisions as they were made: written once, read back for people and for replay."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.errors import JsonObject
from service.risk.model import (
    ApplicantCode,
    Assurance,
    Baseline,
    Conditions,
    Decider,
    Decision,
    Evidence,
    Fact,
    Judgement,
    Reason,
    Signals,
    Verdict,
)
from service.risk.tables import DecisionRow


@dataclass(frozen=True, slots=True)
class Made:
    """A decision, and what became of its registration: what a person made of it afterwards, whether its line is struck,
    and when the line was approved."""

    decision: Decision
    analyst: Verdict | None
    struck: bool
    opened_at: datetime | None


_INSERT = Statement(sa.insert(cast(sa.Table, DecisionRow.__table__)))


def add(tx: Tx, decision: Decision) -> None:
    """Stage a decision; it is never changed afterwards."""
    tx.stage(*adding(tx, decision))


def adding(tx: Tx, decision: Decision) -> tuple[Statement, dict[str, Any]]:
    """The statement and the values of :func:`add`, for a statement that does more."""
    j = decision.judgement
    return (
        _INSERT,
        {
            "operator_id": tx.tenant,
            "id": decision.id,
            "at": decision.at,
            "registration_id": decision.registration_id,
            "decided_by": decision.by.value,
            "previous_id": decision.previous_id,
            "code": decision.code,
            "verdict": j.verdict.value,
            "score": j.score,
            "assurance": j.assurance.value,
            "evidence": j.evidence.value,
            "restricted_until": j.conditions.restricted_until,
            "probation_until": j.conditions.probation_until,
            "policy_version": j.policy_version,
            "signals": dict(decision.signals.values),
            "reasons": [_reason_json(reason) for reason in j.reasons],
            "shadow": [_reason_json(reason) for reason in j.shadow],
        },
    )


async def history(reader: Reader, registration_id: UUID) -> list[Decision]:
    """A registration's decisions, oldest first."""
    d = DecisionRow
    rows = await reader.all(
        sa.select(d.__table__)
        .where(d.operator_id == reader.tenant, d.registration_id == registration_id)
        .order_by(d.at, d.id)
    )
    return [_decision(row) for row in rows]


def _reason_json(reason: Reason) -> JsonObject:
    return {
        "rule": reason.rule,
        "effect": reason.effect,
        "contribution": reason.contribution,
        "staff": reason.staff,
        "code": reason.code,
        "text": reason.text,
        "facts": [
            {
                "name": fact.name,
                "op": fact.op,
                "value": fact.value,
                "threshold": fact.threshold,
                "holds": fact.holds,
                "baseline": None if fact.baseline is None else asdict(fact.baseline),
            }
            for fact in reason.facts
        ],
        "unknown": reason.unknown,
        "failed": reason.failed,
    }


def _reason(raw: dict[str, Any]) -> Reason:
    return Reason(
        raw["rule"],
        Verdict(raw["effect"]) if raw["effect"] else None,
        raw["contribution"],
        raw["staff"],
        ApplicantCode(raw["code"]),
        raw["text"],
        tuple(_fact(fact) for fact in raw["facts"]),
        raw["unknown"],
        raw["failed"],
    )


def _fact(raw: dict[str, Any]) -> Fact:
    usual = raw.get("baseline")
    return Fact(**{**raw, "baseline": Baseline(**usual) if usual else None})


def _decision(row: sa.Row[Any]) -> Decision:
    return Decision(
        row.id,
        row.registration_id,
        row.at,
        Judgement(
            Verdict(row.verdict),
            row.score,
            tuple(_reason(raw) for raw in row.reasons),
            Assurance(row.assurance),
            Evidence(row.evidence),
            Conditions(row.restricted_until, row.probation_until),
            row.policy_version,
            tuple(_reason(raw) for raw in row.shadow),
        ),
        # As it was seen: a signal that the catalogue has dropped since must not break the reading.
        Signals(dict(row.signals)),
        Decider(row.decided_by),
        row.previous_id,
        row.code,
    )


_PAGE = Statement(
    sa.text(
        """SELECT d.*, p.verdict AS analyst, h.struck, h.opened_at
FROM decision d
LEFT JOIN LATERAL (
  SELECT p.verdict FROM decision p WHERE p.operator_id = d.operator_id AND p.registration_id = d.registration_id
    AND p.decided_by = 'person' AND p.at >= d.at ORDER BY p.at DESC, p.id DESC LIMIT 1) p ON true
LEFT JOIN LATERAL (
  SELECT bool_or(h.struck_at IS NOT NULL) AS struck, min(h.opened_at) AS opened_at
  FROM holding h WHERE h.operator_id = d.operator_id AND h.registration_id = d.registration_id) h ON true
WHERE d.operator_id = :operator AND d.at >= :since AND d.at < :until
  AND (d.at, d.id) > (:after_at, CAST(:after_id AS uuid))
ORDER BY d.at, d.id LIMIT :page"""
    )
)


async def page(
    reader: Reader, since: datetime, until: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> list[Made]:
    """Decisions made in ``[since, until)``, oldest first, after the given one; with what became of each."""
    at, last = after or (since, UUID(int=0))
    rows = await reader.fetch(
        _PAGE,
        operator=reader.tenant,
        since=since,
        until=until,
        after_at=at,
        after_id=last,
        page=limit,
    )
    return [
        Made(_decision(row), Verdict(row.analyst) if row.analyst else None, row.struck is True, row.opened_at)
        for row in rows
    ]


async def count(reader: Reader, since: datetime, until: datetime) -> int:
    """How many decisions were made in ``[since, until)``."""
    found: int = await reader.scalar(
        sa.select(sa.func.count())
        .select_from(DecisionRow)
        .where(DecisionRow.operator_id == reader.tenant, DecisionRow.at >= since, DecisionRow.at < until)
    )
    return found


async def by_ids(reader: Reader, ids: Sequence[UUID]) -> dict[UUID, Decision]:
    """Decisions by their ids; one that is gone is left out."""
    if not ids:
        return {}
    d = DecisionRow
    rows = await reader.all(sa.select(d.__table__).where(d.operator_id == reader.tenant, d.id.in_(ids)))
    return {row.id: _decision(row) for row in rows}
