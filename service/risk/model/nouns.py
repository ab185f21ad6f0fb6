"""Verdicts, reasons, decisions, holdings, and the subject of a judgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from service.kit.errors import Kind, Refusal
from service.risk.model.catalogue import Signals, Value


class RuleError(ValueError):
    """A rule or a policy that is not accepted; the text says where and why, for the person who wrote it."""


class Verdict(StrEnum):
    APPROVED = "approved"
    REVIEW = "review"
    DENIED = "denied"

    @property
    def severity(self) -> int:
        """0 mild to 2 strict."""
        return list(Verdict).index(self)


class Assurance(StrEnum):
    """How sure we are of who holds the line (``docs/assurance.md``). ``high`` is never granted: nothing here compares a
    person with a document."""

    NONE = "none"
    BASIC = "basic"
    SUBSTANTIAL = "substantial"
    HIGH = "high"


class Evidence(StrEnum):
    """What a line was granted on: ``limited`` proves nothing (``consistent`` at most), ``full`` is proved."""

    LIMITED = "limited"
    FULL = "full"


class ApplicantCode(StrEnum):
    """All that an applicant is told (``api.md``, submit)."""

    DETAILS_DISAGREE = "details-disagree"
    NOT_ACCEPTED = "not-accepted"
    LIMIT_REACHED = "limit-reached"
    NEEDS_A_PERSON = "needs-a-person"


class DenyGround(StrEnum):
    """The only grounds on which a registration is denied without a person. Everything else is doubt: review."""

    CAP = "cap"
    SIGNATURE_FAILED = "signature-failed"
    DOCUMENT_REVOKED = "document-revoked"
    REGISTRY_NO = "registry-no"
    STRIKE_ON_DOCUMENT = "strike-on-document"
    UNPROVEN = "unproven"
    """Only where the operator's policy says ``unproven_evidence = "deny"``."""


class Decider(StrEnum):
    RULES = "rules"
    PERSON = "person"


class Stage(StrEnum):
    """A rule's life, in order. A draft stands only in drafts of people, never in a policy that is in force."""

    DRAFT = "draft"
    SHADOW = "shadow"
    """Asked in every decision, changes none; what it would have said is kept for staff."""
    LIVE = "live"
    RETIRED = "retired"
    """Kept for reading, not asked."""

    @property
    def is_asked(self) -> bool:
        return self in (Stage.SHADOW, Stage.LIVE)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual for a signal that counts: of ``of`` decisions half had at most ``p50``, 99 % at most ``p99``."""

    p50: int
    p99: int
    of: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One comparison of a rule: ``value`` stood against ``threshold``, where ``baseline`` was usual at the time.

    What is usual moves from day to day and judges nothing, so it is no part of what a replay compares.
    """

    name: str
    op: str
    value: Value
    threshold: Value
    holds: bool
    baseline: Baseline | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that fired, failed, or could not be asked. ``effect`` is what it alone would have led to, None
    for one that only weighs. ``staff`` is never shown to an applicant."""

    rule: str
    effect: Verdict | None
    contribution: int
    staff: str
    code: ApplicantCode
    text: str
    facts: tuple[Fact, ...] = ()
    unknown: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    restricted_until: datetime | None = None
    probation_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say of some signals at an instant. ``shadow``: what rules in shadow said, which changed
    neither verdict nor score; for staff alone."""

    verdict: Verdict
    score: int
    reasons: tuple[Reason, ...]
    assurance: Assurance
    evidence: Evidence
    conditions: Conditions
    policy_version: str
    shadow: tuple[Reason, ...] = ()

    @property
    def failed_rules(self) -> tuple[str, ...]:
        """Ids of the rules that could not be computed, those in shadow among them."""
        return tuple(reason.rule for reason in (*self.reasons, *self.shadow) if reason.failed)

    def applicant_reasons(self) -> tuple[tuple[ApplicantCode, str], ...]:
        """(code, text) pairs for the applicant, each once: those that led to the verdict. None for an approval."""
        if self.verdict is Verdict.APPROVED:
            return ()
        telling = [r for r in self.reasons if r.effect is self.verdict] or list(self.reasons)
        return tuple(dict.fromkeys((reason.code, reason.text) for reason in telling))


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Decision:
    """A judgement about a registration, with the signals that it saw. ``previous_id`` is the decision that a
    person looked at; ``code`` the reason that the person gave."""

    id: UUID
    registration_id: UUID
    at: datetime
    judgement: Judgement
    signals: Signals
    by: Decider = Decider.RULES
    previous_id: UUID | None = None
    code: str | None = None

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict

    @property
    def reference(self) -> str:
        """``K3VD-9Q2M``: what an applicant says on the telephone. Forty bits of the id's random part."""
        bits = self.id.int & (1 << 40) - 1
        text = "".join(_CROCKFORD[bits >> shift & 31] for shift in range(35, -1, -5))
        return f"{text[:4]}-{text[4:]}"


class HoldingKind(StrEnum):
    """What a line hangs on. ``dealer`` and ``agent`` rows carry an id where the others carry a blind index; ``block``
    is the 1,000 numbers that the line's own is one of. Those from ``address`` on link lines and take no place under
    a cap."""

    DOCUMENT = "document"
    PERSONAL_NUMBER = "personal_number"
    PERSON = "person"
    DEVICE = "device"
    DEALER = "dealer"
    ADDRESS = "address"
    CONTACT = "contact"
    AGENT = "agent"
    PAYMENT = "payment"
    BLOCK = "block"

    # An enum hashes by a method in Python; these key every mapping of the graph.
    __hash__ = str.__hash__


