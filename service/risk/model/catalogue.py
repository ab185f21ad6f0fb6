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

from service.kit.msisdn import REGIONS

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

LONG_AGO = 87_600
"""Hours, ten years: what a span says where the thing has never happened. A known value, so that a rule that asks
for a short span needs no guard against newcomers."""

NO_COUNTRY = "ZZ"
"""The country of a number that belongs to none (satellite, machine to machine), as in CLDR."""


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


def _hours(name: str, meaning: str, source: str = "holdings") -> Signal:
    return Signal(
        name, INT, "hours", source, f"{meaning}; {LONG_AGO} where there was none", LONG_AGO, 0, LONG_AGO
    )


def _rate(name: str, meaning: str) -> Signal:
    """Of a thousand. What the few lines of a small shop say is drawn to what is usual among its peers."""
    return Signal(name, INT, "per 1,000", "holdings", meaning, 0, 0, 1_000)


def _flag(name: str, source: str, meaning: str, *, ordinary: bool = False) -> Signal:
    return Signal(name, BOOL, "yes or no", source, meaning, ordinary)


def _code(name: str, source: str, meaning: str, *values: str) -> Signal:
    """A closed set; the first value is the ordinary one."""
    return Signal(name, Type("choice", frozenset(values)), "code", source, meaning, values[0])


WINDOWS = (1, 7, 30)
"""Days."""
_SPACED = {
    "document": "this document",
    "person": "the same person",
    "device": "this applicant's device",
}
_SHARED = {
    "address": "the same address",
    "contact": "the same contact number",
    "payment": "the same means of payment",
}
_KEYS = {
    "document": "this document",
    "personal_number": "this personal number",
    "person": "the same person",
    "device": "this applicant's device",
    **_SHARED,
}
_SELLERS = {"dealer": "this dealer", "agent": "this agent"}
_SEEN = {
    "document_seen_before": "this very document",
    "document_seen_other_names": "this very document under other names",
    "picture_seen_before": "the same picture of a document, perhaps encoded again",
    "picture_seen_other_document": "the same picture, in which another document was read",
}
_SHOWN = {
    "on_device": "on this applicant's device",
    "at_dealer": "at this dealer's",
    "by_agent": "by this agent",
}
_TRIED = {"network": "from the same network", "device": "from this applicant's device"}

