"""One picture in a multipart body (RFC 7578), and nothing beside it, read into memory: nothing here can touch a disk.

The framework's own form reader rolls parts into a temporary folder (``security.md`` 9). This one takes the whole body,
which the edge bounds, and finds the one part in it.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from fastapi import Request
from python_multipart.multipart import parse_options_header

from service.kit.errors import BiometricRefused, InvalidRequest, TooLarge, Unavailable, UnsupportedMedia
from service.web.middleware import MAX_UPLOAD, raise_cap

PART: Final = "image"
ENVELOPE: Final = 4 * 1024
"""Bytes of a body around the picture."""
AT_ONCE: Final = 32
"""Uploads that one process holds, each of at most 10 MiB, whoever sends them."""
AT_ONCE_PER_OPERATOR: Final = 8
"""Of these, for one operator: who fills its own leaves room for the others."""
BODY_S: Final = 30.0
"""For a body to come in whole, since it holds a seat meanwhile: 10 MiB at 2.8 Mbit/s."""
_MOST_HEAD: Final = 2 * 1024
_MOST_PARTS: Final = 10
_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, 5.1.1
_MEDIA: Final = frozenset({"", "image/jpeg", "image/png", "image/webp", "application/octet-stream"})


@dataclass(slots=True)
class Uploads:
    """How many pictures this process holds."""

    held: int = 0
    by_operator: Counter[UUID] = field(default_factory=Counter)

    @contextmanager
    def seat(self, operator: UUID) -> Iterator[None]:
        """Raises ``Unavailable`` where all are taken, or all of this operator. Take it before the body is read."""
        if self.held >= AT_ONCE or self.by_operator[operator] >= AT_ONCE_PER_OPERATOR:
            raise Unavailable("image-reader", detail="Too many pictures are coming in.")
        self.held += 1
        self.by_operator[operator] += 1
        try:
            yield
        finally:
            self.held -= 1
            self.by_operator[operator] -= 1


def is_multipart(content_type: str) -> bool:
    return content_type.strip().lower().startswith("multipart/")


async def picture_of(request: Request) -> bytes:
    """The bytes of the one part ``image``: JPEG, PNG or WebP by its first bytes, 10 MiB at most.

    Raises ``UnsupportedMedia`` for another format, ``TooLarge``, ``BiometricRefused`` where something else came with
    it or instead, ``InvalidRequest`` for a body that is no form, ``Unavailable`` for one that is not whole after
    :data:`BODY_S`. Nothing is decoded.
    """
    media, options = parse_options_header(request.headers.get("content-type", ""))
    if media != b"multipart/form-data":
        raise UnsupportedMedia("Send application/json, or multipart/form-data with one part, image.")
    boundary = options.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise _no_form()
    raise_cap(request.scope, MAX_UPLOAD + ENVELOPE)
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.body()
    except TimeoutError:
        raise Unavailable("image-reader", detail="The picture took too long to come in.") from None
    parts = list(_parts(body, b"--" + boundary))
    if len(parts) != 1 or parts[0].name != PART:
        if any(part.may_be_picture for part in parts):
            raise BiometricRefused("Send one part, image: a picture of the document, and nothing beside it.")
        raise InvalidRequest("/image", "multipart", "Send one part, image, and nothing beside it.")
    [part] = parts
    if part.media not in _MEDIA:
        raise UnsupportedMedia("Send a JPEG, PNG or WebP picture.")
    picture = body[part.begin : part.end]
    if len(picture) > MAX_UPLOAD:
        raise TooLarge(limit=MAX_UPLOAD)
    if not is_picture(picture):
        raise UnsupportedMedia("Send a JPEG, PNG or WebP picture.")
    return picture


def is_picture(data: bytes) -> bool:
    """Whether it begins as a JPEG, PNG or WebP does."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a part lies in the body, and what its head says; a file's own name is not kept."""

    name: str
    media: str
    has_file: bool
    begin: int
    end: int

    @property
    def may_be_picture(self) -> bool:
        return self.has_file or self.name == PART or self.media.startswith("image/")


def _parts(body: bytes, delimiter: bytes) -> Iterator[_Part]:
    """Raises ``InvalidRequest`` for what is no whole form of RFC 7578 with at most ten parts."""
    if not body.startswith(delimiter):
        raise _no_form()
    at = len(delimiter)
    for _ in range(_MOST_PARTS):
        if body[at : at + 2] == b"--":
            if body[at + 2 :].strip(b"\r\n"):
                raise _no_form()  # something after the end, where nobody would look
            return
        over = body.find(b"\r\n\r\n", at, at + _MOST_HEAD)
        if body[at : at + 2] != b"\r\n" or over < 0:
            raise _no_form()
        end = body.find(b"\r\n" + delimiter, over + 2)
        if end < 0:
            raise _no_form()
        yield _part(body[at + 2 : over], over + 4, max(end, over + 4))
        at = end + 2 + len(delimiter)
    raise _no_form()


def _part(head: bytes, begin: int, end: int) -> _Part:
    name, media, has_file = "", "", False
    for line in head.split(b"\r\n"):
        field, _, value = line.partition(b":")
        match field.strip().lower():
            case b"content-disposition":
                kind, options = parse_options_header(value)
                name = options.get(b"name", b"").decode("utf-8", "replace") if kind == b"form-data" else ""
                has_file = b"filename" in options
            case b"content-type":
                media = parse_options_header(value)[0].decode("ascii", "replace")
    return _Part(name, media, has_file, begin, end)


def _no_form() -> InvalidRequest:
    return InvalidRequest("", "multipart", "The body is no whole form with one part, image.")
