"""Hands that play the demo: they use the same verbs as the API, with the seed's clock and a quiet sender."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from procrastinate.jobs import Job

from service.compose import Instead, Services, build
from service.documents.model import DocumentFacts, MrzSubmission, Phone, Phones, RegistryAnswer, RegistryReply
from service.events import EventName
from service.infra.jobs import Handler, event_of
from service.kit.clock import ManualClock
from service.kit.errors import Refusal
from service.operators.model import Operator
from service.otp.model import Accepted, Channel, Message
from service.registration.model import Opening, Registration, Target
from service.reports import jobs as report_jobs
from service.response import jobs as response_jobs
from service.response.model import NoticeKind
from service.risk import jobs as risk_jobs
from service.settings import Settings
from service.web.auth import Principal, Scope


class LastMessage:
    """A sender that keeps the newest text for each number, for the hand that is about to type the code."""

    name = "demo"
    channels = frozenset({Channel.SMS, Channel.VOICE})

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def send(self, message: Message) -> Accepted:
        self.texts[message.number] = message.text
        return Accepted(self.name)

    def code(self, number: str) -> str:
        words = self.texts[number].replace(".", " ").replace(":", " ").split()
        return next(word for word in words if len(word) == 6 and word.isdigit())


class DemoRegistry:
    """A registry that knows the invented documents that it was told of, each with its holder's contact number; of
    others it does not say."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    async def look_up(self, document: DocumentFacts, phones: Phones) -> RegistryReply:
        contact = self.known.get(document.number)
        if contact is None:
            return RegistryReply(RegistryAnswer.NOT_AVAILABLE)
        on_record = frozenset({Phone.CONTACT}) if phones.contact == contact else frozenset[Phone]()
        return RegistryReply(RegistryAnswer.YES, on_record)


class Hands:
    """One operator's shops and customers at work. Jobs are not left to the worker, whose clock is today's: they
    are done here, right after the transaction that asked for them."""

    def __init__(self, settings: Settings, operator: Operator, start: datetime) -> None:
        self.clock = ManualClock(start)
        self.sender = LastMessage()
        self.registry = DemoRegistry()
        self._asked: list[Job] = []
        instead = Instead(senders=[self.sender], registry=self.registry, deliver=self._take)
        self.services: Services = build(settings, self.clock, instead)
        self.operator = operator
        self._handlers: dict[EventName, list[Handler]] = {}
        for told in (
            risk_jobs.subscriptions(
                self.services.risk, self.services.db, lambda: self.services.policies.current.risk
            ),
            report_jobs.subscriptions(self.services.reports),
            response_jobs.subscriptions(self.services.response),
        ):
            for name, handler in told.items():
                self._handlers.setdefault(name, []).append(handler)
        self._tasks: dict[str, Callable[..., Awaitable[None]]] = {
            "event:dispatch": self._dispatch,
            "registration:activate": self._activate,
            "lines:apply": self._apply,
            "response:notice": self._notice,
        }

    async def _take(self, _: "psycopg.AsyncConnection[Any]", jobs: Sequence[Job]) -> None:
        self._asked.extend(jobs)

    async def work(self) -> None:
        """Do the jobs that were asked for, and those that they ask for."""
        while self._asked:
            job = self._asked.pop(0)
            await self._tasks[job.task_name](**job.task_kwargs)

    async def _dispatch(self, **told: str) -> None:
        event = event_of(**told)
        for handler in self._handlers.get(event.name, ()):
            await handler(event)

    async def _activate(self, *, operator: str, registration: str, attempt: int) -> None:
        await self.services.registrations.activate(UUID(operator), UUID(registration), attempt)

    async def _apply(self, *, operator: str, line: str, version: int, attempt: int) -> None:
        await self.services.lines.apply(UUID(operator), UUID(line), version, attempt)

    async def _notice(self, *, operator: str, action: str, notice: str, attempt: int) -> None:
        await self.services.response.telling.notify(UUID(operator), UUID(action), NoticeKind(notice), attempt)

    async def _prove_contact(self, caller: Principal, registration_id: UUID, contact: object) -> None:
        """A code to the number that the registry has on its record, where one was named."""
        if not isinstance(contact, str):
            return
        works = self.services.registrations
        self.clock.advance(timedelta(seconds=10))
        await works.send_code(caller, registration_id, Target.CONTACT)
        self.clock.advance(timedelta(seconds=15))
        await works.check_code(caller, registration_id, self.sender.code(contact))

    def principal(self, client_id: UUID, dealer_id: UUID | None = None) -> Principal:
        scopes = frozenset({Scope.REGISTRATIONS, Scope.READ})
        return Principal(self.operator.id, self.operator.name, client_id, "seed", scopes, dealer_id)

    async def register(
        self,
        caller: Principal,
        opening: Opening,
        lines: tuple[str, ...],
        *,
        until: str = "submit",
        wrong_codes: int = 0,
    ) -> Registration | None:
        """Walk one registration as far as ``until`` (create, document, code, submit); None where it was refused."""
        works = self.services.registrations
        try:
            view = await works.create(caller, opening)
            found = view.registration
            if until == "create":
                return found
            self.clock.advance(timedelta(seconds=40))
            await works.add_document(caller, found.id, MrzSubmission(lines))
            if until == "document":
                return found
            self.clock.advance(timedelta(seconds=25))
            await works.send_code(caller, found.id, Target.LINE)
            self.clock.advance(timedelta(seconds=20))
            code = self.sender.code(opening.msisdn)
            for _ in range(wrong_codes):
                try:
                    await works.check_code(caller, found.id, "000000" if code != "000000" else "000001")
                except Refusal:
                    self.clock.advance(timedelta(seconds=9))
            await works.check_code(caller, found.id, code)
            if until == "code":
                return found
            await self._prove_contact(caller, found.id, (opening.subscriber or {}).get("contact_msisdn"))
            self.clock.advance(timedelta(seconds=15))
            found = (await works.submit(caller, found.id)).registration
            await self.work()
        except Refusal:
            await self.work()
            return None
        return found
