"""The append-only file of heads: what a crash leaves, what is refused."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from service.audit.heads import HeadsFile, read_heads
from service.audit.model import Head
from service.audit.rules import write_head

OP = UUID("018f0000-0000-7000-8000-000000000001")
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def head(n: int) -> Head:
    return Head(UUID(int=9), OP, n, bytes([n]) * 32, AT, b"s" * 69)


async def test_heads_are_appended_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "heads"
    outlet = HeadsFile(path)
    assert outlet.last(OP) == 0
    await outlet.publish([head(1), head(5)])
    await HeadsFile(path).publish([head(9)])
    assert [found.n for found in read_heads(path)] == [1, 5, 9]
    assert HeadsFile(path).last(OP) == 9
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_line_cut_short_by_a_crash_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "heads"
    path.write_text(write_head(head(1)) + "\n" + write_head(head(2))[:40])
    outlet = HeadsFile(path)
    assert outlet.last(OP) == 1
    await outlet.publish([head(2)])
    assert [found.n for found in read_heads(path)] == [1, 2]


def test_a_line_that_is_no_head_is_named(tmp_path: Path) -> None:
    path = tmp_path / "heads"
    path.write_text(write_head(head(1)) + '\n{"v":1}\n')
    with pytest.raises(ValueError, match="line 2"):
        read_heads(path)
