"""A country's signing authority: CSCA, document signers, and the chips of its documents, right and wrong.

Everything is built field by field, so that each field may be made wrong. Keys are made once and kept.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from asn1crypto import algos, cms, core, crl, keys, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from service.emrtd.algorithms import DIGESTS, hashed
from service.emrtd.curves import CURVES, Curve
from service.emrtd.shapes import LdsSecurityObject

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
YEAR = timedelta(days=365)
ICAO = "2.23.136.1.1.1"
DIGITAL_SIGNATURE, CERT_SIGN = frozenset({"digital_signature"}), frozenset({"key_cert_sign", "crl_sign"})


@cache
def private_key(kind: str, which: int = 0) -> Private:
    """``rsa2048`` …, or a curve's name; ``which`` tells keys of one kind apart."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key(curve(kind).known())  # type: ignore[misc]  # those without are not asked for


def curve(name: str) -> Curve:
    return next(each for each in CURVES if each.name == name)


@dataclass(frozen=True)
class How:
    """Of a signature: key, digest, PSS, and whether the curve is spelt out."""

    kind: str = "secp256r1"
    digest: str = "sha256"
    pss: bool = False
    spelt: bool = False
    which: int = 0
    salt: int | None = None
    mask: str | None = None

    @property
    def key(self) -> Private:
        return private_key(self.kind, self.which)

    def identifier(self) -> algos.SignedDigestAlgorithm:
        if self.pss:
            salt = DIGESTS[self.digest]().digest_size if self.salt is None else self.salt
            return algos.SignedDigestAlgorithm(
                {
                    "algorithm": "rsassa_pss",
                    "parameters": {
                        "hash_algorithm": {"algorithm": self.digest},
                        "mask_gen_algorithm": {
                            "algorithm": "mgf1",
                            "parameters": {"algorithm": self.mask or self.digest},
                        },
                        "salt_length": salt,
                    },
                }
            )
        suffix = "rsa" if self.kind.startswith("rsa") else "ecdsa"
        return algos.SignedDigestAlgorithm({"algorithm": f"{self.digest}_{suffix}"})

    def sign(self, data: bytes) -> bytes:
        digest = DIGESTS[self.digest]()
        key = self.key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(digest))
        if self.pss:
            salt = digest.digest_size if self.salt is None else self.salt
            mask = DIGESTS[self.mask or self.digest]()
            return key.sign(data, padding.PSS(padding.MGF1(mask), salt), digest)
        return key.sign(data, padding.PKCS1v15(), digest)

    def public(self) -> keys.PublicKeyInfo:
        info = keys.PublicKeyInfo.load(
            self.key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        if self.spelt:
            info["algorithm"]["parameters"] = spelt(curve(self.kind))
        return info


def spelt(of: Curve, **wrong: int) -> keys.ECDomainParameters:
    """A curve's parameters in full; ``wrong`` replaces p, a, b, x, y, n or h."""
    given = {"p": of.p, "a": of.a, "b": of.b, "x": of.x, "y": of.y, "n": of.n, "h": 1} | wrong

    def octets(name: str) -> bytes:
        return given[name].to_bytes(of.width, "big")

    parts = {
        "version": "ecdpVer1",
        "field_id": {"field_type": "prime_field", "parameters": core.Integer(given["p"])},
        "curve": {"a": octets("a"), "b": octets("b")},
        "base": b"\x04" + octets("x") + octets("y"),
        "order": given["n"],
        "cofactor": given["h"],
    }
    return keys.ECDomainParameters(name="specified", value=keys.SpecifiedECDomain(parts))


@dataclass
class Entity:
    """A certificate with its key. ``extensions``: (name, critical, value)."""

    name: str = "CSCA"
    country: str = "UT"
    how: How = field(default_factory=How)
    issuer: "Entity | None" = None
    serial: int = 1
    not_before: datetime = NOW - 5 * YEAR
    not_after: datetime = NOW + 10 * YEAR
    usage: frozenset[str] | None = CERT_SIGN
    is_ca: bool | None = True
    purpose: str | None = None
    strange: bool = False
    aki: bytes | None = None
    subject_of: "Entity | None" = None
    begin: bytes | None = None
    """The DER of the begin of validity, in place of ``not_before``."""

    @property
    def distinguished(self) -> x509.Name:
        if self.subject_of is not None:
            return self.subject_of.distinguished
        return x509.Name.build({"country_name": self.country, "common_name": self.name})

    @property
    def ski(self) -> bytes:
        return hashed("sha1", self.how.public()["public_key"].contents)

    def certificate(self) -> bytes:
        above = self.issuer or self
        tbs = x509.TbsCertificate(
            {
                "version": "v3",
                "serial_number": self.serial,
                "signature": above.how.identifier(),
                "issuer": above.distinguished,
                "validity": {"not_before": self._begin(), "not_after": _time(self.not_after)},
                "subject": self.distinguished,
                "subject_public_key_info": self.how.public(),
                "extensions": self._extensions(above),
            }
        )
        return bytes(
            x509.Certificate(
                {
                    "tbs_certificate": tbs,
                    "signature_algorithm": above.how.identifier(),
                    "signature_value": above.how.sign(tbs.dump()),
                }
            ).dump()
        )

    def _begin(self) -> x509.Time:
        return _time(self.not_before) if self.begin is None else x509.Time.load(self.begin)

    def _extensions(self, above: "Entity") -> list[dict[str, Any]]:
        found: list[tuple[str, bool, Any]] = [
            ("key_identifier", False, self.ski),
            ("authority_key_identifier", False, {"key_identifier": self.aki or above.ski}),
        ]
        if self.usage is not None:
            found.append(("key_usage", True, set(self.usage)))
        if self.is_ca is not None:
            found.append(
                (
                    "basic_constraints",
                    True,
                    {"ca": self.is_ca, "path_len_constraint": 0 if self.is_ca else None},
                )
            )
        if self.purpose is not None:
            found.append(("extended_key_usage", True, [self.purpose]))
        if self.strange:
            found.append(("1.2.3.4", True, core.ParsableOctetString(b"\x05\x00")))
        return [
            {"extn_id": name, "critical": critical, "extn_value": value} for name, critical, value in found
        ]

    def signer(self, **different: Any) -> "Entity":
        """A document signer of this authority."""
        given: dict[str, Any] = {
            "name": "Document signer", "country": self.country, "serial": 7, "usage": DIGITAL_SIGNATURE,
            "is_ca": None, "how": How(which=1), "issuer": self,
        } | different  # fmt: skip
        return Entity(**given)

    def crl(
        self, *serials: int, at: datetime = NOW - timedelta(days=1), until: datetime | None = None
    ) -> bytes:
        tbs = crl.TbsCertList(
            {
                "version": "v2",
                "signature": self.how.identifier(),
                "issuer": self.distinguished,
                "this_update": _time(at),
                "next_update": _time(until or at + timedelta(days=90)),
                "revoked_certificates": [
                    {"user_certificate": serial, "revocation_date": _time(at)} for serial in serials
                ],
                "crl_extensions": [
                    {
                        "extn_id": "authority_key_identifier",
                        "critical": False,
                        "extn_value": {"key_identifier": self.ski},
                    },
                    {"extn_id": "crl_number", "critical": False, "extn_value": 1},
                ],
            }
        )
        return bytes(
            crl.CertificateList(
                {
                    "tbs_cert_list": tbs,
                    "signature_algorithm": self.how.identifier(),
                    "signature": self.how.sign(tbs.dump()),
                }
            ).dump()
        )


def _time(at: datetime) -> x509.Time:
    return (
        x509.Time(name="utc_time", value=at) if at.year < 2050 else x509.Time(name="general_time", value=at)
    )


@dataclass
class Sod:
    """A security object over data groups; every part may be given wrong."""

    signer: Entity
    groups: dict[int, bytes]
    digest: str = "sha256"
    content_type: str = ICAO
    version: int = 0
    signing_time: datetime | None = None
    signed_by: How | None = None
    declared_type: str | None = None
    message_digest: bytes | None = None
    certificates: tuple[bytes, ...] | None = None
    by_key: bool = False

    def content(self) -> bytes:
        parts: dict[str, Any] = {
            "version": self.version,
            "digest": {"algorithm": self.digest},
            "hashes": [
                {"number": number, "value": hashed(self.digest, group)}
                for number, group in sorted(self.groups.items())
            ],
        }
        if self.version == 1:
            parts["versions"] = {"lds": "0108", "unicode": "040000"}
        return bytes(LdsSecurityObject(parts).dump())

    def bytes(self) -> bytes:
        return tlv(0x77, signed_data(self, self.content()))


def signed_data(what: "Sod", content: bytes) -> bytes:
    """CMS SignedData of ``content`` with the parts of ``what``."""
    how = what.signed_by or what.signer.how
    attributes: list[dict[str, Any]] = [
        {"type": "content_type", "values": [what.declared_type or what.content_type]},
        {"type": "message_digest", "values": [what.message_digest or hashed(what.digest, content)]},
    ]
    if what.signing_time is not None:
        attributes.append(
            {"type": "signing_time", "values": [cms.Time(name="utc_time", value=what.signing_time)]}
        )
    signed = cms.CMSAttributes(attributes)
    sid: Any = cms.SignerIdentifier(name="subject_key_identifier", value=what.signer.ski)
    if not what.by_key:
        above = what.signer.issuer or what.signer
        sid = cms.SignerIdentifier(
            name="issuer_and_serial_number",
            value={"issuer": above.distinguished, "serial_number": what.signer.serial},
        )
    own = what.certificates if what.certificates is not None else (what.signer.certificate(),)
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": sid,
            "digest_algorithm": {"algorithm": what.digest},
            "signed_attrs": signed,
            "signature_algorithm": how.identifier(),
            "signature": how.sign(b"\x31" + signed.untag().dump()[1:]),
        }
    )
    data = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": what.digest}],
            "encap_content_info": {
                "content_type": what.content_type,
                "content": core.ParsableOctetString(content),
            },
            "certificates": [x509.Certificate.load(each) for each in own],
            "signer_infos": [info],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def master_list(
    signer: Entity, certificates: list[bytes], at: datetime | None = NOW - timedelta(days=2)
) -> bytes:
    """A CSCA master list (Doc 9303-12, 8)."""
    inner = b"".join(sorted(certificates))
    content = tlv(0x30, b"\x02\x01\x00" + tlv(0x31, inner))
    assert signer.issuer is not None
    what = Sod(
        signer,
        {},
        content_type="2.23.136.1.1.2",
        signing_time=at,
        by_key=True,
        certificates=(signer.certificate(), signer.issuer.certificate()),
    )
    return signed_data(what, content)


