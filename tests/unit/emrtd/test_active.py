"""Active authentication: the answer of the chip that holds the key, to this challenge."""

import pytest

from service.emrtd import Unreadable, answered
from service.emrtd.plain import PlainKey
from service.kit.checks import CheckOutcome
from tests.fakes import authority
from tests.fakes.authority import How, curve

NONCE, ANOTHER = b"\x00\x01\x02\x03\x04\x05\x06\x07", b"\x00\x01\x02\x03\x04\x05\x06\x08"
EC = [
    "secp224r1",
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "brainpoolp256r1",
    "brainpoolp384r1",
    "brainpoolp512r1",
]
RSA = ["sha1", "sha224", "sha256", "sha384", "sha512"]


@pytest.mark.parametrize("digest", RSA)
def test_rsa_answers_this_challenge_alone(digest: str) -> None:
    how = How("rsa2048", which=4)
    answer = authority.answer(how, NONCE, digest)
    assert answered(authority.dg15(how), NONCE, answer).code == "answered"
    replayed = answered(authority.dg15(how), ANOTHER, answer)
    assert (replayed.outcome, replayed.code) == (CheckOutcome.FAIL, "other-challenge")


def test_the_greater_root_answers_as_well() -> None:
    how = How("rsa2048", which=4)
    n = how.key.public_key().public_numbers().n  # type: ignore[union-attr]  # it is RSA
    root = n - int.from_bytes(authority.answer(how, NONCE), "big")
    assert answered(authority.dg15(how), NONCE, root.to_bytes(256, "big")).code == "answered"


@pytest.mark.parametrize("kind", EC)
def test_ecdsa_answers_this_challenge_alone(kind: str) -> None:
    how = How(kind, which=4)
    fits = [
        name for name, bits in (("sha224", 224), ("sha256", 256), ("sha512", 512)) if bits <= curve(kind).bits
    ]
    for digest in fits:
        answer = authority.answer(how, NONCE, digest)
        assert answered(authority.dg15(how), NONCE, answer).code == "answered"
        assert answered(authority.dg15(how), ANOTHER, answer).code == "wrong"


def test_a_curve_that_is_spelt_out_answers() -> None:
    how = How("brainpoolp256r1", which=4, spelt=True)
    assert answered(authority.dg15(how), NONCE, authority.answer(how, NONCE)).code == "answered"


@pytest.mark.parametrize("kind", ["rsa2048", "secp256r1"])
def test_another_key_or_other_bytes_answer_nothing(kind: str) -> None:
    how = How(kind, which=4)
    good = authority.answer(how, NONCE)
    size = len(good)
    for answer in (
        authority.answer(How(kind, which=5), NONCE),
        b"",
        good[:-1],
        good + b"\0",
        bytes(size),
        b"\xff" * size,
    ):
        assert answered(authority.dg15(how), NONCE, answer).outcome is CheckOutcome.FAIL


def test_a_weak_key_is_not_judged() -> None:
    how = How("rsa1024")
    found = answered(authority.dg15(how), NONCE, authority.answer(how, NONCE, "sha1"))
    assert (found.outcome, found.code) == (CheckOutcome.SKIPPED, "key-not-allowed")


@pytest.mark.parametrize("data", [b"", b"\x6f\x00", b"\x6f\x02\x30\x00", b"\x61\x00", b"\x6f\x80\x00\x00"])
def test_what_is_no_dg15_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        answered(data, NONCE, b"")


def test_our_own_arithmetic_agrees_with_the_librarys() -> None:
    """The curves that only we have use the same steps, over other numbers."""
    for kind, digest in (("secp256r1", "sha256"), ("secp224r1", "sha512"), ("brainpoolp384r1", "sha256")):
        how = How(kind, digest, which=4)
        numbers = how.key.public_key().public_numbers()
        key = PlainKey(curve(kind), (numbers.x, numbers.y))  # type: ignore[union-attr]  # it is EC
        signature = how.sign(b"a text")
        assert key.verify(signature, b"a text", digest)
        assert not key.verify(signature, b"another", digest)
        assert not key.verify(signature[:-1], b"a text", digest)
        assert not PlainKey(curve(kind), (curve(kind).x, curve(kind).y)).verify(signature, b"a text", digest)
