"""What a file says before anybody decodes it: its format, its size in pixels, and only the parts that hold pixels.

Metadata never reaches a decoder: thumbnails, EXIF, XMP, colour profiles, comments and everything behind the picture's
end stay behind. Sources: JPEG ITU-T T.81 annex B; PNG, 3rd edition, 5 and 11; WebP, RFC 9649.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 16_000
MIN_SIDE: Final = 32
MAX_SCANNED: Final = 12 * MAX_PIXELS
"""Pixels times scans: a progressive JPEG is gone over once for each scan; cameras and encoders write 10."""

_NO_SIZE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


class Refused(Exception):
    """The file is not read; ``code`` says why, from :data:`CODES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


CODES: Final = (
    "not-a-picture",
    "broken",
    "too-many-pixels",
    "too-few-pixels",
    "animated-unsupported",
    "colours-unsupported",
)


@dataclass(frozen=True, slots=True, repr=False)
class Bare:
    """A file of one picture and nothing else. ``orientation``: EXIF's 1 to 8, the one number taken from metadata."""

    data: bytes
    width: int
    height: int
    orientation: int
    is_jpeg: bool


def strip(data: bytes) -> Bare:
    """Raise :class:`Refused` for what is no JPEG, PNG or WebP of one picture within the bounds."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            bare = _jpeg(data)
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            bare = _png(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            bare = _webp(data)
        else:
            raise Refused("not-a-picture")
    except (struct.error, IndexError):
        raise Refused("broken") from None
    if bare.width * bare.height > MAX_PIXELS or max(bare.width, bare.height) > MAX_SIDE:
        raise Refused("too-many-pixels")
    if min(bare.width, bare.height) < MIN_SIDE:
        raise Refused("too-few-pixels")
    return bare


def _jpeg(data: bytes) -> Bare:
    kept, at, size, orientation, scans = bytearray(data[:2]), 2, (0, 0), 1, 0
    while True:
        if data[at] != 0xFF:
            raise Refused("broken")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker == 0xD9:
            break
        if marker in _NO_SIZE:
            continue
        length = struct.unpack_from(">H", data, at)[0]
        body = data[at + 2 : at + length]
        if length < 2 or len(body) != length - 2:
            raise Refused("broken")
        if marker in _OTHER_FRAMES or (marker in _FRAMES and size != (0, 0)):
            raise Refused("broken")
        if marker in _FRAMES:
            depth, height, width, colours = struct.unpack_from(">BHHB", body)
            if depth != 8 or colours not in (1, 3):
                raise Refused("colours-unsupported")
            size = width, height
        if marker == 0xE1 and body.startswith(b"Exif\x00\x00"):
            orientation = _orientation(body[6:])
        at += length
        is_adobe = marker == 0xEE and len(body) == 12 and body.startswith(b"Adobe")
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or is_adobe:
            kept += struct.pack(">BBH", 0xFF, marker, length) + body
        if marker == 0xDA:
            scans += 1
            if size == (0, 0):
                raise Refused("broken")
            if scans * size[0] * size[1] > MAX_SCANNED:
                raise Refused("too-many-pixels")
            end = _entropy_end(data, at)
            kept += data[at:end]
            at = end
    if not scans:
        raise Refused("broken")
    return Bare(bytes(kept) + b"\xff\xd9", *size, orientation, is_jpeg=True)


def _entropy_end(data: bytes, at: int) -> int:
    """Where the next marker stands that is neither a stuffed byte nor a restart (T.81, B.1.1.5)."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Refused("broken")
        if data[at + 1] != 0x00 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def _orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory, as a number from 1 to 8; 1 where it cannot be read. Nothing else is read."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        start = struct.unpack_from(order + "I", exif, 4)[0]
        for entry in range(min(struct.unpack_from(order + "H", exif, start)[0], 64)):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * entry)
            if (tag, kind, count) == (0x0112, 3, 1):
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _png(data: bytes) -> Bare:
    kept, at, size = bytearray(data[:8]), 8, (0, 0)
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if length > len(data) or end > len(data):
            raise Refused("broken")
        body = data[at + 8 : end - 4]
        if name in (b"acTL", b"fcTL", b"fdAT"):
            raise Refused("animated-unsupported")
        if (name == b"IHDR") != (at == 8):
            raise Refused("broken")
        if name == b"IHDR":
            width, height, depth, colours, *_ = struct.unpack(">IIBBBBB", body)
            if depth > 8 or colours not in (0, 2, 3, 4, 6):
                raise Refused("colours-unsupported")
            size = width, height
        elif name[0] & 0x20 == 0 and name not in _PNG_KEPT:
            raise Refused("broken")  # a critical chunk that nobody knows
        if name in _PNG_KEPT:
            if zlib.crc32(data[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
                raise Refused("broken")
            kept += data[at:end]
        at = end
        if name == b"IEND":
            return Bare(bytes(kept), *size, 1, is_jpeg=False)


def _webp(data: bytes) -> Bare:
    """Only a lone ``VP8 `` or ``VP8L`` goes on; an alpha plane is left behind like all else."""
    at, end, frame, size = 12, 8 + struct.unpack_from("<I", data, 4)[0], b"", (0, 0)
    if end > len(data):
        raise Refused("broken")
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) != length:
            raise Refused("broken")
        if name in (b"ANIM", b"ANMF") or (name == b"VP8X" and body[0] & 0x02):
            raise Refused("animated-unsupported")
        if name in (b"VP8 ", b"VP8L"):
            if frame:
                raise Refused("broken")
            frame = data[at : at + 8] + body + b"\x00" * (length & 1)
            size = _vp8_size(body) if name == b"VP8 " else _vp8l_size(body)
        at += 8 + length + (length & 1)
    if not frame:
        raise Refused("broken")
    return Bare(b"RIFF" + struct.pack("<I", 4 + len(frame)) + b"WEBP" + frame, *size, 1, is_jpeg=False)


def _vp8_size(body: bytes) -> tuple[int, int]:
    if body[0] & 1 or body[3:6] != b"\x9d\x01\x2a":
        raise Refused("broken")
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l_size(body: bytes) -> tuple[int, int]:
    if body[0] != 0x2F:
        raise Refused("broken")
    bits = struct.unpack_from("<I", body, 1)[0]
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
