"""The state machine and what is missing: pure functions of a registration and the instant."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from service.kit.clock import rfc3339
from service.kit.errors import InvalidRequest, LimitExceeded, StateConflict
from service.registration.model import (
    APPEAL_WITHIN,
    ENDED_STATES,
    LOST_CARD_WAIT,
    MAX_FAILED_DOCUMENTS,
    MAX_PATCHES,
    OPEN,
    SIM_REST,
    Activating,
    Activation,
    CodeProof,
    DocumentSummary,
    Outcome,
    Registration,
    RegistrationExpired,
    State,
    Target,
)
from service.risk.model import CATALOGUE, Value

PLACES = ("lines_on_", "unproven_on_", "hours_since_line_on_", "dealer_lines_", "dealer_unproven_")
"""Signals that begin so count places that lines take."""

TRANSITIONS: dict[State, frozenset[State]] = {
    State.COLLECTING: frozenset(
        {State.APPROVED, State.IN_REVIEW, State.DENIED, State.EXPIRED, State.CANCELLED}
    ),
    State.IN_REVIEW: frozenset({State.APPROVED, State.DENIED, State.CANCELLED}),
    State.DENIED: frozenset({State.IN_REVIEW}),
    State.APPROVED: frozenset({State.ACTIVE, State.CANCELLED}),
    State.ACTIVE: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}
VERDICTS = {"approved": State.APPROVED, "review": State.IN_REVIEW, "denied": State.DENIED}


def advance(registration: Registration, to: State, now: datetime) -> Registration:
    """The registration in state ``to``; :class:`StateConflict` where there is no such step."""
    if to not in TRANSITIONS[registration.state]:
        raise StateConflict(registration.state, sorted(TRANSITIONS[registration.state]))
    return replace(registration, state=to, ended_at=now if to in ENDED_STATES else None)


def collecting(registration: Registration, now: datetime) -> None:
    """Refuse unless evidence may still be added."""
    if registration.state is State.COLLECTING and registration.expires_at <= now:
        raise RegistrationExpired()
    if registration.state is State.EXPIRED:
        raise RegistrationExpired()
    if registration.state is not State.COLLECTING:
        raise StateConflict(registration.state, [State.COLLECTING])


def refuse_impossible(
    subscriber: Mapping[str, object], service_until: datetime | None, now: datetime
) -> None:
    """Refuse what the instant alone shows to be wrong: born after today, or served until yesterday."""
    if service_until is not None and service_until <= now:
        raise InvalidRequest("/service_until", "in-the-past", "This must be an instant in the future.")
    born = subscriber.get("birth_date")  # a year, a month or a day: ISO 8601 sorts as text
    if isinstance(born, str) and born > now.date().isoformat()[: len(born)]:
        raise InvalidRequest("/subscriber/birth_date", "in-the-future", "This day has not come yet.")


def best_document(registration: Registration) -> DocumentSummary | None:
    """The document that the decision rests on: the better outcome, then the stronger proof, then the newest.

    What a code may still prove counts here whether it came or not: the choice, and the identity that was sealed with
    it, must not change when a code does come.
    """
    outcomes = {"fail": 0, "refer": 1, "pass": 2}
    usable = [doc for doc in registration.documents if doc.outcome != "fail"]
    return max(
        enumerate(usable),
        key=lambda pair: (outcomes.get(pair[1].outcome, 0), _strength(pair[1]), pair[0]),
        default=(0, None),
    )[1]


def of_all_documents(registration: Registration) -> dict[str, bool | str]:
    """The signals that do not rest on the best document alone: the worst of what any of them says. A document that
    failed says nothing, but for being a known fake. A listed document is listed, and a death is recorded, whatever
    else was shown beside it."""
    told = {
        name: True
        for name in ("document_revoked", "holder_deceased")
        if any(doc.facts.get(name) is True for doc in registration.documents)
    }
    usable = [doc.facts.get("sources_agree") for doc in registration.documents if doc.outcome != "fail"]
    return {
        **told,
        "sources_agree": next((each for each in ("differs", "agrees") if each in usable), "one_source"),
        "document_known_fake": any(
            doc.facts.get("document_known_fake") is True for doc in registration.documents
        ),
    }


_PROOFS = {"none": 0, "consistent": 1, "confirmed": 4, "signed": 5}


def _strength(document: DocumentSummary) -> int:
    if document.proof == "consistent" and document.facts.get("registry_answer") == "yes":
        return 3 if document.ties else 2
    return _PROOFS.get(document.proof, 0)


def proved_by_code(registration: Registration, rest: timedelta = SIM_REST) -> frozenset[str]:
    """The targets from which a code came back that counts: its card had not been changed within ``rest`` before."""
    return frozenset(proof.to.value for proof in registration.codes if proof.counts(rest))


def proof_of(registration: Registration, document: DocumentSummary, rest: timedelta = SIM_REST) -> str:
    """What ``document`` proves now: ``confirmed`` once a code came back from a number that the registry, which said
    yes, has on its record of this person (ADR 0024)."""
    is_tied = bool(document.ties & proved_by_code(registration, rest))
    return "confirmed" if document.proof == "consistent" and is_tied else document.proof


def missing(registration: Registration) -> tuple[str, ...]:
    """What ``submit`` still waits for, in the words of ``api.md``."""
    if registration.state is not State.COLLECTING:
        return ()
    wanted = []
    if best_document(registration) is None:
        wanted.append("document")
    if registration.needs_code and not registration.has_code:
        wanted.append("otp")
    return tuple(wanted)


def may_add_document(registration: Registration, now: datetime) -> None:
    """Refuse unless it is collecting and has room: five failed documents are all that one registration takes.

    Nothing frees a place but a new registration, which the number allows once this one is over or cancelled.
    """
    collecting(registration, now)
    failed = sum(1 for doc in registration.documents if doc.outcome == "fail")
    if failed >= MAX_FAILED_DOCUMENTS:
        over = registration.expires_at
        raise LimitExceeded(
            "FailedDocumentsPerRegistration",
            rfc3339(over),
            -((now - over) // timedelta(seconds=1)),
            "Cancel this registration and begin a new one.",
        )


def may_patch(registration: Registration, now: datetime) -> None:
    collecting(registration, now)
    if registration.patches >= MAX_PATCHES:
        raise StateConflict(
            registration.state, (), "The data were changed three times; begin a new registration."
        )


def may_send_code(registration: Registration, to: Target, now: datetime) -> None:
    """A code goes to where possession is asked for, while collecting; later to a line that awaits it."""
    if registration.awaits_line_code and to is Target.LINE:
        return
    collecting(registration, now)
    if to not in registration.possible_targets:
        raise StateConflict(
            registration.state, registration.possible_targets, "The code must go to the other number."
        )


def may_have_unrecorded_proof(registration: Registration) -> bool:
    """Whether a code is still waited for, so that a right answer may lie where no transaction recorded it."""
    if registration.state is State.COLLECTING:
        return any(registration.verified(target) is None for target in registration.code_targets)
    return registration.awaits_line_code


def with_document(registration: Registration, document: DocumentSummary) -> Registration:
    """With one document more, or with another judgement of one that it has."""
    if any(doc.id == document.id for doc in registration.documents):
        kept = tuple(document if doc.id == document.id else doc for doc in registration.documents)
        return replace(registration, documents=kept)
    return replace(registration, documents=(*registration.documents, document))


def with_code(registration: Registration, proof: CodeProof) -> Registration:
    """Record a proof once; a second one for the same target changes nothing."""
    if registration.verified(proof.to) is not None:
        return registration
    return replace(registration, codes=(*registration.codes, proof))


def without_contact_code(registration: Registration) -> Registration:
    """After another contact number was named: a code to the old one is no proof of the new."""
    return replace(registration, codes=tuple(p for p in registration.codes if p.to is not Target.CONTACT))


def decided(registration: Registration, outcome: Outcome, now: datetime) -> Registration:
    """The registration after a decision: approved starts its activation."""
    moved = advance(registration, VERDICTS[outcome.verdict], now)
    activation = Activation(Activating.PENDING) if moved.state is State.APPROVED else None
    return replace(moved, outcome=outcome, activation=activation)


def may_appeal(registration: Registration, now: datetime) -> None:
    """Once, within 30 days of the denial."""
    if registration.state is not State.DENIED or registration.outcome is None:
        raise StateConflict(registration.state, [State.DENIED])
    if registration.appealed_at is not None:
        raise StateConflict(
            registration.state, (), "It was appealed once and decided again; that decision stands."
        )
    if registration.outcome.decided_at + APPEAL_WITHIN < now:
        raise StateConflict(registration.state, (), "An appeal is possible within 30 days.")


def appealed(registration: Registration, now: datetime) -> Registration:
    may_appeal(registration, now)
    return replace(advance(registration, State.IN_REVIEW, now), appealed_at=now)


def may_decide_by_person(registration: Registration, staff: str) -> None:
    """A person decides what is in review; an appeal is decided by somebody else than the first decision."""
    if registration.state is not State.IN_REVIEW:
        raise StateConflict(registration.state, [State.IN_REVIEW])
    if registration.appealed_at and registration.outcome and registration.outcome.decided_by == staff:
        raise StateConflict(
            registration.state, (), "An appeal is decided by another person than the first decision."
        )


def may_confirm_by_person(registration: Registration, now: datetime) -> None:
    """Staff correct what was read of a picture while they judge it; before that it is the applicant's to say."""
    del now
    if registration.state is not State.IN_REVIEW:
        raise StateConflict(registration.state, [State.IN_REVIEW])


