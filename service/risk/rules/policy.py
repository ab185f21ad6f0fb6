"""The risk policy as it is once it has been accepted: parameters, rules, texts, all frozen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from service.risk.model import SIGNAL_TYPES, ApplicantCode, DenyGround, Signals, Stage, Type, Value, Verdict
from service.risk.model.catalogue import INT
from service.risk.rules.compiler import compile_expression
from service.risk.rules.language import Env, Expression, Vocabulary
from service.risk.rules.links import LinkPolicy


def _days(low: int, high: int) -> Any:
    return field(metadata={"low": low, "high": high})


def _added(low: int, high: int, before: int) -> Any:
    """A parameter that versions from before it do not name; ``before`` is what they meant."""
    return field(metadata={"low": low, "high": high, "before": before})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The numbers of a policy, each with its bounds. Rules read them by name, as they read signals."""

    cap: int = field(metadata={"low": 1, "high": 100})
    """Lines that one document, or one personal number, may hold."""
    window_days: int = _days(1, 3_650)
    """A line that was opened within these days counts for the cap, whatever became of it."""
    refill_days: int = _days(0, 3_650)
    """A closed line counts for the cap this long: closing refills nothing at once."""
    shared_cap: int = field(metadata={"low": 0, "high": 1_000})
    """Lines that one document, or one person, may hold over all operators; 0 asks nothing, 1 and 2 are refused."""
    shared_asks_client: int = field(metadata={"low": 1, "high": 100_000})
    shared_asks_dealer: int = field(metadata={"low": 1, "high": 100_000})
    """Distinct identities a UTC day that one client, and one dealer of a client, may ask about over all
    operators."""
    unproven_evidence: Literal["review", "limited", "deny"] = field(
        metadata={"values": ("review", "limited", "deny")}
    )
    """What papers get that prove nothing: a person, a few lines, or nothing."""
    unproven_lines: int = field(metadata={"low": 0, "high": 100})
    """``limited``: lines per identity."""
    unproven_dealer_percent: int = field(metadata={"low": 0, "high": 100})
    unproven_dealer_floor: int = field(metadata={"low": 0, "high": 10_000})
    """``limited``: at most this share of a dealer's lines in 24 hours, but this many in any case."""
    probation_days: int = _days(0, 365)
    min_age: int = field(metadata={"low": 0, "high": 21})
    specimens: Literal["refuse", "allow"] = field(metadata={"values": ("refuse", "allow")})
    """``allow`` is for the demo and tests."""
    device_lines: int = field(metadata={"low": 1, "high": 10_000})
    device_days: int = _days(1, 365)
    """More than so many lines from an applicant's device within so many days need a person."""
    dealer_scam_lines: int = field(metadata={"low": 1, "high": 10_000})
    dealer_scam_days: int = _days(1, 730)
    """So many lines of a dealer stopped for scam within so many days need a person."""
    strike_days: int = _days(1, 3_650)
    """A strike decays after so many days."""
    renewal_days: int = _days(0, 730)
    """A document that ends within so many days may have been renewed already."""
    sim_rest_hours: int = field(metadata={"low": 0, "high": 720})
    """A code to a line whose card was changed within so many hours proves nothing elsewhere."""
    review_score: int = field(metadata={"low": 1, "high": 1_000_000})
    """The sum of weights from which a person looks."""

    notice_hours: int = _added(0, 72, 0)
    """What is approved on papers that prove nothing has full service so many hours later: time for the holder of those
    papers to be told, and to say that it is not theirs."""
    spacing_hours: int = _added(0, 8_760, 0)
    """So long after an identity's last line a person looks at its next one; 0 asks for no space."""
    day_lines: int = _added(1, 1_000, 1_000)
    """More than so many lines of one identity within 24 hours need a person."""
    denial_days: int = _added(1, 730, 1)
    """Denials of so many days are counted, and kept."""
    sharing_persons: int = _added(1, 10_000, 10_000)
    """More than so many persons on one device, contact number or means of payment need a person."""
    network_lines: int = _added(1, 100_000, 100_000)
    """More than so many lines from one network within 24 hours weigh."""
    peer_lines: int = _added(1, 10_000, 50)
    """How many lines of its peers a dealer's own are drawn to."""
    dealer_rate_factor: int = _added(1, 1_000, 1_000)
    """A dealer's or agent's rate of scam lines of more than so many times its peers' weighs."""
    night_from: int = _added(0, 23, 22)
    night_until: int = _added(0, 23, 5)
    """Hours of UTC: the night of the country whose dealers these are."""

    document_registrations: int = _added(1, 100, 100)
    """From so many other registrations of one document within 30 days on, the next one weighs."""
    device_document_fails: int = _added(1, 1_000, 1_000)
    """From so many failed documents on an applicant's device within 24 hours on, a person looks at the next."""
    seller_document_tries: int = _added(1, 1_000, 1_000)
    seller_document_fails_percent: int = _added(1, 100, 100)
    """More than this share of a shop's or agent's documents of 24 hours failed, of so many at least: a person looks."""

    def counts_until(self, opened_at: datetime, closed_at: datetime) -> datetime:
        """Until when a closed line counts for a cap."""
        day = timedelta(days=1)
        return max(opened_at + day * self.window_days, closed_at + day * self.refill_days)


