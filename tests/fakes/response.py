"""Lines for the response, the events that reports tell, and stand-ins for links and notices that a test may turn."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from service.compose import Services
from service.events import Event, EventName
from service.infra.postgres import Reader
from service.kit.ids import new_id
from service.lines.model import Line
from service.response.model import LineAction, Notice, NotSent, RingAction, Sent
from service.risk.model import HoldingKind
from service.risk.model.links import LinkedLine, Ring
from tests.api.conftest import Api
from tests.fakes.pipeline import Applicant, applicant, work


@dataclass
class TurnableFinder:
    """Says that ``members`` hang on whatever is asked about, each as strongly as it says."""

    members: dict[UUID, int] = field(default_factory=dict)

    async def ring(self, reader: Reader, registration_id: UUID, policy: Any, now: datetime) -> Ring | None:
        if not self.members:
            return None
        found = {registration_id: 1000, **self.members}
        lines = tuple(
            LinkedLine(each, None, "live", now, int(each != registration_id), strength, (HoldingKind.DEVICE,))
            for each, strength in found.items()
        )
        digest = hashlib.sha256(b"".join(sorted(each.bytes for each in found))).hexdigest()
        return Ring(registration_id, lines, 800, digest)


@dataclass
class TurnableNotices:
    says: Sent | NotSent = field(default_factory=Sent)
    sent: list[Notice] = field(default_factory=list)

    async def send(self, notice: Notice) -> Sent | NotSent:
        self.sent.append(notice)
        return self.says


@dataclass
class Town:
    """Lines by the real pipeline, and what is told about them."""

    api: Api
    services: Services

    async def live(self, turn: int, **changes: Any) -> Applicant:
        one = applicant(self.api, turn)
        decided = await one.decided(**changes)
        assert decided["state"] == "approved", decided
        await work(self.services)
        return one

    async def line(self, one: Applicant) -> Line:
        async with self.services.db.read(self.api.operator) as reader:
            found = await self.services.lines.of_registration(reader, one.uuid)
        assert found is not None
        return found

    async def tell(
        self,
        name: EventName,
        one: Applicant,
        report: UUID,
        at: datetime | None = None,
        topic: str = "conduct",
    ) -> None:
        """As the worker would on the event; then what follows from it."""
        line = await self.line(one)
        refs = {"report": report.hex, "topic": topic, "line": line.id.hex, "registration": one.uuid.hex}
        event = Event(name, self.api.operator, at or self.services.clock.now(), refs)
        await self.services.response.following.follow(event)
        await work(self.services)

    async def corroborated(self, one: Applicant, report: UUID | None = None) -> UUID:
        report = report or new_id()
        await self.tell(EventName.REPORT_CORROBORATED, one, report)
        return report

    async def confirmed(self, one: Applicant, report: UUID | None = None) -> UUID:
        report = report or new_id()
        await self.tell(EventName.REPORT_CONFIRMED, one, report)
        return report

    async def due(self) -> None:
        await self.services.response.telling.due(self.api.operator)
        await work(self.services)

    async def ledger(self, one: Applicant) -> list[LineAction]:
        line = await self.line(one)
        async with self.services.db.read(self.api.operator) as reader:
            return await self.services.response.actions.ledger(reader, line.id)

    async def steps(self, one: Applicant) -> list[tuple[str, str]]:
        return [(each.step.value, each.state.value) for each in await self.ledger(one)]

    async def state(self, one: Applicant) -> tuple[str, tuple[str, ...]]:
        line = await self.line(one)
        return line.state.value, line.reasons

    async def ring(self, report: UUID) -> RingAction:
        from service.response.store import rings

        async with self.services.db.read(self.api.operator) as reader:
            found = await rings.by_report(reader, report)
        assert found is not None
        return found

    async def strikes(self, one: Applicant) -> set[tuple[str, str]]:
        """(kind, kind of source) of the strikes that hold."""
        async with self.services.db.read(self.api.operator) as reader:
            found = await self.services.risk.strikes(reader, one.uuid)
        return {(kind, source) for kind, source, _, _ in found}