def may_approve(registration: Registration, now: datetime) -> None:
    """A lost card is replaced 24 hours after its holder was told, so that whoever still has it can object."""
    if not registration.is_card_lost:
        return
    if registration.told_at is None:
        raise StateConflict(registration.state, (), "The holder was not told yet.")
    until = registration.told_at + LOST_CARD_WAIT
    if now < until:
        raise StateConflict(
            registration.state, (), f"The holder was told; approve it after {rfc3339(until)}."
        )


def cancelled(registration: Registration, now: datetime) -> Registration:
    return advance(registration, State.CANCELLED, now)


def provisioned(registration: Registration, now: datetime) -> Registration:
    return replace(advance(registration, State.ACTIVE, now), activation=Activation(Activating.DONE))


def provisioning_failed(registration: Registration, detail: str) -> Registration:
    """Given up for now and listed for staff; the registration stays approved and holds its number."""
    return replace(registration, activation=Activation(Activating.FAILED, detail))


def next_actions(registration: Registration, *, line_waits: bool = True) -> list[str]:
    """What the caller may do next, in the order in which it makes sense. ``line_waits``: of a line that owed its
    own code, whether it still does."""
    if registration.awaits_line_code:
        return ["send_otp", "check_otp"] if line_waits else []
    if registration.state is State.DENIED and registration.appealed_at is None:
        return ["appeal"]
    if registration.state is not State.COLLECTING:
        return ["cancel"] if registration.state in OPEN else []
    wanted = missing(registration)
    actions: list[str] = []
    confirm: list[str] = []
    if "document" in wanted:
        actions.append("submit_document")
    elif _waits_for_confirmation(registration):
        confirm.append("confirm_document")
    if "otp" in wanted:
        actions += ["send_otp", "check_otp"]
    if actions:
        return [*confirm, *actions]
    may_send = not registration.needs_code and not registration.has_code
    return [*confirm, "submit", *(["send_otp", "check_otp"] if may_send else [])]


def _waits_for_confirmation(registration: Registration) -> bool:
    """Whether the best document is a picture that a machine read and nobody confirmed."""
    best = best_document(registration)
    return best is not None and best.awaits_confirmation


def taking_no_place(seen: Iterable[str]) -> dict[str, Value]:
    """What counts places, of the signals ``seen``, at its ordinary value. What changes a line in service takes no place
    under any cap, so that a holder with as many lines as one may have can still change a card; strikes and scams count
    as ever."""
    none = {name: CATALOGUE[name].ordinary for name in seen if name.startswith(PLACES)}
    return {**none, "shared_limit_exceeded": False}
