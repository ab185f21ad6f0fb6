"""Durable truth of document checks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from service.documents.model import (
    CheckOutcome,
    CheckResult,
    DocumentCheck,
    DocumentFacts,
    DocumentKind,
    DocumentType,
    Examination,
    Outcome,
    Proof,
    Reading,
    Reason,
)
from service.documents.rules import answers_in
from service.documents.store.traces import Trail, joined
from service.documents.tables import DocumentCheckRow
from service.infra.crypto import SubjectKey
from service.infra.postgres import Reader, Tx
from service.infra.statements import Statement
from service.kit.errors import JsonObject, JsonValue, NotFound
from service.kit.mrz import MrzDate

_TABLE = "document_check"
_ROWS = cast(sa.Table, DocumentCheckRow.__table__)
_ADD = Statement(sa.insert(_ROWS))
_JUDGED = ("outcome", "proof", "reason", "checks", "judged_at")


def _update(*names: str) -> Statement:
    """Columns of one row, told by ``at_operator`` and ``at_id``."""
    return Statement(
        sa.update(_ROWS)
        .where(_ROWS.c.operator_id == sa.bindparam("at_operator"), _ROWS.c.id == sa.bindparam("at_id"))
        .values({name: sa.bindparam(name, type_=_ROWS.c[name].type) for name in names})
    )


_JUDGE_AGAIN = _update(*_JUDGED)
_REPLACE = _update(*_JUDGED, "document_type", "issuing_state", "registry_answer", "sealed")


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """A stored check with its blob, still sealed."""

    check: DocumentCheck
    subscriber_id: UUID
    sealed: bytes

    def opened(self, key: SubjectKey) -> tuple[DocumentFacts | None, str | None]:
        """(facts, description) under the subject's key."""
        description = key.open(_TABLE, self.check.id, self.sealed).get("description")
        facts = said(key, self.check.id, self.sealed)
        return facts, description if isinstance(description, str) else None

    def reading(self, key: SubjectKey) -> Reading | None:
        """Of a picture, what was read of it and what was corrected."""
        found = key.open(_TABLE, self.check.id, self.sealed).get("reading")
        if not isinstance(found, Mapping):
            return None
        lines, repaired, corrections = (
            cast(Any, found[name]) for name in ("lines", "repaired", "corrections")
        )
        return Reading(tuple(lines), tuple(repaired), tuple(corrections))


def said(key: SubjectKey, document_id: UUID, sealed: bytes) -> DocumentFacts | None:
    """What a document says, under the subject's key."""
    facts = key.open(_TABLE, document_id, sealed).get("facts")
    return _facts(facts) if isinstance(facts, Mapping) else None


def add(
    tx: Tx,
    key: SubjectKey,
    subscriber_id: UUID,
    examination: Examination,
    chip: bytes | None = None,
    trail: Trail | None = None,
) -> None:
    """Stage the row. The submission itself is not in it; ``chip`` is a blind index, ``trail`` what is kept beside it
    for thirty days (:mod:`service.documents.store.traces`)."""
    check = examination.check
    _stage(
        tx,
        _ADD,
        trail,
        {
            "operator_id": tx.tenant,
            "id": check.id,
            "registration_id": check.registration_id,
            "subscriber_id": subscriber_id,
            "kind": check.kind.value,
            "document_type": check.document_type.value,
            "issuing_state": check.issuing_state,
            **_judgement(check),
            "registry_answer": _registry_answer(check.checks),
            "chip_idx": chip,
            "sealed": key.seal(_TABLE, check.id, _sealed(examination)),
            "at": check.at,
            "judged_at": tx.now,
        },
    )


def _stage(tx: Tx, own: Statement, trail: Trail | None, values: Mapping[str, Any]) -> None:
    if trail is None:
        tx.stage(own, values)
    else:
        tx.stage(joined(own), {**values, **trail})


def replace(tx: Tx, key: SubjectKey, examination: Examination, trail: Trail | None = None) -> None:
    """Stage what is now said and judged of a kept check, under the same id."""
    check = examination.check
    _stage(
        tx,
        _REPLACE,
        trail,
        {
            "at_operator": tx.tenant,
            "at_id": check.id,
            "document_type": check.document_type.value,
            "issuing_state": check.issuing_state,
            "registry_answer": _registry_answer(check.checks),
            "sealed": key.seal(_TABLE, check.id, _sealed(examination)),
            **_judgement(check),
            "judged_at": tx.now,
        },
    )


def _judgement(check: DocumentCheck) -> JsonObject:
    return {
        "outcome": check.outcome.value,
        "proof": check.proof.value,
        "reason": check.reason.value if check.reason else None,
        "checks": _codes(check.checks),
    }


