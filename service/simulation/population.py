"""The people: what they hold, what they share, and the registrations that they come with."""

from dataclasses import dataclass
from functools import lru_cache

from service.risk.model import Value
from service.simulation.chance import Chance
from service.simulation.parameters import Parameters, Strategy

STRANGER = 1_000_000_000
"""Numbers from here on are people, devices and contacts that a ring invents or recruits."""
GROUPS = ("citizen", "family", "hostel", "business", "migrant", "many lines")


@dataclass(frozen=True, slots=True)
class Storm:
    """Reports that hit an honest line so many days after it was opened: of people who were called by somebody who
    showed its number, or of a ring, by its number, that wants to do harm."""

    after: int
    reports: int
    ring: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A line that a person holds on the first day: ``opened`` is negative. ``dealer`` None: through app or web."""

    opened: int
    operator: int
    dealer: int | None


@dataclass(slots=True, eq=False)
class Person:
    """``device``, ``contact`` and ``address`` are numbers of things; families and hostels share them."""

    number: int
    group: str
    has_registry: bool
    device: int
    contact: int
    address: int
    dealer: int
    operator: int
    held: tuple[Held, ...] = ()


@dataclass(slots=True, eq=False)
class Application:
    """Somebody asks for a line. ``keys`` are the things that it would hang on; ``facts`` are signals that do not
    depend on what anybody holds. ``luck`` are draws made beforehand, so that every arm meets the same people."""

    day: int
    group: str
    operator: int
    person: int
    keys: dict[str, int]
    facts: dict[str, Value]
    dealer: int | None
    agent: int | None = None
    luck: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """For the person who reviews, for the face, for the owner's answer."""
    replaces: bool = False
    storms: tuple[Storm, ...] = ()
    owner: int | None = None
    ring: int | None = None
    strategy: Strategy | None = None
    is_swap: bool = False
    is_quiet: bool = False

    @property
    def sellers(self) -> tuple[tuple[str, int], ...]:
        """Dealer and agent, as far as they are named."""
        named = (("dealer", self.dealer), ("agent", self.agent))
        return tuple((kind, number) for kind, number in named if number is not None)


@dataclass(slots=True, eq=False)
class Population:
    people: list[Person]
    plan: list[list[Application]]
    """By day."""
    dealers: int
    corrupt: tuple[int, ...]
    sizes: list[int]
    """Of the rings."""
    before: list[Application]
    """Whose lines are there on the first day, the oldest first."""


