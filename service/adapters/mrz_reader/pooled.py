"""Pictures are read by children of ours (``python -m service.vision``), which alone decode them (``security.md`` 9).

A question is two parts: options as JSON, and the picture. The answer is JSON of at most 64 KiB, either what was seen,
``{"lines", "again", "scores", "quality", "advice", "fingerprint"}``, or ``{"refused", "advice"}``. The child has read
hostile bytes, so its answer is checked like one from outside: sizes, types, codes of ours.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from service.documents.model import PictureRead, PictureUnreadable, Quality
from service.documents.rules.pictures import ADVICE_CODES, advice_on
from service.infra.child import ChildFailed
from service.infra.pool import Pool, PoolFull
from service.infra.telemetry import PICTURE_SECONDS, PICTURES, PICTURES_WAITING
from service.kit.errors import Unavailable

COMMAND: Final = (sys.executable, "-I", "-B", "-m", "service.vision")
NAME: Final = "image-reader"
_MOST_LINES, _MOST_CHARACTERS = 40, 120
_NO_PICTURE: Final = {"not-a-picture": "not-a-picture", "too-many-pixels": "too-large"}
"""Refusals of the child that have advice of their own."""

log = structlog.get_logger(__name__)


class PooledMrzReader:
    """Keeps ``MrzReader``, and ``Lived``: started and stopped with the API."""

    def __init__(
        self, pool: Pool, *, early: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.pool = pool
        self._early = early
        self._monotonic = monotonic

    async def start(self) -> None:
        if self._early:
            await self.pool.start()

    async def stop(self) -> None:
        await self.pool.stop()

    async def read(self, picture: bytes) -> PictureRead:
        began = self._monotonic()
        outcome = "gone"
        found: list[PictureRead | PictureUnreadable] = []
        PICTURES_WAITING.inc()
        try:
            await self.pool.ask(b"{}", picture, check=lambda answer: found.append(_seen(answer)))
            [seen] = found
            outcome = "unreadable" if isinstance(seen, PictureUnreadable) else "read"
        except PoolFull:
            outcome = "full"
            wait = max(1, round(self.pool.terms.seconds / 2))
            raise Unavailable(NAME, wait, "Too many pictures wait to be read.") from None
        except ChildFailed as failed:
            outcome = "late" if failed.late else "broken"
            raise Unavailable(NAME, detail="The picture was not read. Send the lines instead.") from None
        except (ValueError, RecursionError):
            outcome = "broken"
            log.error("image_reader.answer_refused")
            raise Unavailable(NAME, detail="The picture was not read. Send the lines instead.") from None
        finally:
            PICTURES_WAITING.dec()
            PICTURES.labels(outcome).inc()
            PICTURE_SECONDS.observe(self._monotonic() - began)
        if isinstance(seen, PictureUnreadable):
            raise seen
        return seen


def _seen(answer: bytes) -> PictureRead | PictureUnreadable:
    """Raises ``ValueError`` or ``RecursionError`` for an answer that is none."""
    body = json.loads(answer)
    if not isinstance(body, dict):
        raise ValueError("no object")
    advice = tuple(code for code in _texts(body, "advice") if code in ADVICE_CODES)
    if (refused := body.get("refused")) is not None:
        own = _NO_PICTURE.get(refused) if isinstance(refused, str) else None
        codes = advice or ((own,) if own else ("not-a-picture",))
        return PictureUnreadable(codes, advice_on(codes))
    lines, again = _texts(body, "lines"), _texts(body, "again")
    scores = tuple(_whole(each, 1000) for each in _list(body, "scores"))
    if len(scores) != len(lines):
        raise ValueError("scores")
    return PictureRead(lines, scores, _quality(body), advice, _fingerprint(body), again)


def _list(body: Mapping[str, Any], name: str) -> Sequence[object]:
    found = body.get(name) or []
    if not isinstance(found, list) or len(found) > _MOST_LINES:
        raise ValueError(name)
    return found


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = tuple(
        each for each in _list(body, name) if isinstance(each, str) and len(each) <= _MOST_CHARACTERS
    )
    if len(found) != len(_list(body, name)):
        raise ValueError(name)
    return found


def _whole(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError("number")
    return value


def _quality(body: Mapping[str, Any]) -> Quality:
    quality = body["quality"] if isinstance(body.get("quality"), dict) else {}
    width, height, blur, glare = (
        _whole(quality.get(name), most)
        for name, most in (("width", 100_000), ("height", 100_000), ("blur", 10**9), ("glare", 1000))
    )
    return Quality(width, height, blur, glare)


def _fingerprint(body: Mapping[str, Any]) -> bytes | None:
    found = body.get("fingerprint")
    if found is None:
        return None
    if not isinstance(found, str) or len(found) != 64:
        raise ValueError("fingerprint")
    return bytes.fromhex(found)
