"""A registration on the wire: never personal data beyond the number; the staff's reasons only with ``evidence``."""

from collections.abc import Callable

from service.kit.clock import rfc3339
from service.kit.errors import JsonObject, JsonValue
from service.kit.ids import wire
from service.registration import rules
from service.registration.model import DocumentSummary, Outcome, PendingCode, Registration, View
from service.web.auth import Principal, Scope

REFERENCE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


Say = Callable[[str], str | None]
"""The text of an applicant's reason in the language that was asked for; None: as it was decided."""


def as_decided(_: str) -> None:
    return None


def registration(view: View, caller: Principal, say: Say = as_decided) -> JsonObject:
    """The answer of every route on one registration (``api.md``)."""
    reg = view.registration
    staff = Scope.EVIDENCE in caller.scopes
    codes: list[JsonValue] = [{"to": code.to.value, "status": "verified"} for code in reg.codes]
    codes += [
        {"to": code.to.value, "status": "pending"} for code in view.pending if reg.verified(code.to) is None
    ]
    return {
        "id": wire("reg", reg.id),
        "state": reg.state.value,
        "msisdn": view.msisdn,
        "purpose": reg.purpose.value,
        "evidence": {"documents": [_document(reg, doc) for doc in reg.documents], "otp": codes},
        "missing": list(rules.missing(reg)),
        "decision": _decision(reg.outcome, say, staff=staff) if reg.outcome else None,
        "activation": (
            {"state": reg.activation.state.value, "detail": reg.activation.detail} if reg.activation else None
        ),
        "next_actions": [
            {"action": action, "not_before": _not_before(action, view.pending)}
            for action in rules.next_actions(reg, line_waits=view.line_waits)
            if action != "check_otp" or view.pending  # there is nothing to compare with before a code is sent
        ],
        "created_at": rfc3339(reg.created_at),
        "expires_at": rfc3339(reg.expires_at),
    }


def _not_before(action: str, pending: tuple[PendingCode, ...]) -> str | None:
    waits = [code.resend_at for code in pending if code.resend_at is not None]
    return rfc3339(max(waits)) if action == "send_otp" and waits else None


def _document(reg: Registration, doc: DocumentSummary) -> JsonObject:
    return {"id": wire("doc", doc.id), "outcome": doc.outcome, "proof": rules.proof_of(reg, doc)}


def _decision(outcome: Outcome, say: Say, *, staff: bool) -> JsonObject:
    reasons: list[JsonValue] = []
    seen = set()
    for reason in outcome.reasons:
        shown: JsonObject = {"code": reason["code"], "text": say(str(reason["code"])) or reason["text"]}
        if staff:
            shown |= {name: reason[name] for name in ("rule", "effect", "staff", "facts") if name in reason}
        elif outcome.verdict == "approved" or reason["code"] in seen:
            continue
        seen.add(reason["code"])
        reasons.append(shown)
    return {
        "id": wire("dec", outcome.id),
        "verdict": outcome.verdict,
        "reasons": reasons,
        "assurance": outcome.assurance,
        "conditions": {
            "restricted_until": rfc3339(outcome.restricted_until) if outcome.restricted_until else None,
            "probation_until": rfc3339(outcome.probation_until) if outcome.probation_until else None,
        },
        "policy_version": outcome.policy_version,
        "decided_at": rfc3339(outcome.decided_at),
        "reference": reference(outcome),
    }


def reference(outcome: Outcome) -> str:
    """``K3VD-9Q2M``: what an applicant says on the telephone; forty random bits of the decision's id."""
    bits = outcome.id.int & (1 << 40) - 1
    text = "".join(REFERENCE[bits >> shift & 31] for shift in range(35, -1, -5))
    return f"{text[:4]}-{text[4:]}"