_SIGNALS = (
    # Papers.
    _code("document_outcome", "documents", "Whether the document was read and agrees with itself",
          "pass", "refer", "fail", "none"),
    _code("proof", "documents", "What the document shows: typed or photographed is consistent at most; confirmed is a"
          " registry's yes with possession",
          "confirmed", "signed", "consistent", "none"),
    _flag("document_expired", "documents", "The document's last day lies before today; unknown where it has no date"),
    Signal("document_expires_in_days", INT, "days", "documents",
           "Days until the document expires; negative after it; unknown where it has no date", 400, -400, 400),
    _flag("document_specimen", "documents", "A specimen: state UTO or a published specimen number"),
    _code("document_signature", "documents", "What checking the document's own signature said",
          "absent", "valid", "failed", "unknown"),
    _count("chip_devices", "Devices that this document's chip was shown from within 90 days, this one among them; 0"
           " where it came as anything else, or no device was named", "documents", "devices"),
    _flag("document_revoked", "documents", "The issuer lists the document as lost, stolen or withdrawn; unknown where"
          " nobody could say"),
    _flag("holder_deceased", "documents", "A death of the person on the document is recorded; unknown where nobody"
          " could say"),
    _code("registry_answer", "documents", "What the government's registry said about document and person",
          "not_asked", "yes", "no", "unavailable"),
    _code("typed_data", "documents", "Whether what was typed agrees with what the document says",
          "agrees", "differs", "not_given"),
    _code("sources_agree", "documents", "Whether typed data, zones, chips and numbers say the same, over all documents"
          " that did not fail", "one_source", "agrees", "differs"),
    _flag("document_known_fake", "documents", "A document's number is on the policy's list of known fakes"),
    _flag("document_number_unusual", "documents", "The number is built otherwise than this issuer is known to"),
    _flag("document_validity_unusual", "documents", "The last day is further ahead than such documents are issued for"),
    # What documents left behind at this operator: seen within 30 days, tried within 24 hours.
    *(Signal(name, INT, "registrations", "traces", f"Other applicants' registrations within 30 days with {what}", 0,
             0, 100)
      for name, what in _SEEN.items()),
    *(each for place, what in _SHOWN.items() for each in (
        Signal(f"document_tries_{place}", INT, "documents", "traces", f"Documents of other registrations that were"
               f" judged within 24 hours {what}", 0, 0, 1_000),
        Signal(f"document_fails_{place}", INT, "documents", "traces", f"Of these {what}, those that failed", 0, 0,
               1_000),
    )),
    Signal("age_years", INT, "years", "documents",
           "Whole years of age, 21 meaning 21 or more; unknown where the birth date is partial", 21, 0, 21),
    _flag("guardian", "registration", "A guardian stands in for the applicant"),
    # Possession.
    _flag("line_code_verified", "otp", "A one-time code to the new line came back", ordinary=True),
    _flag("contact_code_verified", "otp", "A one-time code to the contact number came back"),
    _count("otp_tries", "Wrong codes entered before the right ones in this registration", "otp", "tries"),
    _count("code_resends", "Codes sent in this registration beyond the first to each number; unknown until the history"
           " has them", "otp", "codes"),
    Signal("code_seconds", INT, "seconds", "otp", "From the sending of the code that came back to its coming back, the"
           " quickest where there are two; unknown until the history has the sending", 30, 0, 86_400),
    # Lines that hang on the same key: approved, going live or live, those opened within `window_days`,
    # and those closed within `refill_days`.
    _count("lines_on_document", "Lines on this very document"),
    _count("lines_on_personal_number", "Lines on this government's personal number"),
    _count("lines_on_person", "Lines on the same name, birth date and issuer; 0 where the match would be weak"),
    _count("lines_on_predecessor", "Lines of the same person on another document that has expired or is about to"),
    _count("lines_on_device", "Lines from this applicant's device within `device_days`"),
    *(_count(f"lines_on_{key}_{days}d", f"Lines approved within {days} × 24 hours on {what}")
      for key, what in _SPACED.items() for days in WINDOWS),
    *(_hours(f"hours_since_line_on_{key}", f"Hours since the last line was approved on {what}")
      for key, what in _SPACED.items()),
    _count("unproven_on_document", "Lines on this document that were granted on unproven evidence"),
    _count("dealer_lines_today", "Lines of this dealer within 24 hours"),
    _count("dealer_unproven_today", "Lines of this dealer within 24 hours that rest on unproven evidence"),
    # How many share a thing: of the newest lines on it, up to 200.
    _count("persons_on_device", "Persons with a line from this applicant's device", unit="persons"),
    *(each for key, what in _SHARED.items() for each in (
        _count(f"lines_on_{key}", f"Lines in service or going live on {what}"),
        _count(f"persons_on_{key}", f"Persons with a line on {what}", unit="persons"),
    )),
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
    *(_count(f"scam_on_{key}", f"Lines on {what} that were suspended or closed for scam")
      for key, what in _SHARED.items()),
    _count("scam_on_agent", "Lines of this agent suspended or closed for scam within `dealer_scam_days`"),
    _count("scam_on_block", "Lines of the same 1,000 numbers that were suspended or closed for scam"),
    _count("scam_on_dealer", "Lines of this dealer suspended or closed for scam within `dealer_scam_days`"),
    _count("strikes_on_document", "Confirmed strikes on this document that have not decayed", unit="strikes"),
    _count("strikes_on_personal_number", "Confirmed strikes on this personal number", unit="strikes"),
    _count("strikes_on_person", "Confirmed strikes on the same person", unit="strikes"),
    _count("strikes_on_device", "Confirmed strikes on this device", unit="strikes"),
    *(_count(f"strikes_on_{key}", f"Confirmed strikes on {what}", unit="strikes") for key, what in _SHARED.items()),
    _count("strikes_on_agent", "Confirmed strikes on this agent within `dealer_scam_days`", unit="strikes"),
    _count("strikes_on_dealer", "Confirmed strikes on this dealer within `dealer_scam_days`", unit="strikes"),
    *(_count(f"denials_on_{key}", f"Registrations denied within `denial_days` on {what}", "denials", "registrations")
      for key, what in _KEYS.items()),
    # What holders say of their own papers.
    _flag("identity_frozen", "marks", "The holder of this identity asked that no new line be registered on it"),
    _flag("document_reported_lost", "marks", "The holder reported this document as lost or stolen"),
    # Where it came from.
    _code("dealer_state", "dealers", "The dealer's standing; none where no dealer is named",
          "active", "none", "paused", "suspended"),
    Signal("dealer_quota_day", INT, "lines", "dealers", "Lines that the dealer may register a day", 100),
    _code("dealer_band", "dealers", "How the dealer's lines stopped for scam stand beside those of its peers; none "
          "where there is no dealer, or no line yet", "low", "none", "watch", "high"),
    _code("outlet_band", "dealers", "The worst such band of the shop's licence at any operator",
          "low", "none", "watch", "high"),
    *(each for key, what in _SELLERS.items() for each in (
        _rate(f"{key}_scam_rate_permille", f"Of a thousand lines of {what}, how many were stopped for scam: its last"
              " 1,000 within `dealer_scam_days`, drawn to its peers' rate by the weight of `peer_lines` lines; unknown"
              " until the peers were counted"),
        Signal(f"{key}_burst", INT, "percent", "holdings", f"Lines of {what} within 24 hours, this one among them,"
               " against its mean day before them, of which there is one line at least", 100, 0, 100_000),
        Signal(f"{key}_night_share", INT, "percent", "holdings", f"Share of the last 1,000 lines of {what} that were"
               " approved from `night_from` to `night_until`; unknown below 10 lines", 0, 0, 100),
    )),
    _rate("peer_scam_rate_permille", "Of a thousand lines of all dealers, how many were stopped for scam within"
          " `dealer_scam_days`; unknown until they were counted"),
    _flag("device_absent", "registration", "No device was named"),
    _flag("dealer_absent", "registration", "No dealer was named"),
    _flag("agent_absent", "registration", "No person at the dealer's was named"),
    _flag("iccid_absent", "registration", "No card was named"),
    _flag("contact_absent", "registration", "No contact number was given"),
    _flag("address_absent", "registration", "No address was given that could be looked up"),
    _flag("payment_absent", "registration", "No means of payment was named"),
    _flag("network_absent", "registration", "No address of the applicant's device was given"),
    # The last day, from counters that may be lost: all unknown while they are.
    _flag("velocity_known", "velocity", "The counters of the last day were there to be asked", ordinary=True),
    _count("network_lines_1d", "Lines approved within 24 hours from the same network (/24, or /48)", "velocity"),
    *(_count(f"{key}_tries_{span}", f"Registrations decided within {words} {what}", "velocity", "registrations")
      for key, what in _TRIED.items() for span, words in (("1h", "an hour"), ("1d", "24 hours"))),
    # The line's own past: none of a new line, so that both are unknown then.
    _hours("hours_since_sim_change", "Hours since the line's card was changed; unknown of a new line", "lines"),
    Signal("line_tenure_days", INT, "days", "lines", "Days for which the line has been this holder's; unknown of a"
           " new line", 400, 0, 3_650),
    Signal("number_country", Type("choice", frozenset({NO_COUNTRY, *REGIONS})), "ISO 3166-1", "registration",
           "Country of the number, by whose law caps and spacing go; ZZ for a number of none", NO_COUNTRY),
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