class HoldingState(StrEnum):
    APPROVED = "approved"
    LIVE = "live"
    CLOSED = "closed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Blind:
    """A blind index: ``primary`` is written, ``every`` (under all enabled keys) is looked up."""

    primary: bytes
    every: tuple[bytes, ...]

    @classmethod
    def single(cls, index: bytes) -> "Blind":
        """One that is known under one key alone: its text is not kept, or it is an id."""
        return cls(index, (index,))

    @property
    def lowest(self) -> bytes:
        """The index under the lowest enabled key id, its first four bytes: what advisory locks hash, so that
        two processes in the middle of a rotation take the same lock (``security.md`` 1.11)."""
        return min(self.every or (self.primary,), key=lambda index: index[:4])


@dataclass(frozen=True, slots=True)
class SharedAsk:
    """What is asked over all operators: the identity under the ``shared`` keys, and who asks.

    ``askers``: (who asks, who asks about which identity) for the client, then for the client's dealer where
    there is one, as keyed hashes that nothing joins to the identity's.
    """

    keys: Mapping[str, Blind]
    askers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class RiskSubject:
    """Who and what asks for a line, as blind indexes and as facts that are signals already.

    ``person`` is left out where the match would be weak (``person_weak``: 1 January, a partial date): it then
    weighs nothing and is not recorded. ``device`` is the applicant's own; a dealer's device is left out.
    ``facts`` maps names of the catalogue to values, None or missing meaning unknown; the counts are not among
    them. ``document_expires_on`` serves renewals and is kept by the month. ``shared`` is left out where there is
    no document. ``links`` is what else the line hangs on: address, contact, agent, payment, block.
    """

    document: Blind | None = None
    personal_number: Blind | None = None
    person: Blind | None = None
    device: Blind | None = None
    dealer_id: UUID | None = None
    document_expires_on: date | None = None
    facts: Mapping[str, Value | None] = field(default_factory=dict)
    shared: SharedAsk | None = None
    links: Mapping[HoldingKind, Blind] = field(default_factory=dict)

    @property
    def is_proven(self) -> bool:
        return self.facts.get("proof") in ("confirmed", "signed")

    @property
    def is_evidenced(self) -> bool:
        """A document passed and a code came back: before that, nothing is asked over operators."""
        has_code = self.facts.get("line_code_verified") or self.facts.get("contact_code_verified")
        return self.facts.get("document_outcome") == "pass" and has_code is True

    def keys(self) -> dict[HoldingKind, Blind]:
        """Everything that a line of this subject would hang on."""
        found = {
            HoldingKind.DOCUMENT: self.document,
            HoldingKind.PERSONAL_NUMBER: self.personal_number,
            HoldingKind.PERSON: None if self.facts.get("person_weak") is True else self.person,
            HoldingKind.DEVICE: self.device,
            HoldingKind.DEALER: None if self.dealer_id is None else Blind.single(self.dealer_id.bytes),
            **self.links,
        }
        return {kind: blind for kind, blind in found.items() if blind is not None}


class MarkKind(StrEnum):
    """What a holder says of their own identity, or of one document of theirs."""

    FROZEN = "frozen"
    DOCUMENT_LOST = "document_lost"

    @property
    def of(self) -> "tuple[HoldingKind, ...]":
        """What it is set on: an identity is frozen by whatever it is known by; a lost document is that one, and the
        next one is sound."""
        if self is MarkKind.DOCUMENT_LOST:
            return (HoldingKind.DOCUMENT,)
        return (HoldingKind.DOCUMENT, HoldingKind.PERSONAL_NUMBER, HoldingKind.PERSON)


@dataclass(frozen=True, slots=True)
class Mark:
    """``registration_id`` is the one whose papers it is set on; ``set_by`` is ``holder`` or the id of staff; without
    ``until`` it holds until it is lifted."""

    id: UUID
    kind: MarkKind
    registration_id: UUID
    set_at: datetime
    set_by: str
    until: datetime | None = None


class NothingToMark(Refusal):
    """The registration has no document that was read: nothing is known that a mark could be set on."""

    code = "nothing-to-mark"
    kind = Kind.CONFLICT
    title = "No document was read that could be marked"


class HoldingsLimit(Refusal):
    """An identity holds as many lines as it may; nobody may pass that, a supervisor neither."""

    code = "holdings-limit"
    kind = Kind.CONFLICT
    title = "This identity holds as many lines as it may"


_SCAM = frozenset({"scam", "scam-confirmed", "fraud", "fraud-confirmed"})
_CONFIRMED = frozenset({"scam-confirmed", "fraud-confirmed"})


STRUCK_KINDS = ("document", "personal_number", "person", "device", "dealer")
"""What an act on the line itself strikes, where it ends it as a confirmed scam."""


def ends_for_scam(reason: str | None) -> tuple[bool, bool]:
    """(is it for scam, is that confirmed) of a line's reason code. Only a confirmed one is a strike, which
    denies; the mere suspicion sends to a person."""
    code = (reason or "").replace("_", "-")
    return code in _SCAM, code in _CONFIRMED
