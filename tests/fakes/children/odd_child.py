"""A child of ``service.infra.pool`` that does what the first part of a question says, and all that can go wrong.

``python -I -B odd_child.py [how it comes up]``: run by path, since an isolated interpreter does not see the tests.
"""

import json
import os
import struct
import sys
import time
from pathlib import Path

from service.infra.child import confine

MEMORY = 256 * 1024 * 1024


def read() -> bytes:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    (length,) = struct.unpack(">I", head)
    return sys.stdin.buffer.read(length)


def say(body: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
    sys.stdout.buffer.flush()


def answer(what: str, body: bytes, hoard: list[bytearray]) -> None:
    match what:
        case "hang":
            time.sleep(600)
        case "crash":
            os.abort()
        case "flood":
            while True:
                sys.stdout.buffer.write(b"\xff" * 65536)
        case "longer":
            say(bytes(65 * 1024))
        case "fork" | "escape":
            if (started := os.fork()) == 0:  # it holds the pipes
                if what == "escape":
                    os.setsid()
                time.sleep(60)
                os._exit(0)
            say(str(started).encode())
        case "twice":
            both = (struct.pack(">I", len(each)) + each for each in (b"mine", b"the next one's"))
            sys.stdout.buffer.write(b"".join(both))
            sys.stdout.buffer.flush()
        case "leak":
            hoard.append(bytearray(300 * 1024 * 1024))
        case "file":
            try:
                os.write(os.memfd_create("a"), b"x")
            except OSError as error:
                say(type(error).__name__.encode())
        case "who":
            who = {
                "pid": os.getpid(),
                "nice": os.nice(0),
                "environment": dict(os.environ),
                "descriptors": [int(each) for each in os.listdir("/proc/self/fd")],
                "cwd": str(Path.cwd()),
                "bytes": len(body),
            }
            say(json.dumps(who).encode())
        case _:
            say(body)


def main() -> None:
    how = sys.argv[1] if len(sys.argv) > 1 else ""
    if how == "dies":
        sys.exit(3)
    if how == "mute":
        time.sleep(600)
    if how != "free":
        confine(None, memory=MEMORY, files=16)
    hoard: list[bytearray] = []
    say(b'{"ready": true}')
    while True:
        answer(json.loads(read())["do"], read(), hoard)


if __name__ == "__main__":
    main()
