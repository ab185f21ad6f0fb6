"""One picture in a form: what is one, byte by byte, and what is not."""

from typing import Any

import pytest
from fastapi import Request

from service.kit.errors import BiometricRefused, InvalidRequest, Refusal, TooLarge, UnsupportedMedia
from service.web.middleware import MAX_UPLOAD
from service.web.upload import AT_ONCE, ENVELOPE, Uploads, picture_of
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


def test_seats_are_given_back() -> None:
    uploads = Uploads()
    with uploads.seat():
        assert uploads.held == 1
    assert uploads.held == 0
    uploads.held = AT_ONCE
    with pytest.raises(Refusal), uploads.seat():
        pass
