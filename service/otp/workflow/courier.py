"""The one way to hand a message without a code to somebody.

It is charged to the day's money of the operator whose holder is told, and to no other budget: a limit or a block on
codes never stops a notice, nor does the holder's own wish for no codes. Whoever sends one says how often it may be.

A row is written before anything is sent, so that no notice is lost with a process, nor where money or a sender is
missing. One that had to wait is an event when it leaves, for whoever counts from it. Where the process dies between the
gateway's answer and the row, a message may be sent again.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from service.audit.workflow import Actor, record
from service.events import Event, EventName
from service.infra.crypto import SubjectKey
from service.infra.jobs import emit
from service.infra.postgres import Database, Reader, Tx
from service.infra.telemetry import NOTICES
from service.kit.errors import Unavailable
from service.kit.ids import new_id, wire
from service.kit.msisdn import Msisdn
from service.limits.workflow import Paid
from service.otp import rules, store
from service.otp.model import Channel, CodePolicy, Handed, Message, Notice, NoticeKind, Told
from service.otp.workflow.dispatch import Dispatch, NotSent, Withheld
from service.subscribers.model import Erased
from service.subscribers.workflow import Subscribers

LEASE = timedelta(minutes=2)
"""Longer than every sender takes; who died meanwhile holds nothing up for longer."""

KEPT = timedelta(days=400)
"""How long it is known that somebody was told."""

ACTOR = Actor.system("notices")
_OBJECTS = {NoticeKind.CARD_ASKED: "reg", NoticeKind.NEW_LINE: "line", NoticeKind.STEP: "act"}

log = structlog.get_logger(__name__)


class Money(Protocol):
    """The part of the day's money (``limits.workflow.Purses``) that messages without a code are paid from."""

    async def pay(self, operator: UUID, price: int) -> Paid | None: ...

    async def give_back(self, paid: Paid) -> None: ...


class Courier:
    """Hands notices over, once each."""

    def __init__(
        self,
        db: Database,
        subscribers: Subscribers,
        dispatch: Dispatch,
        money: Money,
        policy: Callable[[], CodePolicy],
    ) -> None:
        self._db, self._subscribers, self._dispatch = db, subscribers, dispatch
        self._money, self._policy = money, policy

    async def hand(self, notice: Notice, words: Callable[[str], str]) -> Handed:
        """Hand a notice to the first sender that takes it; ``words`` are its text in a language, which is that of the
        number's country. Called with no transaction open, as often as one likes: what was sent is not sent again."""
        number = Msisdn.parse(notice.number)
        text, notice_id = words(rules.spoken_in(number.region)), rules.name_of(notice)
        async with self._db.write(notice.operator) as tx:
            try:
                key = await self._subscribers.key(tx, notice.subject)
            except Erased:
                return Handed.ERASED
            sealed = key.seal("notice", notice_id, {"number": number.value, "text": text})
            found = await store.claim(tx, notice, notice_id, sealed, tx.now + LEASE)
        if isinstance(found, Handed):
            return found
        return await self._carry(notice.operator, found, number, text, is_kept=notice.is_kept)

    async def again(self, operator: UUID) -> int:
        """Try once more what is due; how many were. A chore of the clock, in as many workers as there are."""
        many = 0
        while (found := await self._due(operator)) is not None:
            waiting, key = found
            many += 1
            if key is None:
                await self._settle(operator, waiting, Handed.ERASED, is_kept=False)
                continue
            content = key.open("notice", waiting.id, waiting.sealed)
            number = Msisdn.parse(str(content["number"]))
            await self._carry(operator, waiting, number, str(content["text"]), is_kept=True)
        return many

    async def purge(self, operator: UUID) -> None:
        """Forget what is long over."""
        async with self._db.write(operator) as tx:
            await store.purge_notices(tx, tx.now - KEPT)

    async def _due(self, operator: UUID) -> tuple[store.Waiting, SubjectKey | None] | None:
        async with self._db.write(operator) as tx:
            waiting = await store.claim_due(tx, tx.now + LEASE)
            if waiting is None:
                return None
            try:
                return waiting, await self._subscribers.key(tx, waiting.subject)
            except Erased:
                return waiting, None

    async def _carry(
        self, operator: UUID, waiting: store.Waiting, number: Msisdn, text: str, *, is_kept: bool
    ) -> Handed:
        outcome = await self._sent(operator, waiting.kind, number, text)
        await self._settle(operator, waiting, outcome, is_kept=is_kept)
        return outcome

    async def _sent(self, operator: UUID, kind: NoticeKind, number: Msisdn, text: str) -> Handed:
        """One try, paid for beforehand; what certainly never left is paid back."""
        policy, now = self._policy(), self._db.clock.now()
        senders = rules.route(policy.routes, self._dispatch.senders, number.region, Channel.SMS)
        language = rules.spoken_in(number.region)
        message = Message(new_id(), number.value, Channel.SMS, language, text, now, now + kind.worth)
        try:
            paid = await self._money.pay(operator, rules.price_of(text, number.region, policy.prices))
            if paid is None:
                return Handed.MONEY
            try:
                await self._dispatch.deliver(message, number, senders)
            except (Withheld, NotSent) as failed:
                if isinstance(failed, NotSent) and not failed.is_certain:
                    return Handed.UNCERTAIN
                await self._money.give_back(paid)
                return Handed.WITHHELD if isinstance(failed, Withheld) else Handed.SENDER
        except Unavailable:
            return Handed.SENDER
        return Handed.SENT

    async def _settle(
        self, operator: UUID, waiting: store.Waiting, outcome: Handed, *, is_kept: bool
    ) -> None:
        NOTICES.labels(waiting.kind.value, outcome.value).inc()
        async with self._db.write(operator) as tx:
            due = rules.next_try(waiting.kind, outcome, waiting.tries, waiting.made_at, tx.now)
            due = due if is_kept else None
            store.settle(tx, waiting.id, outcome, due)
            if due is None or waiting.tries == 1:
                self._recorded(tx, waiting, outcome, waits=due is not None)
            if outcome is Handed.SENT and waiting.tries > 1:
                refs = {"kind": waiting.kind.value, "about": waiting.about.hex, "way": waiting.way}
                emit(tx, Event(EventName.NOTICE_SENT, operator, tx.now, refs))

    @staticmethod
    def _recorded(tx: Tx, waiting: store.Waiting, outcome: Handed, *, waits: bool) -> None:
        """The first try that came to nothing, and the end."""
        is_sent = outcome is Handed.SENT
        record(
            tx,
            actor=ACTOR,
            action="notice.sent" if is_sent else "notice.kept" if waits else "notice.failed",
            object=wire(_OBJECTS[waiting.kind], waiting.about),
            reason=None if is_sent else outcome.value,
            facts={"kind": waiting.kind.value, "way": waiting.way},
        )


def drop(tx: Tx, kind: NoticeKind, about: UUID, *, but: str) -> None:
    """What waits about something is no longer so, ``but`` for the way that says this. A message that is being handed
    over at this moment still goes."""
    store.drop(tx, kind, about, but)


async def told(reader: Reader, span: timedelta) -> "list[Told]":
    """What waits, and what was never sent in the last ``span``, for staff."""
    return list(await store.told(reader, reader.now - span))
