"""The links of a case as tables and drawing: the same each time, bounded, and no more than may be shown."""

from service.admin import graph
from service.admin.html import Pages
from tests.browser.samples import SAMPLES, frame
from tests.browser.samples_links import HOSTILE, bare, page


def html(name: str) -> str:
    sample = SAMPLES[name]
    return Pages().render(sample.template, frame=frame(sample, "system"), page=sample.page)


def test_it_is_drawn_the_same_each_time() -> None:
    assert page(6) == page(6)


def test_every_line_and_thing_is_a_node_and_a_row() -> None:
    shown = page(6)
    assert len(shown.graph.nodes) == len(shown.lines) + len(shown.things)
    assert len({(node.x, node.y) for node in shown.graph.nodes}) == len(shown.graph.nodes)
    assert all(
        0 <= node.x <= shown.graph.size and 0 <= node.y <= shown.graph.size for node in shown.graph.nodes
    )
    assert not shown.graph.is_folded


def test_nodes_of_a_ring_do_not_meet() -> None:
    _, _, places = graph.around({0: ["root"], 1: [], 2: [f"n{n}" for n in range(90)]})
    spots = list(places.values())
    least = min((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 for n, a in enumerate(spots) for b in spots[n + 1 :])
    assert least > 26**2


def test_many_things_are_drawn_as_one_with_their_number() -> None:
    shown = page(60)
    assert shown.graph.is_folded
    assert len(shown.graph.nodes) < graph.FOLDED_FROM
    assert "60 payments" in {node.title for node in shown.graph.nodes}
    assert len(shown.things) == 64
    assert len(shown.lines) == 121


def test_an_erased_holder_is_a_node_without_a_number() -> None:
    shown = page(6)
    erased = [row for row in shown.lines if row.number == "erased"]
    assert erased
    titles = {node.title for node in shown.graph.nodes if node.label == "erased"}
    assert len(titles) >= 1
    assert all("+49" not in title for title in titles)
    assert bare().lines[0].number == "erased"
    assert bare().things == ()


def test_numbers_are_masked_and_foreign_text_stays_text() -> None:
    made = html("links")
    assert "<script>alert" not in made
    assert HOSTILE not in made
    assert "U+202E" in made
    assert "+49151123" not in made
    assert " style=" not in made


def test_a_dealers_own_name_stands_and_no_index_does() -> None:
    names = {thing.name for thing in page(3).things}
    assert names == {
        "Document A",
        "Device A",
        f"Dealer {HOSTILE}",
        "Contact number A",
        *(f"Payment {c}" for c in "ABC"),
    }
    assert b"device".hex() not in html("links")
