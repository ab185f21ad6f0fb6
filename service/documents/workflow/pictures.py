"""A picture of a document: read by the port, judged by the strict rule."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from service.documents import rules
from service.documents.model import (
    DocumentKind,
    DocumentPolicy,
    DocumentUnreadable,
    PictureRead,
    PictureUnreadable,
    Reading,
)
from service.documents.ports import MrzReader
from service.documents.rules.pictures import advice_on
from service.documents.workflow.reading import Read, Typed, known_state
from service.kit.errors import Unavailable
from service.kit.mrz.repair import fit

Gone = Callable[[], Awaitable[None]]
"""Returns once whoever sent the picture has hung up."""
_NO_ZONE: Final = ("no-zone",)


async def read(
    reader: MrzReader,
    picture: bytes,
    typed: Typed,
    policy: DocumentPolicy,
    now: datetime,
    gone: Gone | None = None,
) -> Read:
    """What the zone in the picture says. Raises what the port raises, and ``PictureUnreadable`` where the lines that
    it saw are no zone."""
    seen = await (reader.read(picture) if gone is None else _unless(gone, reader.read(picture)))
    try:
        fitted = fit(seen.lines)
    except DocumentUnreadable:
        codes = seen.advice or _NO_ZONE
        raise PictureUnreadable(codes, advice_on(codes)) from None
    today = now.date()
    facts = rules.facts_of(fitted.mrz, policy, today)
    findings = rules.findings_of_mrz(fitted.mrz, facts, typed, policy, today)
    zone = tuple(result for result in findings if result.id.startswith("mrz."))
    image = rules.findings_of_picture(seen, fitted, zone)
    reading = Reading(fitted.mrz.lines, tuple(sorted(fitted.repaired)))
    state = known_state(facts.issuing_state)
    found = (*image, *findings)
    return Read(
        DocumentKind.IMAGE, facts.type, state, found, facts, reading=reading, fingerprint=seen.fingerprint
    )


async def _unless(gone: Gone, reading: Awaitable[PictureRead]) -> PictureRead:
    """``reading``, given up where nobody waits for it any more: it holds one of very few places."""
    work, left = asyncio.ensure_future(reading), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise Unavailable("caller", detail="The connection was closed before the picture was read.")
    finally:
        for each in (work, left):
            each.cancel()
        await asyncio.wait({work, left})
