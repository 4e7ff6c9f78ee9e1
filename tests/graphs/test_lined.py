import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.boxes import CHARACTER, cells
from archbo.graphs.drawing import svg
from archbo.graphs.folding import TIMES
from archbo.graphs.labelled import LabelledGraph

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def lines(draw):
    """A path with connections past its vertices, which is drawn as a line."""
    count = draw(st.integers(4, 12))
    inner = st.text("abc_m", min_size=1, max_size=35)
    labels = [f"{i}{draw(inner)}" for i in range(count - 2)]
    far = [(s, t) for s, t in combinations(range(count), 2) if t > s + 1]
    skips = draw(st.lists(st.sampled_from(far), min_size=2, unique=True))
    path = [(i, i + 1) for i in range(count - 1)]
    edges = [(s, t, draw(st.integers(1, 3))) for s, t in sorted([*path, *skips])]
    alive = (True, *draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2)), True)
    return LabelledGraph(("input", *labels, "output"), tuple(edges), alive, ("",) * count)


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


def parts(drawn):
    """The drawing, and its one group."""
    root = ElementTree.fromstring(drawn)
    (group,) = root.findall(f"{SVG}g")
    return root, group


def boxes(group):
    return [
        [float(box.get(name)) for name in ("x", "y", "width", "height")]
        for box in group.iter(f"{SVG}rect")
    ]


@given(lines())
def test_no_label_lies_over_another_and_none_leaves_the_picture(drawn):
    root, group = parts(svg(drawn))
    found = boxes(group)
    for a, b in combinations(found, 2):
        apart = a[0] >= b[0] + b[2] or b[0] >= a[0] + a[2]
        assert apart or a[1] >= b[1] + b[3] or b[1] >= a[1] + a[3]
    dx, dy = numbers(group.get("transform"))
    for x, y, width, height in found:
        assert x + dx >= 0
        assert y + dy >= 0
        assert x + dx + width <= float(root.get("width"))
        assert y + dy + height <= float(root.get("height"))
    for part in group.iter(f"{SVG}g"):
        box, label = part.find(f"{SVG}rect"), part.find(f"{SVG}text")
        if box is not None and part.get("class") != "badge":
            assert CHARACTER * cells(label.text) < float(box.get("width"))


@given(lines())
def test_arcs_stay_in_the_picture_and_run_behind_no_box(drawn):
    root, group = parts(svg(drawn))
    dx, _ = numbers(group.get("transform"))
    column = [
        box for box in group.iter(f"{SVG}rect") if float(box.get("height")) == 24
    ]  # not the badges
    left, width = float(column[0].get("x")), float(column[0].get("width"))
    assert {box.get("x") for box in column} == {column[0].get("x")}  # on one line
    for edge in group.iter(f"{SVG}path"):
        if edge.get("class") == "edge" and "Q" in edge.get("d"):
            ends = edge.get("d").replace("V", " V").split()
            out = [numbers(word)[0] for word in ends if word.startswith("Q")]
            assert all(0 < x + dx < float(root.get("width")) for x in out)
            (start, *_), last = numbers(edge.get("d")), numbers(edge.get("d"))[-1]
            assert start == last
            assert start == pytest.approx(left, abs=0.1) or start == pytest.approx(
                left + width, abs=0.1
            )
            assert all(not left < x < left + width for x in out)


RESIDUAL = LabelledGraph(
    ("input", "conv", "norm", "gelu", "add", "output"),
    ((0, 1, 1), (0, 4, 1), (1, 2, 1), (1, 3, 2), (2, 3, 1), (3, 4, 2), (4, 5, 1)),
    (True, True, False, True, True, True),
    ("cell",) * 6,
)


def test_what_is_dead_repeated_or_marked_shows_on_a_line_too():
    _, group = parts(svg(RESIDUAL, marked=[3], marked_edges=[(0, 4)]))
    edges = [p for p in group.iter(f"{SVG}path") if p.get("class") == "edge"]
    assert sum(edge.get("stroke-dasharray") is not None for edge in edges) == 2
    thick = [edge for edge in edges if edge.get("stroke-width") == "3"]
    assert len(thick) == 1
    assert thick[0] is edges[-1]  # over the others, with which it shares an end
    assert len([p for p in group.iter(f"{SVG}path") if p.get("class") == "differs"]) == 1
    shown = [t.text for t in group.iter(f"{SVG}text")]
    assert shown == ["cell", *RESIDUAL.labels, f"{TIMES}2", f"{TIMES}2"]


def test_repeated_blocks_are_folded_on_a_line_too():
    labels = ("input", "conv", "gelu", "gelu", "gelu", "add", "output")
    path = tuple((i, i + 1, 1) for i in range(6))
    graph = LabelledGraph(labels, (*path, (0, 5, 1), (1, 5, 1)), (True,) * 7, ("",) * 7)
    _, group = parts(svg(graph))
    shown = [t.text for t in group.iter(f"{SVG}text")]
    assert shown == ["input", "conv", "gelu", f"{TIMES}3", "add", "output"]
    assert len({box[0] for box in boxes(group)}) == 1


def test_a_title_wider_than_the_line_stands_over_its_middle():
    graph = LabelledGraph(
        RESIDUAL.labels, RESIDUAL.edges, (True,) * 6, ("a_title_of_very_many",) * 6
    )
    root, group = parts(svg(graph))
    title = next(t for t in group.iter(f"{SVG}text") if t.get("class") == "title")
    assert float(title.get("x")) == pytest.approx(float(root.get("width")) / 2 - 4, abs=10)
