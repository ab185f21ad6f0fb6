"""Nouns of pictures: what a reader saw in one, and what whoever has the document said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from service.kit.errors import JsonObject, JsonValue
from service.kit.mrz import DocumentUnreadable


@dataclass(frozen=True, slots=True)
class Quality:
    """What the gate measured of a picture: whole numbers, so that they may be stored."""

    width: int
    height: int
    blur: int
    """Variance of the Laplacian at 1000 pixels of width: sharp pictures have some hundreds."""
    glare: int
    """Saturated pixels, per mille."""


@dataclass(frozen=True, slots=True, repr=False)
class PictureRead:
    """What the reader saw in a picture: text lines that may be a zone, as they were read, top to bottom.

    ``lines`` are not repaired. ``scores`` are the reader's own certainty of each line, per mille. ``fingerprint``:
    256 bits of the perceptual hash of the picture with its portrait zone blacked out; None where no zone was found.
    ``advice``: codes of what to do better (``too-dark``, ``blurred``, ``glare``, ``too-small``, ``no-zone``).
    ``again``: the same lines, read a second time from other pixels (another scale, another contrast); empty where they
    were read once.
    """

    lines: tuple[str, ...]
    scores: tuple[int, ...]
    quality: Quality
    advice: tuple[str, ...] = ()
    fingerprint: bytes | None = None
    again: tuple[str, ...] = ()


MAX_CORRECTIONS = 3
"""Times that what was read of one picture may be corrected."""


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """What a machine read of a picture, kept sealed until it is erased with its subject, and beside it what whoever has
    the document said instead. ``repaired``: the fields of which a character was put right."""

    lines: tuple[str, ...]
    repaired: tuple[str, ...] = ()
    corrections: tuple[Mapping[str, JsonValue], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Correction:
    """What whoever has the document says of it; None: as it was read. ``lines``: the whole zone, in place of all."""

    document_number: str | None = None
    issuing_state: str | None = None
    nationality: str | None = None
    family_name: str | None = None
    given_names: str | None = None
    birth_date: str | None = None
    expiry_date: date | None = None
    sex: str | None = None
    lines: tuple[str, ...] | None = None

    def as_json(self) -> JsonObject:
        """What was said, by the names of ``api.md``."""
        found: JsonObject = {}
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if value is not None:
                found[name] = value.isoformat() if isinstance(value, date) else value
        return found


class PictureUnreadable(DocumentUnreadable):
    """A picture in which no zone was read; ``advice`` says what to do better, ``advice_codes`` the same in codes."""

    def __init__(self, codes: Sequence[str], advice: str) -> None:
        super().__init__(advice)
        self.facts["advice_codes"] = list(codes)
