"""Lists of revoked certificates (ICAO Doc 9303-12, 7.1.4; RFC 5280, 5): whole ones, signed by their CSCA."""

from datetime import datetime
from typing import Final

from asn1crypto import crl

from service.emrtd import der
from service.emrtd.algorithms import Algorithm, signature_of
from service.emrtd.certificate import Certificate
from service.emrtd.keys import is_signed_by

MAX_BYTES: Final = 4 * 1024 * 1024
_KNOWN: Final = frozenset({"authority_key_identifier", "crl_number", "issuer_alt_name"})


class Crl:
    """Raises :class:`~service.emrtd.der.Unreadable` for what is no whole list: a delta or an indirect one says so in
    a critical extension."""

    def __init__(self, data: bytes) -> None:
        der.check(data, MAX_BYTES)
        self.der = data
        with der.reading():
            parsed = crl.CertificateList.load(data, strict=True)
            self._parsed = parsed
            tbs = parsed["tbs_cert_list"]
            self.issuer: str = tbs["issuer"].hashable
            self.this_update = der.instant(tbs["this_update"].native)
            until = tbs["next_update"].native
            self.next_update = None if until is None else der.instant(until)
            self.aki: bytes | None = None
            self.number: int | None = None
            for extension in tbs["crl_extensions"]:
                name = extension["extn_id"].native
                if name not in _KNOWN and extension["critical"].native:
                    raise der.Unreadable("structure")
                if name == "authority_key_identifier":
                    self.aki = extension["extn_value"].parsed["key_identifier"].native
                elif name == "crl_number":
                    self.number = extension["extn_value"].parsed.native
            self.revoked: frozenset[int] = frozenset(
                entry["user_certificate"].native for entry in tbs["revoked_certificates"]
            )

    def is_signed_by(self, authority: Certificate) -> bool:
        """Raises :class:`~service.emrtd.algorithms.NotAllowed`."""
        with der.reading():
            inner = self._parsed["tbs_cert_list"]["signature"].dump()
            if inner != self._parsed["signature_algorithm"].dump():
                return False  # RFC 5280, 5.1.1.2
            how: Algorithm = signature_of(self._parsed["signature_algorithm"])
            signature = self._parsed["signature"].native
            signed = self._parsed["tbs_cert_list"].dump()
        return is_signed_by(authority.key, how, signature, signed)

    def is_old_at(self, now: datetime) -> bool:
        return self.next_update is not None and self.next_update < now
