"""The process that reads pictures, as the pool starts it: what it answers, what it refuses, what it can still do."""

import ctypes
import io
import os
import random
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from service.kit.mrz import Layout
from service.vision.confine import MEMORY
from tests.pictures import draw, spoil
from tests.pictures.child import Child
from tests.pictures.needed import needs_font


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as started:
        assert started.ready == {"ready": True}
        yield started


def photograph(condition: str, layout: Layout, seed: int, **options: Any) -> tuple[bytes, tuple[str, ...]]:
    spoilt, guilloche = spoil.CONDITIONS[condition]
    lines = draw.somebody(seed, layout).lines
    page = draw.page(lines, layout, seed=seed, guilloche=guilloche, **options)
    return spoil.jpeg(spoilt(page, random.Random(seed))), lines


@needs_font
@pytest.mark.parametrize(
    ("condition", "layout"),
    [
        ("flat", Layout.TD3),
        ("turned", Layout.TD2),
        ("noisy", Layout.TD1),
        ("small", Layout.TD3),
        ("guilloche", Layout.TD2),
        ("upended", Layout.TD3),
    ],
)
def test_zones_are_read_to_the_character(child: Child, condition: str, layout: Layout) -> None:
    picture, lines = photograph(condition, layout, 5)
    answer = child.ask(picture)
    assert tuple(answer["lines"]) == lines
    assert tuple(answer["again"]) == lines
    assert min(answer["scores"]) > 500
    assert len(bytes.fromhex(answer["fingerprint"])) == 32
    assert answer["quality"].keys() == {"width", "height", "blur", "glare"}


@needs_font
def test_the_portrait_changes_nothing_that_is_said(child: Child) -> None:
    one, _ = photograph("flat", Layout.TD3, 7, portrait_seed=1)
    other, _ = photograph("flat", Layout.TD3, 7, portrait_seed=2)
    assert one != other
    first, second = child.ask(one), child.ask(other)
    for name in ("lines", "again", "advice"):
        assert first[name] == second[name]
    # Where the lines are found moves by fractions of a pixel: Otsu's threshold is the whole picture's.
    assert apart(first, second) <= 30


