"""The typed signals that a rule may read: name, type, unit, source, meaning.

A signal holds a count, a boolean or a code from a closed set, never a person's datum: numbers are clipped to
the range that rules need, so that a stored decision does not give away a birth year or a date of expiry.
What was not given is a known fact (``device_absent``); what could not be learned is *unknown*, and a rule that
reads it without asking ``known(…)`` sends the registration to a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

Value: TypeAlias = int | bool | str


@dataclass(frozen=True, slots=True)
class Type:
    """``int``, ``bool``, or ``choice`` of a closed set of codes."""

    kind: Literal["int", "bool", "choice"]
    values: frozenset[str] = frozenset()

    def holds(self, value: object) -> bool:
        """Whether ``value`` is of this type; a bool is not an int here."""
        if self.kind == "bool":
            return type(value) is bool
        if self.kind == "int":
            return type(value) is int
        return type(value) is str and value in self.values


INT = Type("int")
BOOL = Type("bool")


@dataclass(frozen=True, slots=True)
class Signal:
    """One fact that rules may read. ``ordinary`` is its value in an unremarkable registration, the ground that
    a rule's examples stand on; numbers are clipped into ``low``–``high``."""

    name: str
    type: Type
    unit: str
    source: str
    meaning: str
    ordinary: Value
    low: int = 0
    high: int = 100_000


def _count(name: str, meaning: str, source: str = "holdings", unit: str = "lines") -> Signal:
    return Signal(name, INT, unit, source, meaning, 0)


def _flag(name: str, source: str, meaning: str, *, ordinary: bool = False) -> Signal:
    return Signal(name, BOOL, "yes or no", source, meaning, ordinary)


def _code(name: str, source: str, meaning: str, *values: str) -> Signal:
    """A closed set; the first value is the ordinary one."""
    return Signal(name, Type("choice", frozenset(values)), "code", source, meaning, values[0])


