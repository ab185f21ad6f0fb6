"""Sixty days of an invented operator: honest shops and people, and one ring.

Some 300 registrations go through the real workflow under the seed's clock, in the order in which they would
have come (``cast.py`` is the script). The operator's people review at the day's end, and each night what
expired is swept up. What becomes of a registration is the rules' doing, not the seed's.

An interrupted seed is continued at the next start: the diary keeps the day on which it was begun, from which
the same script follows, and the registrations that are there say how far it came.
"""

import contextlib
import random  # noqa: TID251  a seeded generator: the same people on every machine
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.audit.workflow import Actor
from service.dealers.model import AgentCodeTaken, DealerCodeTaken, LicenceInUse, Quotas
from service.demo.cast import AGENTS, SHOPS, Care, Cast, Deed, Step, Visit
from service.demo.chip import trust_utopia
from service.demo.diary import Diary
from service.demo.hands import Hands
from service.demo.neighbours import Neighbours
from service.demo.traffic import Traffic
from service.events import Event, EventName
from service.kit.errors import Refusal
from service.lines.model import Action
from service.operators.model import Operator
from service.otp.workflow.budgets import Asker
from service.registration import store
from service.registration.model import Opening, Purpose, Registration, State
from service.settings import Settings
from service.staff import store as staff_store
from service.staff.model import LoginTaken, Role
from service.upkeep import Upkeep
from service.web.auth import Principal, Scope

SEED = 20260924
CLIENT = "shop-system"
PEOPLE = (("mara.lind", "Mara Lind", Role.ANALYST), ("jonas.weiss", "Jonas Weiss", Role.SUPERVISOR))
_SCAM = {Deed.SUSPEND: EventName.LINE_SUSPENDED, Deed.CLOSE: EventName.LINE_CLOSED}


async def sow(
    settings: Settings, operator: Operator, diary: Diary, today: datetime, *, footfall: float = 1.0
) -> bool:
    """Play the sixty days that end ``today``, or what is left of them; False where nothing was left to do.

    Without a diary, an operator that has registrations is somebody's own work and is left alone.
    ``footfall`` scales the ordinary customers (for tests).
    """
    begun = diary.read()
    if begun is not None:
        today, is_sown = begun
        if is_sown:
            return False
    cast = Cast(random.Random(SEED), today, footfall)  # noqa: S311  invented people, no secret
    steps = cast.script()
    hands = Hands(settings, operator, cast.start)
    async with hands.services.running():
        if begun is None:
            async with hands.services.db.read(operator.id) as reader:
                if await store.listed(reader, limit=1, before=None):
                    return False
            diary.write(today, is_sown=False)
        season = _Season(hands, steps)
        await season.prepare()
        traffic = Traffic(hands, Asker(operator.id, operator.name, season.caller.client_id), today)
        await season.play(traffic, is_resumed=begun is not None)
        await traffic.until(today)
        await traffic.pump()
    diary.write(today, is_sown=True)
    return True


