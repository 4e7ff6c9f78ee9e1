"""One graph as people see it: names on vertices, arrows between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelledGraph:
    """A directed acyclic graph of named operations, or several side by side.

    Attributes:
        labels: the operation of each vertex; "input" and "output" mark the ends.
        edges: (source, target, multiplicity), source before target.
        alive: False for a vertex that no signal passes from the input to the output.
        group: for each vertex the path of the part it belongs to, "" for the whole.
    """

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int, int], ...]
    alive: tuple[bool, ...]
    group: tuple[str, ...]

    def _repr_svg_(self) -> str:
        from archbo.graphs.drawing import svg

        return svg(self)

    def _repr_html_(self) -> str:
        return self._repr_svg_()

    def __str__(self) -> str:
        from archbo.graphs.drawing import text

        return text(self)


def side_by_side(graphs: dict[str, LabelledGraph]) -> LabelledGraph:
    """Put several graphs, by the path of their part, into one drawing."""
    labels: list[str] = []
    edges: list[tuple[int, int, int]] = []
    alive: list[bool] = []
    group: list[str] = []
    for path, graph in graphs.items():
        start = len(labels)
        labels += graph.labels
        edges += [(s + start, t + start, m) for s, t, m in graph.edges]
        alive += graph.alive
        group += [path] * len(graph.labels)
    return LabelledGraph(tuple(labels), tuple(edges), tuple(alive), tuple(group))
