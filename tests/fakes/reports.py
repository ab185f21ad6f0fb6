"""A town of people with lines who report: each proves the number first, unless a test wants otherwise."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from service.compose import Services
from service.kit.clock import ManualClock
from service.kit.ids import new_id
from service.lines.model import Line
from service.reports.model import Report, Vote
from tests.fakes.lines import House
from tests.fakes.pipeline import number, work

if TYPE_CHECKING:
    from tests.api.conftest import Api

PATH = "/v1/reports"
SCAMMER = number(9000)
MONTH = timedelta(days=31)


@dataclass
class Town:
    """``clients`` file in turn, so that no two votes in a row are one client's."""

    services: Services
    clock: ManualClock
    clients: list["Api"]
    lines: dict[str, Line] = field(default_factory=dict)
    proofs: dict[tuple[str, str], tuple[datetime, str]] = field(default_factory=dict)

    @property
    def operator(self) -> UUID:
        return self.clients[0].operator

    async def settle(self, *numbers: str, operator: UUID | None = None) -> list[Line]:
        """Open a line for each number."""
        s = self.services
        house = House(s.db, operator or self.operator, s.lines, s.subscribers)
        found = [await house.open(each, None) for each in numbers]
        self.lines.update(zip(numbers, found, strict=True))
        return found

    async def old_lines(self, *numbers: str) -> list[Line]:
        """The same, a month ago."""
        found = await self.settle(*numbers)
        self.clock.advance(MONTH)
        return found

    async def proof(self, msisdn: str, client: "Api") -> str:
        """A verification of the number, not older than 25 minutes."""
        kept = self.proofs.get((msisdn, client.key))
        if kept is not None and self.clock.now() - kept[0] < timedelta(minutes=25):
            return kept[1]
        sent = await client.post("/v1/verifications", {"to": msisdn})
        assert sent.status_code == 202, sent.text
        id_: str = sent.json()["id"]
        code = await client.code(msisdn)
        right = await client.post(f"/v1/verifications/{id_}/check", {"code": code})
        assert right.status_code == 200, right.text
        self.proofs[msisdn, client.key] = self.clock.now(), id_
        return id_

    async def report(
        self, by: str | None, *, reported: str = SCAMMER, client: "Api | None" = None, **more: Any
    ) -> str:
        """File one; its id on the wire."""
        if client is None:
            client = self.clients[0]
            self.clients.append(self.clients.pop(0))
        body = {"reported": reported, "kind": "scam_call", **more}
        if by is not None:
            body["reporter"] = {"msisdn": by, "verification": await self.proof(by, client)}
        answer = await client.post(PATH, body)
        assert (answer.status_code, answer.json().get("state")) == (202, "filed"), answer.text
        found: str = answer.json()["id"]
        return found

    async def work(self) -> None:
        await work(self.services)

    async def state(self, report: str, client: "Api | None" = None) -> str:
        answer = await (client or self.clients[0]).get(f"{PATH}/{report}")
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["state"]
        return found

    async def reports(self, operator: UUID | None = None) -> list[Report]:
        """The newest first."""
        async with self.services.db.read(operator or self.operator) as reader:
            return await self.services.reports.listed(reader, limit=100)

    async def votes(self, report: Report) -> list[Vote]:
        """The oldest first."""
        async with self.services.db.read(report.operator_id) as reader:
            found = await self.services.reports.votes(reader, report)
        return sorted(found, key=lambda each: (each.filed_at, each.id))

    async def hang_on(self, line: Line, kind: str, idx: bytes) -> None:
        """Let a line hold something, as the register of risk writes it."""
        async with self.services.db.write(line.operator_id) as tx:
            await tx.run(
                sa.text(
                    "INSERT INTO holding (operator_id, id, registration_id, kind, idx, evidence, state, opened_at)"
                    " VALUES (:op, :id, :registration, :kind, :idx, 'full', 'live', :now)"
                ),
                {
                    "op": line.operator_id,
                    "id": new_id(),
                    "registration": line.registration_id,
                    "kind": kind,
                    "idx": idx,
                    "now": tx.now,
                },
            )
