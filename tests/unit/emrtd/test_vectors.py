"""The public vectors: a real master list of 2026 and the specimens of 2006 and 2008, read in place."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.emrtd import Certificate, NotTrusted, TrustStore, authenticate, verified_list
from service.emrtd.masterlist import MasterList
from service.kit.checks import CheckOutcome
from tests.fakes.authority import Entity, How

BESIDE = Path(__file__).resolve().parents[4] / "shared/vectors"
VECTORS = Path(os.environ.get("SIMWARD_TEST_VECTORS", BESIDE)) / "emrtd"
TODAY = datetime(2026, 6, 1, tzinfo=UTC)


def vector(name: str) -> bytes:
    if not (VECTORS / name).exists():
        pytest.skip(f"the public test vectors are not beside the project: {name} was NOT tested")
    return (VECTORS / name).read_bytes()


@pytest.fixture(scope="module")
def listed() -> MasterList:
    root = Certificate(vector("DE_ROOT_CA_CSCA07.cer"))
    return verified_list(vector("DE_ML_2026-05-28.ml"), [root], TODAY)


def test_the_german_list_verifies_up_to_its_pinned_root(listed: MasterList) -> None:
    """588 certificates, of which seven are links that say of themselves that they are no authority."""
    assert (len(listed.certificates), listed.unusable) == (581, 7)
    assert listed.root.country == "DE"
    assert listed.signed_at == datetime(2026, 5, 28, 6, 28, 45, tzinfo=UTC)


def test_every_key_and_algorithm_of_it_is_read(listed: MasterList) -> None:
    """160 of them spell their curve out."""
    for each in listed.certificates:
        assert each.key
        assert each.algorithm


def test_without_its_root_it_is_nothing() -> None:
    """The root that it brings along does not vouch for it."""
    data = vector("DE_ML_2026-05-28.ml")
    for roots in (
        [],
        [Certificate(Entity(name="csca-germany", country="DE", how=How(which=9)).certificate())],
    ):
        with pytest.raises(NotTrusted):
            verified_list(data, roots, TODAY)


SPECIMENS = {
    # 2008, brainpoolP224r1 spelt out, SHA-1: signed by a test authority that no list has ever held; its signer
    # states no usage, and was made for a year.
    ("bsi2008_EF_SOD.bin", "bsi2008_DG1.bin"): {
        "chip.algorithm": "sha-1", "chip.trust": "unknown-issuer", "chip.signer_key_usage": "unstated",
        "chip.signer_not_after": "over",
    },
    # 2006, RSA and SHA-256: signed by "CSCA Test" of the maker, which is in no list either.
    ("loes2006_SOD.bin", "loes2006_DG1.bin"): {"chip.trust": "unknown-issuer", "chip.signer_not_after": "over"},
}  # fmt: skip


@pytest.mark.parametrize("names", SPECIMENS, ids=lambda names: names[0][:7])
def test_a_specimen_is_what_its_maker_signed_and_nobody_vouches_for_it(
    names: tuple[str, str], listed: MasterList
) -> None:
    sod, dg1 = map(vector, names)
    verdict = authenticate(sod, dg1, None, TrustStore(listed.certificates), TODAY)
    warned = {each.id: each.code for each in verdict.findings if each.outcome is CheckOutcome.WARN}
    assert warned == SPECIMENS[names]
    passed = {each.id for each in verdict.findings if each.outcome is CheckOutcome.PASS}
    assert passed >= {"chip.message_digest", "chip.signature", "chip.dg1_hash", "chip.signer_country"}
    assert not [each for each in verdict.findings if each.outcome is CheckOutcome.FAIL]
    for at in (len(dg1) - 1, 30):
        changed = dg1[:at] + bytes([dg1[at] ^ 1]) + dg1[at + 1 :]
        found = authenticate(sod, changed, None, TrustStore(), TODAY).findings
        assert next(each for each in found if each.id == "chip.dg1_hash").outcome is CheckOutcome.FAIL
