"""Chips, certificates and lists out of hostile bytes: a verdict or one refusal, never anything else, and never a
signature over data that the issuer did not sign."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.documents.rules.chips import is_signed
from service.emrtd import (
    Certificate,
    Crl,
    NotTrusted,
    TrustStore,
    Unreadable,
    Verdict,
    answered,
    authenticate,
    verified_list,
)
from service.emrtd.der import MAX_BYTES, MAX_DEPTH, check
from service.kit.checks import CheckOutcome
from tests.fakes import authority
from tests.fakes.authority import NOW, Entity, How, Sod, tlv

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CSCA = Entity()
KEY = How("secp256r1", which=2, spelt=True)
DG1, DG15 = authority.dg1(*LINES), authority.dg15(KEY)
SODS = [
    Sod(
        CSCA.signer(how=How(kind, which=1, spelt=spelt, pss=pss)), {1: DG1, 15: DG15}, signing_time=NOW
    ).bytes()
    for kind, spelt, pss in (("secp256r1", True, False), ("rsa2048", False, True))
]
TRUST = TrustStore([Certificate(CSCA.certificate())], [Crl(CSCA.crl(99))])
NONCE = bytes(8)
ANSWER = authority.answer(KEY, NONCE)
GOOD = authenticate(SODS[0], DG1, DG15, TRUST, NOW)


def judged(sod: bytes, dg1: bytes = DG1, dg15: bytes | None = DG15) -> Verdict | None:
    """None where it is refused; any other exception fails the test."""
    try:
        return authenticate(sod, dg1, dg15, TRUST, NOW)
    except Unreadable:
        return None


def test_the_ground_is_sound() -> None:
    assert is_signed(GOOD.findings)
    assert answered(DG15, NONCE, ANSWER).outcome is CheckOutcome.PASS


@pytest.mark.parametrize("sod", SODS, ids=["ec", "rsa"])
def test_every_flipped_bit_of_a_security_object(sod: bytes) -> None:
    """What stays signed says the same: a bit in a place that nobody signs and nobody reads."""
    random = Random(5)
    whole = authenticate(sod, DG1, DG15, TRUST, NOW)
    for at in range(len(sod)):
        changed = sod[:at] + bytes([sod[at] ^ 1 << random.randrange(8)]) + sod[at + 1 :]
        verdict = judged(changed)
        if verdict is not None and is_signed(verdict.findings):
            assert (verdict.lines, verdict.digest) == (whole.lines, whole.digest)


def test_every_flipped_bit_of_the_groups() -> None:
    for at in range(len(DG1)):
        verdict = judged(SODS[0], DG1[:at] + bytes([DG1[at] ^ 4]) + DG1[at + 1 :])
        assert verdict is None or not is_signed(verdict.findings)
    for at in range(len(DG15)):
        changed = DG15[:at] + bytes([DG15[at] ^ 4]) + DG15[at + 1 :]
        verdict = judged(SODS[0], dg15=changed)
        assert verdict is None or not is_signed(verdict.findings)
        try:
            answered(changed, NONCE, ANSWER)
        except Unreadable:
            continue


def test_every_flipped_bit_of_an_answer() -> None:
    for at in range(len(ANSWER)):
        changed = ANSWER[:at] + bytes([ANSWER[at] ^ 1]) + ANSWER[at + 1 :]
        assert answered(DG15, NONCE, changed).outcome is CheckOutcome.FAIL


@pytest.mark.parametrize("sod", SODS, ids=["ec", "rsa"])
def test_every_truncation(sod: bytes) -> None:
    for end in range(0, len(sod), 7):
        assert judged(sod[:end]) is None
    for end in range(len(DG1)):
        assert judged(sod, DG1[:end]) is None
    assert judged(sod + b"\0") is None


def test_depth_length_and_junk_are_refused_by_the_walk() -> None:
    deep = b"\x05\x00"
    for _ in range(MAX_DEPTH - 1):
        deep = tlv(0x30, deep)
    check(deep)
    for data, code in (
        (tlv(0x30, deep), "too-deep"),
        (b"\x30\x80" * 30_000 + b"\0\0" * 2_000, "not-der"),
        (tlv(0x30, b"") + b"\0", "trailing"),
        (tlv(0x04, bytes(MAX_BYTES)), "too-long"),
        (b"\x30\x84\x7f\xff\xff\xff", "not-der"),
        (b"\x30\x81\x01\x00", "not-der"),
        (b"\x30\x82\x00\x80" + bytes(128), "not-der"),
        (b"\x24\x03\x04\x01\x00", "not-der"),
        (b"\x10\x00", "not-der"),
        (b"\x1f\x80\x01\x00", "not-der"),
        (b"\x1f", "not-der"),
        (b"", "not-der"),
    ):
        with pytest.raises(Unreadable) as caught:
            check(data)
        assert caught.value.code == code
    bottomless = b"\x30\x82\xff\xfb" * 16_000
    assert judged(tlv(0x77, bottomless[:65_000])) is None


@given(st.binary(max_size=400), st.sampled_from([0x77, 0x61, 0x6F]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_refused(data: bytes, tag: int) -> None:
    group = tlv(tag, data)
    assert judged(group) is None
    assert judged(SODS[0], group) is None
    with pytest.raises(Unreadable):
        answered(group, NONCE, ANSWER)
    for kind in (Certificate, Crl):
        with pytest.raises(Unreadable):
            kind(data)


@given(st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_spliced_structures(random: Random) -> None:
    """Pieces of sound DER in wrong places: what a parser of types would trip over."""
    parts = [*SODS, CSCA.certificate() if random.random() < 0.1 else DG15, CSCA.how.public().dump()]
    one, other = random.choice(parts), random.choice(parts)
    at, length = random.randrange(len(one)), random.randrange(1, 40)
    begin = random.randrange(len(other))
    spliced = one[:at] + other[begin : begin + length] + one[at + length :]
    judged(spliced)
    for kind in (Certificate, Crl):
        try:
            kind(spliced)
        except Unreadable:
            continue


@pytest.mark.parametrize(
    "time", [b"\x18\x0e20260101000000", b"\x18\x0f00000101000000Z", b"\x17\x0b2601010000Z"]
)
def test_a_time_without_a_place_or_a_year_is_none(time: bytes) -> None:
    """A local time, and the year 0, would be compared with an instant and end in an error of ours."""
    try:
        holds = Certificate(Entity(begin=time).certificate()).holds_at(NOW)
    except Unreadable:
        return
    assert holds


def test_flipped_bits_of_a_master_list() -> None:
    root = Entity(name="Root", country="XO")
    listed = CSCA.certificate()
    data = authority.master_list(authority.list_signer(root), [listed])
    pinned = [Certificate(root.certificate())]
    random = Random(6)
    for at in range(0, len(data), 3):
        changed = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        try:
            found = verified_list(changed, pinned, NOW)
        except (NotTrusted, Unreadable):
            continue
        assert [each.der for each in found.certificates] == [listed]
