"""Passive authentication: every kind of signature that is right, and every way to be wrong, each by its own finding."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.documents.rules.details import CODES, SUBJECTS
from service.emrtd import Certificate, Crl, TrustStore, Unreadable, Verdict, authenticate
from service.kit.checks import CheckOutcome
from tests.fakes import authority
from tests.fakes.authority import DIGITAL_SIGNATURE, NOW, YEAR, Entity, How, Sod, curve

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CSCA = Entity()
SIGNER = CSCA.signer()
KEY = How(which=2)
GROUPS = {1: authority.dg1(*LINES), 15: authority.dg15(KEY), 2: b"\x75\x01\x00"}


def store(*entities: Entity, crls: tuple[bytes, ...] = ()) -> TrustStore:
    return TrustStore([Certificate(each.certificate()) for each in entities], [Crl(each) for each in crls])


TRUST = store(CSCA, crls=(CSCA.crl(99),))


def judged(sod: Sod | bytes, trust: TrustStore = TRUST, **groups: bytes | None) -> Verdict:
    data = sod.bytes() if isinstance(sod, Sod) else sod
    given = {"dg1": GROUPS[1], "dg15": GROUPS[15]} | groups
    dg1 = given["dg1"]
    assert dg1 is not None
    return authenticate(data, dg1, given["dg15"], trust, NOW)


def wrong(verdict: Verdict) -> dict[str, str]:
    """What did not pass, by its code."""
    return {each.id: each.code for each in verdict.findings if each.outcome is not CheckOutcome.PASS}


def failed(verdict: Verdict) -> dict[str, str]:
    return {each.id: each.code for each in verdict.findings if each.outcome is CheckOutcome.FAIL}


GOOD: dict[str, str] = {}
TIME = {"signing_time": NOW - 2 * YEAR}
RIGHT = [
    How("rsa2048", digest) for digest in ("sha224", "sha256", "sha384", "sha512")
] + [
    How("rsa2048", "sha256", pss=True),
    How("rsa2048", "sha512", pss=True, salt=20),
    How("secp224r1", "sha224"),
    How("secp256r1", "sha256"),
    How("secp384r1", "sha384"),
    How("secp521r1", "sha512"),
    How("brainpoolp256r1", "sha256"),
    How("brainpoolp384r1", "sha384"),
    How("brainpoolp512r1", "sha512"),
    How("secp256r1", "sha256", spelt=True),
    How("secp384r1", "sha256", spelt=True),
    How("brainpoolp256r1", "sha512", spelt=True),
]  # fmt: skip


@pytest.mark.parametrize(
    "how", RIGHT, ids=lambda how: f"{how.kind}-{how.digest}{'-pss' * how.pss}{'-spelt' * how.spelt}"
)
def test_every_allowed_signature_verifies(how: How) -> None:
    csca = Entity(how=how)
    sod = Sod(csca.signer(how=replace(how, which=1)), GROUPS, digest=how.digest, **TIME)
    verdict = judged(sod, store(csca, crls=(csca.crl(99),)))
    assert wrong(verdict) == GOOD
    assert verdict.lines == LINES
    assert verdict.has_key


@pytest.mark.parametrize("content_type", ["1.3.27.1.1.1", "1.2.528.1.1006.1.20.1", "1.2.840.113549.1.7.1"])
def test_legacy_content_types_are_taken(content_type: str) -> None:
    assert wrong(judged(Sod(SIGNER, GROUPS, content_type=content_type, **TIME))) == GOOD


def test_version_1_and_a_signer_named_by_its_key_are_taken() -> None:
    assert wrong(judged(Sod(SIGNER, GROUPS, version=1, by_key=True, **TIME))) == GOOD


def test_what_is_not_stated_is_skipped() -> None:
    verdict = judged(Sod(SIGNER, {1: GROUPS[1]}), store(CSCA), dg15=None)
    assert wrong(verdict) == {
        "chip.dg15_hash": "not-there",
        "chip.signing_time": "not-given",
        "chip.signer_revoked": "no-list",
    }
    assert not verdict.has_key


def test_sha_1_is_flagged_wherever_it_is() -> None:
    how = How("rsa2048", "sha1")
    for sod in (
        Sod(SIGNER, GROUPS, digest="sha1", **TIME),
        Sod(replace(SIGNER, how=replace(how, which=1)), GROUPS, **TIME),
    ):
        verdict = judged(sod)
        assert wrong(verdict) == {"chip.algorithm": "sha-1"}
        assert not failed(verdict)


OTHER = How(which=5)
FAULTS: dict[str, tuple[Sod, dict[str, str]]] = {
    "another key signed it": (Sod(SIGNER, GROUPS, signed_by=OTHER), {"chip.signature": "wrong"}),
    "changed after it was signed": (
        Sod(SIGNER, GROUPS, message_digest=bytes(32)),
        {"chip.message_digest": "hash-differs"},
    ),
    "another type": (Sod(SIGNER, GROUPS, content_type="1.2.3.4"), {"chip.content_type": "unlisted"}),
    "a type that is not declared": (
        Sod(SIGNER, GROUPS, declared_type="1.2.840.113549.1.7.1"),
        {"chip.content_type": "unlisted"},
    ),
    "signer of another country": (
        Sod(CSCA.signer(country="NL"), GROUPS),
        {"chip.signer_country": "another-country"},
    ),
    "not yet valid": (
        Sod(CSCA.signer(not_before=NOW + timedelta(days=1)), GROUPS),
        {"chip.signer_not_before": "early"},
    ),
    "signed after its end": (
        Sod(CSCA.signer(not_after=NOW - YEAR), GROUPS, signing_time=NOW - timedelta(days=9)),
        {"chip.signing_time": "outside"},
    ),
    "signed ahead": (Sod(SIGNER, GROUPS, signing_time=NOW + timedelta(days=1)), {"chip.signing_time": "outside"}),
    "named by an authority that was over": (
        Sod(CSCA.signer(not_before=CSCA.not_before - YEAR), GROUPS),
        {"chip.signing_time": "authority-over"},
    ),
    "revoked": (Sod(CSCA.signer(serial=99), GROUPS), {"chip.signer_revoked": "revoked"}),
    "an authority as signer": (
        Sod(CSCA.signer(is_ca=True), GROUPS),
        {"chip.signer_key_usage": "not-a-signer"},
    ),
    "may not sign": (
        Sod(CSCA.signer(usage=frozenset({"key_encipherment"})), GROUPS),
        {"chip.signer_key_usage": "not-a-signer"},
    ),
    "an unknown demand": (Sod(CSCA.signer(strange=True), GROUPS), {"chip.signer_key_usage": "not-a-signer"}),
    "made for lists": (
        Sod(CSCA.signer(purpose="2.23.136.1.1.3"), GROUPS),
        {"chip.signer_key_usage": "not-a-signer"},
    ),
    "made for servers": (
        Sod(CSCA.signer(purpose="1.3.6.1.5.5.7.3.1"), GROUPS),
        {"chip.signer_key_usage": "not-a-signer"},
    ),
    "by a namesake of the authority": (
        Sod(Entity(how=OTHER).signer(), GROUPS),
        {"chip.signer_chain": "wrong"},
    ),
    "groups that are not those": (
        Sod(SIGNER, GROUPS | {1: b"\x61\x00", 15: b"\x6f\x00"}),
        {"chip.dg1_hash": "hash-differs", "chip.dg15_hash": "hash-differs"},
    ),
    "a key that nobody signed": (Sod(SIGNER, {1: GROUPS[1]}), {"chip.dg15_hash": "not-signed"}),
    "a short key": (
        Sod(CSCA.signer(how=How("rsa1024")), GROUPS),
        {"chip.algorithm": "not-allowed"},
    ),
    "masks of another digest": (
        Sod(CSCA.signer(how=How("rsa2048", pss=True, mask="sha1")), GROUPS),
        {"chip.algorithm": "not-allowed"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_a_finding_of_its_own(name: str) -> None:
    sod, expected = FAULTS[name]
    assert failed(judged(sod)) == expected


REFERRED: dict[str, tuple[Sod, TrustStore, dict[str, str]]] = {
    "nobody is trusted": (
        Sod(SIGNER, GROUPS, **TIME),
        TrustStore(),
        {"chip.trust": "no-trust-store", "chip.signer_chain": "not-judged", "chip.signer_revoked": "not-judged"},
    ),
    "an unknown authority": (
        Sod(Entity(name="Another", how=OTHER).signer(), GROUPS, **TIME),
        TRUST,
        {"chip.trust": "unknown-issuer", "chip.signer_chain": "not-judged", "chip.signer_revoked": "not-judged"},
    ),
    "the signer is over": (
        Sod(CSCA.signer(not_after=NOW - timedelta(days=1)), GROUPS, **TIME),
        TRUST,
        {"chip.signer_not_after": "over"},
    ),
    "no usage is stated": (
        Sod(CSCA.signer(usage=None), GROUPS, **TIME), TRUST, {"chip.signer_key_usage": "unstated"},
    ),
    "the list of revocations is old": (
        Sod(SIGNER, GROUPS, **TIME),
        store(CSCA, crls=(CSCA.crl(99, at=NOW - YEAR),)),
        {"chip.signer_revoked": "old-list"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERRED)
def test_what_cannot_be_judged_does_not_fail(name: str) -> None:
    sod, trust, expected = REFERRED[name]
    verdict = judged(sod, trust)
    assert wrong(verdict) == expected
    assert not failed(verdict)


def test_a_chip_without_the_certificate_of_its_signer_is_for_a_person() -> None:
    verdict = judged(Sod(SIGNER, GROUPS, certificates=()))
    assert not failed(verdict)
    assert wrong(verdict)["chip.signature"] == wrong(verdict)["chip.trust"] == "no-signer"


def test_a_signer_brought_along_vouches_for_nobody() -> None:
    """The root that comes in the SOD is not looked at."""
    forger = Entity(name="Forger", how=OTHER)
    sod = Sod(forger.signer(), GROUPS, certificates=(forger.signer().certificate(), forger.certificate()))
    assert wrong(judged(sod))["chip.trust"] == "unknown-issuer"


def test_a_new_key_of_the_authority_is_known_by_its_link() -> None:
    new = Entity(how=How(which=6))
    link = replace(new, issuer=CSCA, serial=3)
    sod = Sod(new.signer(), GROUPS, **TIME)
    assert failed(judged(sod)) == {"chip.signer_chain": "wrong"}
    assert wrong(judged(sod, store(CSCA, link, crls=(CSCA.crl(99),)))) == GOOD


def test_an_authority_that_was_revoked_takes_its_signers_with_it() -> None:
    link = replace(Entity(name="New", how=How(which=6)), issuer=CSCA, serial=42)
    trust = store(CSCA, link, crls=(CSCA.crl(42), replace(link, issuer=None).crl(8)))
    assert failed(judged(Sod(link.signer(issuer=link), GROUPS), trust)) == {
        "chip.signer_revoked": "authority-revoked"
    }


def test_a_revocation_counts_under_the_new_name_of_the_authority() -> None:
    """The signer names its authority as it was called; the authority is known, and revokes, by its later name."""
    renamed = Entity(name="Renamed")
    for lists in ((renamed.crl(7),), (CSCA.crl(99), renamed.crl(7)), (CSCA.crl(7), renamed.crl(99))):
        verdict = judged(Sod(SIGNER, GROUPS), store(renamed, crls=lists))
        assert failed(verdict) == {"chip.signer_revoked": "revoked"}


def test_an_authority_that_was_revoked_is_so_without_a_list_of_its_own() -> None:
    link = replace(Entity(name="New", how=How(which=6)), issuer=CSCA, serial=42)
    trust = store(CSCA, link, crls=(CSCA.crl(42),))
    assert failed(judged(Sod(link.signer(issuer=link), GROUPS), trust)) == {
        "chip.signer_revoked": "authority-revoked"
    }


@pytest.mark.parametrize(
    "different",
    [{"x": 1}, {"y": 1}, {"a": 1}, {"b": 1}, {"p": 5}, {"h": 2}],
    ids=lambda change: next(iter(change)),
)
def test_a_curve_with_one_parameter_of_its_own_is_none(different: dict[str, int]) -> None:
    """CVE-2020-0601: the key is on a known curve, of which the generator is the forger's."""

    class Bent(How):
        def public(self) -> Any:
            info = super().public()
            info["algorithm"]["parameters"] = authority.spelt(curve(self.kind), **different)
            return info

    verdict = judged(Sod(CSCA.signer(how=Bent(which=1)), GROUPS))
    assert failed(verdict) == {"chip.algorithm": "not-allowed"}
    assert wrong(verdict)["chip.signature"] == "not-judged"


