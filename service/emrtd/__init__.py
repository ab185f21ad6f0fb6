"""Electronic travel documents (ICAO Doc 9303-10, -11, -12): bytes in, verdict out. No I/O, no clock, no state.

Passive authentication asks whether the issuer signed the data; active authentication whether the chip that holds
them is at hand. Everything is parsed after a walk over its DER (``der``), and trusted only up to a certificate in the
store that is passed in: never to one that came with the data.
"""

from service.emrtd.active import NONCE_BYTES, answered, chip_key
from service.emrtd.certificate import Certificate
from service.emrtd.crl import Crl
from service.emrtd.der import Unreadable
from service.emrtd.masterlist import (
    MasterList,
    certificates_of,
    verified_certificate,
    verified_crl,
    verified_list,
)
from service.emrtd.passive import Verdict, authenticate
from service.emrtd.trust import NotTrusted, TrustStore

__all__ = [
    "NONCE_BYTES",
    "Certificate",
    "Crl",
    "MasterList",
    "NotTrusted",
    "TrustStore",
    "Unreadable",
    "Verdict",
    "answered",
    "authenticate",
    "certificates_of",
    "chip_key",
    "verified_certificate",
    "verified_crl",
    "verified_list",
]