@needs_font
def test_the_same_picture_sent_again_is_known_and_another_is_not(child: Child) -> None:
    picture, _ = photograph("flat", Layout.TD3, 9)
    whole = Image.open(io.BytesIO(picture))
    again = spoil.jpeg(whole.resize((whole.width * 3 // 4, whole.height * 3 // 4)), 60)
    another, _ = photograph("flat", Layout.TD3, 10)
    first, second, third = (child.ask(each) for each in (picture, again, another))
    assert apart(first, second) <= 40
    assert apart(first, third) > 70


def apart(one: dict[str, Any], other: dict[str, Any]) -> int:
    return (int(one["fingerprint"], 16) ^ int(other["fingerprint"], 16)).bit_count()


def test_without_a_zone_nothing_is_read_and_nothing_hashed(child: Child) -> None:
    answer = child.ask(spoil.jpeg(draw.block(1_200, 900, 3)))
    assert (answer["lines"], answer["scores"], answer["fingerprint"]) == ([], [], None)
    assert "no-zone" in answer["advice"]


def test_what_to_do_better_is_said(child: Child) -> None:
    assert {"no-zone", "too-dark", "blurred", "too-small"} <= set(
        child.ask(spoil.jpeg(Image.new("L", (320, 200), 9)))["advice"]
    )
    assert {"no-zone", "glare"} <= set(child.ask(spoil.jpeg(Image.new("L", (900, 600), 255)))["advice"])


def hostile() -> Iterator[tuple[str, bytes]]:
    picture = spoil.jpeg(draw.block(640, 480, 4))
    yield "nothing", b""
    yield "text", b"GET / HTTP/1.1\r\n\r\n"
    yield "cut", picture[: len(picture) // 2]
    yield "noise", b"\xff\xd8\xff" + random.Random(1).randbytes(5_000)
    yield "cmyk", _encoded("JPEG", Image.new("CMYK", (90, 60)))
    yield "deep", _encoded("PNG", Image.new("I;16", (90, 60)))
    yield "point", _encoded("PNG", Image.new("L", (1, 1)))
    bomb = _encoded("PNG", Image.new("1", (16_000, 2_500)))
    assert len(bomb) < 20_000
    head = bomb.index(b"IHDR") + 4
    yield "header", bomb[:head] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + bomb[head + 8 :]


def _encoded(kind: str, picture: Image.Image) -> bytes:
    kept = io.BytesIO()
    picture.save(kept, kind)
    return kept.getvalue()


def test_hostile_files_are_refused_one_after_another(child: Child) -> None:
    """By one process, which answers each and goes on."""
    for name, data in hostile():
        answer = child.ask(data)
        assert answer["refused"] in ("not-a-picture", "broken", "colours-unsupported", "too-few-pixels"), name
        assert answer["advice"] == []
    dice = random.Random(2)
    whole = spoil.jpeg(draw.block(320, 240, 4))
    for _ in range(12):
        hurt = bytearray(whole)
        for _ in range(8):
            hurt[dice.randrange(200, len(hurt) - 2)] ^= 1 << dice.randrange(8)
        answer = child.ask(bytes(hurt))
        assert answer.get("refused") == "broken" or answer["fingerprint"] is None


def test_a_bomb_of_compression_is_answered_within_the_memory(child: Child) -> None:
    """40 megapixels of white in a few kilobytes: let in, since a photograph may be as large."""
    answer = child.ask(_encoded("PNG", Image.new("1", (16_000, 2_500), 1)))
    assert "no-zone" in answer["advice"]
    status = Path(f"/proc/{child.process.pid}/status").read_text("ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak"))
    assert peak * 1024 <= MEMORY


def test_the_process_is_walled_in(child: Child) -> None:
    """Hard limits, so that nothing inside can lift them; and it holds its three pipes and nothing else."""
    pid = child.process.pid
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        assert resource.prlimit(pid, limit)[1] <= most
    assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text("ascii")
    held = {Path(f"/proc/{pid}/fd/{each.name}").readlink() for each in Path(f"/proc/{pid}/fd").iterdir()}
    assert all(str(each).startswith(("pipe:", "/dev/null")) for each in held), held
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1


def test_the_reports_of_onnxruntime_to_its_maker_are_off(child: Child) -> None:
    """It keeps an id and a database at home and sends them away, unless this stands before it is loaded; the seal
    looks for the open database, and ends a child that has it."""
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_char_p
    import service.vision

    assert service.vision
    assert library.getenv(b"ORT_DISABLE_TELEMETRY") == b"1"


def test_the_child_ends_with_its_parent_and_with_the_protocol() -> None:
    with Child() as gone:
        assert gone.close() == 0
    with Child() as confused:
        assert confused.process.stdin is not None
        confused.process.stdin.write(struct.pack(">I", 2**31) + b"x")
        confused.process.stdin.flush()
        assert confused.process.wait(timeout=30) == 0


CONFINED = (
    "from service.vision.confine import confine; confine(); print(1, flush=True); import time; time.sleep(60)"
)
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-B", "-c", {CONFINED!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_it_does_not_outlive_a_killed_parent_whatever_it_is_busy_with() -> None:
    """Its input stays open and it is not reading: only the kernel can tell it."""
    with subprocess.Popen(
        [sys.executable, "-B", "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        status = Path(f"/proc/{int(parent.stdout.readline())}/status")
        assert "State:\tZ" not in status.read_text("ascii")
        parent.kill()
        until = time.monotonic() + 20
        while status.exists() and "State:\tZ" not in status.read_text("ascii"):
            assert time.monotonic() < until
            time.sleep(0.01)


def test_it_does_not_begin_without_a_parent() -> None:
    end, other = os.pipe()
    os.close(other)
    try:
        orphan = subprocess.run(
            [sys.executable, "-B", "-c", CONFINED], stdin=end, capture_output=True, timeout=30, check=False
        )
    finally:
        os.close(end)
    assert (orphan.returncode, orphan.stdout) == (1, b"")
