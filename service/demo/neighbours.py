"""Neighbours who report what the ring's lines do, each with a number that a code proved."""

from collections.abc import Callable

from service.audit.workflow import Actor
from service.demo.cast import Care, Deed
from service.demo.hands import Hands
from service.kit.errors import Refusal
from service.otp.workflow.budgets import Asker
from service.reports.model import Filer, Kind, Place, State, Statement
from service.web.auth import Scope

DESKS = ("hotline", "app", "police-desk")


class Neighbours:
    """Files votes at the operator's desks; its people confirm what is proved, and propose the ring behind it."""

    def __init__(self, hands: Hands, supervisor: Callable[[], Actor]) -> None:
        self._hands, self._supervisor = hands, supervisor

    async def care(self, care: Care) -> None:
        """Raises ``Refusal`` where there is no such line any more."""
        if care.deed is Deed.REPORT:
            await self._report(care)
        else:
            await self._confirm(care)

    async def _report(self, care: Care) -> None:
        operator, services = self._hands.operator, self._hands.services
        desk = await self._desk(DESKS[care.desk])
        asker = Asker(operator.id, operator.name, desk.client_id)
        proof, _, _ = await services.verifications.send(asker, to=care.by, channel="sms", language="en")
        await services.verifications.check(asker, proof, self._hands.sender.code(care.by))
        said = Statement(care.number, Kind(care.reason), reporter=care.by, verification=proof)
        await services.reports.file(desk, said)

    async def _desk(self, name: str) -> Filer:
        operators, operator = self._hands.services.operators, self._hands.operator
        try:
            client = await operators.client(operator, name)
        except Refusal:
            await operators.create_key(operator, name, [Scope.REPORTS, Scope.VERIFICATIONS])
            client = await operators.client(operator, name)
        return Filer(operator.id, client.id)

    async def _confirm(self, care: Care) -> None:
        operator, services = self._hands.operator.id, self._hands.services
        async with services.db.write(operator) as tx:
            waiting = await services.reports.listed(tx, states=(State.CORROBORATED,), place=Place.OURS)
            for report in waiting:
                await services.reports.decide(
                    tx,
                    report.id,
                    State.CONFIRMED,
                    reason=care.reason,
                    actor=self._supervisor(),
                    expected=report.version,
                )
