"""Canonical forms of what is indexed, and the one encoding under every keyed hash.

Two spellings of one thing must meet in one index, so ``canon`` folds what carries no meaning (fillers,
spaces, case) and refuses what is not such a thing at all: a value that cannot be canonical raises
``ValueError`` with no input in its text. The forms are versioned by the label under which they are hashed
(``security.md`` 1.2–1.5); changing a form here means a new label and a re-index.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

Part = bytes | str | UUID


class IndexKind(StrEnum):
    """What may be looked up. Birth date, sex, nationality or postcode alone never are (``security.md`` 1.4)."""

    DOCUMENT = "document"
    PERSONAL_NUMBER = "personal_number"
    PERSON = "person"
    MSISDN = "msisdn"
    CONTACT = "contact"
    EMAIL = "email"
    DEVICE = "device"
    ICCID = "iccid"
    IMEI = "imei"
    ADDRESS = "address"
    PAYMENT = "payment"
    LICENCE = "licence"
    BLOCK = "block"
    CHIP = "chip"
    NAMES = "names"
    PICTURE = "picture"


SHARED_KINDS = frozenset({IndexKind.DOCUMENT, IndexKind.PERSON, IndexKind.MSISDN, IndexKind.LICENCE})
"""The kinds that may be compared between operators (``security.md`` 1.5)."""


def enc(label: str, *parts: Part) -> bytes:
    """``label``, 0x00, then for each part its length as u32be and its bytes: no two inputs share an encoding.

    Text is UTF-8, a UUID its 16 bytes. The label carries purpose and version, and no NUL.
    """
    if not label or "\0" in label:
        raise ValueError("a label is not empty and holds no NUL")
    out = [label.encode(), b"\0"]
    for part in parts:
        raw = part if isinstance(part, bytes) else part.bytes if isinstance(part, UUID) else part.encode()
        out += (len(raw).to_bytes(4, "big"), raw)
    return b"".join(out)


def lock_key(index: bytes) -> int:
    """The advisory lock of an index: 64 bits, signed, as PostgreSQL's bigint."""
    return int.from_bytes(hashlib.sha256(b"lock/v1\0" + index).digest()[:8], "big", signed=True)


def canon(kind: IndexKind, *values: str) -> str:
    """The canonical form of a thing of ``kind``.

    =================  ==========================================================================
    document           state (ICAO, 1–3 letters), type class (``P``, ``I``, ``V`` …), number
    personal_number    state, number that the government gave to the person
    person             surname tokens, first given name or empty, birth date, issuer. The tokens are
                       already transliterated (ICAO Doc 9303-3, 6); the date is ISO, whole
    msisdn, contact    E.164 with ``+``
    email              address
    iccid, imei        digits; an IMEI weighs its first 14 (the check digit and the software
                       version do not tell handsets apart)
    address            country, postal code, locality, line, line …
    device, payment    opaque, exact, up to 256 characters
    chip               SHA-256 of the chip's security object, in hexadecimal
    names              surname tokens, first given name or empty, transliterated as a person's are
    picture            opaque: a mask over perceptual hashes is made of it, no picture is
    licence            licence number, or country and number
    block              E.164 with ``+``, of which the last three digits go: a block of 1,000 numbers
    =================  ==========================================================================
    """
    return _FORMS[kind](values)


def _take(values: tuple[str, ...], least: int, most: int) -> tuple[str, ...]:
    if not least <= len(values) <= most:
        raise ValueError("wrong number of parts for this kind of index")
    return values


def _alnum(text: str, *, empty: bool = False) -> str:
    """Upper-case letters and digits alone: fillers, spaces and hyphens carry no meaning (ICAO Doc 9303-3, 4.6)."""
    kept = "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())
    if not kept and not empty:
        raise ValueError("nothing is left of a part of this index")
    return kept


def _document(values: tuple[str, ...]) -> str:
    return "|".join(_alnum(value) for value in _take(values, 3, 3))


