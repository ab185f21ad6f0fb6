"""Canonical forms and their vectors. A vector that changes is a new label and a re-index, not a new vector."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kit.canon import IndexKind, canon, enc, lock_key

K = IndexKind

VECTORS = [
    (K.DOCUMENT, ("NLD", "P", "SPECI2014"), "NLD|P|SPECI2014"),
    (K.DOCUMENT, ("D<<", "p", "c01x 00-t47<<"), "D|P|C01X00T47"),
    (K.PERSONAL_NUMBER, ("NLD", "999999990<<<<<"), "NLD|999999990"),
    (K.PERSON, ("VAN DER BERG", "ANNA MARIA", "1974-08-12", "NLD"), "BERG DER VAN|ANNA|1974-08-12|NLD"),
    (K.PERSON, ("BERG<VAN<DER", "ANNA<MARIA", "1974-08-12", "nld"), "BERG DER VAN|ANNA|1974-08-12|NLD"),
    (K.PERSON, ("ARKFREITH", "", "1981-03-04", "UTO"), "ARKFREITH||1981-03-04|UTO"),
    (K.MSISDN, ("+4915112345678",), "+4915112345678"),
    (K.CONTACT, ("+31612000001",), "+31612000001"),
    (K.EMAIL, (" Anna@Example.ORG",), "anna@example.org"),
    (K.EMAIL, ("\uff21nna@stra\u00dfe.example",), "anna@strasse.example"),
    (K.ICCID, ("8949 0200 0012 3456 788",), "8949020000123456788"),
    (K.IMEI, ("490154203237518",), "49015420323751"),
    (K.IMEI, ("4901542032375101",), "49015420323751"),
    (K.ADDRESS, ("de", "10115", "BERLIN", "Main St. 1"), "DE|10115|berlin|main st 1"),
    (K.DEVICE, ("opaque Token",), "opaque Token"),
    (K.PAYMENT, ("tok_A",), "tok_A"),
    (K.LICENCE, ("de", "hrb 1234/b"), "DE|HRB1234B"),
    (K.BLOCK, ("+4915112345678",), "+4915112345"),
    (K.BLOCK, ("+4915112345000",), "+4915112345"),
    (K.CHIP, ("ab" * 32,), "ab" * 32),
    (K.NAMES, ("DE<BRUIJN", "WILLEKE<LISELOTTE"), "BRUIJN DE|WILLEKE"),
    (K.PICTURE, ("1",), "1"),
]


@pytest.mark.parametrize(("kind", "values", "form"), VECTORS)
def test_vectors(kind: IndexKind, values: tuple[str, ...], form: str) -> None:
    assert canon(kind, *values) == form


def test_every_kind_has_a_vector() -> None:
    assert {kind for kind, _, _ in VECTORS} == set(IndexKind)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (K.DOCUMENT, ("NLD", "P", "<<<<<<<<<")),
        (K.DOCUMENT, ("NLD", "SPECI2014")),
        (K.PERSON, ("J\u00c5NSEN", "ANNA", "1974-08-12", "NLD")),
        (K.PERSON, ("JANSEN", "ANNA", "1974-08", "NLD")),
        (K.PERSON, ("", "ANNA", "1974-08-12", "NLD")),
        (K.MSISDN, ("015112345678",)),
        (K.MSISDN, ("+\u0664\u0669151123456",)),
        (K.MSISDN, ("+4915112345678\n",)),
        (K.EMAIL, ("nobody",)),
        (K.EMAIL, ("a b@example.org",)),
        (K.ICCID, ("89490200",)),
        (K.IMEI, ("49015420323751A",)),
        (K.ADDRESS, ("DE", "10115", "", "")),
        (K.DEVICE, ("",)),
        (K.DEVICE, ("x" * 257,)),
        (K.LICENCE, ("--",)),
    ],
)
def test_what_is_no_such_thing_is_refused_without_its_input(kind: IndexKind, values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as told:
        canon(kind, *values)
    assert not any(len(value) > 3 and value.strip() in str(told.value) for value in values)


def test_enc_vector() -> None:
    operator = UUID("018f0000-0000-7000-8000-000000000001")
    assert enc("idx/v1", operator, "msisdn", b"\x01").hex() == (
        "6964782f76310000000010018f0000000070008000000000000001000000066d736973646e0000000101"
    )


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_enc_is_injective(one: list[bytes], other: list[bytes]) -> None:
    assert (enc("a/v1", *one) == enc("a/v1", *other)) == (one == other)


def test_a_label_holds_no_nul() -> None:
    for label in ("", "a\0b"):
        with pytest.raises(ValueError):
            enc(label)


def test_lock_key_vector_fits_a_bigint() -> None:
    assert lock_key(b"\0" * 20) == 5588342565184036985
    assert -(1 << 63) <= lock_key(b"\0" * 20) < 1 << 63
    assert lock_key(b"\0" * 20) != lock_key(b"\0" * 19 + b"\1")
