"""Passive authentication (ICAO Doc 9303-11, 5.1): did the issuer sign what the chip says?"""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Final

from service.emrtd import der
from service.emrtd.algorithms import NotAllowed, digest_of, hashed, size_of
from service.emrtd.certificate import Certificate
from service.emrtd.chain import chain
from service.emrtd.shapes import LdsSecurityObject
from service.emrtd.signed import Signed, opened
from service.emrtd.trust import TrustStore
from service.kit import alpha2, states
from service.kit.checks import CheckOutcome, CheckResult

CONTENT_TYPES: Final = frozenset(
    {
        "2.23.136.1.1.1",  # Doc 9303-10, 4.6.2.2: id-icao-mrtd-security-ldsSecurityObject
        "1.3.27.1.1.1",  # the first draft's; Belgium, France
        "1.2.528.1.1006.1.20.1",  # Sdu's own; the Netherlands
        "1.2.840.113549.1.7.1",  # id-data; China
    }
)

_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """``lines``: the zone in DG1, as it stands there. ``has_key``: the chip has a key of its own (DG15), by the
    word of its issuer."""

    findings: tuple[CheckResult, ...]
    lines: tuple[str, ...]
    has_key: bool
    digest: str
    """SHA-256 of the signed content, in hexadecimal: one document's, whatever is changed around it."""


def authenticate(sod: bytes, dg1: bytes, dg15: bytes | None, trust: TrustStore, now: datetime) -> Verdict:
    """Every finding about these groups. Raises :class:`~service.emrtd.der.Unreadable` for what is no SOD or no DG1.

    ``sod``, ``dg1``, ``dg15``: whole elementary files with their tags (77, 61, 6F). ``now`` is aware.
    """
    lines = zone_lines(dg1)
    signed = opened(der.inside(sod, 0x77))
    digest, hashes = _hashes(signed.content)
    signer = signed.signer()
    chained, issuer = chain(signed, signer, trust, now)
    findings = [
        CheckResult("chip.sod", _PASS, "read"),
        _known(signed),
        *_by_signer(signed, signer, digest),
        _hash("chip.dg1_hash", hashes, 1, digest, dg1),
        _hash("chip.dg15_hash", hashes, 15, digest, dg15),
        *chained,
        _country(signer, issuer, lines),
    ]
    return Verdict(tuple(findings), lines, 15 in hashes, hashed("sha256", signed.content).hex())


def zone_lines(dg1: bytes) -> tuple[str, ...]:
    """The lines of the zone in DG1 (Doc 9303-10, 4.7.1): 90, 72 or 88 characters."""
    der.check(dg1, 256)
    content = der.inside(dg1, 0x61)
    if content[:2] != b"\x5f\x1f":
        raise der.Unreadable("structure")
    _, start, end = der.header(content, 0, len(content))
    text = content[start:end]
    width = {90: 30, 72: 36, 88: 44}.get(len(text))
    if width is None or end != len(content) or not text.isascii():
        raise der.Unreadable("structure")
    zone = text.decode("ascii")
    return tuple(zone[at : at + width] for at in range(0, len(zone), width))


def _known(signed: Signed) -> CheckResult:
    known = signed.content_type in CONTENT_TYPES and signed.declares_its_type
    return CheckResult("chip.content_type", _PASS if known else _FAIL, "known" if known else "unlisted")


def _hashes(content: bytes) -> tuple[str, dict[int, bytes]]:
    """(digest algorithm, digest by group). An algorithm that is off the list is as good as none: Unreadable."""
    der.check(content)
    with der.reading():
        parsed = LdsSecurityObject.load(content, strict=True)
        if parsed["version"].native not in (0, 1):
            raise der.Unreadable("structure")
        try:
            digest = digest_of(parsed["digest"])
        except NotAllowed:
            raise der.Unreadable("structure") from None
        found: dict[int, bytes] = {}
        for each in parsed["hashes"]:
            number, value = each["number"].native, each["value"].native
            if not 1 <= number <= 16 or number in found or len(value) != size_of(digest):
                raise der.Unreadable("structure")
            found[number] = value
    return digest, found


def _hash(
    check_id: str, hashes: dict[int, bytes], number: int, digest: str, group: bytes | None
) -> CheckResult:
    """Doc 9303-10, 4.6.2.3: the digest of the whole group, its tag and length too."""
    signed = hashes.get(number)
    if group is None:
        return CheckResult(check_id, _SKIPPED, "not-given" if signed is not None else "not-there")
    if signed is None:
        return CheckResult(check_id, _FAIL, "not-signed")
    agrees = compare_digest(signed, hashed(digest, group))
    return CheckResult(check_id, _PASS if agrees else _FAIL, "hash-agrees" if agrees else "hash-differs")


def _by_signer(signed: Signed, signer: Certificate | None, digest: str) -> tuple[CheckResult, ...]:
    """The signature over the attributes, the digest in them, and what both were made with."""
    try:
        declared = signed.declares_its_digest
        weak = "sha1" in (digest, signed.digest, signed.algorithm.digest)
        right = None if signer is None else signed.is_signed_by(signer)
        weak = weak or (signer is not None and signer.algorithm.is_weak)
    except NotAllowed:
        return (
            CheckResult("chip.algorithm", _FAIL, "not-allowed"),
            CheckResult("chip.message_digest", _SKIPPED, "not-judged"),
            CheckResult("chip.signature", _SKIPPED, "not-judged"),
        )
    signature = CheckResult("chip.signature", _WARN, "no-signer")
    if right is not None:
        signature = CheckResult("chip.signature", _PASS if right else _FAIL, "verifies" if right else "wrong")
    return (
        CheckResult("chip.algorithm", _WARN if weak else _PASS, "sha-1" if weak else "strong"),
        CheckResult(
            "chip.message_digest", _PASS if declared else _FAIL, "hash-agrees" if declared else "hash-differs"
        ),
        signature,
    )


def _country(signer: Certificate | None, issuer: Certificate | None, lines: tuple[str, ...]) -> CheckResult:
    """Doc 9303-12, 7.1: the signer's country is the issuer's; small letters are let pass. An authority signs for its
    own country alone, whatever it writes into its signers' names."""
    check_id = "chip.signer_country"
    state = lines[0][2:5].replace("<", "")
    if signer is None:
        return CheckResult(check_id, _SKIPPED, "not-judged")
    if issuer is not None and issuer.country != signer.country:
        return CheckResult(check_id, _FAIL, "another-country")
    if not alpha2.has_signer(state):
        return CheckResult(check_id, _WARN, "no-country")
    agrees = states.canonical(state) in alpha2.states_of(signer.country)
    return CheckResult(check_id, _PASS if agrees else _FAIL, "issuer" if agrees else "another-country")
