"""From a document signer to a trusted CSCA (ICAO Doc 9303-12, 6 and 7): who signed it, when it held, whether it was
revoked. Each question is a finding of its own."""

from collections.abc import Sequence
from datetime import datetime

from service.emrtd.algorithms import NotAllowed
from service.emrtd.certificate import Certificate
from service.emrtd.der import Unreadable
from service.emrtd.signed import Signed
from service.emrtd.trust import TrustStore
from service.kit.checks import CheckOutcome, CheckResult

_PASS, _FAIL, _WARN, _SKIPPED = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.WARN, CheckOutcome.SKIPPED


def chain(
    signed: Signed, signer: Certificate | None, trust: TrustStore, now: datetime
) -> tuple[tuple[CheckResult, ...], Certificate | None]:
    """(the findings, the authority that signed the signer's certificate, where one is trusted)."""
    if signer is None:
        nothing = (
            CheckResult("chip.trust", _WARN, "no-signer"),
            *(CheckResult(check_id, _SKIPPED, "not-judged") for check_id in _AFTER_TRUST),
        )
        return nothing, None
    trusted, issuer = _trusted(signer, trust)
    findings = (
        *trusted,
        _usage(signer, issuer),
        *_times(signed, signer, issuer, now),
        _revoked(signer, issuer, trust, now),
    )
    return findings, issuer


_AFTER_TRUST = (
    "chip.signer_chain",
    "chip.signer_key_usage",
    "chip.signer_not_before",
    "chip.signer_not_after",
    "chip.signing_time",
    "chip.signer_revoked",
)


def _trusted(
    signer: Certificate, trust: TrustStore
) -> tuple[tuple[CheckResult, CheckResult], Certificate | None]:
    """Whether an authority of that name or key is known, and whether it signed. With an unknown one nothing can be
    said: a person looks."""
    known, chained = "chip.trust", "chip.signer_chain"
    if trust.is_empty:
        nothing = (
            CheckResult(known, _SKIPPED, "no-trust-store"),
            CheckResult(chained, _SKIPPED, "not-judged"),
        )
        return nothing, None
    candidates = trust.issuers_of(signer.issuer, signer.aki)
    if not candidates:
        return (
            CheckResult(known, _WARN, "unknown-issuer"),
            CheckResult(chained, _SKIPPED, "not-judged"),
        ), None
    issuer = _issuer(signer, candidates)
    found = CheckResult(known, _PASS, "known-issuer")
    if issuer is None:
        return (found, CheckResult(chained, _FAIL, "wrong")), None
    return (found, CheckResult(chained, _PASS, "verifies")), issuer


def _issuer(signer: Certificate, candidates: Sequence[Certificate]) -> Certificate | None:
    """Who signed: of several with one key (a root and a link), one that held then, where there is one."""
    signed: list[Certificate] = []
    for each in candidates:
        try:
            if signer.is_signed_by(each):
                signed.append(each)
        except (NotAllowed, Unreadable):
            continue  # a key that cannot be read is not the one
    held = [
        each
        for each in signed
        if each.holds_at(signer.not_before) and each.may_certify() and not each.has_strange_demand
    ]
    return next(iter([*held, *signed]), None)


def _usage(signer: Certificate, issuer: Certificate | None) -> CheckResult:
    """9303-12, table 5: a signer signs documents alone, an authority certificates; no unknown demand of either."""
    check_id = "chip.signer_key_usage"
    if not signer.may_sign_documents() or signer.has_strange_demand:
        return CheckResult(check_id, _FAIL, "not-a-signer")
    if issuer is not None and (not issuer.may_certify() or issuer.has_strange_demand):
        return CheckResult(check_id, _FAIL, "not-an-authority")
    if signer.key_usage is None:
        return CheckResult(check_id, _WARN, "unstated")
    return CheckResult(check_id, _PASS, "as-it-should")


def _times(
    signed: Signed, signer: Certificate, issuer: Certificate | None, now: datetime
) -> tuple[CheckResult, ...]:
    """A signer holds as long as the documents that it signed (9303-12, 6.1): one that does not is for a person."""
    begun = now >= signer.not_before
    before = CheckResult("chip.signer_not_before", _PASS if begun else _FAIL, "begun" if begun else "early")
    over = now > signer.not_after
    after = CheckResult("chip.signer_not_after", _WARN if over else _PASS, "over" if over else "holds")
    at = signed.signing_time
    if issuer is not None and not issuer.holds_at(signer.not_before):
        when = CheckResult("chip.signing_time", _FAIL, "authority-over")
    elif at is None:
        when = CheckResult("chip.signing_time", _SKIPPED, "not-given")
    else:
        within = signer.holds_at(at) and at <= now
        when = CheckResult("chip.signing_time", _PASS if within else _FAIL, "within" if within else "outside")
    return before, after, when


def _revoked(
    signer: Certificate, issuer: Certificate | None, trust: TrustStore, now: datetime
) -> CheckResult:
    """By the newest lists of the authority, under the name in the signer and under its own: a name changes with a
    link. An old list still says what it says; that it is old is told."""
    check_id = "chip.signer_revoked"
    if issuer is None:
        return CheckResult(check_id, _SKIPPED, "not-judged")
    names = dict.fromkeys((signer.issuer, issuer.subject))
    crls = [crl for name in names if (crl := trust.crl_of(name)) is not None]
    if any(signer.serial in crl.revoked for crl in crls):
        return CheckResult(check_id, _FAIL, "revoked")
    own = trust.crl_of(issuer.issuer)
    if own is not None and issuer.serial in own.revoked:
        return CheckResult(check_id, _FAIL, "authority-revoked")
    if not crls:
        return CheckResult(check_id, _SKIPPED, "no-list")
    if any(crl.is_old_at(now) for crl in crls):
        return CheckResult(check_id, _SKIPPED, "old-list")
    return CheckResult(check_id, _PASS, "not-revoked")
