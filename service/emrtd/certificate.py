"""Certificates as far as passive authentication reads them (ICAO Doc 9303-12, 7.1; RFC 5280)."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from asn1crypto import x509

from service.emrtd import der
from service.emrtd.algorithms import Algorithm, NotAllowed, hashed, signature_of
from service.emrtd.keys import PublicKey, is_signed_by, public_key

MASTER_LIST_SIGNER: Final = "2.23.136.1.1.3"
_OTHER_PURPOSES: Final = ("2.23.136.1.1.", "1.3.6.1.5.5.7.3.")
"""Begins of the purposes that ICAO names (lists, deviations, barcodes) and RFC 5280, 4.2.1.12 (servers, code, mail)."""

_READ: Final = frozenset(
    {"key_usage", "basic_constraints", "authority_key_identifier", "key_identifier", "extended_key_usage"}
)
# May be critical, and says nothing that the chain of two certificates hangs on.
_HARMLESS: Final = _READ | {
    "private_key_usage_period",
    "certificate_policies",
    "crl_distribution_points",
    "subject_alt_name",
    "issuer_alt_name",
    "2.5.29.16",
    "2.23.136.1.1.6.1",  # nameChange
    "2.23.136.1.1.6.2",  # documentTypeList
}


class Certificate:
    """One certificate. Raises :class:`~service.emrtd.der.Unreadable` where it is none; the key is read when it is
    asked for, and may raise :class:`NotAllowed` then."""

    def __init__(self, data: bytes) -> None:
        der.check(data)
        self.der = data
        with der.reading():
            parsed = x509.Certificate.load(data, strict=True)
            tbs = parsed["tbs_certificate"]
            self._parsed = parsed
            self.subject: str = tbs["subject"].hashable
            self.issuer: str = tbs["issuer"].hashable
            self.country = _country(tbs["subject"])
            self.serial: int = tbs["serial_number"].native
            self.not_before: datetime = der.instant(tbs["validity"]["not_before"].native)
            self.not_after: datetime = der.instant(tbs["validity"]["not_after"].native)
            found = _extensions(tbs)
            self.key_usage: frozenset[str] | None = found.get("key_usage")
            constraints = found.get("basic_constraints")
            self.is_ca: bool | None = None if constraints is None else constraints["ca"]
            identifier = found.get("authority_key_identifier")
            self.aki: bytes | None = None if identifier is None else identifier["key_identifier"]
            self.ski: bytes | None = found.get("key_identifier")
            self.purposes: frozenset[str] = found.get("extended_key_usage", frozenset())
            self.has_strange_demand: bool = found["strange"]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal."""
        return hashed("sha256", self.der).hex()

    @cached_property
    def key(self) -> PublicKey:
        """Raises :class:`NotAllowed`."""
        with der.reading():
            return public_key(self._parsed["tbs_certificate"]["subject_public_key_info"])

    @cached_property
    def algorithm(self) -> Algorithm:
        """How it is signed. Raises :class:`NotAllowed`."""
        with der.reading():
            return signature_of(self._parsed["signature_algorithm"])

    @property
    def is_self_issued(self) -> bool:
        return self.subject == self.issuer

    def holds_at(self, at: datetime) -> bool:
        return self.not_before <= at <= self.not_after

    def may_certify(self) -> bool:
        """keyCertSign and cA, where the extensions are there: the first authorities wrote neither."""
        return self.is_ca is not False and (self.key_usage is None or "key_cert_sign" in self.key_usage)

    def may_sign_crls(self) -> bool:
        return self.key_usage is None or "crl_sign" in self.key_usage

    def may_sign_documents(self) -> bool:
        """digitalSignature, no authority, and not made for something else (9303-12, table 5: a document signer states
        no extended usage). One that states no usage is not said to be none."""
        usage = self.key_usage
        if any(purpose.startswith(_OTHER_PURPOSES) for purpose in self.purposes):
            return False
        return self.is_ca is not True and (usage is None or "digital_signature" in usage)

    def is_signed_by(self, issuer: "Certificate") -> bool:
        """Raises :class:`NotAllowed` where either side is off the list."""
        with der.reading():
            inner = self._parsed["tbs_certificate"]["signature"].dump()
            if inner != self._parsed["signature_algorithm"].dump():
                return False  # RFC 5280, 4.1.1.2
            signature = self._parsed["signature_value"].native
            signed = self._parsed["tbs_certificate"].dump()
        return is_signed_by(issuer.key, self.algorithm, signature, signed)

    def is_self_signed(self) -> bool:
        try:
            return self.is_self_issued and self.is_signed_by(self)
        except NotAllowed:
            return False


def _country(name: x509.Name) -> str:
    """In capitals; empty where there is none, or more than one."""
    found = [
        str(pair["value"].native).strip().upper()
        for part in name.chosen
        for pair in part
        if pair["type"].dotted == "2.5.4.6"
    ]
    return found[0] if len(found) == 1 and len(found[0]) == 2 else ""


def _extensions(tbs: x509.TbsCertificate) -> Mapping[str, Any]:
    """What is read of them, each once; ``strange``: one is critical and not known here (RFC 5280, 4.2)."""
    found: dict[str, Any] = {"strange": False}
    seen: set[str] = set()
    for extension in tbs["extensions"]:
        name = extension["extn_id"].native
        if name in seen:
            raise der.Unreadable("structure")
        seen.add(name)
        if name in _READ:
            der.check(bytes(extension["extn_value"]))
            found[name] = _value(name, extension["extn_value"].parsed)
        elif extension["critical"].native and name not in _HARMLESS:
            found["strange"] = True
    return found


def _value(name: str, parsed: Any) -> Any:
    if name == "extended_key_usage":
        return frozenset(purpose.dotted for purpose in parsed)
    if name == "key_usage":
        return frozenset(parsed.native)
    if name == "authority_key_identifier":
        return {"key_identifier": parsed["key_identifier"].native}  # the names beside it may hold anything
    return parsed.native
