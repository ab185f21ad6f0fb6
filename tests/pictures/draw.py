"""A page, flat and true to scale: 12 pixels a millimetre unless told."""

import math
import os
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from service.kit.mrz import Layout
from service.kit.people import InventedPerson, invent, person

FONT = Path("/usr/share/fonts/opentype/ocr-b/OCRB.otf")
PITCH_MM = 2.54
"""10 characters an inch: 9303-3, 4.3."""
LINE_MM = 6.35
"""From the middle of a line to the next: 9303-4 appendix A, 9303-5 appendix A."""
LOWEST_MM = 7.1
"""From the lower edge to the middle of the last line."""
SCALE = 12
TODAY = date(2026, 11, 23)


class NoFont(Exception):
    """fonts-ocr-b is not installed: ``sh tools/ocrb.sh`` installs it as root on Debian."""


@dataclass(frozen=True)
class Size:
    """Millimetres: 9303-4, -5, -6, section 2."""

    width: float
    height: float
    left: float
    portrait: tuple[float, float, float, float] | None
    ghost: tuple[float, float, float, float] | None


SIZES = {
    Layout.TD3: Size(125, 88, 6.0, (4, 18, 39, 63), (101, 30, 121, 56)),
    Layout.TD2: Size(105, 74, 6.0, (4, 12, 38, 50), None),
    Layout.TD1: Size(85.6, 54, 4.8, None, None),
}


@cache
def font(pixels_a_pitch: float, name: str = "") -> ImageFont.FreeTypeFont:
    """OCR-B whose characters advance by so many pixels; raises :class:`NoFont`."""
    path = Path(name or os.environ.get("OCRB_FONT") or FONT)
    if not path.is_file():
        raise NoFont(f"{path.name} is missing; sh tools/ocrb.sh installs Debian's fonts-ocr-b")
    probe = ImageFont.truetype(str(path), 1000)
    return ImageFont.truetype(str(path), max(1, round(1000 * pixels_a_pitch / probe.getlength("M"))))


def somebody(seed: int, layout: Layout) -> InventedPerson:
    """As ``invent``; every other one with a number of any letters and digits, where readers go wrong: O and 0."""
    dice = random.Random(seed)
    base = invent(dice, TODAY, layout=layout)
    number = base.document_number
    if seed % 2:
        number = "".join(dice.choice(string.digits * 2 + string.ascii_uppercase) for _ in range(9))
    return person(
        base.family_name,
        base.given_names,
        base.birth_date,
        sex=base.sex,
        number=number,
        personal_number=base.personal_number,
        expiry=base.expiry,
        layout=layout,
    )


def page(
    lines: Sequence[str],
    layout: Layout,
    *,
    seed: int = 0,
    portrait_seed: int = 1,
    guilloche: float = 0.3,
    portrait: bool = True,
    scale: int = SCALE,
) -> Image.Image:
    """Grey picture of the page that carries the zone; ``guilloche`` 0 to 1 is how dark its pattern is."""
    size = SIZES[layout]
    width, height = round(size.width * scale), round(size.height * scale)
    dice = random.Random(seed)
    picture = Image.fromarray(_paper(width, height, dice, guilloche, scale))
    pen = ImageDraw.Draw(picture)
    if portrait:
        for box in (size.portrait, size.ghost):
            if box:
                at = tuple(round(each * scale) for each in box)
                picture.paste(block(at[2] - at[0], at[3] - at[1], portrait_seed), at[:2])
    _words(pen, size, layout, dice, scale)
    pitch = PITCH_MM * scale
    letters = font(pitch)
    for row, line in enumerate(lines):
        middle = (size.height - LOWEST_MM - LINE_MM * (len(lines) - 1 - row)) * scale
        for column, letter in enumerate(line):
            x = size.left * scale + (column + 0.5) * pitch
            pen.text(
                (x, middle + 1.2 * scale), letter, font=letters, fill=dice.randrange(15, 40), anchor="ms"
            )
    return picture


def block(width: int, height: int, seed: int) -> Image.Image:
    """What stands where a portrait would: squares of random grey, another for every seed."""
    noise = np.random.default_rng(seed)
    squares = noise.integers(0, 256, (max(2, height // 24), max(2, width // 24)), dtype=np.uint8)
    return Image.fromarray(squares).resize((width, height), Image.Resampling.NEAREST)


def portraits(layout: Layout, scale: int = SCALE) -> Image.Image:
    """White where the page has a portrait or its ghost, black elsewhere."""
    size = SIZES[layout]
    picture = Image.new("L", (round(size.width * scale), round(size.height * scale)))
    for box in (size.portrait, size.ghost):
        if box:
            at = tuple(round(each * scale) for each in box)
            picture.paste(255, at)
    return picture


def _paper(width: int, height: int, dice: random.Random, strength: float, scale: int) -> np.ndarray:
    """Waves over one another, as on banknotes."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / scale
    paper = np.full((height, width), 225, np.float32)
    for _ in range(5):
        angle, wave = dice.uniform(0, math.pi), dice.uniform(0.5, 1.6)
        bend = dice.uniform(0.5, 3) * np.sin((x + y) / dice.uniform(5, 14) + dice.uniform(0, 6))
        phase = (x * math.cos(angle) + y * math.sin(angle) + bend) * 2 * math.pi / wave
        paper -= strength * 30 * (np.sin(phase) > 0.75)
    return np.clip(paper, 0, 255).astype(np.uint8)


def _words(pen: ImageDraw.ImageDraw, size: Size, layout: Layout, dice: random.Random, scale: int) -> None:
    """Titles and fields that are no zone, in another face."""
    big, small = ImageFont.load_default(3.2 * scale), ImageFont.load_default(2.2 * scale)
    title = {Layout.TD3: "PASSPORT", Layout.TD2: "IDENTITY CARD", Layout.TD1: "RESIDENCE CARD"}[layout]
    pen.text((42 * scale, 4 * scale), f"UTOPIA   {title}", font=big, fill=60)
    bottom = size.height - (28 if layout is not Layout.TD1 else 30)
    y = 12.0
    while y < bottom:
        word = " ".join(
            "".join(dice.choice(string.ascii_letters) for _ in range(dice.randrange(3, 10))) for _ in range(3)
        )
        pen.text(((44 if layout is not Layout.TD1 else 20) * scale, y * scale), word, font=small, fill=50)
        y += 5.5
