"""A house of lines: makes the registrations that lines come from, and reads what a line's verbs asked for."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.audit.workflow import Actor
from service.infra.jobs import event_of
from service.infra.postgres import Database, Tx
from service.kit.ids import new_id
from service.lines.model import Action, Line, NewLine
from service.lines.workflow import Lines
from service.subscribers.workflow import Subscribers

NUMBER, OTHER_NUMBER = "+4915198765432", "+4915198765433"
CARD, OTHER_CARD = "8949020000012345675", "8949020000012345683"
ACTOR = Actor.system("test")

_REGISTRATION = sa.table(
    "registration",
    *map(
        sa.column,
        ("operator_id", "id", "client_id", "subscriber_id", "state", "purpose", "channel", "plan", "form"),
    ),
    *map(sa.column, ("msisdn_idx", "sealed", "can_receive", "documents", "codes", "patches")),
    *map(sa.column, ("created_at", "expires_at", "version")),
)


class House:
    """Makes the registrations that lines come from."""

    def __init__(self, db: Database, operator: UUID, lines: Lines, subscribers: Subscribers) -> None:
        self.db = db
        self.operator = operator
        self.lines = lines
        self.subscribers = subscribers

    async def registration(self, tx: Tx, registration: UUID, subscriber: UUID) -> None:
        """A row to refer to; nothing of it is read here."""
        await tx.run(
            sa.text(
                "INSERT INTO client (operator_id, id, name, created_at) VALUES (:op, :op, 'till', :now)"
                " ON CONFLICT DO NOTHING"
            ),
            {"op": self.operator, "now": tx.now},
        )
        await tx.run(
            sa.insert(_REGISTRATION).values(
                operator_id=self.operator,
                id=registration,
                client_id=self.operator,
                subscriber_id=subscriber,
                state="active",
                purpose="new",
                channel="shop",
                plan="prepaid",
                form="sim",
                msisdn_idx=registration.bytes,
                sealed=b"",
                can_receive=True,
                documents=sa.text("'[]'::jsonb"),
                codes=sa.text("'[]'::jsonb"),
                patches=0,
                created_at=tx.now,
                expires_at=tx.now,
                version=1,
            )
        )

    async def open(self, number: str = NUMBER, card: str | None = CARD, **facts: Any) -> Line:
        registration, subscriber = new_id(), new_id()
        async with self.db.write(self.operator) as tx:
            key = self.subscribers.add(tx, subscriber, {"family_name": "JANSEN"})
            await self.registration(tx, registration, subscriber)
        async with self.db.write(self.operator) as tx:
            new = NewLine(
                registration_id=registration,
                subscriber_id=subscriber,
                msisdn=number,
                iccid=card,
                country="DE",
                assurance="basic",
                **facts,
            )
            return await self.lines.open(tx, new, key, ACTOR)

    async def act(self, action: Action, number: str = NUMBER, **more: Any) -> Line:
        return await self.lines.act(self.operator, number, action, actor=ACTOR, **{"reason": "scam", **more})

    async def jobs(self, task: str) -> list[dict[str, Any]]:
        async with self.db.read(None) as reader:
            rows = await reader.all(
                sa.text(
                    "SELECT args, scheduled_at FROM procrastinate_jobs WHERE task_name = :task ORDER BY id"
                ),
                {"task": task},
            )
        return [{**row.args, "scheduled_at": row.scheduled_at} for row in rows]

    async def events(self) -> list[tuple[str, str | None]]:
        found = await self.jobs("event:dispatch")
        told = [event_of(**{k: v for k, v in job.items() if k != "scheduled_at"}) for job in found]
        return [(event.name.value, event.refs.get("reason")) for event in told]

    async def apply_all(self) -> None:
        for job in await self.jobs("lines:apply"):
            await self.lines.apply(UUID(job["operator"]), UUID(job["line"]), job["version"], job["attempt"])

    async def now(self, line: Line) -> Line:
        async with self.db.read(self.operator) as reader:
            return await self.lines.load(reader, line.id)
