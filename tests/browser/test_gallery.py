"""Every page in every state: accessible, within its own policy, and no wider than its window."""

import pytest

from tests.browser.conftest import OpenTab
from tests.browser.samples import SAMPLES

NAMES = sorted(SAMPLES)
WIDTHS = (320, 560, 900, 1280)


OPEN_ALL = """() => {
  const folded = [...document.querySelectorAll('details:not([open])')];
  folded.forEach((d) => { d.open = true; });
  return folded.length;
}"""
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
async def test_pages_are_accessible(gallery: str, open_tab: OpenTab, part: int) -> None:
    """Zero findings of axe-core in both themes, with the drawers and the folded parts open too."""
    tab = await open_tab()
    found: dict[str, list[str]] = {}
    for name in NAMES[part::PARTS]:
        await tab.page.goto(f"{gallery}/{name}")
        if faults := await tab.axe_in_both():
            found[name] = faults
        if await tab.page.evaluate(OPEN_ALL) and (faults := await tab.axe_in_both()):
            found[f"{name}, opened"] = faults
        await tab.settle()
    assert found == {}, "\n".join(f"{name}: {fault}" for name, faults in found.items() for fault in faults)


async def test_pages_are_no_wider_than_the_window(gallery: str, open_tab: OpenTab) -> None:
    tab = await open_tab(width=WIDTHS[0])
    wide = {}
    for name in NAMES:
        await tab.page.set_viewport_size({"width": WIDTHS[0], "height": 860})
        await tab.page.goto(f"{gallery}/{name}")
        for width in WIDTHS:
            await tab.page.set_viewport_size({"width": width, "height": 860})
            if (over := await tab.overflow()) > 0:
                wide[name, width] = over
    assert wide == {}


async def test_the_chosen_theme_wins_over_the_systems(gallery: str, open_tab: OpenTab) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark, light = await open_tab(theme="dark"), await open_tab(theme="light")
    await dark.page.goto(f"{gallery}/overview")
    await light.page.goto(f"{gallery}/overview")
    assert await dark.page.evaluate(ground) == "rgb(18, 20, 23)"
    assert await light.page.evaluate(ground) == "rgb(252, 252, 250)"
    await dark.page.goto(f"{gallery}/overview?theme=light")
    await light.page.goto(f"{gallery}/overview?theme=dark")
    assert await dark.page.evaluate(ground) == "rgb(252, 252, 250)"
    assert await light.page.evaluate(ground) == "rgb(18, 20, 23)"


async def test_invisible_characters_are_shown(gallery: str, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.page.goto(f"{gallery}/dealers")
    assert "U+200B" in await tab.page.inner_text("main")
    await tab.page.goto(f"{gallery}/case")
    assert "U+202E" in await tab.page.inner_text("main")
