"""What a budget of unanswered messages sets when it runs full: a block that staff can see, understand and lift."""

from uuid import UUID

from service.limits.model import Limit
from service.limits.workflow import Blocks
from service.otp.model import CodeEvent

EVERYTHING = "everything"


class Guard:
    """Told of suppressed sends; sets a block where there is none yet."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks

    async def tripped(self, operator: UUID, event: CodeEvent) -> None:
        """Idempotent: one that holds already stays as it is."""
        found = _blocked_by(event)
        if found is not None:
            limit, place = found
            await self._blocks.guard(operator, limit, place, "unanswered-messages")


def _blocked_by(event: CodeEvent) -> tuple[Limit, str] | None:
    match event.limit:
        case Limit.OTP_UNVERIFIED_PER_BLOCK if event.block:
            return Limit.OTP_BLOCKED_BLOCK, event.block
        case Limit.OTP_UNVERIFIED_PER_COUNTRY if event.country:
            return Limit.OTP_BLOCKED_COUNTRY, event.country
        case Limit.OTP_UNVERIFIED_EVERYWHERE:
            return Limit.OTP_BLOCKED_EVERYWHERE, EVERYTHING
    return None
