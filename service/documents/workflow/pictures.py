"""A picture of a document: read by the port, judged by the strict rule."""

from datetime import datetime

from service.documents.model import DocumentPolicy
from service.documents.ports import MrzReader
from service.documents.workflow.reading import Read, Typed, zone


async def read(
    reader: MrzReader, picture: bytes, typed: Typed, policy: DocumentPolicy, now: datetime
) -> Read:
    """What the zone in the picture says."""
    seen = await reader.read(picture)
    return zone(seen.lines, typed, policy, now)
