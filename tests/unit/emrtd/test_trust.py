"""What may enter the trust store: lists, links and revocations, each up to a certificate that somebody pinned."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asn1crypto import crl as asn1_crl
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from service.emrtd import (
    Certificate,
    Crl,
    NotTrusted,
    TrustStore,
    Unreadable,
    authenticate,
    certificates_of,
    verified_certificate,
    verified_crl,
    verified_list,
)
from service.emrtd.algorithms import NotAllowed
from tests.fakes import authority
from tests.fakes.authority import DIGITAL_SIGNATURE, NOW, YEAR, Entity, How

ROOT = Entity(name="Root", country="XO")
PINNED = [Certificate(ROOT.certificate())]
LISTED = [Entity(name=f"CSCA {country}", country=country).certificate() for country in ("UT", "NL")]
SIGNER = authority.list_signer(ROOT)
FORGER = replace(ROOT, how=How(which=7))


def test_a_list_signed_under_the_pinned_root_is_taken() -> None:
    data = authority.master_list(SIGNER, [*LISTED, ROOT.signer().certificate(), b"\x30\x00"])
    found = verified_list(data, PINNED, NOW)
    assert {each.country for each in found.certificates} == {"UT", "NL"}
    assert found.unusable == 2
    assert found.signed_at == NOW - timedelta(days=2)
    assert found.root.fingerprint == PINNED[0].fingerprint
    assert len(certificates_of(data)) == 2


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "its own root": (lambda: authority.master_list(authority.list_signer(FORGER), LISTED), "unknown-root"),
    "a signer with an unknown demand": (
        lambda: authority.master_list(authority.list_signer(ROOT, strange=True), LISTED),
        "purpose",
    ),
    "a document signer": (lambda: authority.master_list(ROOT.signer(), LISTED), "purpose"),
    "over": (
        lambda: authority.master_list(authority.list_signer(ROOT, not_after=NOW - timedelta(days=1)), LISTED),
        "expired",
    ),
    "dated ahead": (lambda: authority.master_list(SIGNER, LISTED, NOW + timedelta(days=1)), "expired"),
    "undated": (lambda: authority.master_list(SIGNER, LISTED, None), "undated"),
    "no list": (lambda: authority.Sod(SIGNER, {1: b"a"}).bytes()[4:], "not-a-master-list"),
    "changed": (
        lambda: authority.master_list(SIGNER, LISTED).replace(b"CSCA NL", b"CSCA DE"),
        "digest",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_other_list_is_refused(name: str) -> None:
    made, code = WRONG[name]
    with pytest.raises(NotTrusted) as caught:
        verified_list(made(), PINNED, NOW)
    assert caught.value.code == code


def test_a_root_with_an_unknown_demand_vouches_for_no_list() -> None:
    root = replace(ROOT, strange=True)
    with pytest.raises(NotTrusted) as caught:
        verified_list(authority.master_list(SIGNER, LISTED), [Certificate(root.certificate())], NOW)
    assert caught.value.code == "unknown-root"


def test_a_certificate_is_an_authority_and_a_link_is_signed_by_one() -> None:
    trust = TrustStore(PINNED)
    assert verified_certificate(ROOT.certificate(), TrustStore()).country == "XO"
    new = replace(ROOT, how=How(which=8))
    assert verified_certificate(replace(new, issuer=ROOT).certificate(), trust).country == "XO"
    for made, code in (
        (replace(new, issuer=FORGER), "unknown-root"),
        (replace(new, issuer=ROOT, country="NL"), "country"),
        (replace(ROOT, usage=DIGITAL_SIGNATURE), "not-an-authority"),
        (replace(ROOT, is_ca=False), "not-an-authority"),
        (replace(ROOT, strange=True), "not-an-authority"),
        (replace(new, issuer=ROOT, not_before=ROOT.not_before - YEAR), "unknown-root"),
    ):
        with pytest.raises(NotTrusted) as caught:
            verified_certificate(made.certificate(), trust)
        assert caught.value.code == code


def test_revocations_are_the_authoritys_own() -> None:
    trust = TrustStore(PINNED)
    crl, signer = verified_crl(ROOT.crl(5, 6), trust, NOW)
    assert crl.revoked == {5, 6}
    assert signer.fingerprint == PINNED[0].fingerprint
    for data, code in (
        (FORGER.crl(5), "unknown-root"),
        (ROOT.crl(5, at=NOW + timedelta(days=1)), "expired"),
        (Entity(name="Nobody", how=How(which=9)).crl(5), "unknown-root"),
    ):
        with pytest.raises(NotTrusted) as caught:
            verified_crl(data, trust, NOW)
        assert caught.value.code == code
    with pytest.raises(Unreadable):
        verified_crl(b"\x30\x03\x02\x01\x00", trust, NOW)


class _NoPoint(How):
    """A key that is no point of its curve."""

    def public(self) -> Any:
        info = super().public()
        info["public_key"] = b"\x04" + bytes(64)
        return info


@pytest.mark.parametrize("how", [_NoPoint(which=3), How("rsa1024")], ids=["no point", "short"])
def test_one_authority_with_a_bad_key_does_not_stand_before_another(how: How) -> None:
    """Two of one name, and the bad one comes first."""
    bad = Certificate(replace(ROOT, how=how, issuer=ROOT).certificate())
    with pytest.raises((NotAllowed, Unreadable)):
        assert bad.key
    roots, trust = [bad, *PINNED], TrustStore([bad, *PINNED])
    signer = replace(SIGNER, aki=b"nobody's")
    assert verified_list(authority.master_list(signer, LISTED), roots, NOW).root is PINNED[0]
    link = replace(ROOT, how=How(which=8), issuer=ROOT, name="Next", aki=b"nobody's")
    assert verified_certificate(link.certificate(), trust).country == "XO"
    with pytest.raises(NotTrusted) as caught:
        verified_list(authority.master_list(signer, LISTED), [bad], NOW)
    assert caught.value.code == "unknown-root"
    sod = authority.Sod(ROOT.signer(aki=b"nobody's"), {1: authority.dg1("P<" + "<" * 42, "<" * 44)})
    found = authenticate(sod.bytes(), authority.dg1("P<" + "<" * 42, "<" * 44), None, trust, NOW).findings
    assert next(each for each in found if each.id == "chip.signer_chain").code == "verifies"


def test_a_curve_that_the_library_lacks_is_off_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_: object) -> None:
        raise UnsupportedAlgorithm("curve")

    monkeypatch.setattr(ec.EllipticCurvePublicNumbers, "public_key", lacking)
    with pytest.raises(NotAllowed):
        assert Certificate(ROOT.certificate()).key


def test_no_authority_revokes_in_the_name_of_another() -> None:
    other = Entity(name="Other", country="NL", how=FORGER.how)
    trust = TrustStore([*PINNED, Certificate(other.certificate())])
    assert verified_crl(other.crl(5), trust, NOW)[1].country == "NL"
    with pytest.raises(NotTrusted) as caught:
        verified_crl(FORGER.crl(5), trust, NOW)  # the key of NL, and the name of Root
    assert caught.value.code == "unknown-root"


def test_a_revocation_list_names_its_algorithm_alike_inside_and_outside() -> None:
    parsed = asn1_crl.CertificateList.load(ROOT.crl(5))
    tbs = parsed["tbs_cert_list"]
    tbs["signature"] = {"algorithm": "sha512_ecdsa"}
    parsed["signature"] = ROOT.how.sign(tbs.dump())
    with pytest.raises(NotTrusted) as caught:
        verified_crl(parsed.dump(force=True), TrustStore(PINNED), NOW)
    assert caught.value.code == "unknown-root"


def test_the_newest_list_of_a_name_says() -> None:
    crls = [Crl(ROOT.crl(1, at=NOW - YEAR)), Crl(ROOT.crl(2)), Crl(ROOT.crl(3, at=NOW - 2 * YEAR))]
    found = TrustStore(PINNED, crls).crl_of(PINNED[0].subject)
    assert found is not None
    assert found.revoked == {2}