def judge_again(tx: Tx, checks: Sequence[DocumentCheck], trails: Sequence[Trail | None]) -> None:
    """Stage the new judgements of checks whose reading did not change, in one statement, each with its trail. A trace
    that was purged comes back as old as its check. All have a trail, or none has."""
    judged: list[Mapping[str, Any]] = [
        {
            "at_operator": tx.tenant,
            "at_id": check.id,
            **_judgement(check),
            "judged_at": tx.now,
            **({**trail, "shown_at": check.at} if trail is not None else {}),
        }
        for check, trail in zip(checks, trails, strict=True)
    ]
    if judged:
        tx.stage(_JUDGE_AGAIN if trails[0] is None else joined(_JUDGE_AGAIN), judged)


async def of_registration(reader: Reader, registration_id: UUID) -> list[Kept]:
    """All checks of a registration, oldest first."""
    row = DocumentCheckRow
    found = await reader.all(
        sa.select(row.__table__)
        .where(row.operator_id == reader.tenant, row.registration_id == registration_id)
        .order_by(row.at, row.id)
    )
    return [_kept(each) for each in found]


async def of_subscriber(reader: Reader, subscriber_id: UUID) -> list[Kept]:
    """All checks of a person."""
    row = DocumentCheckRow
    found = await reader.all(
        sa.select(row.__table__).where(row.operator_id == reader.tenant, row.subscriber_id == subscriber_id)
    )
    return [_kept(each) for each in found]


async def load(reader: Reader, document_id: UUID) -> Kept:
    row = DocumentCheckRow
    found = await reader.one(
        sa.select(row.__table__).where(row.operator_id == reader.tenant, row.id == document_id)
    )
    if found is None:
        raise NotFound()
    return _kept(found)


def _kept(row: sa.Row[Any]) -> Kept:
    check = DocumentCheck(
        id=row.id,
        registration_id=row.registration_id,
        kind=DocumentKind(row.kind),
        document_type=DocumentType(row.document_type),
        issuing_state=row.issuing_state,
        outcome=Outcome(row.outcome),
        proof=Proof(row.proof),
        reason=Reason(row.reason) if row.reason else None,
        checks=_results(row.checks),
        at=row.at,
    )
    return Kept(check, row.subscriber_id, row.sealed)


def _codes(checks: Iterable[CheckResult]) -> list[JsonValue]:
    return [[result.id, result.outcome.value, result.code] for result in checks]


def _registry_answer(checks: Iterable[CheckResult]) -> str | None:
    """For counting in SQL; what is judged again is judged by the findings."""
    reply = answers_in(checks).registry
    return reply.answer.value if reply else None


def _results(raw: Sequence[Sequence[str]]) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(check_id, CheckOutcome(outcome), code) for check_id, outcome, code in raw)


def _sealed(examination: Examination) -> JsonObject:
    facts, reading = examination.facts, examination.reading
    if facts is None:
        return {"description": examination.description}
    birth = facts.birth
    beside: JsonObject = {}
    if reading is not None:
        beside["reading"] = {
            "lines": list(reading.lines),
            "repaired": list(reading.repaired),
            "corrections": list(reading.corrections),
        }
    return beside | {
        "facts": {
            "type": facts.type.value,
            "type_class": facts.type_class,
            "issuing_state": facts.issuing_state,
            "number": facts.number,
            "primary": facts.primary,
            "secondary": facts.secondary,
            "truncated": facts.truncated,
            "birth": [birth.year, birth.month, birth.day] if birth else None,
            "nationality": facts.nationality,
            "expires_on": facts.expires_on.isoformat() if facts.expires_on else None,
            "personal_number": facts.personal_number,
            "sex": facts.sex,
        }
    }


def _facts(data: Mapping[str, Any]) -> DocumentFacts:
    birth, expires, personal = data["birth"], data["expires_on"], data["personal_number"]
    return DocumentFacts(
        type=DocumentType(data["type"]),
        type_class=data["type_class"],
        issuing_state=data["issuing_state"],
        number=data["number"],
        primary=data["primary"],
        secondary=data["secondary"],
        truncated=data["truncated"],
        birth=MrzDate(*birth) if birth is not None else None,
        nationality=data["nationality"],
        expires_on=date.fromisoformat(expires) if expires is not None else None,
        personal_number=personal,
        sex=data.get("sex", ""),
    )


_KINDS = Statement(
    sa.text(
        """SELECT DISTINCT ON (d.registration_id) d.registration_id, d.document_type, d.issuing_state
FROM document_check d WHERE d.operator_id = :operator AND d.registration_id = ANY(CAST(:ids AS uuid[]))
ORDER BY d.registration_id, d.at DESC, d.id DESC"""
    )
)


async def kinds(reader: Reader, registrations: Sequence[UUID]) -> dict[UUID, tuple[str, str | None]]:
    """(type, issuing state) of each registration's last document, for reports that ask whom a rule costs most."""
    rows = await reader.fetch(_KINDS, operator=reader.tenant, ids=list(registrations))
    return {row.registration_id: (row.document_type, row.issuing_state) for row in rows}
