"""A child that reads no picture: it answers with the picture's bytes behind the first three, or hangs, or dies."""

import os
import struct
import sys
import time

from service.infra.child import confine


def read() -> bytes:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    return sys.stdin.buffer.read(struct.unpack(">I", head)[0])


def say(body: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
    sys.stdout.buffer.flush()


confine(None, memory=256 * 1024 * 1024, files=16)
say(b'{"ready":true}')
while True:
    read()
    body = read()[3:]
    if body == b"hang":
        time.sleep(600)
    if body == b"die":
        os.abort()
    say(body)
