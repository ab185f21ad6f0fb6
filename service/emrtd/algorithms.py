"""The digests and signature algorithms that are allowed (ICAO Doc 9303-12, 4.4): a closed list."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from asn1crypto import algos
from cryptography.hazmat.primitives import hashes

DIGESTS: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class NotAllowed(Exception):
    """An algorithm, a parameter or a key that is not on the list."""


class Scheme(StrEnum):
    PKCS1 = "pkcs1"
    PSS = "pss"
    ECDSA = "ecdsa"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How something is signed."""

    scheme: Scheme
    digest: str
    salt: int | None = None
    """Bytes, for PSS."""

    @property
    def is_weak(self) -> bool:
        """SHA-1: flagged wherever it is met, because early documents carry it."""
        return self.digest == "sha1"


_SIGNATURES: Final = {
    **{f"{digest}_rsa": (Scheme.PKCS1, digest) for digest in DIGESTS},
    **{f"{digest}_ecdsa": (Scheme.ECDSA, digest) for digest in DIGESTS},
}


def digest_of(identifier: algos.DigestAlgorithm) -> str:
    """Raises :class:`NotAllowed`."""
    name = identifier["algorithm"].native
    if name not in DIGESTS or identifier["parameters"].native is not None:
        raise NotAllowed("digest")
    return str(name)


def signature_of(identifier: algos.SignedDigestAlgorithm, digest: str | None = None) -> Algorithm:
    """Of a certificate, or of a signer with its ``digest`` algorithm (RFC 5652, 5.3). Raises :class:`NotAllowed`."""
    name = identifier["algorithm"].native
    if name == "rsassa_pss":
        return _pss(identifier["parameters"])
    if name == "rsassa_pkcs1v15" and digest is not None:
        return Algorithm(Scheme.PKCS1, digest)
    found = _SIGNATURES.get(name)
    if found is None:
        raise NotAllowed("signature")
    return Algorithm(*found)


def _pss(parameters: Any) -> Algorithm:
    """RFC 4055, 3.1: one digest for message and mask, trailer field 1. Absent parts mean SHA-1 and 20 bytes."""
    if not isinstance(parameters, algos.RSASSAPSSParams):
        raise NotAllowed("pss")
    digest = digest_of(parameters["hash_algorithm"])
    mask = parameters["mask_gen_algorithm"]
    if mask["algorithm"].native != "mgf1" or digest_of(mask["parameters"]) != digest:
        raise NotAllowed("pss")
    salt = parameters["salt_length"].native
    if parameters["trailer_field"].native not in (1, "trailer_field_bc") or not 0 <= salt <= 64:
        raise NotAllowed("pss")
    return Algorithm(Scheme.PSS, digest, salt)


def hashed(digest: str, data: bytes) -> bytes:
    state = hashes.Hash(DIGESTS[digest]())
    state.update(data)
    return state.finalize()


def size_of(digest: str) -> int:
    return DIGESTS[digest]().digest_size