def _parameter_types() -> dict[str, Type]:
    found = {}
    for each in fields(Parameters):
        values = each.metadata.get("values")
        found[each.name] = Type("choice", frozenset(values)) if values else INT
    return found


BY_COUNTRY = frozenset(
    {
        "cap",
        "window_days",
        "refill_days",
        "shared_cap",
        "spacing_hours",
        "day_lines",
        "unproven_lines",
        "min_age",
    }
)
"""What a country's law may set for its own numbers."""

VOCABULARY = Vocabulary(SIGNAL_TYPES, MappingProxyType(_parameter_types()))

# What must be true of the signals for a denial on that ground to stand. A rule whose own condition is wider
# than its ground sends to a person instead.
_GROUNDS: Mapping[DenyGround, Expression] = MappingProxyType(
    {
        ground: compile_expression(text, VOCABULARY)
        for ground, text in {
            DenyGround.CAP: "lines_on_document >= cap or lines_on_personal_number >= cap",
            DenyGround.SIGNATURE_FAILED: 'document_signature == "failed"',
            DenyGround.DOCUMENT_REVOKED: "document_revoked",
            DenyGround.REGISTRY_NO: 'registry_answer == "no"',
            DenyGround.STRIKE_ON_DOCUMENT: "strikes_on_document >= 1",
            DenyGround.UNPROVEN: 'unproven_evidence == "deny" and proof in ("consistent", "none")',
        }.items()
    }
)


def ground_holds(ground: DenyGround, env: Env) -> bool:
    """Whether a denial on ``ground`` may stand. Raises :class:`EvaluationError`."""
    return _GROUNDS[ground].holds(env)


@dataclass(frozen=True, slots=True)
class Rule:
    """``effect`` is DENIED (with its ``ground``), REVIEW, or None for a rule that only adds ``weight``.

    ``version`` counts the bodies (:attr:`body`) that the rule has had while it was live.
    """

    id: str
    when: Expression
    effect: Verdict | None
    ground: DenyGround | None
    weight: int
    staff: str
    code: ApplicantCode
    owner: str
    stage: Stage = Stage.LIVE
    version: int = 1

    @property
    def body(self) -> tuple[object, ...]:
        """What decides and what is said: it may not change under the same version once the rule is live."""
        condition = " ".join(self.when.text.split())
        return condition, self.effect, self.ground, self.weight, self.staff, self.code


@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """One frozen policy. ``version`` is what decisions record; ``digest`` is of this part's content alone."""

    version: str
    digest: str
    parameters: Parameters
    rules: tuple[Rule, ...]
    texts: Mapping[str, Mapping[ApplicantCode, str]]
    constants: Mapping[str, Value]
    countries: Mapping[str, Parameters] = field(default_factory=dict)
    """Whole sets, by the country of the number (ISO 3166-1 alpha-2); the others have ``parameters``."""

    def parameters_for(self, seen: Mapping[str, Value | None]) -> Parameters:
        """Those of the country in ``seen`` (signals or facts)."""
        country = seen.get("number_country")
        return self.countries.get(country, self.parameters) if isinstance(country, str) else self.parameters

    def longest(self) -> Parameters:
        """With the longest windows of any country: for what must outlive them all."""
        every = (self.parameters, *self.countries.values())
        return replace(
            self.parameters,
            window_days=max(p.window_days for p in every),
            refill_days=max(p.refill_days for p in every),
        )

    links: LinkPolicy = field(default_factory=LinkPolicy)

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == name), None)

    def text(self, code: ApplicantCode, language: str | None = None) -> str:
        """The applicant's text in the asked language (``de-AT`` falls back to ``de``), else English."""
        asked = (language or "en").lower().split("-")[0]
        return self.texts.get(asked, self.texts["en"])[code]

    def env(self, signals: Signals) -> dict[str, Value]:
        """What rules read: signals and parameters in one, those of the number's country."""
        p = self.parameters_for(signals.values)
        own = {} if p is self.parameters else {name: getattr(p, name) for name in BY_COUNTRY}
        return {**signals.values, **self.constants, **own}


PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def staff_text(template: str, env: Env) -> str:
    """``{lines_on_document} lines …`` with the values in place; a question mark for what is not known."""
    return PLACEHOLDER.sub(lambda found: str(env.get(found[1], "?")), template)
