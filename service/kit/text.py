"""Free text and names at the edge: what is never let in (security.md, section 8), and one form for what is."""

import re
import unicodedata

from service.kit.values import Malformed

_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_=-]{65}")
_LETTERS = ("L", "M")  # letters and the marks on them
_NAME_SIGNS = frozenset(" '’‘ʼʻ`´-‐‑–.,·ʹ\u200c\u200d")
_JOINERS = frozenset("\u200c\u200d")


def clean(text: str, pointer: str) -> str:
    """``text`` in NFC, trimmed. Raise :class:`Malformed` on what could hide or carry something.

    Refused: control, format (bidi, zero-width), surrogate, private and unassigned characters except line feed
    and tab; ``data:``; runs of more than 64 characters of a base64 alphabet.
    """
    for char in text:
        category = unicodedata.category(char)
        if category[0] == "C" and char not in "\n\t" and char not in _JOINERS:
            raise Malformed(pointer, "text-characters", "It holds control or invisible characters.")
    composed = unicodedata.normalize("NFC", text).strip()
    if "data:" in composed.casefold():
        raise Malformed(pointer, "text-data", "It holds a data: address.")
    if _BASE64_RUN.search(composed):
        raise Malformed(pointer, "text-encoded", "It holds a long run of encoded characters.")
    return composed


def clean_name(text: str, pointer: str, *, limit: int = 128) -> str:
    """A name of a person: letters of any script, marks, spaces, hyphens, apostrophes, full stops, commas.

    Runs of spaces become one. Joiners (U+200C, U+200D) are kept only between letters, where Persian and Indic
    spelling needs them. At most three marks follow a letter. Raise :class:`Malformed` otherwise.
    """
    if len(text) > limit:
        raise Malformed(pointer, "name-length", f"A name has at most {limit} characters.")
    name = " ".join(clean(text, pointer).split())
    if not name:
        raise Malformed(pointer, "name-empty", "A name is needed.")
    marks = 0
    for at, char in enumerate(name):
        kind = unicodedata.category(char)[0]
        marks = marks + 1 if kind == "M" else 0
        if (kind not in _LETTERS and char not in _NAME_SIGNS) or marks > 3 or (kind == "M" and at == 0):
            raise Malformed(pointer, "name-characters", "It holds characters that no name has.")
        if char in _JOINERS and (at in (0, len(name) - 1) or name[at - 1] in _NAME_SIGNS):
            raise Malformed(pointer, "name-characters", "It holds characters that no name has.")
    if not any(unicodedata.category(char)[0] == "L" for char in name):
        raise Malformed(pointer, "name-characters", "It holds no letter.")
    return name
