"""What a chip says, and whether its issuer signed it."""

from datetime import datetime

from service.documents.model import DocumentPolicy, EmrtdSubmission, KindNotEnabled
from service.documents.workflow.reading import Read, Typed


async def read(chip: EmrtdSubmission, typed: Typed, policy: DocumentPolicy, now: datetime) -> Read:
    raise KindNotEnabled("Chips are not checked here yet. Send the machine-readable zone.", category="emrtd")