def test_the_authority_may_sign_whom_it_may() -> None:
    for no in (Entity(usage=DIGITAL_SIGNATURE), Entity(strange=True)):
        assert failed(judged(Sod(no.signer(), GROUPS), store(no))) == {
            "chip.signer_key_usage": "not-an-authority"
        }


@pytest.mark.parametrize(
    ("state", "country", "code"),
    [
        ("D<<", "de", "issuer"),
        ("UNO", "UN", "issuer"),
        ("EUE", "EU", "issuer"),
        ("RKS", "KS", "issuer"),
        ("GBD", "GB", "issuer"),
        ("CHN", "HK", "issuer"),
        ("GBR", "BM", "issuer"),
        ("NLD", "DE", "another-country"),
        ("XOM", "IT", "no-country"),
        ("NLD", "Q1", "another-country"),
    ],
)
def test_country_of_the_signer(state: str, country: str, code: str) -> None:
    csca = Entity(country=country)
    group = authority.dg1("P<" + state + LINES[0][5:], LINES[1])
    verdict = judged(Sod(csca.signer(), {1: group}), store(csca), dg1=group, dg15=None)
    found = next(each for each in verdict.findings if each.id == "chip.signer_country")
    assert found.code == code
    outcomes = {
        "issuer": CheckOutcome.PASS,
        "another-country": CheckOutcome.FAIL,
        "no-country": CheckOutcome.WARN,
    }
    assert found.outcome is outcomes[code]


