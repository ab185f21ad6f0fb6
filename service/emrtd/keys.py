"""Public keys from their DER (ICAO Doc 9303-12, 4.4): RSA of 2048 to 8192 bits, and points on known curves."""

from typing import Final

from asn1crypto import keys
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from service.emrtd.algorithms import DIGESTS, Algorithm, NotAllowed, Scheme
from service.emrtd.curves import CURVES, Curve, curve_of
from service.emrtd.plain import PlainKey

MIN_RSA: Final = 2048
MAX_RSA: Final = 8192
MAX_EXPONENT: Final = 64
"""Bits. Greater ones cost time and win nothing; the largest in the lists has 17."""

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | PlainKey
_BY_LIBRARY: Final = {curve.known().name: curve for curve in CURVES if curve.known is not None}


def public_key(info: keys.PublicKeyInfo) -> PublicKey:
    """Raises :class:`NotAllowed` for a key that is weak, too large, or over no known curve."""
    try:
        return _read(info)
    except UnsupportedAlgorithm:  # a curve that the library was built without
        raise NotAllowed("key") from None


def _read(info: keys.PublicKeyInfo) -> PublicKey:
    if info.algorithm == "rsa":
        return _rsa(info["public_key"].parsed)
    if info.algorithm == "ec":
        curve = curve_of(info["algorithm"]["parameters"])
        x, y = curve.point(info["public_key"].native)
        if curve.known is None:
            return PlainKey(curve, (x, y))
        return ec.EllipticCurvePublicNumbers(x, y, curve.known()).public_key()
    raise NotAllowed("key")


def _rsa(key: keys.RSAPublicKey) -> rsa.RSAPublicKey:
    n, e = key["modulus"].native, key["public_exponent"].native
    if not MIN_RSA <= n.bit_length() <= MAX_RSA or n <= 0 or n % 2 == 0:
        raise NotAllowed("rsa-size")
    if e < 3 or e % 2 == 0 or e.bit_length() > MAX_EXPONENT:
        raise NotAllowed("rsa-exponent")
    return rsa.RSAPublicNumbers(e, n).public_key()


def curve_of_key(key: ec.EllipticCurvePublicKey) -> Curve:
    return _BY_LIBRARY[key.curve.name]


def is_signed_by(key: PublicKey, how: Algorithm, signature: bytes, data: bytes) -> bool:
    """Whether ``signature`` over ``data`` is by ``key``. Raises :class:`NotAllowed` for a key of another kind."""
    if isinstance(key, rsa.RSAPublicKey) == (how.scheme is Scheme.ECDSA):
        raise NotAllowed("key")
    digest = DIGESTS[how.digest]()
    try:
        if isinstance(key, PlainKey):
            return key.verify(signature, data, how.digest)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(digest))
            return True
        padded: padding.AsymmetricPadding = padding.PKCS1v15()
        if how.scheme is Scheme.PSS:
            padded = padding.PSS(padding.MGF1(digest), how.salt or 0)
        key.verify(signature, data, padded, digest)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
