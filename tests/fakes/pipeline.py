"""An applicant at the API, and in-process stand-ins of the outside world that a test may turn."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from service import worker
from service.compose import Services
from service.documents.model import DocumentFacts, Phones, RegistryAnswer, RegistryReply
from service.kit.luhn import digit
from service.kit.people import InventedPerson, invent
from service.lines.model import (
    ActivationOrder,
    ConditionsOrder,
    Done,
    Outcome,
    Readiness,
    SimOrder,
    Stock,
    StockAnswer,
)

if TYPE_CHECKING:
    from tests.api.conftest import Api

TODAY = date(2026, 11, 23)
PATH = "/v1/registrations"


def somebody(seed: int = 1, **changes: Any) -> InventedPerson:
    """Always the same person for the same seed, of age, with a sound passport of Utopia."""
    return replace(invent(Random(seed), TODAY), **changes)


def number(turn: int) -> str:
    """A German mobile number, another for each turn (1 to 9999)."""
    return f"+4915112{340000 + turn}"


def card(turn: int) -> str:
    """A SIM card, another for each turn (1 to 999)."""
    body = f"894902000012345{turn:03d}"
    return body + digit(body)


@dataclass
class TurnableRegistry:
    """Says the same of every document; starts with yes. It has every number on its record that it is asked about, so
    that a code from one of them makes the proof ``confirmed``."""

    says: RegistryAnswer = RegistryAnswer.YES
    knows_numbers: bool = True
    asked: list[DocumentFacts] = field(default_factory=list)
    phones: list[Phones] = field(default_factory=list)

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        self.asked.append(document)
        self.phones.append(phones)
        return RegistryReply(self.says, phones.named if self.knows_numbers else frozenset())


@dataclass
class TurnableList:
    """A list of lost documents, or a register of deaths: says the same of everything and everybody."""

    says: RegistryAnswer = RegistryAnswer.NO
    asked: list[DocumentFacts] = field(default_factory=list)

    async def look_up(self, document: DocumentFacts) -> RegistryAnswer:
        self.asked.append(document)
        return self.says


@dataclass
class TurnableProvisioner:
    """Remembers its orders. ``outcome`` is what it says of an activation."""

    can_receive: bool = True
    outcome: Outcome = field(default_factory=Done)
    activated: list[ActivationOrder] = field(default_factory=list)
    applied: list[ConditionsOrder] = field(default_factory=list)
    changed: list[SimOrder] = field(default_factory=list)
    before_change: Callable[[], Awaitable[None]] | None = None
    """What happens while the network changes a card, once."""

    async def prepare(self, order: ActivationOrder) -> Readiness:
        return Readiness(can_receive=self.can_receive)

    async def activate(self, order: ActivationOrder) -> Outcome:
        self.activated.append(order)
        return self.outcome

    async def apply(self, order: ConditionsOrder) -> Outcome:
        self.applied.append(order)
        return Done()

    async def change_sim(self, order: SimOrder) -> Outcome:
        self.changed.append(order)
        happens, self.before_change = self.before_change, None
        if happens is not None:
            await happens()
        return self.outcome


FREE = Stock(ours=True, allotted=True, unused=True)


@dataclass
class TurnableInventory:
    number: Stock = FREE
    sim: Stock = FREE
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    async def check(self, msisdn: str, iccid: str | None, dealer_code: str | None) -> StockAnswer:
        self.asked.append((msisdn, iccid, dealer_code))
        return StockAnswer(self.number, None if iccid is None else self.sim)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document, once status, code and form are as the contract says."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body["status"] == status
    assert body["title"]
    assert body["type"].endswith(f"/{code}")
    return body


async def work(services: Services) -> None:
    """Run every job that is due, and those that they defer, as the worker would."""
    app = worker.jobs(services, services.settings)
    async with app.open_async():
        await app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
        )


@dataclass
class Applicant:
    """One registration and the person behind it. Each step answers what the API answered, checked for success."""

    api: "Api"
    person: InventedPerson
    msisdn: str
    id: str = ""
    contact: str = ""
    """The contact number that was typed."""

    @property
    def path(self) -> str:
        return f"{PATH}/{self.id}"

    @property
    def uuid(self) -> UUID:
        return UUID(self.id.removeprefix("reg_"))

    def body(self, **changes: Any) -> dict[str, Any]:
        named = {"contact_msisdn": f"+49160{self.msisdn[-7:]}"} if self.api.has_registry else {}
        subscriber = changes.pop("subscriber", {**self.person.subscriber(), **named})
        self.contact = subscriber.get("contact_msisdn", "") if isinstance(subscriber, dict) else ""
        body = {"msisdn": self.msisdn, "purpose": "new", "subscriber": subscriber, **changes}
        return {name: value for name, value in body.items() if value is not None}

    async def open(self, **changes: Any) -> dict[str, Any]:
        made = await self._ok(201, self.api.post(PATH, self.body(**changes)))
        self.id = made["id"]
        return made

    async def show(self, *, lines: tuple[str, ...] | None = None) -> dict[str, Any]:
        paper = {"kind": "mrz", "lines": list(lines or self.person.lines)}
        return await self._ok(201, self.api.post(f"{self.path}/documents", paper))

    async def send(self, to: str = "line") -> dict[str, Any]:
        return await self._ok(202, self.api.post(f"{self.path}/otp", {"to": to}))

    async def answer(self, reached: str | None = None) -> dict[str, Any]:
        code = await self.api.code(reached or self.msisdn)
        return await self._ok(200, self.api.post(f"{self.path}/otp/check", {"code": code}))

    async def submit(self) -> dict[str, Any]:
        return await self._ok(200, self.api.post(f"{self.path}/submit"))

    async def get(self) -> dict[str, Any]:
        return await self._ok(200, self.api.get(self.path))

    async def ready(self, **changes: Any) -> "Applicant":
        """Everything but the submit; with a code from the contact where the registry has it on its record."""
        await self.open(**changes)
        shown = await self.show()
        await self.send()
        await self.answer()
        if is_on_record(shown):
            await self.prove()
        return self

    async def prove(self) -> None:
        """A code from the contact."""
        await self.send("contact")
        await self.answer(self.contact)

    async def decided(self, **changes: Any) -> dict[str, Any]:
        await self.ready(**changes)
        return await self.submit()

    @staticmethod
    async def _ok(status: int, call: Any) -> dict[str, Any]:
        answer = await call
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


def is_on_record(document: dict[str, Any]) -> bool:
    """Whether the registry has the contact number of a shown document on its record; with scope ``evidence`` alone."""
    found = {check["id"]: check["detail"] for check in document.get("checks", ())}
    return "contact number is on its record" in found.get("registry.possession", "")


def applicant(api: "Api", turn: int = 1, *, person: InventedPerson | None = None) -> Applicant:
    """Somebody with a number of their own; the same person under several numbers with ``person``."""
    return Applicant(api, person or somebody(turn), number(turn))
