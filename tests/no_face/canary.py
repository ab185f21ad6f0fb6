"""One picture that can be recognised wherever any part of it lies, in any of the forms in which bytes travel.

Its payload is one token of 12 random bytes again and again: 23 bytes of it in a row hold the token whole, and so
does base64 of them at one of the three alignments. The JPEG holds the payload in its scan and in the thumbnail of
its EXIF; the PNG in its rows (stored, not packed) and in a text chunk.
"""

import base64
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.no_face.sweep import base64_forms

REPEATS = 40


@dataclass(frozen=True)
class Canary:
    token: bytes = field(default_factory=lambda: _token())

    @property
    def payload(self) -> bytes:
        return self.token * REPEATS

    def jpeg(self, *, with_exif: bool = True) -> bytes:
        """Baseline, 8 x 8, grey. Decoders accept it; its entropy-coded data are the payload (no 0xFF in it)."""
        quantisation = b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64)
        frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 8, 8, 1) + b"\x01\x11\x00"
        huffman = b"".join(
            b"\xff\xc4" + struct.pack(">HB", 20, kind) + bytes([0, 1] + [0] * 14) + b"\x00"
            for kind in (0x00, 0x10)
        )
        scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00"
        head = b"\xff\xd8" + (self._exif() if with_exif else b"")
        return head + quantisation + frame + huffman + scan + self.payload + b"\xff\xd9"

    def _exif(self) -> bytes:
        """APP1 with a thumbnail: a whole JPEG with the same payload (EXIF 2.3, IFD1, tags 0x0201 and 0x0202)."""
        thumbnail = self.jpeg(with_exif=False)
        at = 8 + 2 + 4 + 2 + 2 * 12 + 4
        ifd0 = struct.pack("<HI", 0, 14)
        ifd1 = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, at, 0x0202, 4, 1, len(thumbnail), 0)
        body = b"Exif\0\0II*\0" + struct.pack("<I", 8) + ifd0 + ifd1 + thumbnail
        return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body

    def png(self) -> bytes:
        """8 bits, grey, one row; its data are stored blocks, so the payload stands in them as it is."""
        row = b"\0" + self.payload
        parts = [
            (b"IHDR", struct.pack(">IIBBBBB", len(self.payload), 1, 8, 0, 0, 0, 0)),
            (b"tEXt", b"Comment\0" + self.payload),
            (b"IDAT", zlib.compress(row, 0)),
            (b"IEND", b""),
        ]
        chunks = [
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts
        ]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)

    def parts(self) -> dict[str, bytes]:
        """What a careful smuggler would send: all of it, the middle without the magic bytes, another format."""
        return {"whole": self.jpeg(), "middle": self.payload, "png": self.png()}

    def forms(self) -> Iterator[tuple[str, str]]:
        """The picture as a text: (what form, the text). Each is longer than any field; callers cut it to size."""
        for part, data in self.parts().items():
            yield f"{part} base64+0", base64.b64encode(data).decode()
            yield f"{part} hex", data.hex()
            yield f"{part} data:", "data:image/jpeg;base64," + base64.b64encode(data).decode()
            yield f"{part} deflate", base64.b64encode(zlib.compress(data, 9)).decode()
        data = self.payload
        yield "base64+1", base64.b64encode(b"x" + data).decode()
        yield "base64+2", base64.b64encode(b"xy" + data).decode()
        yield "base64url", base64.urlsafe_b64encode(data).decode().rstrip("=")
        yield "base32", base64.b32encode(data).decode()
        yield "HEX", data.hex().upper()
        yield "latin-1", "".join(chr(each) for each in data)
        yield "braille", "".join(chr(0x2800 + each) for each in data)
        yield "\\u", "".join(f"\\u{each:04x}" for each in data)
        yield "%", "".join(f"%{each:02x}" for each in data)
        yield "lines of 40", "\n".join(data.hex()[at : at + 40] for at in range(0, len(data), 20))
        yield "groups of 8", " ".join(data.hex()[at : at + 8] for at in range(0, len(data) * 2, 8))

    def needles(self) -> dict[str, bytes]:
        """What to look for. Parts of 12 bytes and more, so nothing is found by chance."""
        token = self.token
        looked = {"raw": token, "reversed": token[::-1]}
        # One rotation of the repeated token: any cut of two periods holds it.
        for name, form in base64_forms(token * 3).items():
            looked[name] = form[:16]
        for part, data in self.parts().items():
            packed = zlib.compress(data, 9)[8:26]
            looked |= {f"{part} deflate": packed[:12], f"{part} deflate hex": packed.hex().encode()}
            for name, form in base64_forms(packed).items():
                looked[f"{part} deflate {name}"] = form[:16]
        looked["base32"] = base64.b32encode(token * 5)[:20]
        looked["hex"] = token.hex().encode()
        looked["HEX"] = token.hex().upper().encode()
        looked["lines of 40"] = _spaced(token * 5, 40, "\n")
        looked["groups of 8"] = _spaced(token, 8, " ")
        looked["latin-1"] = token.decode("latin-1").encode()
        looked["braille"] = "".join(chr(0x2800 + each) for each in token).encode()
        looked["\\u"] = "".join(f"\\u{each:04x}" for each in token).encode()
        looked["%"] = "".join(f"%{each:02x}" for each in token).encode()
        return looked


def _spaced(data: bytes, width: int, between: str) -> bytes:
    return between.join(data.hex()[at : at + width] for at in range(0, len(data) * 2, width)).encode()[:60]


def _token() -> bytes:
    """No 0x00 and no 0xFF (a JPEG's scan ends there), no two alike (a run would be found in anything)."""
    picked: list[int] = []
    while len(picked) < 12:
        each = 1 + secrets.randbelow(254)
        if each not in picked:
            picked.append(each)
    return bytes(picked)
