"""Every reader of pictures keeps the port: what was seen, or a refusal that the caller can act on; nothing else."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.adapters.mrz_reader.pooled import PooledMrzReader
from service.documents.model import KindNotEnabled, PictureRead, PictureUnreadable, Quality
from service.documents.ports import MrzReader, NullMrzReader
from service.infra.pool import Pool, Terms
from service.infra.telemetry import REGISTRY
from service.kit.errors import Refusal, Unavailable

CHILD = Path(__file__).parents[1] / "fakes" / "children" / "reader_child.py"
SEEN: dict[str, Any] = {
    "lines": ["P<UTO", "L898"],
    "again": ["P<UTO", "L898"],
    "scores": [990, 950],
    "quality": {"width": 1600, "height": 1100, "blur": 420, "glare": 3},
    "advice": ["glare", "a word that nobody knows"],
    "fingerprint": "0f" * 32,
}


def picture(says: object) -> bytes:
    return b"\xff\xd8\xff" + (says if isinstance(says, bytes) else json.dumps(says).encode())


@pytest.fixture
async def pooled() -> AsyncIterator[PooledMrzReader]:
    command = (sys.executable, "-I", "-B", str(CHILD))
    reader = PooledMrzReader(Pool(command, Terms(children=1, queue=0, seconds=20)))
    await reader.start()
    yield reader
    await reader.stop()


async def test_the_null_twin_takes_no_picture() -> None:
    reader: MrzReader = NullMrzReader()
    with pytest.raises(KindNotEnabled) as refused:
        await reader.read(picture(SEEN))
    assert refused.value.facts == {"category": "image"}


async def test_what_was_seen(pooled: PooledMrzReader) -> None:
    found = await pooled.read(picture(SEEN))
    assert isinstance(found, PictureRead)
    assert (found.lines, found.again, found.scores) == (("P<UTO", "L898"),) * 2 + ((990, 950),)
    assert found.quality == Quality(1600, 1100, 420, 3)
    assert found.advice == ("glare",)
    assert found.fingerprint == b"\x0f" * 32
    nothing = await pooled.read(
        picture({"lines": [], "scores": [], "quality": SEEN["quality"], "advice": ["no-zone"]})
    )
    assert (nothing.lines, nothing.again, nothing.fingerprint) == ((), (), None)


@pytest.mark.parametrize(
    ("says", "codes"),
    [
        ({"refused": "not-a-picture"}, ["not-a-picture"]),
        ({"refused": "too-many-pixels", "advice": []}, ["too-large"]),
        ({"refused": "something new", "advice": ["blurred"]}, ["blurred"]),
        ({"refused": ["what"], "advice": ["unknown"]}, ["not-a-picture"]),
    ],
)
async def test_what_cannot_be_read_comes_with_advice(
    pooled: PooledMrzReader, says: dict[str, Any], codes: list[str]
) -> None:
    with pytest.raises(PictureUnreadable) as refused:
        await pooled.read(picture(says))
    assert refused.value.facts["advice_codes"] == codes
    assert refused.value.facts["advice"]


async def test_an_answer_that_is_none_is_believed_in_nothing(pooled: PooledMrzReader) -> None:
    """The child has read hostile bytes."""
    for says in (
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        {**SEEN, "lines": "P<UTO"},
        {**SEEN, "lines": ["x"] * 41, "scores": [1] * 41},
        {**SEEN, "lines": ["x" * 121, "y"]},
        {**SEEN, "lines": [1, 2]},
        {**SEEN, "scores": [990]},
        {**SEEN, "scores": [990, 1001]},
        {**SEEN, "scores": [990, True]},
        {**SEEN, "scores": [990, 0.5]},
        {**SEEN, "again": {"x": "y"}},
        {**SEEN, "quality": None},
        {**SEEN, "quality": {**SEEN["quality"], "blur": -1}},
        {**SEEN, "fingerprint": "0f"},
        {**SEEN, "fingerprint": "zz" * 32},
        {**SEEN, "fingerprint": 7},
        b"[" * 60_000,
    ):
        with pytest.raises(Unavailable) as refused:
            await pooled.read(picture(says))
        assert refused.value.facts["dependency"] == "image-reader"
    assert (await pooled.read(picture(SEEN))).lines


async def test_nobody_could_read_it(pooled: PooledMrzReader) -> None:
    with pytest.raises(Unavailable):
        await pooled.read(picture(b"die"))
    hanging = asyncio.create_task(pooled.read(picture(b"hang")))
    async with asyncio.timeout(20):
        while not pooled.pool.asked:
            await asyncio.sleep(0.005)
    with pytest.raises(Unavailable) as full:
        await pooled.read(picture(SEEN))
    assert full.value.retry_after_s == 10
    hanging.cancel()
    await asyncio.wait([hanging])
    assert (await pooled.read(picture(SEEN))).lines
    await pooled.stop()
    with pytest.raises(Refusal):
        await pooled.read(picture(SEEN))


async def test_it_is_counted_by_what_became_of_it(pooled: PooledMrzReader) -> None:
    def count(outcome: str) -> float:
        return REGISTRY.get_sample_value("simward_pictures_total", {"outcome": outcome}) or 0

    before = {outcome: count(outcome) for outcome in ("read", "unreadable", "broken")}
    await pooled.read(picture(SEEN))
    for says in ({"refused": "not-a-picture"}, b"die"):
        with pytest.raises(Refusal):
            await pooled.read(picture(says))
    assert {outcome: count(outcome) - was for outcome, was in before.items()} == dict.fromkeys(before, 1)
    assert REGISTRY.get_sample_value("simward_pictures_waiting") == 0
