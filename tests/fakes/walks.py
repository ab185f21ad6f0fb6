"""A few busy hours of codes on a real Redis, so that there is a history: people, mistakes, pumping, a sender that is
down, blocks, money that runs out. The clock is turned by hand and no two things happen at the same instant."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from service.audit.workflow import Actor
from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.infra.redis import Redis
from service.kit.clock import ManualClock
from service.kit.errors import Refusal
from service.kit.ids import new_id
from service.limits.model import Gcra, Limit, LimitPolicy, Money, Rule, Stage, Streak, Unverified, Window
from service.limits.workflow import Blocks, Purses
from service.otp import rules
from service.otp.model import Accepted, ChallengeAsked, CodePolicy, Message
from service.otp.ports import SenderUnavailable
from service.otp.workflow import Asker, Codes, Dispatch, Engine, Solution, Tools
from service.otp.workflow.challenge import WorkChallenger
from service.otp.workflow.history import History, StreamJournal
from tests.fakes.otp import Recorder
from tests.fakes.work import solve

HOUR, DAY, MINUTE = 3_600_000_000, 86_400_000_000, 60_000_000
BITS = 8
SHADOW, PRESSURE = Stage.SHADOW, Stage.PRESSURE


def tight(**rules_: Rule | None) -> CodePolicy:
    """A policy under which a few dozen messages reach every limit; ``rules_`` replace or (None) remove some."""
    found: dict[str, Rule | None] = {
        "OTP_SENDS_PER_MSISDN": Rule((Window(3, HOUR),)),
        "OTP_SENDS_PER_CLIENT": Rule((Gcra(MINUTE, 12),), SHADOW),
        "OTP_SENDS_PER_DEALER": Rule((Gcra(MINUTE, 6),)),
        "OTP_SENDS_PER_IP": Rule((Window(4, HOUR),), SHADOW),
        "OTP_SENDS_PER_MSISDN_EVERYWHERE": Rule((Window(9, DAY),)),
        "OTP_NEIGHBOURS_PER_HUNDRED": Rule((Window(3, HOUR),), SHADOW),
        "OTP_UNVERIFIED_PER_BLOCK": Rule((Unverified(9, 100, HOUR),)),
        "OTP_UNVERIFIED_PER_COUNTRY": Rule((Unverified(5, 100, HOUR),), SHADOW),
        "OTP_CHALLENGE_PER_CLIENT": Rule((Unverified(4, 100, HOUR),)),
        "OTP_SEND_ATTEMPTS_PER_CLIENT": Rule((Gcra(5 * MINUTE, 5),), PRESSURE),
        "OTP_CHECKS_PER_CLIENT": Rule((Gcra(6 * MINUTE, 3),)),
        "OTP_WRONG_CODES_PER_MSISDN": Rule((Window(4, DAY), Streak(6))),
        "OTP_SPRAYED_PER_CLIENT": Rule((Gcra(MINUTE, 3),), PRESSURE),
        "OTP_SPRAYED_PER_IP": Rule((Window(2, HOUR),)),
    }
    found |= rules_
    kept = {Limit[name]: rule for name, rule in found.items() if rule is not None}
    money = Money("EUR", 75_000 * 60, 75_000 * 4)
    return replace(rules.seed_policy(), limits=LimitPolicy("tight", kept, money), work_bits=BITS)


class Flaky(Recorder):
    """Takes messages while it is up."""

    is_up = True

    async def send(self, message: Message) -> Accepted:
        if not self.is_up:
            raise SenderUnavailable(self.name, "not-reached")
        return await super().send(message)


@dataclass
class Town:
    """Engine, journal, blocks and purses of one installation, and what happened in it."""

    db: Database
    redis: Redis
    vault: Vault
    clock: ManualClock
    policy: CodePolicy
    operators: list[UUID]
    sender: Flaky = field(default_factory=Flaky)
    clients: list[UUID] = field(default_factory=lambda: [new_id() for _ in range(2)])
    dealer: UUID = field(default_factory=new_id)
    refused: list[str] = field(default_factory=list)
    open: list[tuple[Asker, UUID, str, str]] = field(default_factory=list)
    old: list[tuple[Asker, UUID, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = StreamJournal(self.redis)
        self.blocks = Blocks(self.db, self.redis, self.vault, lambda: self.policy.limits)
        purses = Purses(self.db, self.redis, self.vault, self.blocks, lambda: self.policy.limits)
        challenger = WorkChallenger(self.vault, lambda: self.policy.work_bits)
        dispatch = Dispatch([self.sender], deadline_s=5)
        self.engine = Engine(
            self.redis,
            self.vault,
            Tools(lambda: self.policy, dispatch, journal=self.journal, purses=purses, challenger=challenger),
        )
        self.codes = Codes(self.engine)

    async def send(
        self,
        asker: Asker,
        subject: UUID,
        number: str,
        *,
        solved: Solution | None = None,
        in_shop: bool = False,
    ) -> str:
        """The code; or "" where it was refused or held back."""
        self.clock.advance(timedelta(milliseconds=7))
        before = len(self.sender.messages)
        now = self.clock.now()
        given: dict[str, Any] = {"purpose": "new", "to": "line", "channel": "sms", "language": "en"}
        try:
            await self.codes.send(
                asker=asker,
                registration_id=subject,
                msisdn=number,
                expires_with=now + timedelta(days=1),
                now=now,
                solved=solved,
                in_shop=in_shop,
                **given,
            )
        finally:
            self.clock.advance(timedelta(milliseconds=1))
            await self.journal.flush()
        return self.sender.last_code if len(self.sender.messages) > before else ""

    async def check(self, asker: Asker, subject: UUID, code: str) -> None:
        self.clock.advance(timedelta(milliseconds=7))
        await self.codes.check(
            asker=asker, registration_id=subject, purpose="new", code=code, challenge_id=None
        )

    async def walk(self, steps: int, seed: int) -> None:
        """So many things happen."""
        chance = Random(seed)
        for step in range(steps):
            self.clock.advance(timedelta(seconds=chance.choice([1, 5, 20, 60, 150])))
            self.sender.is_up = chance.random() > 0.08
            try:
                await self._step(chance, step)
            except Refusal as refusal:
                self.refused.append(refusal.code)
        await History(self.db, self.redis).drain()

    async def _step(self, chance: Random, step: int) -> None:
        what = chance.random()
        if what < 0.55 or not self.open:
            await self._ask(chance, step)
        elif what < 0.75:
            asker, subject, _, code = self.open.pop(chance.randrange(len(self.open)))
            self.old.append((asker, subject, "", code))
            await self.check(asker, subject, code)
        elif what < 0.9:
            asker, subject, _, code = chance.choice(self.open)
            await self.check(asker, subject, f"{(int(code) + 1) % 1_000_000:06d}")
        elif what < 0.95:
            # Once more, and then the code of before.
            asker, subject, number, code = chance.choice(self.open)
            await self.send(asker, subject, number)
            await self.check(asker, subject, code)
        elif self.old and what < 0.97:
            asker, subject, _, code = chance.choice(self.old)
            await self.check(asker, subject, code)
        else:
            await self._block(chance)

    async def _ask(self, chance: Random, step: int) -> None:
        operator = chance.choice(self.operators)
        asker = Asker(
            operator,
            "Demo",
            chance.choice(self.clients),
            dealer=chance.choice([None, None, self.dealer]),
            ip=chance.choice([None, "192.0.2.7", f"2001:db8:{step % 5}::1"]),
        )
        number = f"+4915112345{chance.randrange(600, 608)}"
        subject, in_shop = new_id(), chance.random() < 0.3
        try:
            code = await self.send(asker, subject, number, in_shop=in_shop)
        except ChallengeAsked as asked:
            self.refused.append("challenged")
            if chance.random() < 0.1:
                return
            facts: Any = asked.facts["challenge"]
            solved = Solution(facts["token"], solve(facts["token"], BITS))
            code = await self.send(asker, subject, number, solved=solved, in_shop=in_shop)
        if code:
            self.open.append((asker, subject, number, code))

    async def _block(self, chance: Random) -> None:
        operator, actor = chance.choice(self.operators), Actor.system("guard")
        live = await self.blocks.live(operator)
        if live and chance.random() < 0.5:
            await self.blocks.lift(operator, live[0].id, reason="mistake", actor=actor)
            return
        limit, place = chance.choice(
            [(Limit.OTP_BLOCKED_BLOCK, "+491511234"), (Limit.OTP_BLOCKED_MSISDN_EVERYWHERE, None)]
        )
        await self.blocks.set(
            operator,
            limit,
            until=self.clock.now() + timedelta(minutes=chance.choice([1, 5])),
            reason="test",
            actor=actor,
            made_by="guard",
            place=place,
            number=None if place else f"+4915112345{chance.randrange(600, 608)}",
        )
