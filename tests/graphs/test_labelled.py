"""Several graphs side by side."""

from archbo.graphs.labelled import LabelledGraph, side_by_side

ONE = LabelledGraph(("input", "conv", "output"), ((0, 1, 1), (1, 2, 2)), (True,) * 3, ("",) * 3)


def test_vertices_are_renumbered_and_grouped():
    both = side_by_side({"a": ONE, "b.c": ONE})
    assert both.labels == ONE.labels * 2
    assert both.edges == ((0, 1, 1), (1, 2, 2), (3, 4, 1), (4, 5, 2))
    assert both.group == ("a",) * 3 + ("b.c",) * 3
    assert both.alive == (True,) * 6


def test_nothing_side_by_side_is_an_empty_graph():
    assert side_by_side({}) == LabelledGraph((), (), (), ())


def test_a_graph_draws_itself():
    assert "conv" in str(ONE)
    assert ONE._repr_svg_().startswith("<svg")
