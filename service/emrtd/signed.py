"""CMS SignedData with one signer and signed attributes (RFC 5652, 5), as a SOD and a master list are."""

from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Final

from asn1crypto import cms, core

from service.emrtd import der
from service.emrtd.algorithms import Algorithm, digest_of, hashed, signature_of
from service.emrtd.certificate import Certificate
from service.emrtd.keys import is_signed_by

MOST_CERTIFICATES: Final = 8
_ONCE: Final = ("content_type", "message_digest")


@dataclass(frozen=True, slots=True, repr=False)
class Signed:
    """What was parsed; nothing of it is verified yet."""

    content_type: str
    content: bytes
    certificates: tuple[Certificate, ...]
    signing_time: datetime | None
    _signer: cms.SignerInfo = field(repr=False)
    _attributes: bytes = field(repr=False)
    _declared_type: str = field(repr=False)
    _declared_digest: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """Raises :class:`~service.emrtd.algorithms.NotAllowed`."""
        with der.reading():
            return digest_of(self._signer["digest_algorithm"])

    @property
    def algorithm(self) -> Algorithm:
        """Raises :class:`~service.emrtd.algorithms.NotAllowed`."""
        with der.reading():
            return signature_of(self._signer["signature_algorithm"], self.digest)

    @property
    def declares_its_type(self) -> bool:
        """The attribute names the type of the content (RFC 5652, 11.1)."""
        return self._declared_type == self.content_type

    @property
    def declares_its_digest(self) -> bool:
        """The attribute is the digest of the content (RFC 5652, 11.2)."""
        return compare_digest(self._declared_digest, hashed(self.digest, self.content))

    def signer(self) -> Certificate | None:
        """The certificate that the signer names; None where it is not there."""
        with der.reading():
            sid = self._signer["sid"]
            for each in self.certificates:
                if sid.name == "subject_key_identifier":
                    if each.ski is not None and each.ski == sid.chosen.native:
                        return each
                elif (
                    each.serial == sid.chosen["serial_number"].native
                    and each.issuer == sid.chosen["issuer"].hashable
                ):
                    return each
        return None

    def is_signed_by(self, certificate: Certificate) -> bool:
        """Over the attributes as a SET OF (RFC 5652, 5.4). Raises NotAllowed."""
        with der.reading():
            signature = self._signer["signature"].native
        return is_signed_by(certificate.key, self.algorithm, signature, self._attributes)


def opened(data: bytes, most: int = der.MAX_BYTES) -> Signed:
    """Raises :class:`~service.emrtd.der.Unreadable` for anything else than one signer's signed content."""
    der.check(data, most)
    with der.reading():
        info = cms.ContentInfo.load(data, strict=True)
        if info["content_type"].native != "signed_data":
            raise der.Unreadable("structure")
        parsed = info["content"]
        content = parsed["encap_content_info"]["content"]
        if len(parsed["signer_infos"]) != 1 or content.native is None:
            raise der.Unreadable("structure")
        signer = parsed["signer_infos"][0]
        attributes, signing_time = _attributes(signer)
        return Signed(
            content_type=parsed["encap_content_info"]["content_type"].dotted,
            content=bytes(content),
            certificates=_certificates(parsed),
            signing_time=signing_time,
            _signer=signer,
            # The same bytes under the tag of a SET, which is what was signed.
            _attributes=b"\x31" + signer["signed_attrs"].dump()[1:],
            _declared_type=attributes["content_type"].dotted,
            _declared_digest=bytes(attributes["message_digest"]),
        )


def _attributes(signer: cms.SignerInfo) -> tuple[dict[str, core.Asn1Value], datetime | None]:
    """Content type and message digest, each there once with one value; the signing time where it is given."""
    found: dict[str, core.Asn1Value] = {}
    for attribute in signer["signed_attrs"]:
        name = attribute["type"].native
        if name not in (*_ONCE, "signing_time"):
            continue
        if name in found or len(attribute["values"]) != 1:
            raise der.Unreadable("structure")
        found[name] = attribute["values"][0]
    if any(name not in found for name in _ONCE):
        raise der.Unreadable("structure")
    time = found.get("signing_time")
    return found, None if time is None else der.instant(time.native)


def _certificates(parsed: cms.SignedData) -> tuple[Certificate, ...]:
    if len(parsed["certificates"]) > MOST_CERTIFICATES:
        raise der.Unreadable("structure")
    return tuple(
        Certificate(each.chosen.dump()) for each in parsed["certificates"] if each.name == "certificate"
    )
