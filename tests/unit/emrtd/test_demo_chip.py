"""The demo's chip verifies under the demo's authority, and says who its owner is."""

import base64
from datetime import UTC, datetime

from service.demo import chip
from service.documents.rules.chips import is_signed
from service.documents.schemas import EmrtdIn
from service.emrtd import Certificate, TrustStore, authenticate
from service.kit.mrz import parse

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_it_is_signed_by_utopia() -> None:
    given = EmrtdIn.model_validate(chip.submission()).submission()
    root = Certificate(base64.b64decode(chip._kept()["csca"]))
    verdict = authenticate(given.sod, given.dg1, None, TrustStore([root]), NOW)
    assert is_signed(verdict.findings)
    zone = parse(verdict.lines)
    assert zone.names.primary == chip.subscriber()["family_name"].upper()
    assert zone.issuing_state == "UTO"
