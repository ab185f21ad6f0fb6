"""The script of the sixty days: who walks into which shop when, and what the operator's people do meanwhile.

Pure: the same dice and day give the same script. Nobody here exists. Papers are of Utopia, device addresses of
the documentation's network; the numbers have the form of a German mobile number, and no message ever goes to
one of them. What becomes of each visit is not written here: the rules decide.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from service.kit.errors import JsonObject
from service.kit.luhn import digit
from service.kit.people import Dice, InventedPerson, invent, person
from service.registration.model import Channel

DAYS = 60
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Shop:
    """``a_day``: registrations on an ordinary day; ``opens``: hour, UTC."""

    code: str
    name: str
    licence: str
    a_day: float
    opens: int


BUSY = Shop("D-0042", "Kiosk Nordtor", "UTO-L-20417", 1.5, 9)
STATION = Shop("D-0007", "Phone Corner at the station", "UTO-L-11093", 0.5, 8)
HOSTEL = Shop("D-0013", "Hostel Seeblick desk", "UTO-L-30220", 0.2, 10)
ELECTRONICS = Shop("D-0021", "Lindgren Electronics", "UTO-L-18800", 0.35, 10)
HARBOUR = Shop("D-0035", "Mobile World Hafen", "UTO-L-22054", 0.3, 11)
RING_SHOP = Shop("D-0066", "Call & Go Südring", "UTO-L-40991", 0.05, 11)
SHOPS = (BUSY, STATION, HOSTEL, ELECTRONICS, HARBOUR, RING_SHOP)
AGENTS = ("A-1", "A-2", "A-7")


class Part(StrEnum):
    """Whose story a visit belongs to."""

    CROWD = "crowd"
    LAUNCH = "launch"
    FAMILY = "family"
    HOSTEL = "hostel"
    RING = "ring"
    COLLECTOR = "collector"
    MISHAP = "mishap"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True)
class Visit:
    """One registration. ``until``: the last step that is taken (create, document, code, submit).
    ``typed``: what the clerk typed, where that is not what the person said. ``is_known``: the registry has
    the document, and the contact number of its holder, who names it and gives the code that comes there."""

    at: datetime
    part: Part
    person: InventedPerson
    number: str
    iccid: str
    ip: str
    shop: Shop | None = None
    agent: str | None = None
    device: str | None = None
    role: str | None = None
    payment: str | None = None
    channel: Channel = Channel.SHOP
    is_known: bool = True
    until: str = "submit"
    wrong_codes: int = 0
    is_forged: bool = False
    typed: JsonObject | None = None

    @property
    def subscriber(self) -> JsonObject:
        said = self.person.subscriber()
        del said["nationality"]
        if self.is_known:
            said["contact_msisdn"] = self.contact
        return {**said, **(self.typed or {})}

    @property
    def contact(self) -> str:
        """Of the same person always the same, and of nobody else."""
        return f"+49160{self.person.document_number[-7:]}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The zone; a forged one has another digit in the document number and the check digit of the old one."""
        if not self.is_forged:
            return self.person.lines
        first, second = self.person.lines
        return first, second[:3] + ("7" if second[3] != "7" else "8") + second[4:]


class Deed(StrEnum):
    """What happens to a registration or a line afterwards; the first two are daily and name no number."""

    CHORES = "chores"
    REVIEW = "review"
    CANCEL = "cancel"
    APPEAL = "appeal"
    SUSPEND = "suspend"
    RESTRICT = "restrict"
    REINSTATE = "reinstate"
    CLOSE = "close"
    REPORT = "report"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Care:
    """``number``: the line that it is about. A report also has who files it (``by``) with whom (``desk``)."""

    at: datetime
    deed: Deed
    number: str = ""
    reason: str = ""
    by: str = ""
    desk: int = 0


Step = Visit | Care