class _Season:
    def __init__(self, hands: Hands, steps: Sequence[Step]) -> None:
        self.hands = hands
        self.steps = steps
        self.services = hands.services
        self.operator = hands.operator.id
        self.upkeep = Upkeep(hands.services)
        self.analyst = self.supervisor = Actor.cli()
        self.neighbours = Neighbours(hands, lambda: self.supervisor)
        self.caller: Principal

    async def prepare(self) -> None:
        """Shops, agents, people, and the shop system that calls for them; what is there already is kept."""
        await self.upkeep.velocity()
        for shop in SHOPS:
            with contextlib.suppress(DealerCodeTaken, LicenceInUse):
                await self.services.dealers.register(
                    self.operator,
                    code=shop.code,
                    name=shop.name,
                    licence=shop.licence,
                    actor=Actor.cli(),
                    quotas=Quotas(hourly=20, daily=60),
                )
            for agent in AGENTS:
                with contextlib.suppress(AgentCodeTaken):
                    await self.services.dealers.register_agent(
                        self.operator, shop.code, agent, actor=Actor.cli()
                    )
        self.analyst, self.supervisor = [await self._person(*person) for person in PEOPLE]
        await trust_utopia(self.services.authorities, UUID(self.analyst.id), UUID(self.supervisor.id))
        try:
            client = await self.services.operators.client(self.hands.operator, CLIENT)
        except Refusal:
            await self.services.operators.create_key(
                self.hands.operator, CLIENT, [Scope.REGISTRATIONS, Scope.READ]
            )
            client = await self.services.operators.client(self.hands.operator, CLIENT)
        self.caller = self.hands.principal(client.id)
        self.hands.registry.known.update(
            {
                step.person.document_number: step.contact
                for step in self.steps
                if isinstance(step, Visit) and step.is_known
            }
        )

    async def _person(self, login: str, name: str, role: Role) -> Actor:
        with contextlib.suppress(LoginTaken):
            await self.services.staff.add(self.operator, login=login, name=name, role=role, actor=Actor.cli())
        async with self.services.db.read(self.operator) as reader:
            found = await staff_store.by_login(reader, login)
        assert found is not None, "was added above, or before an interruption"
        return Actor.staff(found.id)

    async def play(self, traffic: Traffic, *, is_resumed: bool) -> None:
        """Step after step, in the order of the clock, and other people's codes between them."""
        first = await self._left_off() if is_resumed else 0
        for step in self.steps[first:]:
            await traffic.until(step.at)
            if step.at > self.hands.clock.now():
                self.hands.clock.set(step.at)
            if isinstance(step, Visit):
                await self._register(step)
            else:
                await self._care(step)

    async def _left_off(self) -> int:
        """The step after the newest registration that is there; what its interruption left undone is done."""
        for n in range(len(self.steps) - 1, -1, -1):
            step = self.steps[n]
            if isinstance(step, Visit) and await self._found(step.number):
                self.hands.clock.set(step.at)
                await self._mend()
                return n + 1
        return 0

    async def _mend(self) -> None:
        """Jobs were taken and not done: lines that were never brought up, and lines that risk never heard of."""
        async with self.services.db.read(self.operator) as reader:
            waiting = await store.listed(reader, limit=100, before=None, states=(State.APPROVED,))
        for found in self._of_the_season(waiting):
            await self.services.registrations.activate(self.operator, found.id)
            await self.hands.work()
        async with self.services.db.read(self.operator) as reader:
            newest = await self.services.lines.listed(reader, limit=100)
        for line in newest:
            refs = {"line": line.id.hex, "registration": line.registration_id.hex}
            event = Event(EventName.LINE_ACTIVATED, self.operator, line.holder_since, refs)
            async with self.services.db.write(self.operator) as tx:
                await self.services.risk.follow(tx, event)

    async def _found(self, number: str) -> Registration | None:
        views = await self.services.registrations.listed(
            self.caller, msisdn=number, state=None, before=None, limit=1
        )
        return views[0].registration if views else None

    def _of_the_season(self, found: Sequence[Registration]) -> list[Registration]:
        """Without what somebody enters in the running demo meanwhile, which is of a later time."""
        return [each for each in found if each.created_at <= self.hands.clock.now()]

    async def _register(self, visit: Visit) -> None:
        opening = Opening(
            msisdn=visit.number,
            purpose=Purpose.NEW,
            iccid=visit.iccid,
            channel=visit.channel,
            dealer=visit.shop.code if visit.shop else None,
            agent=visit.agent,
            subscriber=visit.subscriber,
            fingerprint=visit.device,
            device_role=visit.role,
            device_ip=visit.ip,
            payment_token=visit.payment,
        )
        await self.hands.register(
            self.caller, opening, visit.lines, until=visit.until, wrong_codes=visit.wrong_codes
        )

    async def _care(self, care: Care) -> None:
        """A step that is refused is passed over: its line never came about, or it was done before."""
        works = self.services.registrations
        try:
            match care.deed:
                case Deed.CHORES:
                    await works.expire(self.operator)
                    await self.upkeep.retention()
                    await self.upkeep.peers()
                case Deed.REVIEW:
                    await self._review()
                case Deed.REPORT | Deed.CONFIRM:
                    await self.neighbours.care(care)
                case Deed.CANCEL | Deed.APPEAL:
                    found = await self._found(care.number)
                    if found is None:
                        return
                    if care.deed is Deed.CANCEL:
                        await works.cancel(self.caller, found.id)
                    else:
                        await works.appeal(
                            self.caller, found.id, "I need a line for each of my rooms to let."
                        )
                case _:
                    await self._act(care)
        except Refusal:
            pass
        await self.hands.work()

    async def _act(self, care: Care) -> None:
        try:
            await self.services.lines.act(
                self.operator, care.number, Action(care.deed.value), reason=care.reason, actor=self.supervisor
            )
        except Refusal:
            # Done before an interruption, perhaps without its event: risk may hear of it twice.
            found = await self._found(care.number)
            if found is not None and found.state is State.ACTIVE and care.deed in _SCAM:
                refs = {"registration": found.id.hex, "reason": care.reason}
                async with self.services.db.write(self.operator) as tx:
                    await self.services.risk.follow(tx, Event(_SCAM[care.deed], self.operator, care.at, refs))

    async def _review(self) -> None:
        """Work through the queue, oldest first. The reasons decide, as they would for a person: a device whose
        lines scammed is somebody's tool, a shop where others scammed is no fault of its customer."""
        async with self.services.db.read(self.operator) as reader:
            waiting = await store.listed(reader, limit=100, before=None, states=(State.IN_REVIEW,))
        for found in reversed(self._of_the_season(waiting)):
            verdict, reason = _opinion(found)
            try:
                await self.services.registrations.decide_by_person(
                    operator=self.operator,
                    registration_id=found.id,
                    staff=self.analyst,
                    verdict=verdict,
                    reason_code=reason,
                    note=None,
                    expected_version=found.version,
                )
            except Refusal:
                continue
            await self.hands.work()


def _opinion(found: Registration) -> tuple[str, str]:
    """(verdict, reason code) of the operator's analyst."""
    assert found.outcome is not None, "what is in review was decided by the rules"
    told = found.outcome.reasons
    held = {str(fact["name"]) for reason in told for fact in _facts(reason) if _count(fact) > 0}
    rules = {str(reason["rule"]) for reason in told}
    if held & {"scam_on_device", "strikes_on_device", "lines_on_device"}:
        return "denied", "opened-for-others"
    if "under-age" in rules:
        return "denied", "applicant-not-reached"
    if "typed-data-differs" in rules or "document-doubtful" in rules:
        return "approved", "typing-slip"
    if "unproven-per-identity" in rules:
        return "denied", "limit-reached"
    return "approved", "evidence-checked"


def _facts(reason: object) -> list[dict[str, object]]:
    facts = reason.get("facts") if isinstance(reason, dict) else None
    return [fact for fact in facts if isinstance(fact, dict)] if isinstance(facts, list) else []


def _count(fact: dict[str, object]) -> int:
    value = fact.get("value")
    return value if type(value) is int else 0
