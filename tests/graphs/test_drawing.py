import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.colours import colour
from archbo.graphs.drawing import svg, text
from archbo.graphs.folding import TIMES
from archbo.graphs.labelled import LabelledGraph, side_by_side

SVG = "{http://www.w3.org/2000/svg}"


def graph(labels, edges, *, dead=(), name=""):
    alive = tuple(i not in dead for i in range(len(labels)))
    return LabelledGraph(tuple(labels), tuple(edges), alive, (name,) * len(labels))


CELL = graph(
    ["input", "conv_3x3", "conv_1x1", "avg_pool_3x3", "output"],
    [(0, 1, 1), (0, 2, 2), (1, 4, 1), (2, 4, 2), (0, 4, 3)],
    dead=[3],
)


@st.composite
def graphs(draw):
    count = draw(st.integers(2, 40))
    inner = st.text(min_size=1, max_size=40).filter(str.isprintable) | st.sampled_from(
        ["conv_3x3", "skip"]
    )
    labels = ["input", *draw(st.lists(inner, min_size=count - 2, max_size=count - 2)), "output"]
    edges = {
        (draw(st.integers(max(0, t - 6), t - 1)), t)
        for t in range(1, count)
        for _ in range(draw(st.integers(0, 3)))
    }
    return graph(labels, [(s, t, draw(st.integers(1, 3))) for s, t in sorted(edges)])


def boxes(drawing):
    """(x, y, width, height) of every box in the drawing, in its own coordinates."""
    found = []
    for part in ElementTree.fromstring(drawing).findall(f"{SVG}g"):
        dx, dy = map(float, re.findall(r"-?\d[-\d.e]*", part.get("transform")))
        for box in part.iter(f"{SVG}rect"):
            x, y, w, h = (float(box.get(name)) for name in ("x", "y", "width", "height"))
            found.append((x + dx, y + dy, w, h))
    return found


def overlapping(drawing):
    return [
        (a, b)
        for a, b in combinations(boxes(drawing), 2)
        if a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
    ]


@given(graphs())
def test_no_box_lies_over_another_and_all_are_inside(drawn):
    drawing = svg(drawn)
    assert not overlapping(drawing)
    root = ElementTree.fromstring(drawing)
    for x, y, w, h in boxes(drawing):
        assert x >= 0
        assert y >= 0
        assert x + w <= float(root.get("width")) + 0.6
        assert y + h <= float(root.get("height")) + 0.6


def test_every_operation_is_named_in_its_box_and_in_its_tooltip():
    root = ElementTree.fromstring(svg(CELL))
    shown = [t.text for t in root.iter(f"{SVG}text")]
    assert sorted(shown) == sorted([*CELL.labels, f"{TIMES}2", f"{TIMES}2", f"{TIMES}3"])
    titles = [t.text for t in root.iter(f"{SVG}title")]
    assert "avg_pool_3x3 (dead: no signal passes)" in titles


def test_one_operation_has_one_colour_everywhere():
    other = graph(["input", "conv_1x1", "output"], [(0, 1, 1), (1, 2, 1)])
    assert colour("conv_1x1") in svg(CELL)
    assert colour("conv_1x1") in svg(other)
    assert len({colour(name) for name in ("conv_1x1", "conv_3x3", "conv_5x5", "avg_pool_3x3")}) == 4


