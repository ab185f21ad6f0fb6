"""The walk over DER: what no parser is to meet."""

import pytest
from asn1crypto import x509

from service.emrtd import Unreadable, der
from service.emrtd.certificate import _value
from tests.fakes.authority import tlv


def test_an_object_identifier_is_short() -> None:
    """One of 60 kB takes the decoder most of a second, and 64 octets no time."""
    der.check(tlv(0x30, tlv(0x06, b"\x81" * 63 + b"\x01")))
    for long in (b"\x81" * 64 + b"\x01", b"\x81" * 60_000 + b"\x01"):
        with pytest.raises(Unreadable) as caught:
            der.check(tlv(0x30, tlv(0x06, long)))
        assert caught.value.code == "structure"


def test_the_names_beside_a_key_identifier_are_not_decoded() -> None:
    """An implicit tag hides an object identifier from the walk: registeredID of a GeneralName."""
    hidden = tlv(0xA1, tlv(0x88, b"\x81" * 100))
    parsed = x509.AuthorityKeyIdentifier.load(tlv(0x30, tlv(0x80, b"key") + hidden + tlv(0x82, b"\x01")))
    assert _value("authority_key_identifier", parsed) == {"key_identifier": b"key"}
