"""The strict rule: which reads of a picture may pass without anybody confirming them.

Only one with nothing repaired, every check digit valid and both state codes real (issue of this part of the service),
and stricter, because check digits are weak against a reader's mistakes (9303-3, 4.9):

- values that are equal modulo 10 cannot be told apart at any weight: G and 6 and Q, S and 8, L and 1, M and W, K and
  a filler, a filler and 0. A digit for another digit is always seen;
- two mistakes in one number go unseen in one case of ten, and the same mistake twice, which is what a reader makes
  that takes every 0 for an O, always where the weights are 7 and 3, because 7 + 3 is 10;
- the composite digit weighs a number's characters 7, 3, 1 as the number's own digit does, so it adds nothing there;
- the upper line of a passport has no digit at all.

So the lines must have been read twice, from other pixels, to the same characters; with certainty; in a layout of
9303 with a composite digit, as long as it wants them. Everything else is confirmed by whoever has the document.
"""

from collections.abc import Iterable
from typing import Final

from service.documents.model import CheckOutcome, CheckResult, PictureRead
from service.kit.mrz import Layout
from service.kit.mrz.repair import Fitted

LEAST_SCORE: Final = 900
"""Per mille of the reader's own certainty, of the least certain line."""
READ: Final = "image.read"
_PASS, _WARN = CheckOutcome.PASS, CheckOutcome.WARN
_STRICT_LAYOUTS: Final = frozenset({Layout.TD1, Layout.TD2, Layout.TD3})
# What is wrong with a document although it was read right; every other failure may be the reader's.
_NOT_THE_READERS: Final = frozenset({("mrz.expiry_date", "expired")})
_NUMBERS: Final = frozenset({"document_number", "composite"})
# O, whose one mistake is made again and again, and the letters that one of our two readers was seen to take for
# another of the same value (of 3,400 such characters on bad pictures G four times, W once; never both for the same).
# S and 8, L and 1, P and F were not: there, and for a G that was read as 6, the second read is the guard.
_LOOK_ALIKE: Final = frozenset("GKMOQW")


def findings_of_picture(
    read: PictureRead, fitted: Fitted, zone: Iterable[CheckResult]
) -> tuple[CheckResult, ...]:
    """The ``image.…`` findings, ``image.read`` last: whether the read stands by itself. ``zone``: what was found of
    the characters, before policy and typed data."""
    checks = list(zone)
    outcomes = {result.id: result for result in checks}
    states = all(
        outcomes[name].outcome is _PASS
        for name in ("mrz.issuing_state", "mrz.nationality")
        if name in outcomes
    )
    found = [
        _said("image.quality", not read.advice, "good", "poor"),
        _said("image.lines", fitted.is_exact, "exact", "fitted"),
        _repaired(fitted),
        _said("image.states", states, "real", "unreal"),
        _said("image.score", _least(read) >= LEAST_SCORE, "certain", "uncertain"),
        _agreement(read, fitted),
        _said("image.number", _is_plain(fitted), "plain", "ambiguous"),
    ]
    stands = (
        all(result.outcome is _PASS for result in found)
        and fitted.mrz.layout in _STRICT_LAYOUTS
        and all(_is_clean(result) for result in checks)
    )
    return (*found, _said(READ, stands, "strict", "to-confirm"))


def awaits_confirmation(findings: Iterable[CheckResult]) -> bool:
    """Whether this is a read of a picture that nobody has confirmed yet."""
    return any(result.id == READ and result.outcome is _WARN for result in findings)


def _said(check_id: str, holds: bool, good: str, bad: str) -> CheckResult:
    return CheckResult(check_id, _PASS if holds else _WARN, good if holds else bad)


def _repaired(fitted: Fitted) -> CheckResult:
    if not fitted.repaired:
        return CheckResult("image.repaired", _PASS, "nothing")
    return CheckResult("image.repaired", _WARN, "number" if fitted.repaired & _NUMBERS else "other-fields")


def _least(read: PictureRead) -> int:
    return min(read.scores, default=0)


def _agreement(read: PictureRead, fitted: Fitted) -> CheckResult:
    """``twice``: both reads are the zone, to the character."""
    if not read.again:
        return CheckResult("image.agreement", _WARN, "once")
    first, second = (
        [line for text in lines if (line := "".join(text.split()))] for lines in (read.lines, read.again)
    )
    return _said("image.agreement", first == second and not fitted.repaired, "twice", "differs")


def _is_plain(fitted: Fitted) -> bool:
    """A number in which no mistake goes unseen by nature: without letters that are taken for a character of their
    own value, without a filler before its end, and not going on in another field."""
    at, text = fitted.mrz.positions, fitted.mrz.text
    number = text[at.document_number].rstrip("<")
    return (
        bool(number)
        and "<" not in number
        and not _LOOK_ALIKE.intersection(number)
        and text[at.document_number_digit] != "<"
    )


def _is_clean(result: CheckResult) -> bool:
    return result.outcome is not CheckOutcome.FAIL or (result.id, result.code) in _NOT_THE_READERS


_ADVICE: Final = {
    "blurred": "It is blurred: hold still and let the camera focus.",
    "glare": "Light is reflected in it: tilt the document or move away from the lamp.",
    "no-zone": "No machine-readable zone was found: show the whole page with the lines of letters and < at its edge.",
    "too-dark": "It is too dark: find more light.",
    "too-small": "It is too small: go nearer, or send it in a higher resolution.",
    "too-large": "It has too many pixels: send it smaller.",
    "not-a-picture": "It is damaged, or not a JPEG, PNG or WebP picture.",
}
ADVICE_CODES: Final = frozenset(_ADVICE)


def advice_on(codes: Iterable[str]) -> str:
    """What to do better, in words. Codes that are not known say nothing."""
    words = [_ADVICE[code] for code in codes if code in _ADVICE] or [_ADVICE["no-zone"]]
    return " ".join(words)
