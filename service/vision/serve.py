"""The child's side of the pipe: a picture in, an answer out, until the parent hangs up.

In: u32be length, JSON of options, u32be length, the picture. Out: u32be length, JSON of at most 64 KiB. The first
frame out is ``{"ready": true}``. Nothing of a picture outlives its answer; what fails inside is answered as
``broken`` without saying why, and nothing is ever written to standard error.
"""

import json
import struct
from typing import Any, BinaryIO, Final

from service.vision.look import Readers, look

MOST_OPTIONS: Final = 4 * 1024
MOST_PICTURE: Final = 16 * 1024 * 1024
MOST_ANSWER: Final = 64 * 1024


def serve(source: BinaryIO, sink: BinaryIO, readers: Readers) -> None:
    """Return at the end of ``source``, and where the parent breaks the protocol."""
    _put(sink, {"ready": True})
    while (options := _frame(source, MOST_OPTIONS)) is not None:
        picture = _frame(source, MOST_PICTURE)
        if picture is None:
            return
        del options  # none is known yet; they keep the place
        try:
            answer = look(picture, readers)
        except Exception:  # noqa: BLE001 - whatever a hostile picture breaks, the parent gets an answer
            answer = {"refused": "broken", "advice": []}
        del picture
        _put(sink, answer)


def _frame(source: BinaryIO, most: int) -> bytes | None:
    """None at the end, and for a frame that is too long: then there is no way to stay in step."""
    head = source.read(4)
    if len(head) != 4:
        return None
    size = struct.unpack(">I", head)[0]
    if size > most:
        return None
    body = source.read(size)
    return body if len(body) == size else None


def _put(sink: BinaryIO, answer: dict[str, Any]) -> None:
    body = json.dumps(answer, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    if len(body) > MOST_ANSWER:
        body = b'{"refused":"broken","advice":[]}'
    sink.write(struct.pack(">I", len(body)) + body)
    sink.flush()
