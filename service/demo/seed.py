"""Sixty days of an invented operator: honest shops and people, and one ring.

Some 300 registrations go through the real workflow under the seed's clock, in the order in which they would
have come. People, papers, shops and numbers are invented (state UTO, numbers that no plan has assigned to
anyone); what becomes of each registration is the rules' doing, not the seed's.
"""

import random  # noqa: TID251  a seeded generator: the same people on every machine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.audit.workflow import Actor
from service.dealers.model import Dealer, Quotas
from service.demo.hands import Hands
from service.kit.clock import SystemClock
from service.kit.errors import Refusal
from service.kit.luhn import digit
from service.kit.people import InventedPerson, invent
from service.lines.model import Action
from service.operators.model import Operator
from service.registration.model import Channel, Opening, Purpose, Registration, State
from service.settings import Settings
from service.web.auth import Principal, Scope

DAYS = 60
SEED = 20260924
_SHOPS = (
    # code, name, licence, registrations a day, opening hour
    ("D-0042", "Kiosk Nordtor", "UTO-L-20417", 2.2, 9),
    ("D-0007", "Phone Corner at the station", "UTO-L-11093", 0.7, 8),
    ("D-0013", "Hostel Seeblick desk", "UTO-L-30220", 0.35, 10),
    ("D-0021", "Lindgren Electronics", "UTO-L-18800", 0.5, 10),
    ("D-0035", "Mobile World Hafen", "UTO-L-22054", 0.4, 11),
)
_RING_SHOP = ("D-0066", "Call & Go Südring", "UTO-L-40991")
_STAFF = Actor.staff(UUID(int=0x5EED))


@dataclass
class _Plan:
    """One registration to come."""

    at: datetime
    person: InventedPerson
    shop: Dealer | None
    agent: str | None
    device: str | None
    channel: Channel = Channel.SHOP
    is_confirmed: bool = True
    until: str = "submit"
    wrong_codes: int = 0
    forged: bool = False
    tags: set[str] = field(default_factory=set)


async def sow(settings: Settings, operator: Operator) -> bool:
    """Play the sixty days once; False where the operator has registrations already."""
    today = SystemClock().now()
    start = (today - timedelta(days=DAYS)).replace(hour=8, minute=0, second=0, microsecond=0)
    hands = Hands(settings, operator, start)
    async with hands.services.running():
        async with hands.services.db.read(operator.id) as reader:
            from service.registration import store

            if await store.listed(reader, limit=1, before=None):
                return False
        season = _Season(hands, random.Random(SEED), start, today)  # noqa: S311  invented people, no secret
        await season.prepare()
        await season.play()
    return True


