"""``parameters.toml`` as frozen nouns. Every number has a source, and the file has one digest."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, TypeVar, get_type_hints

_T = TypeVar("_T")


class ParameterError(ValueError):
    """The file does not say what is needed; the text names the place."""


@dataclass(frozen=True, slots=True)
class PopulationOf:
    registrations_per_person: float
    replaces: float
    operators: int
    share_6_to_100: float
    share_over_100: float
    weights_1_to_5: tuple[int, ...]
    most_6_to_100: int
    most_over_100: int
    family_share: float
    family_size: int
    migrant_share: float
    business_share: float
    business_lines: int
    hostel_share: float
    hostel_size: int
    recycled_share: float
    people_per_dealer: int
    agents_per_dealer: int
    corrupt_dealer_share: float
    shop_share: float
    web_share: float
    days: int
    days_before: int


@dataclass(frozen=True, slots=True)
class HonestOf:
    registry_down: float
    image_doubtful: float
    typed_differs: float
    expired: float
    no_code: float
    many_tries: float
    agent_missing: float
    minor_alone: float
    guardian: float
    review_approves: float
    gives_up: float
    spoofed_share: float
    spoofed_reports: int
    spoofed_days: int
    framed_per_ring: int
    framed_reports: int
    framed_unlinked: float


@dataclass(frozen=True, slots=True)
class RingsOf:
    per_10000_people: float
    size_least: int
    size_most: int
    budget_cents_per_identity: int
    begin_first: int
    begin_last: int
    pace_divisor: int
    explore: float
    forget: float
    prior_calls: int
    prior_cents: int
    dealer_access: float
    dealers_quiet: int
    lines_per_device_loud: int
    lines_per_device_quiet: int
    lines_per_contact_loud: int
    lines_per_contact_quiet: int
    lines_per_payment_loud: int
    lines_per_payment_quiet: int
    lines_per_identity_loud: int
    lines_per_identity_quiet: int
    mules_per_day_divisor: int
    device_cents: int
    contact_cents: int
    attempt_cents: int
    sim_cents: int


@dataclass(frozen=True, slots=True)
class CallsOf:
    a_day_loud: int
    a_day_quiet: int
    answered: float
    reported: float
    label_factor: float


@dataclass(frozen=True, slots=True)
class DeskOf:
    complaints: int
    within_days: int
    acts_after_days: int


@dataclass(frozen=True, slots=True)
class LoopOf:
    proved_share: float
    clients: tuple[int, ...]
    case_days: int
    confirms_scam: float
    confirms_honest: float
    ring_confirms_scam: float
    ring_confirms_honest: float
    holder_days: int


@dataclass(frozen=True, slots=True)
class NoticeOf:
    answers: float
    within_hold: float
    mean_days: float
    confirms: float
    mistaken: float
    says_lost: float
    freezes: float


@dataclass(frozen=True, slots=True)
class FaceOf:
    pass_rates: tuple[float, ...]
    honest_fails: float
    retry_passes: float
    worst_group_factor: float
    swap_cents: int


@dataclass(frozen=True, slots=True)
class ChipOf:
    honest_has: float
    ring_has: float


@dataclass(frozen=True, slots=True)
class RecordsOf:
    images_each: int
    faces_each: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a ring gets lines; see the head of that section in the file. 0 in the optional numbers: as rings do."""

    name: str
    held_out: bool
    price_cents: int
    per: Literal["identity", "line"]
    image: float
    registry_yes: float
    registry_no: float
    code: float
    face: str | float
    owner: bool
    review_denied: float
    takes_over: float = 0.0
    hardware_cents: int = 0
    lines_per_device: int = 0
    lines_per_identity: int = 0
    waits_days: int = 0
    calls_a_day: int = 0

    @property
    def is_mule(self) -> bool:
        """The person whose papers they are takes part: no check of identity can tell."""
        return self.face == "own"


@dataclass(frozen=True, slots=True)
class Parameters:
    population: PopulationOf
    honest: HonestOf
    rings: RingsOf
    calls: CallsOf
    desk: DeskOf
    loop: LoopOf
    notice: NoticeOf
    face: FaceOf
    chip: ChipOf
    records: RecordsOf
    strategy: tuple[Strategy, ...]
    digest: str

    def strategies(self, *, final: bool) -> tuple[Strategy, ...]:
        """Those that may be looked at; with ``final`` the held-out ones too."""
        return tuple(each for each in self.strategy if final or not each.held_out)


@cache
def load() -> Parameters:
    return parse(resources.files("service.simulation").joinpath("parameters.toml").read_bytes())


def parse(body: bytes) -> Parameters:
    """Raises :class:`ParameterError` for anything that is missing, unknown, of another type or without a source."""
    raw = tomllib.loads(body.decode())
    hints: dict[str, type[Any]] = get_type_hints(Parameters)
    kinds = {name: kind for name, kind in hints.items() if name not in ("strategy", "digest")}
    if extra := sorted(set(raw) - set(kinds) - {"strategy"}):
        raise ParameterError(f"{extra[0]} is not known")
    parts: dict[str, Any] = {name: _section(kind, raw.get(name, {}), name) for name, kind in kinds.items()}
    found = tuple(_section(Strategy, each, f"strategy {n}") for n, each in enumerate(raw["strategy"], 1))
    return Parameters(**parts, strategy=found, digest=hashlib.sha256(body).hexdigest())


def _section(kind: type[_T], raw: Mapping[str, Any], place: str) -> _T:
    hints = get_type_hints(kind)
    values = {name: _value(entry, f"{place}.{name}") for name, entry in raw.items()}
    if extra := sorted(set(values) - set(hints)):
        raise ParameterError(f"{place}.{extra[0]} is not known")
    for name, value in values.items():
        wanted = hints[name]
        good = {
            int: type(value) is int,
            float: type(value) is float,
            bool: type(value) is bool,
            tuple[int, ...]: type(value) is tuple,
            tuple[float, ...]: type(value) is tuple,
        }
        if not good.get(wanted, True):
            raise ParameterError(f"{place}.{name} is not of its type")
    try:
        return kind(**values)
    except TypeError as error:
        raise ParameterError(f"{place}: {error}") from None


def _value(entry: object, place: str) -> Any:
    """``name`` and ``held_out`` are no numbers and stand bare."""
    if isinstance(entry, str | bool):
        return entry
    if not isinstance(entry, Mapping) or set(entry) != {"value", "source"}:
        raise ParameterError(f"{place} needs a value and a source")
    if not isinstance(entry["source"], str) or len(entry["source"]) < 8:
        raise ParameterError(f"{place} has no source")
    value = entry["value"]
    return tuple(value) if isinstance(value, list) else value
