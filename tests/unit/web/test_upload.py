"""One picture in a form: what is one, byte by byte, and what is not."""

import asyncio
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from fastapi import Request

from service.kit.errors import (
    BiometricRefused,
    InvalidRequest,
    Refusal,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from service.web import upload
from service.web.middleware import MAX_UPLOAD
from service.web.upload import AT_ONCE, AT_ONCE_PER_OPERATOR, ENVELOPE, Uploads, picture_of
from tests.no_face.canary import Canary

JPEG = Canary().jpeg()
IMAGE = 'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg'
OTHER = 'Content-Disposition: form-data; name="kind"'
FORM = "multipart/form-data; boundary=x"


def form(*parts: tuple[str, bytes], end: bytes = b"--\r\n") -> bytes:
    """A body as it is written: (head, data) of each part."""
    written = b"".join(b"--x\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return written + b"--x" + end


async def taken(body: bytes, media: str = FORM) -> bytes:
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "state": {},
        "headers": [(b"content-type", media.encode())],
    }  # fmt: skip
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    found = await picture_of(Request(scope, receive))  # type: ignore[arg-type]
    assert scope["state"]["body_cap"] == MAX_UPLOAD + ENVELOPE
    return found


@pytest.mark.parametrize("head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x01\x00\x00WEBPVP8 "])
async def test_the_three_formats(head: bytes) -> None:
    plain = 'Content-Disposition: form-data; name="image"'
    for data in (head, head + b"\r\n--y\r\n\r\n--x"[:-1], head + bytes(range(256))):
        assert await taken(form((plain, data))) == data
        assert await taken(form((IMAGE, data)), 'Multipart/Form-Data; boundary="x"') == data


async def test_a_picture_that_holds_the_boundary_ends_there() -> None:
    with pytest.raises(InvalidRequest):
        await taken(form((IMAGE, JPEG + b"\r\n--x" + JPEG)))


async def test_sizes() -> None:
    most = b"\xff\xd8\xff".ljust(MAX_UPLOAD, b"\x01")
    assert await taken(form((IMAGE, most))) == most
    with pytest.raises(TooLarge):
        await taken(form((IMAGE, most + b"\x01")))


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (form((IMAGE, b"GIF89a")), UnsupportedMedia),
        (form((IMAGE, b"")), UnsupportedMedia),
        (form((IMAGE, b"<svg>")), UnsupportedMedia),
        (form((IMAGE.replace("image/jpeg", "image/gif"), JPEG)), UnsupportedMedia),
        (form((IMAGE.replace("image/jpeg", "text/html"), JPEG)), UnsupportedMedia),
        (form((IMAGE, JPEG), (IMAGE, JPEG)), BiometricRefused),
        (form((OTHER, b"image"), (IMAGE, JPEG)), BiometricRefused),
        (form((IMAGE, JPEG), (OTHER, b"image")), BiometricRefused),
        (form((IMAGE.replace('"image"', '"selfie"'), JPEG)), BiometricRefused),
        (form((OTHER + "\r\nContent-Type: image/png", JPEG)), BiometricRefused),
        (form((OTHER, b"mrz")), InvalidRequest),
        (form(("Content-Type: text/plain", b"x")), InvalidRequest),
        (form((IMAGE.replace("form-data", "attachment"), JPEG), (OTHER, b"")), BiometricRefused),
        (form(), InvalidRequest),
        (b"", InvalidRequest),
        (b"--x--", InvalidRequest),
        (b"preamble\r\n" + form((IMAGE, JPEG)), InvalidRequest),
        (form((IMAGE, JPEG), end=b"--\r\n" + JPEG), InvalidRequest),
        (form((IMAGE, JPEG), end=b""), InvalidRequest),
        (form((IMAGE, JPEG))[:-10], InvalidRequest),
        (form((IMAGE + "\r\nX: " + "y" * 3000, JPEG)), InvalidRequest),
        (form(*[(OTHER, b"")] * 50), InvalidRequest),
        (b"--x\r\n" * 100_000, InvalidRequest),
    ],
)
async def test_what_is_no_picture_alone(body: bytes, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        await taken(body)


@pytest.mark.parametrize(
    ("media", "refusal"),
    [
        ("multipart/form-data", InvalidRequest),
        ("multipart/form-data; boundary=y", InvalidRequest),
        ("multipart/form-data; boundary=", InvalidRequest),
        ("multipart/form-data; boundary=" + "x" * 71, InvalidRequest),
        ("multipart/mixed; boundary=x", UnsupportedMedia),
        ("multipart/", UnsupportedMedia),
        ("image/jpeg", UnsupportedMedia),
        ("", UnsupportedMedia),
    ],
)
async def test_what_is_no_form(media: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        await taken(form((IMAGE, JPEG)), media)


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "BODY_S", 0.05)
    pieces = [form((IMAGE, JPEG))[:50]]
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "state": {},
        "headers": [(b"content-type", FORM.encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    async with asyncio.timeout(10):
        with pytest.raises(Unavailable) as refused:
            await picture_of(Request(scope, receive))  # type: ignore[arg-type]
    assert refused.value.facts == {"dependency": "image-reader"}


def test_seats_are_given_back() -> None:
    uploads, operator = Uploads(), uuid4()
    with uploads.seat(operator):
        assert (uploads.held, uploads.by_operator[operator]) == (1, 1)
    assert (uploads.held, uploads.by_operator[operator]) == (0, 0)
    uploads.held = AT_ONCE
    with pytest.raises(Unavailable), uploads.seat(operator):
        pass


def test_one_operator_does_not_take_all_seats() -> None:
    uploads, greedy = Uploads(), uuid4()
    with ExitStack() as held:
        for _ in range(AT_ONCE_PER_OPERATOR):
            held.enter_context(uploads.seat(greedy))
        with pytest.raises(Unavailable), uploads.seat(greedy):
            pass
        with uploads.seat(uuid4()):
            assert uploads.held == AT_ONCE_PER_OPERATOR + 1
    with uploads.seat(greedy):
        assert uploads.held == 1
