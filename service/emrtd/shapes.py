"""ASN.1 types of ICAO that the library does not have."""

from asn1crypto import algos, core

# asn1crypto carries no types, so its classes are Any to the checker; `_fields` is how it is told a structure.


class Anything(core.SetOf):  # type: ignore[misc]  # an untyped base
    _child_spec = core.Any


class CscaMasterList(core.Sequence):  # type: ignore[misc]  # an untyped base
    """Doc 9303-12, 8.1. Each certificate is read by itself, so that one bad one spoils no list."""

    _fields = [("version", core.Integer), ("cert_list", Anything)]  # noqa: RUF012 - asn1crypto reads it of the class


class DataGroupHash(core.Sequence):  # type: ignore[misc]  # an untyped base
    _fields = [("number", core.Integer), ("value", core.OctetString)]  # noqa: RUF012 - asn1crypto reads it of the class


class DataGroupHashes(core.SequenceOf):  # type: ignore[misc]  # an untyped base
    _child_spec = DataGroupHash


class LdsVersion(core.Sequence):  # type: ignore[misc]  # an untyped base
    _fields = [("lds", core.PrintableString), ("unicode", core.PrintableString)]  # noqa: RUF012 - asn1crypto reads it of the class


class LdsSecurityObject(core.Sequence):  # type: ignore[misc]  # an untyped base
    """Doc 9303-10, 4.6.2.3. The last part is there in version 1."""

    _fields = [  # noqa: RUF012 - asn1crypto reads it of the class
        ("version", core.Integer),
        ("digest", algos.DigestAlgorithm),
        ("hashes", DataGroupHashes),
        ("versions", LdsVersion, {"optional": True}),
    ]