@dataclass
class Cast:
    """Writes the script. ``footfall`` scales the ordinary customers, not the stories."""

    dice: Dice
    today: datetime
    footfall: float = 1.0
    steps: list[Step] = field(default_factory=list)
    visits: int = 0

    @property
    def start(self) -> datetime:
        return (self.today - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)

    def script(self) -> list[Step]:
        """Everything in the order in which it happens."""
        self._crowd()
        self._launch()
        self._hostel()
        self._family()
        self._ring()
        self._collectors()
        self._mishaps()
        self._doubts()
        self._days()
        last = self.today - timedelta(minutes=10)
        return sorted((step for step in self.steps if step.at < last), key=lambda step: step.at)

    def _chance(self, share: float) -> bool:
        return self.dice.randrange(10_000) < share * 10_000

    def _one(self, of: tuple[_T, ...]) -> _T:
        return of[self.dice.randrange(len(of))]

    def _moment(self, day: int, hour: int, span: int = 9) -> datetime:
        return self.start + timedelta(days=day, hours=hour, minutes=self.dice.randrange(span * 60))

    def _ago(self, hours: float) -> datetime:
        return self.today - timedelta(hours=hours)

    def _somebody(self) -> InventedPerson:
        return invent(self.dice, self.today.date())

    def _visit(self, at: datetime, part: Part, who: InventedPerson | None = None, **facts: object) -> Visit:
        self.visits += 1
        body = f"894902000{self.visits:09}"
        visit = Visit(
            at=at,
            part=part,
            person=who or self._somebody(),
            number=f"+49151{55_000_000 + self.visits * 137:08}",
            iccid=body + digit(body),
            ip=f"203.0.113.{1 + self.dice.randrange(254)}",
            **facts,  # type: ignore[arg-type]  # the facts are fields of a visit
        )
        self.steps.append(visit)
        return visit

    def _care(self, at: datetime, deed: Deed, visit: Visit, reason: str = "") -> None:
        self.steps.append(Care(at, deed, visit.number, reason))

    def _crowd(self) -> None:
        """Ordinary days: most documents are known to the registry, some codes are mistyped."""
        for day in range(DAYS + 1):
            for shop in SHOPS:
                expected = shop.a_day * self.footfall
                for _ in range(int(expected) + self._chance(expected % 1)):
                    mistyped = self.dice.randrange(100)
                    self._visit(
                        self._moment(day, shop.opens),
                        Part.CROWD,
                        shop=shop,
                        agent=self._one(AGENTS),
                        is_known=self._chance(0.8),
                        wrong_codes=2 if mistyped < 2 else 1 if mistyped < 10 else 0,
                    )
            if self._chance(0.4 * self.footfall):
                self._visit(
                    self._moment(day, 7, 14),
                    Part.CROWD,
                    device=f"app-{self.dice.randrange(10**9)}",
                    role="applicant",
                    channel=self._one((Channel.APP, Channel.WEB)),
                    is_known=self._chance(0.6),
                )

    def _launch(self) -> None:
        """An honest busy shop: a new tariff, and eighteen customers on one Saturday."""
        for n in range(18):
            at = self._moment(44, 9, 1) + timedelta(minutes=30 * n)
            agent = AGENTS[n % 3]
            self._visit(at, Part.LAUNCH, shop=BUSY, agent=agent, is_known=n % 6 != 5)

    def _hostel(self) -> None:
        """An honest hostel: its desk tablet registers new arrivals. It is the shop's device, not theirs."""
        for n in range(14):
            self._visit(
                self._moment(20 + n // 2, 15, 5),
                Part.HOSTEL,
                shop=HOSTEL,
                agent="A-1",
                device="desk-tablet",
                role="dealer",
                is_known=n % 3 != 2,
            )

    def _family(self) -> None:
        """An honest family: four people register on one telephone over an afternoon."""
        for n in range(4):
            self._visit(
                self._moment(41, 11, 3),
                Part.FAMILY,
                device="family-phone",
                role="applicant",
                channel=Channel.APP,
                is_known=n != 3,
            )

    def _ring(self) -> None:
        """One device, one shop, the papers of many people. After six lines the first calls are reported; two
        are confirmed. The ring goes on trying: the same device, then a struck document, then another shop."""
        tries = [
            self._visit(
                self._moment(30 + n // 3, 18, 2),
                Part.RING,
                shop=RING_SHOP,
                agent="A-7",
                device="ring-device",
                role="applicant",
                payment=f"ring-card-{n // 6}",
                is_known=n % 4 != 3,
            )
            for n in range(18)
        ]
        for n in range(3):
            self._care(self._day(32, 9, 20 * n), Deed.SUSPEND, tries[n], "scam")
        for n in range(2):
            self._care(self._day(33, 10, 20 * n), Deed.CLOSE, tries[n], "scam-confirmed")
        self._visit(
            self._moment(37, 12, 2),
            Part.RING,
            tries[0].person,
            shop=STATION,
            agent="A-2",
            device="ring-device-2",
        )
        self._reports(tries[4].number, tries[5].number)
        for hours, shop in ((29.0, RING_SHOP), (22.5, HARBOUR), (5.5, RING_SHOP)):
            self._visit(
                self._ago(hours), Part.RING, shop=shop, agent="A-7", device="ring-device", role="applicant"
            )
        # Customers of that shop who have nothing to do with it: a person looks at each.
        for at in (self._moment(42, 12), self._moment(49, 12), self._ago(3.2)):
            self._visit(at, Part.CROWD, shop=RING_SHOP, agent="A-1")

    def _reports(self, quiet: str, loud: str) -> None:
        """Two of the ring's lines lay still for weeks, and now call. Five neighbours with old lines report the first
        at three desks; it is confirmed, and the ring behind it proposed. Of the second three have been heard."""
        shops = (BUSY, STATION, ELECTRONICS, HARBOUR, HOSTEL)
        old = [
            self._visit(self._moment(5 + 2 * n, 11), Part.NEIGHBOUR, shop=shop, agent="A-1")
            for n, shop in enumerate(shops)
        ]
        for called, hours, votes in ((quiet, 40.0, 5), (loud, 9.0, 3)):
            for n in range(votes):
                at = self._ago(hours - 0.7 * n)
                self.steps.append(Care(at, Deed.REPORT, called, "scam_call", old[n].number, n % 3))
        self.steps.append(Care(self._ago(26.5), Deed.CONFIRM, quiet, "reports-agree"))

    def _day(self, day: int, hour: int, minute: int = 0) -> datetime:
        return self.start + timedelta(days=day, hours=hour, minutes=minute)

    def _collectors(self) -> None:
        """Somebody whom the registry knows asks for line after line, up to the cap and past it, and appeals;
        somebody whom it does not know asks for a third line."""
        known, unknown = self._somebody(), self._somebody()
        asked = [
            self._visit(self._moment(28 + 4 * n, 12), Part.COLLECTOR, known, shop=STATION, agent="A-1")
            for n in range(7)
        ]
        self._care(self._ago(20), Deed.APPEAL, asked[-1])
        for at in (self._moment(50, 12), self._moment(54, 12), self._ago(7.8)):
            self._visit(at, Part.COLLECTOR, unknown, shop=ELECTRONICS, agent="A-7", is_known=False)

    def _mishaps(self) -> None:
        """Walks that end early, digits that were changed, customers who think again, lines given back."""
        for n in range(10):
            until = ("create", "document", "code")[n % 3]
            self._visit(
                self._moment(6 * n, 10),
                Part.MISHAP,
                shop=ELECTRONICS,
                agent="A-2",
                is_known=False,
                until=until,
            )
        self._visit(self._ago(1.5), Part.MISHAP, shop=BUSY, agent="A-2", until="document")
        for n in range(5):
            self._visit(self._moment(4 + 11 * n, 10), Part.MISHAP, shop=HARBOUR, agent="A-1", is_forged=True)
            who = self._somebody()
            slip: JsonObject = {"birth_date": (who.birth_date + timedelta(days=30)).isoformat()}
            self._visit(self._moment(9 + 9 * n, 10), Part.MISHAP, who, shop=HARBOUR, agent="A-2", typed=slip)
        for n in range(5):
            visit = self._visit(
                self._moment(8 + 12 * n, 10),
                Part.MISHAP,
                shop=BUSY,
                agent="A-7",
                until=("code", "document")[n % 2],
            )
            self._care(visit.at + timedelta(hours=1), Deed.CANCEL, visit)
        lines = [
            self._visit(self._moment(3 + 5 * n, 10), Part.MISHAP, shop=STATION, agent="A-2") for n in range(7)
        ]
        for n in range(3):
            self._care(lines[n].at + timedelta(days=25 + n), Deed.CLOSE, lines[n], "holder-asked")
        self._care(lines[3].at + timedelta(days=9), Deed.SUSPEND, lines[3], "sim-stolen")
        self._care(lines[3].at + timedelta(days=10), Deed.REINSTATE, lines[3], "holder-proved")
        self._care(self._ago(26), Deed.SUSPEND, lines[4], "sim-stolen")
        self._care(self._ago(8), Deed.RESTRICT, lines[5], "unusual-calls")

    def _doubts(self) -> None:
        """What only a person can settle, all through the season and this morning."""
        moments = [self._moment(day, 12) for day in (7, 16, 25, 39, 47, 52)]
        moments += [self._ago(hours) for hours in (27.2, 24.1, 10.4, 6.1, 2.4, 1.1)]
        for n, at in enumerate(moments):
            who, typed = self._doubt(n)
            shop = self._one((BUSY, STATION, ELECTRONICS))
            self._visit(at, Part.MISHAP, who, shop=shop, agent="A-2", is_known=False, typed=typed)

    def _doubt(self, n: int) -> tuple[InventedPerson, JsonObject | None]:
        """In turn: names in the wrong fields, an initial for a name, somebody under age."""
        who = self._somebody()
        match n % 3:
            case 0:
                return who, {"family_name": who.given_names, "given_names": who.family_name}
            case 1:
                return who, {"given_names": who.given_names[0]}
            case _:
                return self._under_age(who), None

    def _under_age(self, who: InventedPerson) -> InventedPerson:
        today = self.today.date()
        born = date(today.year - 17, 1, 2) + timedelta(days=150 + self.dice.randrange(200))
        return person(
            who.family_name,
            who.given_names,
            born,
            sex=who.sex,
            number=who.document_number,
            personal_number=f"{born:%y%m%d}{self.dice.randrange(10**4):04d}",
            expiry=today + timedelta(days=700),
        )

    def _days(self) -> None:
        """Every night what expired is swept up; every working day's end somebody works through the queue. It
        was last done the day before yesterday's evening, so that this morning some cases wait."""
        for day in range(DAYS + 1):
            self.steps.append(Care(self._day(day, 3, 17), Deed.CHORES))
            evening = self._day(day, 19, 30)
            if evening < self._ago(30):
                self.steps.append(Care(evening, Deed.REVIEW))