def _personal_number(values: tuple[str, ...]) -> str:
    return "|".join(_alnum(value) for value in _take(values, 2, 2))


_TOKEN = re.compile(r"[A-Z0-9]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _person(values: tuple[str, ...]) -> str:
    surname, given, born, issuer = _take(values, 4, 4)
    tokens = sorted(surname.replace("<", " ").split())
    first = given.replace("<", " ").split()[:1]
    if not tokens or not all(_TOKEN.fullmatch(token) for token in [*tokens, *first]):
        raise ValueError("a person's tokens are transliterated letters and digits")
    if not _DATE.fullmatch(born):
        raise ValueError("a person's index needs a whole birth date")
    return "|".join((" ".join(tokens), "".join(first), born, _alnum(issuer)))


def _names(values: tuple[str, ...]) -> str:
    surname, given = _take(values, 2, 2)
    tokens = sorted(surname.replace("<", " ").split())
    first = given.replace("<", " ").split()[:1]
    if not tokens or not all(_TOKEN.fullmatch(token) for token in [*tokens, *first]):
        raise ValueError("the tokens of names are transliterated letters and digits")
    return "|".join((" ".join(tokens), "".join(first)))


_BLOCK_DIGITS = 3
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def _number(values: tuple[str, ...]) -> str:
    (value,) = _take(values, 1, 1)
    if not _E164.fullmatch(value):
        raise ValueError("a number is E.164 with a plus")
    return value


def _block(values: tuple[str, ...]) -> str:
    return _number(values)[:-_BLOCK_DIGITS]


def _folded(text: str) -> str:
    """NFKC, case-folded, NFKC again (folding can undo it), without outer space."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def _email(values: tuple[str, ...]) -> str:
    (value,) = _take(values, 1, 1)
    folded = _folded(value)
    local, _, domain = folded.rpartition("@")
    if not local or not domain or any(c.isspace() for c in folded):
        raise ValueError("not an e-mail address")
    return folded


def _digits(value: str, least: int, most: int) -> str:
    kept = re.sub(r"[ \-]", "", value)
    if not (kept.isascii() and kept.isdigit() and least <= len(kept) <= most):
        raise ValueError("not a serial number of digits")
    return kept


def _iccid(values: tuple[str, ...]) -> str:
    return _digits(_take(values, 1, 1)[0], 18, 20)


def _imei(values: tuple[str, ...]) -> str:
    return _digits(_take(values, 1, 1)[0], 14, 16)[:14]


def _address(values: tuple[str, ...]) -> str:
    country, postal, locality, *lines = _take(values, 4, 12)
    words = [" ".join(re.findall(r"\w+", _folded(text))) for text in (locality, *lines)]
    if not words[0] and not any(words[1:]):
        raise ValueError("an address is more than its postcode")
    return "|".join((_alnum(country), _alnum(postal, empty=True), *words))


def _opaque(values: tuple[str, ...]) -> str:
    (value,) = _take(values, 1, 1)
    if not 1 <= len(value) <= 256:
        raise ValueError("an opaque value has 1 to 256 characters")
    return value


def _licence(values: tuple[str, ...]) -> str:
    return "|".join(_alnum(value) for value in _take(values, 1, 2))


_FORMS: dict[IndexKind, Callable[[tuple[str, ...]], str]] = {
    IndexKind.DOCUMENT: _document,
    IndexKind.PERSONAL_NUMBER: _personal_number,
    IndexKind.PERSON: _person,
    IndexKind.MSISDN: _number,
    IndexKind.CONTACT: _number,
    IndexKind.EMAIL: _email,
    IndexKind.DEVICE: _opaque,
    IndexKind.ICCID: _iccid,
    IndexKind.IMEI: _imei,
    IndexKind.ADDRESS: _address,
    IndexKind.PAYMENT: _opaque,
    IndexKind.LICENCE: _licence,
    IndexKind.BLOCK: _block,
    IndexKind.CHIP: _opaque,
    IndexKind.NAMES: _names,
    IndexKind.PICTURE: _opaque,
}
