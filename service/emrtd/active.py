"""Active authentication (ICAO Doc 9303-11, 6.1): the chip signs our challenge with a key that never leaves it."""

from hmac import compare_digest
from typing import Final

from asn1crypto import keys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from service.emrtd import der
from service.emrtd.algorithms import DIGESTS, NotAllowed, hashed, size_of
from service.emrtd.curves import Curve
from service.emrtd.keys import PublicKey, curve_of_key, public_key
from service.emrtd.plain import PlainKey
from service.kit.checks import CheckOutcome, CheckResult

NONCE_BYTES: Final = 8
"""RND.IFD (9303-11, 6.1.1)."""

_CHECK: Final = "chip.active_authentication"

# ISO/IEC 9796-2, and ISO/IEC 10118-3 for the second: what ends the recovered message names the digest.
_TRAILERS: Final = {
    b"\x33\xcc": "sha1",
    b"\x34\xcc": "sha256",
    b"\x35\xcc": "sha512",
    b"\x36\xcc": "sha384",
    b"\x38\xcc": "sha224",
}


def chip_key(dg15: bytes) -> PublicKey:
    """The key in DG15 (Doc 9303-10, 4.7.15). Raises Unreadable, and NotAllowed for one that is off the list."""
    der.check(dg15, 4096)
    content = der.inside(dg15, 0x6F)
    with der.reading():
        return public_key(keys.PublicKeyInfo.load(content, strict=True))


def answered(dg15: bytes, nonce: bytes, answer: bytes) -> CheckResult:
    """Whether ``answer`` is the chip's signature over ``nonce``. Raises Unreadable for a DG15 that is none.

    A key that is too weak for what security asks here proves nothing, and is told as not judged: chips of the first
    years carry RSA keys of 1024 bits.
    """
    try:
        key = chip_key(dg15)
    except NotAllowed:
        return CheckResult(_CHECK, CheckOutcome.SKIPPED, "key-not-allowed")
    code = _rsa(key, nonce, answer) if isinstance(key, rsa.RSAPublicKey) else _ecdsa(key, nonce, answer)
    return CheckResult(_CHECK, CheckOutcome.PASS if code == "answered" else CheckOutcome.FAIL, code)


def _rsa(key: rsa.RSAPublicKey, nonce: bytes, answer: bytes) -> str:
    """ISO/IEC 9796-2, digital signature scheme 1, partial recovery: 6A ‖ M1 ‖ H(M1 ‖ nonce) ‖ trailer."""
    n, e = key.public_numbers().n, key.public_numbers().e
    size = (key.key_size + 7) // 8
    value = int.from_bytes(answer, "big")
    if len(answer) != size or value >= n:
        return "wrong"
    found = pow(value, e, n)
    if found % 16 != 0xC:
        found = n - found  # the smaller of the two roots may have been sent (ISO/IEC 9796-2, annex B)
    message = found.to_bytes(size, "big")
    if message[-1:] == b"\xbc":
        digest, end = "sha1", size - 1
    else:
        digest, end = _TRAILERS.get(message[-2:], ""), size - 2
    if message[0] != 0x6A or not digest:
        return "wrong"
    begin = end - size_of(digest)
    # The key made this; so where the digest differs, it answers another challenge.
    agrees = compare_digest(message[begin:end], hashed(digest, message[1:begin] + nonce))
    return "answered" if agrees else "other-challenge"


def _ecdsa(key: ec.EllipticCurvePublicKey | PlainKey, nonce: bytes, answer: bytes) -> str:
    """Plain r ‖ s (BSI TR-03111, 5.2.1). The digest stands in DG14, which is not taken here; 9303-11, 6.1.2.3 leaves
    those of SHA-2 that are no longer than the key, and each is tried: none of them is weak."""
    curve = key.curve if isinstance(key, PlainKey) else curve_of_key(key)
    width = (curve.bits + 7) // 8
    if len(answer) != 2 * width:
        return "wrong"
    r, s = int.from_bytes(answer[:width], "big"), int.from_bytes(answer[width:], "big")
    if not (0 < r < curve.n and 0 < s < curve.n):
        return "wrong"
    signature = encode_dss_signature(r, s)
    right = any(_verifies(key, signature, nonce, digest) for digest in _digests(curve))
    return "answered" if right else "wrong"


def _digests(curve: Curve) -> list[str]:
    return [name for name in DIGESTS if name != "sha1" and 8 * size_of(name) <= curve.bits]


def _verifies(key: ec.EllipticCurvePublicKey | PlainKey, signature: bytes, nonce: bytes, digest: str) -> bool:
    if isinstance(key, PlainKey):
        return key.verify(signature, nonce, digest)
    try:
        key.verify(signature, nonce, ec.ECDSA(DIGESTS[digest]()))
    except InvalidSignature:
        return False
    return True
