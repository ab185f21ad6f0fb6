"""What may enter the trust store: master lists, single certificates, revocation lists; each verified up to a
certificate that somebody pinned (ICAO Doc 9303-12, 8), never up to one that came along."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.emrtd import der
from service.emrtd.algorithms import NotAllowed
from service.emrtd.certificate import MASTER_LIST_SIGNER, Certificate
from service.emrtd.crl import Crl
from service.emrtd.shapes import CscaMasterList
from service.emrtd.signed import opened
from service.emrtd.trust import NotTrusted, TrustStore

CONTENT_TYPE: Final = "2.23.136.1.1.2"
MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class MasterList:
    """``certificates`` that may certify; ``unusable`` of the list are none of them, or cannot be read."""

    certificates: tuple[Certificate, ...]
    unusable: int
    signed_at: datetime
    root: Certificate
    """The certificate that vouches for it."""


def certificates_in(content: bytes) -> tuple[tuple[Certificate, ...], int]:
    """(certificates that may certify, how many others) of a CscaMasterList."""
    der.check(content, MAX_BYTES)
    found: dict[bytes, Certificate] = {}
    unusable = 0
    with der.reading():
        parsed = CscaMasterList.load(content, strict=True)
        if parsed["version"].native != 0:
            raise der.Unreadable("structure")
        all_of_it = [each.dump() for each in parsed["cert_list"]]
    for data in all_of_it:
        try:
            certificate = Certificate(data)
        except der.Unreadable:
            unusable += 1
            continue
        if certificate.may_certify() and certificate.country:
            found[data] = certificate
        else:
            unusable += 1
    return tuple(found.values()), unusable


def certificates_of(data: bytes) -> tuple[Certificate, ...]:
    """Those of a list that was verified when it was brought."""
    return certificates_in(opened(data, MAX_BYTES).content)[0]


def verified_list(data: bytes, roots: Iterable[Certificate], now: datetime) -> MasterList:
    """Raises :class:`NotTrusted` (``not-a-master-list``, ``undated``, ``no-signer``, ``digest``, ``signature``,
    ``purpose``, ``unknown-root``, ``expired``) and :class:`~service.emrtd.der.Unreadable`."""
    signed = opened(data, MAX_BYTES)
    if signed.content_type != CONTENT_TYPE or not signed.declares_its_type:
        raise NotTrusted("not-a-master-list")
    if signed.signing_time is None:
        raise NotTrusted("undated")
    signer = signed.signer()
    if signer is None:
        raise NotTrusted("no-signer")
    try:
        if not signed.declares_its_digest:
            raise NotTrusted("digest")
        if not signed.is_signed_by(signer):
            raise NotTrusted("signature")
        if MASTER_LIST_SIGNER not in signer.purposes or signer.has_strange_demand:
            raise NotTrusted("purpose")
        root = _root_of(signer, TrustStore(roots))
    except NotAllowed:
        raise NotTrusted("algorithm") from None
    if not (signer.holds_at(now) and signer.holds_at(signed.signing_time) and signed.signing_time <= now):
        raise NotTrusted("expired")
    certificates, unusable = certificates_in(signed.content)
    return MasterList(certificates, unusable, signed.signing_time, root)


def verified_certificate(data: bytes, trust: TrustStore) -> Certificate:
    """A CSCA's own certificate: signed by itself, so that persons must vouch for it, or a link that a trusted one
    signed. Raises NotTrusted."""
    certificate = Certificate(data)
    if not certificate.may_certify() or certificate.has_strange_demand or not certificate.country:
        raise NotTrusted("not-an-authority")
    if not certificate.is_self_signed():
        try:
            root = _root_of(certificate, trust)
        except NotAllowed:
            raise NotTrusted("algorithm") from None
        if root.country != certificate.country:
            raise NotTrusted("country")
    return certificate


def verified_crl(data: bytes, trust: TrustStore, now: datetime) -> tuple[Crl, Certificate]:
    """(the list, who signed it). Raises NotTrusted."""
    crl = Crl(data)
    if crl.this_update > now:
        raise NotTrusted("expired")
    for authority in trust.issuers_of(crl.issuer, crl.aki):
        if authority.subject != crl.issuer:
            continue  # RFC 5280, 6.3.3 (f): else one authority's list would stand for another's
        try:
            if authority.may_sign_crls() and crl.is_signed_by(authority):
                return crl, authority
        except (NotAllowed, der.Unreadable):
            continue
    raise NotTrusted("unknown-root")


def _root_of(certificate: Certificate, trust: TrustStore) -> Certificate:
    """Raises :class:`NotAllowed` for the certificate's own algorithm; a root that cannot be read is passed over."""
    _ = certificate.algorithm
    for root in trust.issuers_of(certificate.issuer, certificate.aki):
        if root.has_strange_demand or not root.may_certify() or not root.holds_at(certificate.not_before):
            continue
        try:
            if certificate.is_signed_by(root):
                return root
        except (NotAllowed, der.Unreadable):
            continue
    raise NotTrusted("unknown-root")
