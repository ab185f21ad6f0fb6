"""Decisions as they were made: written once, read back for people and for replay."""

from dataclasses import asdict
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

_INSERT = Statement(sa.insert(cast(sa.Table, DecisionRow.__table__)))


def add(tx: Tx, decision: Decision) -> None:
    """Stage a decision; it is never changed afterwards."""
    j = decision.judgement
    tx.stage(
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