@pytest.mark.parametrize("state", ["NLD", "UTO", "XOM"])
def test_an_authority_signs_for_its_own_country_alone(state: str) -> None:
    """The authority of UT is trusted, and names a signer of NL: for no state's documents."""
    group = authority.dg1("P<" + state + LINES[0][5:], LINES[1])
    sod = Sod(CSCA.signer(country="NL"), {1: group})
    assert failed(judged(sod, dg1=group, dg15=None)) == {"chip.signer_country": "another-country"}


@pytest.mark.parametrize("zone", [b"", b"P" * 87, b"\xff" * 88, b"P" * 89])
def test_a_zone_of_another_length_or_alphabet_is_none(zone: bytes) -> None:
    with pytest.raises(Unreadable):
        judged(Sod(SIGNER, GROUPS), dg1=authority.tlv(0x61, b"\x5f\x1f" + bytes([len(zone)]) + zone))


def test_every_code_has_words() -> None:
    """All that these tests bring about; staff read no bare code."""
    verdicts = [judged(sod) for sod, _ in FAULTS.values()] + [
        judged(sod, trust) for sod, trust, _ in REFERRED.values()
    ]
    for verdict in verdicts:
        for each in verdict.findings:
            assert each.id in SUBJECTS
            assert each.code in CODES