_SIGNALS = (
    # Papers.
    _code("document_outcome", "documents", "Whether the document was read and agrees with itself",
          "pass", "refer", "fail", "none"),
    _code("proof", "documents", "What the document shows: typed or photographed is consistent at most",
          "confirmed", "signed", "consistent", "none"),
    _flag("document_expired", "documents", "The document's last day lies before today; unknown where it has no date"),
    Signal("document_expires_in_days", INT, "days", "documents",
           "Days until the document expires; negative after it; unknown where it has no date", 400, -400, 400),
    _flag("document_specimen", "documents", "A specimen: state UTO or a published specimen number"),
    _code("document_signature", "documents", "What checking the document's own signature said",
          "absent", "valid", "failed"),
    _flag("document_revoked", "documents", "The issuer lists the document as lost, stolen or withdrawn"),
    _code("registry_answer", "documents", "What the government's registry said about document and person",
          "not_asked", "yes", "no", "unavailable"),
    _code("typed_data", "documents", "Whether what was typed agrees with what the document says",
          "agrees", "differs", "not_given"),
    Signal("age_years", INT, "years", "documents",
           "Whole years of age, 21 meaning 21 or more; unknown where the birth date is partial", 21, 0, 21),
    _flag("guardian", "registration", "A guardian stands in for the applicant"),
    # Possession.
    _flag("line_code_verified", "otp", "A one-time code to the new line came back", ordinary=True),
    _flag("contact_code_verified", "otp", "A one-time code to the contact number came back"),
    _count("otp_tries", "Wrong codes entered before the right ones in this registration", "otp", "tries"),
    # Lines that hang on the same key: approved, going live or live, those opened within `window_days`,
    # and those closed within `refill_days`.
    _count("lines_on_document", "Lines on this very document"),
    _count("lines_on_personal_number", "Lines on this government's personal number"),
    _count("lines_on_person", "Lines on the same name, birth date and issuer; 0 where the match would be weak"),
    _count("lines_on_predecessor", "Lines of the same person on another document that has expired or is about to"),
    _count("lines_on_device", "Lines from this applicant's device within `device_days`"),
    _count("unproven_on_document", "Lines on this document that were granted on unproven evidence"),
    _count("dealer_lines_today", "Lines of this dealer within 24 hours"),
    _count("dealer_unproven_today", "Lines of this dealer within 24 hours that rest on unproven evidence"),
    _flag("person_weak", "registration", "Name and birth date identify poorly (1 January, or a partial date)"),
    # Over all operators: one truth, asked once a document passed and a code came back, else false. Unknown to
    # whoever asked about too many identities that day.
    _flag("shared_limit_exceeded", "shared holdings",
          "This identity holds as many lines as it may, all operators together"),
    # What scams left behind.
    _count("scam_on_document", "Lines on this document that were suspended or closed for scam"),
    _count("scam_on_personal_number", "Lines on this personal number that were suspended or closed for scam"),
    _count("scam_on_person", "Lines of the same person that were suspended or closed for scam"),
    _count("scam_on_device", "Lines from this device that were suspended or closed for scam"),
    _count("scam_on_dealer", "Lines of this dealer suspended or closed for scam within `dealer_scam_days`"),
    _count("strikes_on_document", "Confirmed strikes on this document that have not decayed", unit="strikes"),
    _count("strikes_on_personal_number", "Confirmed strikes on this personal number", unit="strikes"),
    _count("strikes_on_person", "Confirmed strikes on the same person", unit="strikes"),
    _count("strikes_on_device", "Confirmed strikes on this device", unit="strikes"),
    _count("strikes_on_dealer", "Confirmed strikes on this dealer within `dealer_scam_days`", unit="strikes"),
    # Where it came from.
    _code("dealer_state", "dealers", "The dealer's standing; none where no dealer is named",
          "active", "none", "paused", "suspended"),
    Signal("dealer_quota_day", INT, "lines", "dealers", "Lines that the dealer may register a day", 100),
    _flag("device_absent", "registration", "No device was named"),
    _flag("dealer_absent", "registration", "No dealer was named"),
    _flag("agent_absent", "registration", "No person at the dealer's was named"),
    # What for. Of a registration that is about a line in service, the counts of lines say nothing (they are ordinary):
    # it takes no place.
    _code("purpose", "registration", "What the registration is for", "new", "port_in", "sim_swap", "reverify"),
    _code("holder_match", "registration", "Whether document, personal number or person are those of the line's holder",
          "not_asked", "same", "differs", "unknown"),
    _flag("card_lost", "registration", "A SIM swap that the old card cannot confirm"),
    _flag("code_to_young_sim", "lines", "A code came back from a line whose card was changed within `sim_rest_hours`:"
          " it counts as none"),
    _code("channel", "registration", "Where it was asked for", "shop", "app", "web", "call_centre", "unknown"),
    _code("line_form", "registration", "Plastic or embedded SIM", "sim", "esim", "unknown"),
    _code("plan", "registration", "Kind of service", "prepaid", "postpaid", "data", "iot", "unknown"),
)  # fmt: skip

CATALOGUE: Mapping[str, Signal] = MappingProxyType({signal.name: signal for signal in _SIGNALS})
WITHHELD = frozenset({"shared_limit_exceeded"})
"""Signals that no reason names: what is known of other operators reads as the own cap does (``security.md`` 1.5)."""
SIGNAL_TYPES: Mapping[str, Type] = MappingProxyType({signal.name: signal.type for signal in _SIGNALS})


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known about one registration. A name that is missing is unknown."""

    values: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Value | None]) -> "Signals":
        """Checked against the catalogue and clipped; ``None`` is unknown.

        Raises ``ValueError`` for a name or a type that the catalogue does not have: that is our bug.
        """
        known: dict[str, Value] = {}
        for name, value in values.items():
            signal = CATALOGUE.get(name)
            if signal is None:
                raise ValueError(f"there is no signal {name}")
            if value is None:
                continue
            if not signal.type.holds(value):
                raise ValueError(f"signal {name} takes {signal.type.kind}")
            known[name] = max(signal.low, min(signal.high, value)) if type(value) is int else value
        return cls(MappingProxyType(known))

    def having(self, values: Mapping[str, Value | None]) -> "Signals":
        """The same with some replaced; ``None`` makes one unknown."""
        return Signals.of({**self.values, **values})


@cache
def ordinary() -> Signals:
    """The signals of an unremarkable registration."""
    return Signals.of({signal.name: signal.ordinary for signal in _SIGNALS})
