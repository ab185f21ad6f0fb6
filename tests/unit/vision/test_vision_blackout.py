"""What is left of a picture when the letters are read, and who may see it before."""

import ast
import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from service.kit.mrz import Layout
from service.vision import look as order
from service.vision.blackout import Seen, black_out
from service.vision.locate import locate
from tests.house.tree import ROOT
from tests.pictures import draw, spoil
from tests.pictures.needed import needs_font

WAYS: dict[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "flat": spoil.flat,
    "turned": spoil.turned,
    "tilted": spoil.tilted,
    "upended": spoil.upended,
}


def seen_of(layout: Layout, way: str, seed: int, portrait_seed: int = 1) -> tuple[Seen, np.ndarray]:
    """What is left of a photograph, and where its portraits stood."""
    spoilt = WAYS[way]
    page = draw.page(draw.somebody(seed, layout).lines, layout, seed=seed, portrait_seed=portrait_seed)
    picture = np.asarray(spoilt(page, random.Random(seed)))
    where = np.asarray(spoilt(draw.portraits(layout), random.Random(seed))) > 200
    found = locate(picture)
    assert found.lines
    return black_out(picture, found.lines), where


@needs_font
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("layout", [Layout.TD3, Layout.TD2])
def test_where_a_portrait_stood_is_black(layout: Layout, way: str) -> None:
    seen, where = seen_of(layout, way, len(way))
    assert where.sum() > 10_000
    assert not seen.picture[where].any()
    assert seen.kept[~where].any()


@needs_font
def test_the_middle_of_a_passport_stays_and_of_a_card_the_strip_alone() -> None:
    passport, _ = seen_of(Layout.TD3, "flat", 0)
    assert passport.letters == 44
    assert (passport.kept > 0).mean() > 0.15
    card, _ = seen_of(Layout.TD1, "flat", 2)
    rows = np.nonzero(card.kept.any(axis=1))[0]
    assert rows.max() - rows.min() < 0.5 * card.picture.shape[0]
    assert not card.kept[: card.picture.shape[0] // 2].any()


@needs_font
def test_another_portrait_leaves_the_same_picture() -> None:
    one, where = seen_of(Layout.TD3, "flat", 3, portrait_seed=1)
    other, _ = seen_of(Layout.TD3, "flat", 3, portrait_seed=2)
    both = (one.kept > 0) & (other.kept > 0)
    assert both.mean() > 0.15
    assert not both[where].any()
    assert (one.picture[both] == other.picture[both]).all()


def test_a_picture_without_print_ends_at_the_first_step() -> None:
    assert locate(np.asarray(draw.block(900, 700, 5))).lines == ()
    assert locate(np.full((600, 800), 255, np.uint8)).lines == ()
    assert locate(np.zeros((40, 4_000), np.uint8)).lines == ()


def test_after_the_black_out_nobody_is_given_the_picture() -> None:
    """In the one function that has it: decoded, located, blacked out, deleted; and used for nothing else."""
    tree = ast.parse((ROOT / "service/vision/look.py").read_text("utf-8"))
    look = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "look")
    uses = [
        ast.unparse(node)
        for node in ast.walk(look)
        if isinstance(node, ast.Call) and any(ast.unparse(each) == "picture" for each in node.args)
    ]
    assert uses == ["locate(picture)", "black_out(picture, found.lines)"]
    assert "del picture" in [ast.unparse(node) for node in look.body]
    assert order.look.__code__.co_varnames[:2] == ("data", "readers")
