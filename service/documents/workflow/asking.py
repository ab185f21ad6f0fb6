"""Ask those who know what no document says about itself: all at once, under one deadline, of a sound document alone."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from service.documents.model import Answers, Asked, DocumentFacts, Phones, RegistryAnswer, RegistryReply
from service.documents.ports import Deaths, LostStolen, NullDeaths, NullLostStolen, NullRegistry, Registry
from service.infra.telemetry import AUTHORITIES

DEADLINE_S: Final = 5.0
"""Of all of them together. Who has not answered by then is not available; the applicant stands at a counter."""

NOT_LISTED_FOR: Final = timedelta(minutes=1)
NOT_DEAD_FOR: Final = timedelta(minutes=10)
MOST: Final = 4096
"""Answers that each memory keeps, the newest."""

_NOT_AVAILABLE: Final = RegistryAnswer.NOT_AVAILABLE
_GONE: Final = RegistryReply(_NOT_AVAILABLE)
_Answer = TypeVar("_Answer", RegistryReply, RegistryAnswer)


class Noes:
    """A memory of noes: of this process, bounded, short, and under a keyed hash whose key dies with the process.

    A no is what almost everybody gets, and a burst on one document asks for it again and again. A yes is never
    remembered: it turns somebody away, and is to be over as soon as the list says so.
    """

    def __init__(self, life: timedelta, most: int = MOST) -> None:
        self._life = life
        self._most = most
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, datetime] = OrderedDict()

    async def ask(
        self, question: tuple[str, ...], now: datetime, ask: Callable[[], Awaitable[RegistryAnswer]]
    ) -> RegistryAnswer:
        """The no that was said of ``question`` within the life of this memory, else what ``ask`` brings."""
        name = hashlib.blake2b(repr(question).encode(), key=self._key, digest_size=16).digest()
        since = self._kept.get(name)
        if since is not None and since <= now < since + self._life:
            return RegistryAnswer.NO
        self._kept.pop(name, None)
        answer = await ask()
        if answer is RegistryAnswer.NO:
            self._kept[name] = now
            self._kept.move_to_end(name)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return answer

    def __len__(self) -> int:
        return len(self._kept)


class Enquiries:
    """The registry, the list of lost and stolen documents, the register of deaths."""

    def __init__(
        self,
        registry: Registry | None = None,
        lost_stolen: LostStolen | None = None,
        deaths: Deaths | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._registry = registry or NullRegistry()
        self._lost_stolen = lost_stolen or NullLostStolen()
        self._deaths = deaths or NullDeaths()
        self._deadline_s = deadline_s
        self._not_listed = Noes(NOT_LISTED_FOR)
        self._not_dead = Noes(NOT_DEAD_FOR)

    async def ask(
        self, document: DocumentFacts, phones: Phones, now: datetime, before: Asked | None = None
    ) -> Asked:
        """The answers about ``document`` and the person on it. No transaction may be open.

        ``before``: what this request asked already. The same document is not asked about again, and the registry alone
        hears of other numbers.
        """
        known = before.answers if before is not None and before.document == document else Answers()
        if before is not None and before.phones != phones:
            known = replace(known, registry=None)
        registry = listed = dead = None
        if known.registry is None:
            registry = asyncio.create_task(self._registry_says(document, phones))
        if known.lost_stolen is None:
            listed = asyncio.create_task(self._list_says(document, now))
        if known.death is None and names_somebody(document):
            dead = asyncio.create_task(self._deaths_say(document, now))
        tasks = [task for task in (registry, listed, dead) if task is not None]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self._deadline_s)
            answers = Answers(
                known.registry if registry is None else _said("registry", registry, _GONE),
                known.lost_stolen if listed is None else _said("lost_stolen", listed, _NOT_AVAILABLE),
                known.death if dead is None else _said("death", dead, _NOT_AVAILABLE),
            )
        finally:
            for task in tasks:
                task.cancel()
        return Asked(document, phones, answers)

    async def _registry_says(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        reply = await self._registry.look_up(document, phones)
        if reply.answer is not RegistryAnswer.YES:
            return RegistryReply(reply.answer)
        return replace(reply, phones=reply.phones & phones.named)

    async def _list_says(self, document: DocumentFacts, now: datetime) -> RegistryAnswer:
        question = (document.type.value, document.issuing_state, document.number)
        return await self._not_listed.ask(question, now, lambda: self._lost_stolen.look_up(document))

    async def _deaths_say(self, document: DocumentFacts, now: datetime) -> RegistryAnswer:
        born = document.birth.iso if document.birth else ""
        question = (
            document.issuing_state,
            document.primary,
            document.secondary,
            str(born),
            document.nationality,
            document.personal_number or "",
        )
        return await self._not_dead.ask(question, now, lambda: self._deaths.look_up(document))


def _said(who: str, task: asyncio.Task[_Answer], late: _Answer) -> _Answer:
    answer = task.result() if task.done() else late
    word = answer.answer if isinstance(answer, RegistryReply) else answer
    AUTHORITIES.labels(who, word.value).inc()
    return answer


def names_somebody(document: DocumentFacts) -> bool:
    """Whether a register of people can find anybody by it: a personal number, or a name with a birth date."""
    return bool(document.personal_number or (document.primary and document.birth))
