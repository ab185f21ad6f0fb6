"""Proof of work: what a token is, what solves it, and what does not."""

import base64
import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kit.canon import enc
from service.otp.rules import work
from service.otp.workflow.challenge import WorkChallenger
from tests.fakes.otp import Ring
from tests.fakes.work import solve

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
BITS = 8
ABOUT = bytes(range(16))
SECOND = timedelta(seconds=1)


@pytest.fixture
def challenger() -> WorkChallenger:
    return WorkChallenger(Ring([1]), lambda: BITS)


def asked(challenger: WorkChallenger, about: bytes = ABOUT) -> str:
    return str(challenger.ask(about, NOW)["token"])


async def test_what_is_asked_can_be_solved(challenger: WorkChallenger) -> None:
    facts = challenger.ask(ABOUT, NOW)
    assert facts == {
        "kind": "proof-of-work",
        "token": facts["token"],
        "bits": BITS,
        "expires_at": "2026-11-23T10:05:00Z",
    }
    token = str(facts["token"])
    solution = solve(token, BITS)
    assert hashlib.sha256(f"{token}:{solution}".encode()).digest()[0] == 0
    assert await challenger.is_solved(ABOUT, token, solution, NOW)


async def test_a_token_says_version_bits_and_expiry_and_differs_each_time(challenger: WorkChallenger) -> None:
    one, other = asked(challenger), asked(challenger)
    assert one != other
    raw = base64.urlsafe_b64decode(one)
    assert (len(one), raw[0], raw[1]) == (40, 1, BITS)
    assert int.from_bytes(raw[2:6], "big") == int((NOW + 300 * SECOND).timestamp())


async def test_the_mac_is_what_the_docs_say(challenger: WorkChallenger) -> None:
    raw = base64.urlsafe_b64decode(asked(challenger))
    data = enc("otp-work/v1", ABOUT, raw[1:2], raw[2:6], raw[6:14])
    assert raw[14:] == Ring([1]).volatile("otp-work/v1", ABOUT, raw[1:2], raw[2:6], raw[6:14])
    assert data.startswith(b"otp-work/v1\0")


@pytest.mark.parametrize(("late", "good"), [(299, True), (300, False), (301, False)])
async def test_a_token_lives_five_minutes(challenger: WorkChallenger, late: int, good: bool) -> None:
    token = asked(challenger)
    assert await challenger.is_solved(ABOUT, token, solve(token, BITS), NOW + late * SECOND) is good


async def test_a_token_is_about_one_number_of_one_client(challenger: WorkChallenger) -> None:
    token = asked(challenger)
    solution = solve(token, BITS)
    assert not await challenger.is_solved(bytes(16), token, solution, NOW)
    assert await challenger.is_solved(ABOUT, token, solution, NOW), "and may be given again for the same"


async def test_what_solves_one_token_does_not_solve_another(challenger: WorkChallenger) -> None:
    """About one in 256 solutions of eight bits fits a second token by chance: ten tokens do not all fit."""
    solution = solve(asked(challenger), BITS)
    others = [asked(challenger) for _ in range(10)]
    assert not all([await challenger.is_solved(ABOUT, token, solution, NOW) for token in others])


@pytest.mark.parametrize("place", range(30))
async def test_no_byte_of_a_token_can_be_changed(challenger: WorkChallenger, place: int) -> None:
    """Fewer bits, a later end, another version: whoever changes a token has none."""
    raw = bytearray(base64.urlsafe_b64decode(asked(challenger)))
    raw[place] ^= 1
    forged = base64.urlsafe_b64encode(bytes(raw)).decode()
    assert not await challenger.is_solved(ABOUT, forged, solve(forged, BITS), NOW)


@pytest.mark.parametrize("solution", ["", "0" * 33, "a b", "ä", "a\n", "\x7f", "\u0661"])
async def test_a_solution_is_short_visible_ascii(challenger: WorkChallenger, solution: str) -> None:
    easy = WorkChallenger(Ring([1]), lambda: 0)
    token = asked(easy)
    assert not await easy.is_solved(ABOUT, token, solution, NOW)
    assert await easy.is_solved(ABOUT, token, "~" * 32, NOW)


@pytest.mark.parametrize(
    "token", ["", "A" * 39, "A" * 41, "A" * 40, "=" * 40, "é" * 40, "AB+/" * 10, "\n" * 40]
)
async def test_what_is_no_token_is_no_token(challenger: WorkChallenger, token: str) -> None:
    assert not await challenger.is_solved(ABOUT, token, "0", NOW)


@given(st.text(max_size=60), st.text(max_size=40))
def test_nothing_that_comes_in_breaks_it(token: str, solution: str) -> None:
    assert not work.is_solved(token, solution, ABOUT, lambda _: [bytes(16)], NOW)


async def test_a_key_that_is_rotated_keeps_tokens_good(challenger: WorkChallenger) -> None:
    token = asked(challenger)
    solution = solve(token, BITS)
    for keys, good in (([2, 1], True), ([1, 2], True), ([2], False)):
        other = WorkChallenger(Ring(keys), lambda: BITS)
        assert await other.is_solved(ABOUT, token, solution, NOW) is good


def test_macs_are_compared_in_constant_time_under_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are compared, also after one has matched: the time does not tell which key it was."""
    compared: list[bool] = []
    real = work.hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(real(one, other))
        return compared[-1]

    monkeypatch.setattr(work.hmac, "compare_digest", counting)
    token = work.write(work.new_work(0, bytes(8), NOW), ABOUT, lambda _: b"m" * 16)
    assert work.is_solved(token, "x", ABOUT, lambda _: [b"m" * 16, b"n" * 16, b"o" * 16], NOW)
    assert compared == [True, False, False]


@pytest.mark.parametrize(
    ("digest", "bits"), [(b"\xff", 0), (b"\x7f", 1), (b"\x00\x80", 8), (b"\x00\x01", 15), (b"\x00\x00", 16)]
)
def test_zero_bits(digest: bytes, bits: int) -> None:
    assert work.zero_bits(digest) == bits


async def test_the_example_prints_a_solution(challenger: WorkChallenger) -> None:
    example = Path(__file__).resolve().parents[3] / "examples/solve_challenge.py"
    token = asked(challenger)
    said = subprocess.run(
        [sys.executable, "-I", str(example), token, str(BITS)], capture_output=True, text=True, check=True
    )
    assert await challenger.is_solved(ABOUT, token, said.stdout.strip(), NOW)