@lru_cache(2)
def populate(parameters: Parameters, people: int, seed: int) -> Population:
    """``people`` honest people, their registrations, the dealers and the rings' sizes. Nobody writes to it."""
    of = parameters.population
    chance = Chance(seed, "people")
    dealers = max(of.operators * 2, people // of.people_per_dealer)
    corrupt = max(1, round(dealers * of.corrupt_dealer_share))
    folk = [_person(parameters, chance, number, dealers) for number in range(people)]
    rings = max(2, round(people / 10_000 * parameters.rings.per_10000_people))
    sizes = [chance.spread(parameters.rings.size_least, parameters.rings.size_most) for _ in range(rings)]
    plan = _plan(parameters, Chance(seed, "plan"), folk)
    _frame(parameters, Chance(seed, "framed"), plan, rings)
    _settle(parameters, Chance(seed, "before"), folk)
    return Population(folk, plan, dealers, tuple(range(corrupt)), sizes, _before(parameters, folk))


def _person(parameters: Parameters, chance: Chance, number: int, dealers: int) -> Person:
    of = parameters.population
    holds = _holdings(parameters, chance)
    draw = chance.unit()
    group, home = "citizen", number
    if draw < of.hostel_share:
        group, home = "hostel", STRANGER // 2 + number // of.hostel_size
    elif draw < of.hostel_share + of.business_share:
        group = "business"
        holds += chance.between(1, of.business_lines)
    elif draw < of.hostel_share + of.business_share + of.family_share:
        group, home = "family", STRANGER // 4 + number // of.family_size
    is_migrant = chance.happens(of.migrant_share)
    if holds > 5 and group != "business":
        group = "many lines"
    elif is_migrant:
        group = "migrant"
    # A contact number that a ring has used: theirs are counted from STRANGER, ten thousand each (rings.py).
    used_before = STRANGER + chance.below(8) * 10_000 + chance.below(60)
    contact = used_before if chance.happens(of.recycled_share) else home
    dealer = chance.below(dealers)
    # What each has besides is settled later, with a chance of its own.
    held = tuple(Held(-1 - chance.below(of.days_before), dealer % of.operators, dealer) for _ in range(holds))
    return Person(number, group, not is_migrant, home, contact, home, dealer, dealer % of.operators, held)


def _settle(parameters: Parameters, chance: Chance, people: list[Person]) -> None:
    """Lines that are there already were got as new ones are: in the own shop, or anywhere through app and web."""
    of = parameters.population
    for person in people:
        person.held = tuple(
            each if chance.happens(of.shop_share) else Held(each.opened, chance.below(of.operators), None)
            for each in sorted(person.held, key=lambda held: held.opened)
        )


def _holdings(parameters: Parameters, chance: Chance) -> int:
    of = parameters.population
    draw = chance.unit()
    if draw < of.share_over_100:
        return chance.between(101, of.most_over_100)
    if draw < of.share_over_100 + of.share_6_to_100:
        return chance.spread(6, of.most_6_to_100)
    return 1 + chance.weighted(of.weights_1_to_5)


def _before(parameters: Parameters, people: list[Person]) -> list[Application]:
    found = []
    for person in people:
        in_shop, outside = (keys_of(person, with_device=with_device) for with_device in (False, True))
        for held in person.held:
            keys = outside if held.dealer is None else in_shop
            agent = None if held.dealer is None else agent_of(parameters, held.dealer, -held.opened)
            found.append(
                Application(
                    held.opened, person.group, held.operator, person.number, keys, {}, held.dealer, agent
                )
            )
    return sorted(found, key=lambda application: application.day)


def agent_of(parameters: Parameters, dealer: int, draw: int) -> int:
    """One of the people behind a shop's counter."""
    each = parameters.population.agents_per_dealer
    return dealer * each + draw % each


def _plan(parameters: Parameters, chance: Chance, people: list[Person]) -> list[list[Application]]:
    of = parameters.population
    held = sum(len(person.held) for person in people)
    each = of.registrations_per_person * len(people) / held
    plan: list[list[Application]] = [[] for _ in range(of.days)]
    for person in people:
        wanted = len(person.held) * each
        count = int(wanted) + chance.happens(wanted - int(wanted))
        for _ in range(count):
            day = chance.below(of.days)
            plan[day].append(_application(parameters, chance, person, day))
    return plan


def _application(parameters: Parameters, chance: Chance, person: Person, day: int) -> Application:
    of, honest = parameters.population, parameters.honest
    where = chance.unit()
    channel = "shop" if where < of.shop_share else "web" if where < of.shop_share + of.web_share else "app"
    in_shop = channel == "shop"
    is_known = person.has_registry and not chance.happens(honest.registry_down)
    coded = not chance.happens(honest.no_code)
    facts: dict[str, Value] = {
        "document_outcome": "refer" if chance.happens(honest.image_doubtful) else "pass",
        "proof": "confirmed" if is_known else "consistent",
        "registry_answer": "yes" if is_known else "unavailable",
        "document_expired": chance.happens(honest.expired),
        "typed_data": "differs" if chance.happens(honest.typed_differs) else "agrees",
        "age_years": 17 if chance.happens(honest.guardian + honest.minor_alone) else 21,
        "line_code_verified": coded,
        "contact_code_verified": coded,
        "otp_tries": 4 if chance.happens(honest.many_tries) else 0,
        "agent_absent": not in_shop or chance.happens(honest.agent_missing),
    }
    share_alone = honest.minor_alone / (honest.guardian + honest.minor_alone)
    facts["guardian"] = facts["age_years"] == 17 and not chance.happens(share_alone)
    keys = keys_of(person, with_device=not in_shop)
    operator = person.operator if in_shop else chance.below(of.operators)
    dealer = person.dealer if in_shop else None
    luck = (chance.unit(), chance.unit(), chance.unit())
    replaces = chance.happens(of.replaces)
    storms = _spoofed(parameters, chance)
    agent = None
    if dealer is not None and not facts["agent_absent"]:
        agent = agent_of(parameters, dealer, int(luck[0] * 1_000))
    return Application(
        day,
        person.group,
        operator,
        person.number,
        keys,
        facts | circumstances(channel, has_device=not in_shop),
        dealer,
        agent,
        luck,
        replaces,
        storms,
    )


def keys_of(person: Person, *, with_device: bool) -> dict[str, int]:
    number = person.number
    keys = {"document": number, "personal_number": number, "person": number}
    keys |= {"contact": person.contact, "address": person.address, "payment": person.address}
    return keys | {"device": person.device} if with_device else keys


def circumstances(channel: str, *, has_device: bool) -> dict[str, Value]:
    return {"channel": channel, "device_absent": not has_device, "dealer_absent": channel != "shop"}


def _spoofed(parameters: Parameters, chance: Chance) -> tuple[Storm, ...]:
    honest = parameters.honest
    if not chance.happens(honest.spoofed_share):
        return ()
    begin = chance.between(5, 60)
    days = [begin + chance.below(honest.spoofed_days) for _ in range(honest.spoofed_reports)]
    return tuple(Storm(day, 1) for day in sorted(days))


def _frame(parameters: Parameters, chance: Chance, plan: list[list[Application]], rings: int) -> None:
    """Honest lines that rings report."""
    honest = parameters.honest
    everyone = [application for day in plan for application in day]
    for number in range(rings * honest.framed_per_ring if everyone else 0):
        victim = chance.one_of(everyone)
        storm = Storm(chance.between(5, 60), honest.framed_reports, number // honest.framed_per_ring)
        victim.storms = (*victim.storms, storm)
