"""Numbers about which something is known that no caller may learn."""

from datetime import timedelta
from uuid import UUID

from service.audit.workflow import Actor
from service.compose import Services
from service.limits.model import Limit


async def block_number(services: Services, operator: UUID, number: str) -> None:
    """The holder's wish, over every client of the operator."""
    await services.blocks.set(
        operator,
        Limit.OTP_BLOCKED_MSISDN_EVERYWHERE,
        until=services.clock.now() + timedelta(days=30),
        reason="not-me",
        actor=Actor.system("holder"),
        made_by="holder",
        number=number,
    )
