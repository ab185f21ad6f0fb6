"""Tests that draw pictures are skipped aloud where the letters are missing."""

import pytest

from tests.pictures.draw import NoFont, font


def _lacks_font() -> str:
    try:
        font(24.0)
    except NoFont as lack:
        return str(lack)
    return ""


needs_font = pytest.mark.skipif(bool(_lacks_font()), reason=_lacks_font() or "fonts-ocr-b is there")