@pytest.mark.parametrize(
    "name", ["conv_1x1", "max_pool_3x3", "skip", "gelu", "操作", "", "conv_99"]
)
def test_white_text_is_readable_on_every_colour(name):
    channels = [int(colour(name)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG AA


def test_dead_vertices_are_dashed_and_have_no_colour():
    drawing = svg(graph(["input", "gelu", "output"], [(0, 1, 1)], dead=[1]))
    assert 'class="dead"' in drawing
    assert colour("gelu") not in drawing


def test_markup_in_names_is_escaped():
    nasty = graph(
        ["input", "<script>alert(1)</script>&\"'", "output"], [(0, 1, 1), (1, 2, 1)], name="<i>"
    )
    drawing = svg(nasty)
    assert "<script" not in drawing
    assert "<i>" not in drawing
    ElementTree.fromstring(drawing)


def test_control_characters_in_names_do_not_break_the_drawing():
    odd = graph(["input", "a\x00\nb", "output"], [(0, 1, 1), (0, 2, 1), (1, 2, 1)])
    ElementTree.fromstring(svg(odd))
    assert text(odd).splitlines() == ["1 a··b   ← input", "  output ← input, 1"]


def test_a_block_that_repeats_is_drawn_once_in_a_frame_that_counts_it():
    labels = ["input", *["conv_3x3", "gelu"] * 4, "output"]
    drawing = svg(graph(labels, [(i, i + 1, 1) for i in range(9)]))
    root = ElementTree.fromstring(drawing)
    shown = [t.text for t in root.iter(f"{SVG}text")]
    assert shown == ["input", "conv_3x3", "gelu", f"{TIMES}4", "output"]
    assert "conv_3x3 → gelu, 4 times in a row" in [t.text for t in root.iter(f"{SVG}title")]
    assert colour("conv_3x3") in drawing
    assert colour("gelu") in drawing


def test_what_is_marked_has_a_ring_or_a_thick_line_inside_the_drawing():
    labels = ["input", *["conv_3x3"] * 6, "output"]
    chain = graph(labels, [(i, i + 1, 1) for i in range(7)])
    root = ElementTree.fromstring(svg(chain, marked=[3], marked_edges=[(5, 6)]))
    (ring,) = [p for p in root.iter(f"{SVG}path") if p.get("class") == "differs"]
    numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", ring.get("d"))]
    assert min(numbers) >= -6  # a quarter of its margin is left
    edges = [p for p in root.iter(f"{SVG}path") if p.get("class") == "edge"]
    assert [p.get("stroke-width") for p in edges].count("3") == 1
    # neither is hidden in a block
    assert [t.text for t in root.iter(f"{SVG}text")].count("conv_3x3") == 6


def test_groups_have_titles_and_wrap_to_rows():
    parts = side_by_side({"stem": CELL, "body.cell": CELL, "head": CELL})
    wide, narrow = (ElementTree.fromstring(svg(parts, width=w)) for w in (2000, 300))
    titles = [t.text for t in narrow.iter(f"{SVG}text") if t.get("class") == "title"]
    assert titles == ["stem", "body.cell", "head"]
    assert float(narrow.get("height")) > 2.5 * float(wide.get("height"))
    assert not overlapping(svg(parts, width=300))


@pytest.mark.parametrize("name", ["cell", "a_title_of_many_letters"])
def test_title_stands_above_the_first_vertex(name):
    edges = [(0, 1, 1), (0, 3, 1), (1, 2, 1), (2, 3, 1)]
    part = graph(["input", "short", "a_rather_long_operation", "output"], edges, name=name)
    root = ElementTree.fromstring(svg(part))
    at = {t.text: float(t.get("x")) for t in root.iter(f"{SVG}text")}
    half, whole = 7.25 * len(name) / 2, float(root.get("width")) - 8
    inside = min(max(at["input"], half), whole - half)  # as near as the drawing's edges let it
    assert at[name] == pytest.approx(inside, abs=0.5)


def test_graph_without_vertices_draws_nothing():
    nothing = LabelledGraph((), (), (), ())
    assert ElementTree.fromstring(svg(nothing)).findall(f"{SVG}g") == []
    assert text(nothing) == ""


def test_text_writes_a_sequence_on_one_line_and_wraps_it():
    layers = [f"conv_{i}x{i}" for i in range(10)]
    chain = graph(["input", *layers, "output"], [(i, i + 1, 1) for i in range(11)])
    assert text(graph(["input", "a", "output"], [(0, 1, 1), (1, 2, 1)])) == "input → a → output"
    lines = text(chain, width=40).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40


def test_text_counts_what_repeats():
    labels = ["input", *["conv", "pool"] * 3, "gelu", "output"]
    chain = graph(labels, [(i, i + 1, 1) for i in range(8)])
    assert text(chain) == f"input → (conv → pool) {TIMES}3 → gelu → output"


def test_text_writes_what_feeds_each_vertex():
    assert text(side_by_side({"cell": CELL})).splitlines() == [
        "cell",
        "  1 conv_3x3     ← input",
        f"  2 conv_1x1     ← input {TIMES}2",
        "  3 avg_pool_3x3 ← nothing  (dead)",
        f"    output       ← input {TIMES}3, 1, 2 {TIMES}2",
    ]


def test_text_of_a_dead_cell_says_so():
    assert text(graph(["input", "output"], [])) == "  output ← nothing"
