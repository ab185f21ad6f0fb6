"""People, numbers and what happened: masked and named."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from service.admin import words
from service.admin.store import Names
from service.admin.views import (
    Fact,
    Moment,
)
from service.audit.model import Actor, ActorKind, Entry
from service.kit import masking
from service.kit.errors import JsonObject
from service.kit.msisdn import Msisdn
from service.kit.values import Malformed

ERASED = "erased"
"""Shown in place of what was erased with its subject."""


def masked_number(number: str | None) -> str:
    if number is None:
        return ERASED
    try:
        return Msisdn.parse(number).masked
    except Malformed:
        return masking.tail(number, 3, lead=3)


def masked_card(iccid: str | None) -> str:
    return "none yet" if iccid is None else masking.tail(iccid, 3, lead=4)


def who(actor: Actor, names: Names) -> str:
    """What an actor is called on a page."""
    if actor.kind is ActorKind.CLI:
        return "command line"
    if actor.kind is ActorKind.SYSTEM:
        return "Simward"
    try:
        known = names.staff if actor.kind is ActorKind.STAFF else names.clients
        return known.get(UUID(hex=actor.id), f"{actor.kind} {actor.id[:8]}")
    except ValueError:
        return str(actor.kind)


_HOLDER = (
    ("family_name", "Family name", "name"),
    ("given_names", "Given names", "name"),
    ("birth_date", "Birth date", "hidden"),
    ("nationality", "Nationality", "plain"),
    ("contact_msisdn", "Contact number", "number"),
    ("email", "E-mail", "email"),
    ("address", "Address", "address"),
)


def holder(pii: JsonObject | None, *, clear: bool = False) -> tuple[Fact, ...]:
    """The applicant, masked; in clear for a reveal that was charged and written to the audit."""
    if pii is None:
        return (Fact("Applicant", ERASED, "masked"),)
    found: list[Fact] = []
    for name, label, kind in _HOLDER:
        value = pii.get(name)
        if not value:
            continue
        text = _address(value) if kind == "address" else str(value)
        found.append(Fact(label, text if clear else _mask(kind, text), "name" if clear else "masked"))
    return tuple(found) or (Fact("Applicant", "taken from the document", "text"),)


def _mask(kind: str, text: str) -> str:
    match kind:
        case "name":
            return masking.name(text)
        case "number":
            return masked_number(text)
        case "email":
            return masking.email(text)
        case "plain":
            return text
        case _:
            return masking.DOTS


def _address(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    lines = value.get("lines")
    parts = [*(lines if isinstance(lines, list) else []), value.get("postal_code"), value.get("locality")]
    return ", ".join(str(part) for part in (*parts, value.get("country")) if part)


def moments(entries: Iterable[Entry], names: Names) -> tuple[Moment, ...]:
    """The audit's entries of one thing as its timeline, the oldest first."""
    made: list[Moment] = []
    for entry in sorted(entries, key=lambda e: (e.at, e.id)):
        text, tone = words.acted(entry.action)
        verdict = entry.facts.get("verdict")
        if isinstance(verdict, str):
            said = {"approved": "approved", "review": "sent to review", "denied": "denied"}.get(
                verdict, verdict
            )
            text, tone = f"{text}: {said}", words.VERDICT_TONE.get(verdict, tone)
        if entry.action == "otp.verified":
            text = f"A code to the {entry.facts.get('to', 'line')} came back"
        by = None if entry.action == "registration.decided" else who(entry.actor, names)
        made.append(Moment(entry.at, text, tone, by, words.reason_text(entry.reason)))
    return tuple(made)
