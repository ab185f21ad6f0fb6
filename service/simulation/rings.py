"""Rings: a fixed budget, a purse of identities, and a memory of what worked.

A ring chooses how to get a line, and how careful to be, by what calls each has brought for its money lately; a share
of its attempts tries something else. What was stopped is replaced on the next day, as long as there is money.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from service.risk.model import Value
from service.simulation.chance import Chance
from service.simulation.ledger import Line
from service.simulation.parameters import Parameters, RingsOf, Strategy
from service.simulation.population import (
    STRANGER,
    Application,
    Person,
    Population,
    agent_of,
    circumstances,
    keys_of,
)


@dataclass(slots=True, eq=False)
class Identity:
    """Papers that a ring can show. ``victim`` is the honest person whose they are."""

    number: int
    victim: Person | None
    is_known: bool
    is_denied: bool
    lines: int = 0
    refused_at: set[int] = field(default_factory=set)


class Bandit:
    """Calls for money, with forgetting. What was never tried is worth ``prior``."""

    def __init__(self, rings: RingsOf) -> None:
        self._calls: dict[str, float] = defaultdict(float)
        self._spent: dict[str, float] = defaultdict(float)
        self._of = rings

    def forget(self) -> None:
        for memory in (self._calls, self._spent):
            for name in memory:
                memory[name] *= self._of.forget

    def spent(self, name: str, cents: int) -> None:
        self._spent[name] += cents

    def earned(self, name: str, calls: float) -> None:
        self._calls[name] += calls

    def worth(self, name: str) -> float:
        return (self._calls[name] + self._of.prior_calls) / (self._spent[name] + self._of.prior_cents)


class Ring:
    """``number`` counts rings; ``size`` is how many lines it wants at once, and mules it has at first."""

    def __init__(
        self, number: int, size: int, population: Population, parameters: Parameters, seed: int, final: bool
    ) -> None:
        self.number, self.size = number, size
        self._p, self._of, self._population = parameters, parameters.rings, population
        self.chance = Chance(seed, "ring", number)
        self.begins = self.chance.between(self._of.begin_first, self._of.begin_last)
        self.budget = size * self._of.budget_cents_per_identity
        self.spent_cents = 0
        self.lines: list[Line] = []
        self.live: list[Line] = []
        """Those that may call today."""
        self.first_report: int | None = None
        self.ways, self.stances = Bandit(self._of), Bandit(self._of)
        knows_dealer = self.chance.happens(self._of.dealer_access)
        self._corrupt = self.chance.one_of(population.corrupt) if knows_dealer else None
        self._shops = [self.chance.below(population.dealers) for _ in range(self._of.dealers_quiet)]
        self._strategies = [
            each for each in parameters.strategies(final=final) if each.name != "dealer" or knows_dealer
        ]
        self._mules = float(size)
        self._purse: dict[tuple[str, bool], Identity] = {}
        self._things: dict[tuple[str, bool, str], tuple[int, int]] = {}
        self._made = 0

    def wants(self) -> int:
        """How many attempts it makes today."""
        missing = self.size - len(self.live)
        return max(0, min(missing, max(1, self.size // self._of.pace_divisor)))

    def night(self, may_call: Callable[[Line], bool]) -> None:
        """What was stopped is missed from the next day on, and is back when it was given back."""
        self.ways.forget()
        self.stances.forget()
        self._mules = min(self.size * 1.0, self._mules + self.size / self._of.mules_per_day_divisor)
        self.lines = [line for line in self.lines if line.is_open]
        self.live = [line for line in self.lines if may_call(line)]

    def pay(self, strategy: Strategy, is_quiet: bool, cents: int) -> None:
        self.spent_cents += cents
        self.ways.spent(strategy.name, cents)
        self.stances.spent(_stance(is_quiet), cents)

    def earn(self, line: Line, calls: float) -> None:
        if (strategy := line.application.strategy) is not None:
            self.ways.earned(strategy.name, calls)
            self.stances.earned(_stance(line.application.is_quiet), calls)

    def choose(self) -> tuple[Strategy, bool] | None:
        """How to try, and whether carefully; None where nothing can be paid for."""
        left = self.budget - self.spent_cents
        able = [each for each in self._strategies if self._can(each, left)]
        if not able:
            return None
        if self.chance.happens(self._of.explore):
            return self.chance.one_of(able), self.chance.happens(0.5)
        best = max(able, key=lambda each: self.ways.worth(each.name))
        return best, self.stances.worth(_stance(True)) > self.stances.worth(_stance(False))

    def _can(self, strategy: Strategy, left: int) -> bool:
        has_one = not strategy.is_mule or self._mules >= 1 or self._held(strategy) is not None
        return has_one and left >= strategy.price_cents + self._of.attempt_cents + self._of.sim_cents

    def _held(self, strategy: Strategy) -> Identity | None:
        return self._purse.get((strategy.name, True)) or self._purse.get((strategy.name, False))

    # ---- An attempt ------------------------------------------------------------------------------------------

    def application(self, strategy: Strategy, is_quiet: bool, day: int) -> tuple[Application, Identity]:
        """What it brings to the counter; what that costs beforehand is paid."""
        identity = self._identity(strategy, is_quiet)
        self.pay(strategy, is_quiet, self._of.attempt_cents)
        # Nobody has the papers of a dealer's customer but that dealer.
        in_shop = strategy.name == "dealer" or self.chance.happens(0.4)
        keys = self._keys(strategy, is_quiet, identity, with_device=not in_shop)
        victim = identity.victim
        dealer = self._dealer(strategy, is_quiet) if in_shop else None
        operators = self._p.population.operators
        operator = self.chance.below(operators) if dealer is None else dealer % operators
        open_to = [each for each in range(operators) if each not in identity.refused_at]
        if dealer is None and open_to:
            operator = self.chance.one_of(open_to) if is_quiet else open_to[0]
        is_swap = strategy.name == "dormant"
        if is_swap and victim is not None:
            operator = self.chance.one_of(victim.held).operator
            keys.pop("contact")  # codes go to the contact that the holder has on file
        agent = None if dealer is None else agent_of(self._p, dealer, self.chance.below(1_000))
        return (
            Application(
                day,
                "ring",
                operator,
                identity.number,
                keys,
                self._facts(strategy, identity, in_shop),
                dealer,
                agent,
                (self.chance.unit(), self.chance.unit(), self.chance.unit()),
                owner=victim.number if victim is not None and strategy.owner else None,
                ring=self.number,
                strategy=strategy,
                is_swap=is_swap,
                is_quiet=is_quiet,
            ),
            identity,
        )

    def _facts(self, strategy: Strategy, identity: Identity, in_shop: bool) -> dict[str, Value]:
        coded = self.chance.happens(strategy.code)
        answer = "yes" if identity.is_known else "no" if identity.is_denied else "unavailable"
        facts: dict[str, Value] = {
            "document_outcome": "pass" if self.chance.happens(strategy.image) else "refer",
            # Leaked data are the right data, but the code goes to the number on the record: their owner's.
            "proof": "confirmed" if identity.is_known and strategy.is_mule else "consistent",
            "registry_answer": answer,
            "typed_data": "agrees",
            "line_code_verified": coded,
            "contact_code_verified": coded and strategy.name != "dormant",
            "agent_absent": not in_shop,
        }
        return facts | circumstances("shop" if in_shop else "app", has_device=not in_shop)

    def _identity(self, strategy: Strategy, is_quiet: bool) -> Identity:
        """The one in hand, as long as it is not worn out, else a new one."""
        held = self._purse.get((strategy.name, is_quiet))
        own = self._of.lines_per_identity_quiet if is_quiet else self._of.lines_per_identity_loud
        most = strategy.lines_per_identity or own
        if held is not None and held.lines < most and strategy.name not in ("dormant", "dealer"):
            return held
        if strategy.per == "identity":
            self.pay(strategy, is_quiet, strategy.price_cents)
        if strategy.is_mule:
            self._mules -= 1
        draw = self.chance.unit()
        is_known = draw < strategy.registry_yes
        is_denied = not is_known and draw < strategy.registry_yes + strategy.registry_no
        victim = self._victim(strategy) if strategy.owner else None
        self._made += 1
        number = victim.number if victim else STRANGER + self.number * 1_000_000 + self._made
        fresh = Identity(number, victim, is_known, is_denied)
        self._purse[strategy.name, is_quiet] = fresh
        return fresh

    def _victim(self, strategy: Strategy) -> Person:
        """Anybody, for a dealer one of his customers as good as it goes."""
        people = self._population.people
        person = self.chance.one_of(people)
        for _ in range(20 if strategy.name == "dealer" else 0):
            if person.dealer == self._corrupt:
                break
            person = self.chance.one_of(people)
        return person

    def _dealer(self, strategy: Strategy, is_quiet: bool) -> int:
        if strategy.name == "dealer" and self._corrupt is not None:
            return self._corrupt
        return self.chance.one_of(self._shops) if is_quiet else self._shops[0]

    def _keys(
        self, strategy: Strategy, is_quiet: bool, identity: Identity, *, with_device: bool
    ) -> dict[str, int]:
        """A take-over has the victim's papers; the contact, the device and the payment are the ring's own."""
        of = self._of
        if identity.victim is not None:
            keys = keys_of(identity.victim, with_device=False)
        else:
            keys = dict.fromkeys(("document", "personal_number", "person"), identity.number)
        keys.pop("address", None)
        contacts = of.lines_per_contact_quiet if is_quiet else of.lines_per_contact_loud
        payments = of.lines_per_payment_quiet if is_quiet else of.lines_per_payment_loud
        devices = strategy.lines_per_device or (
            of.lines_per_device_quiet if is_quiet else of.lines_per_device_loud
        )
        single = strategy.lines_per_device == 1
        keys["contact"] = self._thing(
            strategy, is_quiet, "contact", 1 if single else contacts, of.contact_cents
        )
        keys["payment"] = self._thing(strategy, is_quiet, "payment", 1 if single else payments, 0)
        if with_device:
            price = strategy.hardware_cents or of.device_cents
            keys["device"] = self._thing(strategy, is_quiet, "device", devices, price)
        return keys

    def _thing(self, strategy: Strategy, is_quiet: bool, kind: str, lines: int, cents: int) -> int:
        """A device, a contact number or a payment token, used for so many attempts, then bought anew. A box is
        paid for each line in it."""
        place = (strategy.name, is_quiet, kind)
        number, used = self._things.get(place, (0, lines))
        if used >= lines:
            self._made += 1
            number, used = STRANGER + (self.number + 1) * 1_000_000 + self._made, 0
            if kind == "contact":
                # Numbers come back into use: some belonged to honest people later (population.py).
                number = STRANGER + self.number * 10_000 + self._made % 10_000
            if not (kind == "device" and strategy.hardware_cents):
                self.pay(strategy, is_quiet, cents)
        if kind == "device" and strategy.hardware_cents:
            self.pay(strategy, is_quiet, cents)
        self._things[place] = (number, used + 1)
        return number

    # ---- What came of it -------------------------------------------------------------------------------------

    def succeeded(self, line: Line, identity: Identity) -> None:
        strategy, is_quiet = line.application.strategy, line.application.is_quiet
        assert strategy is not None
        identity.lines += 1
        price = strategy.price_cents if strategy.per == "line" else 0
        self.pay(strategy, is_quiet, price + self._of.sim_cents)
        self.lines.append(line)
        self.live.append(line)

    def failed(self, application: Application, identity: Identity) -> None:
        """An identity is tried at every operator before it is thrown away."""
        strategy, is_quiet = application.strategy, application.is_quiet
        assert strategy is not None
        identity.refused_at.add(application.operator)
        worn_out = len(identity.refused_at) >= self._p.population.operators
        if worn_out and self._purse.get((strategy.name, is_quiet)) is identity:
            del self._purse[strategy.name, is_quiet]


def _stance(is_quiet: bool) -> str:
    return "quiet" if is_quiet else "loud"