def list_signer(root: Entity, **different: Any) -> Entity:
    return root.signer(**{"name": "Master List Signer", "purpose": "2.23.136.1.1.3", "serial": 9} | different)


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def dg1(*lines: str) -> bytes:
    zone = "".join(lines).encode()
    return tlv(0x61, b"\x5f\x1f" + bytes([len(zone)]) + zone)


def dg15(how: How) -> bytes:
    return tlv(0x6F, how.public().dump())


def answer(how: How, nonce: bytes, digest: str = "sha256") -> bytes:
    """What a chip with this key answers to ``nonce`` (Doc 9303-11, 6.1)."""
    key = how.key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        width = (curve(how.kind).bits + 7) // 8
        r, s = decode_dss_signature(key.sign(nonce, ec.ECDSA(DIGESTS[digest]())))
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    numbers = key.private_numbers()
    n, d, size = numbers.public_numbers.n, numbers.d, key.key_size // 8
    trailer = {
        "sha1": b"\xbc",
        "sha256": b"\x34\xcc",
        "sha512": b"\x35\xcc",
        "sha384": b"\x36\xcc",
        "sha224": b"\x38\xcc",
    }[digest]
    length = DIGESTS[digest]().digest_size
    random = bytes(range(256))[: size - 1 - length - len(trailer)]
    random = random + b"\x01" * (size - 1 - length - len(trailer) - len(random))
    message = b"\x6a" + random + hashed(digest, random + nonce) + trailer
    return pow(int.from_bytes(message, "big"), d, n).to_bytes(size, "big")
