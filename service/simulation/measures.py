"""What can be taken away: ten measures, and the arms of the experiment.

A measure that is taken away sees nothing: its signals stand at their ordinary value, and what it does after the
decision is not done. So every arm goes through the same rules, and a new rule falls under the measure whose signals
it reads.
"""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache

from service.risk.model import CATALOGUE, Value


class Measure(StrEnum):
    PROOF = "proof"
    OTP = "codes"
    CAP = "cap"
    SPACING = "spacing"
    LINKS = "links"
    DEALER = "dealer score"
    PROBATION = "probation"
    REPORTS = "report loop"
    NOTICE = "owner notice"
    STRIKES = "strikes"


PAPERS = "papers"
"""Signals of the document itself, which a look at its image has too."""
CONTEXT = "context"
"""How it was asked for; only our rules read that."""

_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (PAPERS, ("document_outcome", "document_expired", "document_expires_*", "document_specimen", "typed_data")),
    (PAPERS, ("age_years", "guardian", "sources_agree", "document_known_fake", "document_*_unusual")),
    (Measure.NOTICE, ("identity_frozen", "document_reported_lost")),
    (Measure.PROOF, ("proof", "registry_*", "document_signature", "document_revoked", "holder_deceased", "chip_*")),
    (Measure.DEALER, ("dealer_*", "agent_*", "outlet_*", "peer_*", "*_on_dealer", "*_on_agent")),
    (Measure.STRIKES, ("strikes_on_*", "scam_on_*", "denials_on_*")),
    (Measure.OTP, ("*code_verified", "otp_*", "code_*", "card_lost")),
    (Measure.SPACING, ("hours_since_line_*", "lines_on_*d", "*_tries_*", "network_*", "velocity_*", "*_seen_*")),
    (Measure.LINKS, ("*_on_device", "*_on_address", "*_on_contact", "*_on_payment", "*_on_block")),
    (Measure.CAP, ("lines_on_*", "unproven_on_*", "shared_limit_*", "person_weak")),
)  # fmt: skip


@cache
def family_of(signal: str) -> str:
    """The measure that a signal belongs to, :data:`PAPERS` or :data:`CONTEXT`; the first pattern that fits."""
    for family, patterns in _FAMILIES:
        if any(fnmatchcase(signal, pattern) for pattern in patterns):
            return family
    return CONTEXT


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run an operator. ``face`` is the share of swapped faces that pass, None where none is looked at."""

    name: str
    measures: frozenset[Measure] = frozenset()
    has_document: bool = True
    face: float | None = None
    has_rings: bool = True
    has_chip: bool = False
    """Proof is a chip that signs, where ``ours`` asks a registry."""
    overrides: tuple[tuple[str, Value], ...] = ()
    """Parameters of the risk policy that this operator sets otherwise."""

    def has(self, measure: Measure) -> bool:
        return measure in self.measures

    @property
    def is_ours(self) -> bool:
        return bool(self.measures)

    def sees(self) -> frozenset[str]:
        """The signals whose values the rules are given; all others stand at their ordinary value."""
        seen = {*self.measures}
        return frozenset(
            name
            for name in CATALOGUE
            if (family := family_of(name)) in seen
            or (family == PAPERS and self.has_document)
            or (family == CONTEXT and self.is_ours)
        )


ALL = frozenset(Measure)
NOTHING = Arm("no check", has_document=False)
DOCUMENT = Arm("document image")
OURS = Arm("ours", ALL)
CALM = Arm("ours, no rings", ALL, has_rings=False)
STRICT = Arm("ours, unproven papers denied", ALL, overrides=(("unproven_evidence", "deny"),))
SPACED = Arm("ours, 30 days between lines", ALL, overrides=(("spacing_hours", 720),))
REFILLED = Arm("ours, a closed line frees its place", ALL, overrides=(("refill_days", 0), ("window_days", 1)))
CHIP = Arm("ours, a chip as proof", ALL, has_chip=True)


def face_arm(rate: float) -> Arm:
    return Arm(f"document and face, {rate:.0%} pass", face=rate)


def ours_and_face(rate: float) -> Arm:
    return Arm(f"ours and a face, {rate:.0%} pass", ALL, face=rate)


def without(measure: Measure) -> Arm:
    return Arm(f"ours without {measure.value}", ALL - {measure})