class _Season:
    def __init__(self, hands: Hands, rng: random.Random, start: datetime, today: datetime) -> None:
        self.hands = hands
        self.rng = rng
        self.start = start
        self.today = today
        self.caller: Principal
        self.shops: dict[str, Dealer] = {}
        self.numbers = 0
        self.ring_lines: list[str] = []

    async def prepare(self) -> None:
        """Shops, agents, and the operator's shop system that calls for them."""
        services = self.hands.services
        for code, name, licence, *_ in (*_SHOPS, _RING_SHOP):
            quotas = Quotas(hourly=20, daily=60)
            dealer = await services.dealers.register(
                self.hands.operator.id, code=code, name=name, licence=licence, actor=_STAFF, quotas=quotas
            )
            for agent in ("A-1", "A-2", "A-7"):
                await services.dealers.register_agent(self.hands.operator.id, dealer.id, agent, actor=_STAFF)
            self.shops[code] = dealer
        await services.operators.create_key(
            self.hands.operator, "shop-system", [Scope.REGISTRATIONS, Scope.READ]
        )
        client = await services.operators.client(self.hands.operator, "shop-system")
        self.caller = self.hands.principal(client.id)

    def _moment(self, day: int, hour: int, span: int = 9) -> datetime:
        at = self.start + timedelta(days=day)
        return at.replace(hour=hour) + timedelta(minutes=self.rng.randrange(span * 60))

    def plans(self) -> list[_Plan]:
        found: list[_Plan] = []
        for day in range(DAYS):
            for code, _, _, a_day, opens in _SHOPS:
                count = int(a_day) + (self.rng.random() < a_day % 1)
                found += [self._ordinary(self._moment(day, opens), code) for _ in range(count)]
            if self.rng.random() < 0.45:
                found.append(self._by_app(self._moment(day, 7, 14)))
        found += self._family() + self._hostel() + self._ring() + self._mishaps()
        return sorted(
            (plan for plan in found if plan.at < self.today - timedelta(minutes=10)), key=lambda p: p.at
        )

    def _ordinary(self, at: datetime, shop: str) -> _Plan:
        return _Plan(
            at,
            invent(self.rng, self.today.date()),
            self.shops[shop],
            self.rng.choice(("A-1", "A-2", "A-7")),
            None,
            is_confirmed=self.rng.random() < 0.8,
            wrong_codes=self.rng.choices((0, 1, 2), (90, 8, 2))[0],
        )

    def _by_app(self, at: datetime) -> _Plan:
        return _Plan(
            at,
            invent(self.rng, self.today.date()),
            None,
            None,
            f"app-{self.rng.randrange(10**9)}",
            self.rng.choice((Channel.APP, Channel.WEB)),
            is_confirmed=self.rng.random() < 0.6,
        )

    def _family(self) -> list[_Plan]:
        """Four people register on one telephone over a weekend."""
        return [
            _Plan(
                self._moment(41, 11, 3),
                invent(self.rng, self.today.date()),
                None,
                None,
                "family-phone",
                Channel.APP,
                tags={"family"},
            )
            for _ in range(4)
        ]

    def _hostel(self) -> list[_Plan]:
        """A hostel's desk tablet registers new arrivals: the shop's device, not theirs."""
        return [
            _Plan(
                self._moment(20 + n // 2, 15, 5), invent(self.rng, self.today.date()), self.shops["D-0013"], "A-1", "desk-tablet"
            )
            for n in range(14)
        ]

    def _ring(self) -> list[_Plan]:
        """One device, one shop, papers of many people: what the rules are for."""
        shop = self.shops[_RING_SHOP[0]]
        return [
            _Plan(
                self._moment(30 + n // 3, 18, 3),
                invent(self.rng, self.today.date()),
                shop,
                "A-7",
                "ring-device",
                is_confirmed=n % 4 != 3,
                tags={"ring"},
            )
            for n in range(26)
        ]

    def _mishaps(self) -> list[_Plan]:
        """Walks that end early, wrong digits, and one person who asks for line after line."""
        found = [
            _Plan(
                self._moment(self.rng.randrange(DAYS), 10),
                invent(self.rng, self.today.date()),
                self.shops["D-0021"],
                "A-2",
                None,
                until=self.rng.choice(("create", "document", "code")),
            )
            for _ in range(14)
        ]
        found += [
            _Plan(
                self._moment(self.rng.randrange(DAYS), 10),
                invent(self.rng, self.today.date()),
                self.shops["D-0035"],
                "A-1",
                None,
                forged=True,
            )
            for _ in range(8)
        ]
        collector = invent(self.rng, self.today.date())
        found += [
            _Plan(self._moment(5 + 4 * n, 12), collector, self.shops["D-0007"], "A-1", None) for n in range(7)
        ]
        return found

    async def play(self) -> None:
        """Day after day, in the order of the clock."""
        for plan in self.plans():
            if plan.at > self.hands.clock.now():
                self.hands.clock.set(plan.at)
            await self._register(plan)
            await self._look_after(plan)
        await self._review_backlog()

    async def _register(self, plan: _Plan) -> Registration | None:
        person = plan.person
        if plan.is_confirmed:
            self.hands.registry.known.add(person.document_number)
        self.numbers += 1
        number = f"+49151{55_000_000 + self.numbers * 137:08}"
        body = f"894902000{self.numbers:09}"
        role = "dealer" if plan.device == "desk-tablet" else "applicant"
        opening = Opening(
            msisdn=number,
            purpose=Purpose.NEW,
            iccid=body + digit(body),
            channel=plan.channel,
            dealer=plan.shop.code if plan.shop else None,
            agent=plan.agent,
            subscriber={
                "family_name": person.family_name,
                "given_names": person.given_names,
                "birth_date": person.birth_date.isoformat(),
            },
            fingerprint=plan.device,
            device_role=role if plan.device else None,
            device_ip=f"203.0.113.{self.rng.randrange(1, 255)}",
        )
        lines = person.lines
        if plan.forged:
            lines = (lines[0], lines[1][:3] + ("7" if lines[1][3] != "7" else "8") + lines[1][4:])
        done = await self.hands.register(
            self.caller, opening, lines, until=plan.until, wrong_codes=plan.wrong_codes
        )
        if "ring" in plan.tags and done is not None and done.state in (State.APPROVED, State.ACTIVE):
            self.ring_lines.append(number)
        return done

    async def _look_after(self, plan: _Plan) -> None:
        """What the operator's people do in between: stop lines that scammed, decide what waits."""
        if "ring" in plan.tags and len(self.ring_lines) >= 4:
            for number in self.ring_lines[:3]:
                await self._suspend(number)
            del self.ring_lines[:3]
        if self.rng.random() < 0.5:
            await self._review(limit=2)

    async def _suspend(self, number: str) -> None:
        try:
            await self.hands.services.lines.act(
                self.hands.operator.id, number, Action.SUSPEND, reason="scam", actor=_STAFF
            )
        except Refusal:
            return
        await self.hands.work()

    async def _review_backlog(self) -> None:
        """Leave some dozen cases waiting, as on any morning."""
        self.hands.clock.set(self.today - timedelta(minutes=5))
        await self._review(limit=400, leave=14)

    async def _review(self, *, limit: int, leave: int = 6) -> None:
        from service.registration import store

        services = self.hands.services
        async with services.db.read(self.hands.operator.id) as reader:
            waiting = await store.listed(reader, limit=100, before=None, states=(State.IN_REVIEW,))
        for found in list(reversed(waiting))[: max(0, min(limit, len(waiting) - leave))]:
            assert found.outcome is not None
            rules = {str(reason.get("rule")) for reason in found.outcome.reasons}
            is_bad = any("scam" in rule or "strike" in rule or "device" in rule for rule in rules)
            try:
                await services.registrations.decide_by_person(
                    operator=self.hands.operator.id,
                    registration_id=found.id,
                    staff=_STAFF,
                    verdict="denied" if is_bad else "approved",
                    reason_code="linked-to-scam" if is_bad else "papers-checked",
                    note=None,
                    expected_version=found.version,
                )
            except Refusal:
                continue
            await self.hands.work()
