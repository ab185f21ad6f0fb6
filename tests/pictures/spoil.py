"""Photographs of a page, each condition with its own dice, and the files they are sent as."""

import io
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

Spoil = Callable[[Image.Image, random.Random], Image.Image]


def desk(page: Image.Image, dice: random.Random, margin: float = 0.06) -> Image.Image:
    """The page on a table that is darker and uneven."""
    width, height = page.size
    side, top = round(width * margin), round(height * margin)
    rows = np.linspace(dice.randrange(70, 130), dice.randrange(70, 130), height + 2 * top)
    table = np.repeat(rows[:, None], width + 2 * side, axis=1)
    table += np.random.default_rng(dice.randrange(2**32)).normal(0, 6, table.shape)
    picture = Image.fromarray(np.clip(table, 0, 255).astype(np.uint8))
    picture.paste(page, (side, top))
    return picture


def flat(page: Image.Image, dice: random.Random) -> Image.Image:
    return desk(page, dice)


def turned(page: Image.Image, dice: random.Random) -> Image.Image:
    """3 to 9 degrees to either side."""
    angle = dice.choice((-1, 1)) * dice.uniform(3, 9)
    return desk(page, dice, 0.10).rotate(angle, Image.Resampling.BICUBIC, fillcolor=100)


def tilted(page: Image.Image, dice: random.Random) -> Image.Image:
    """Seen from the side: each corner moves by up to 7 per cent."""
    picture = desk(page, dice, 0.10)
    width, height = picture.size
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    moved = tuple(
        value
        for x, y in corners
        for value in (x - dice.uniform(-0.07, 0.07) * width, y - dice.uniform(-0.07, 0.07) * height)
    )
    return picture.transform(
        picture.size, Image.Transform.QUAD, moved, Image.Resampling.BICUBIC, fillcolor=100
    )


def blurred(page: Image.Image, dice: random.Random) -> Image.Image:
    return desk(page, dice).filter(ImageFilter.GaussianBlur(dice.uniform(2.0, 3.4)))


def glaring(page: Image.Image, dice: random.Random) -> Image.Image:
    """A lamp's reflection somewhere on the lower half."""
    picture = desk(page, dice)
    width, height = picture.size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    at_x, at_y = dice.uniform(0.1, 0.9) * width, dice.uniform(0.5, 1.0) * height
    wide, high = dice.uniform(0.05, 0.16) * width, dice.uniform(0.05, 0.12) * height
    lamp = np.exp(-(((x - at_x) / wide) ** 2 + ((y - at_y) / high) ** 2))
    return Image.fromarray(
        np.clip(np.asarray(picture) + dice.uniform(120, 260) * lamp, 0, 255).astype(np.uint8)
    )


def noisy(page: Image.Image, dice: random.Random) -> Image.Image:
    """Grain of a dim room."""
    dim = np.asarray(desk(page, dice), np.float32) * dice.uniform(0.4, 0.8)
    grain = np.random.default_rng(dice.randrange(2**32)).normal(0, dice.uniform(12, 22), dim.shape)
    return Image.fromarray(np.clip(dim + grain, 0, 255).astype(np.uint8))


def squeezed(page: Image.Image, dice: random.Random) -> Image.Image:
    """JPEG quality 12 to 30 at 1,000 pixels, by way of some messenger."""
    picture = desk(page, dice)
    picture = picture.resize((1000, round(1000 * picture.height / picture.width)), Image.Resampling.LANCZOS)
    return Image.open(io.BytesIO(jpeg(picture, dice.randrange(12, 31)))).convert("L")


def small(page: Image.Image, dice: random.Random) -> Image.Image:
    """480 to 720 pixels wide."""
    picture = desk(page, dice)
    width = dice.randrange(480, 721)
    return picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)


def upended(page: Image.Image, dice: random.Random) -> Image.Image:
    """By 90, 180 or 270 degrees."""
    return desk(page, dice).rotate(dice.choice((90, 180, 270)), expand=True)


def hard(page: Image.Image, dice: random.Random) -> Image.Image:
    """Turned or tilted, out of focus, grainy, shaded, squeezed."""
    picture = dice.choice((turned, tilted))(page, dice)
    picture = picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.6, 1.8)))
    shade = np.linspace(1, dice.uniform(0.5, 1), picture.width, dtype=np.float32)[None, :]
    grain = np.random.default_rng(dice.randrange(2**32)).normal(0, dice.uniform(4, 12), picture.size[::-1])
    dim = np.asarray(picture, np.float32) * shade * dice.uniform(0.7, 1) + grain
    picture = Image.fromarray(np.clip(dim, 0, 255).astype(np.uint8))
    width = dice.randrange(900, 1500)
    picture = picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)
    if dice.random() < 0.3:
        picture = picture.rotate(dice.choice((90, 180, 270)), expand=True)
    return Image.open(io.BytesIO(jpeg(picture, dice.randrange(30, 70)))).convert("L")


CONDITIONS: dict[str, tuple[Spoil, float]] = {
    "flat": (flat, 0.3),
    "turned": (turned, 0.3),
    "tilted": (tilted, 0.3),
    "blurred": (blurred, 0.3),
    "glaring": (glaring, 0.3),
    "noisy": (noisy, 0.3),
    "squeezed": (squeezed, 0.3),
    "small": (small, 0.3),
    "guilloche": (flat, 1.0),
    "upended": (upended, 0.3),
    "hard": (hard, 0.5),
}
"""Name → (how it is photographed, how dark the paper's pattern is)."""


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    kept = io.BytesIO()
    picture.convert("RGB").save(kept, "JPEG", quality=quality)
    return kept.getvalue()
