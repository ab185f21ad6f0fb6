"""What is committed speaks of the project alone: no machine's paths, no registry's host, no workplace."""

import hashlib
import re
from functools import cache
from itertools import pairwise

from tests.house.tree import ROOT, files, text

PATHS = re.compile(
    r"(?<![\w.])/(?:home|Users|work|root)/[\w.-]+|/tmp/[\w.-]*(?:simward|pytest-of)[\w.-]*|[A-Z]:\\\\Users"
)
"""Folders of somebody's machine. ``/tmp`` by itself, ``/run``, ``/var`` and ``/data`` are everybody's."""

HOSTS = re.compile(
    r"https?://[^\s\"'<>]*(?:registry|artifactory|nexus|devpi|verdaccio|pypi|pythonhosted|npmjs|mirror|jfrog)[^\s\"'<>]*"
    r"|--(?:extra-)?index-url|--trusted-host|--find-links|^\s*registry\s*=\s*\S*//|deb\s+https?://",
    re.I | re.M,
)
"""Where packages come from is the business of whoever installs them."""

_MARKS = """
    00ab399617cf 0efcc4ff6543 1becfa39cb6f 22124e61d907 272442eea66b 2978dd09e485 2afcf8d34150 2ffaebf17a15
    36dc2fa99282 38b38f97518e 40568de14764 432a325bb212 465cf0679720 50fae04df6d7 53ef04ab369b 5d0b1dca7a7d
    5f94759500b0 7510dc0cda6e 76c7e8e07127 7a0fff810ebc 88489eaa3fef 9399eecb2f7d 964d6a1f321e a2860eed6c16
    a6abbd09386e b020d8f39b8b b36fa8e1dbb1 baaa59df99ab be9b81884bbc bf99631246e3 c06049f6da52 c0fcf5e35a4d
    c6d00ae6ba44 cae935495689 cd4b35874307 e3dfc43ca7f4 ec348371a4ed edc70e33648c f148ab068a30 fc073c51d429
"""
STRANGERS = frozenset(_MARKS.split())


def _mark(word: str) -> str:
    return hashlib.sha256(f"simward/house/{word}".encode()).hexdigest()[:12]


def test_no_machines_paths() -> None:
    found = []
    for name in files():
        for number, line in enumerate((text(name) or "").splitlines(), 1):
            if (match := PATHS.search(line)) and str(name) != "tests/house/test_house_words.py":
                found.append(f"{name}:{number}: {match[0]}")
    assert not found, found


def test_no_registrys_host() -> None:
    found = []
    for name in files():
        body = text(name) or ""
        if not str(name).startswith("tests/house/") and (match := HOSTS.search(body)):
            found.append(f"{name}:{body[: match.start()].count(chr(10)) + 1}: {match[0]}")
    assert not found, found


def test_nothing_about_the_workplace() -> None:
    """Words are kept as digests, so that this list does not say them. Singles and pairs, in lower case."""
    found, known = [], cache(_mark)
    for name in files():
        words = re.findall(r"[a-z]+", f"{name}\n{text(name) or ''}".lower())
        said = set(words) | {f"{one} {two}" for one, two in pairwise(words)}
        found += [f"{name}: {word}" for word in sorted(said) if known(word) in STRANGERS]
    assert not found, found


def test_the_digests_are_of_words() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{12}", mark) for mark in STRANGERS)
    assert _mark("simward") not in STRANGERS
    assert (ROOT / "tests/house/test_house_words.py").is_file()
