"""Two architectures side by side, with their differences marked."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from archbo.graphs.differences import Differences, differences
from archbo.graphs.drawing import svg
from archbo.graphs.labelled import LabelledGraph
from archbo.spaces import Architecture
from archbo.views.infos import scalar_settings

WIDTH = 300.0  # pixels of a drawing


def compare(a: Architecture, b: Architecture, names: tuple[str, str] = ("a", "b")) -> str:
    """Both drawn, operations and edges that differ with a mark, and the settings that differ.

    Args:
        a: an architecture.
        b: another, of the same space or not.
        names: what to call them.

    Returns:
        HTML for pages and notebooks; it needs no style sheet.
    """
    found = differences(a.graph, b.graph)
    settings = _settings(a, b)
    rows = "".join(
        f'<tr><th scope="row">{escape(path)}</th><td>{escape(one)}</td>'
        f"<td>{escape(other)}</td></tr>"
        for path, (one, other) in settings.items()
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    table = (
        f'<div style="overflow-x:auto"><table><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        if settings
        else ""
    )
    drawn = "".join(
        _drawn(arch.graph, name, vertices, edges)
        for arch, name, vertices, edges in zip(
            (a, b), names, found.vertices, found.edges, strict=True
        )
        if arch.graph.labels
    )
    return (
        f'<div class="compared"><p>{escape(_words(found, len(settings)))}</p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:24px 48px">{drawn}</div>{table}</div>'
    )


def _settings(a: Architecture, b: Architecture) -> dict[str, tuple[str, str]]:
    """The settings outside of graphs that differ, by path."""
    mine, other = scalar_settings(a), scalar_settings(b)
    return {
        path: (_setting(mine, path), _setting(other, path))
        for path in dict.fromkeys((*mine, *other))
        if mine.get(path) != other.get(path)
    }


def _setting(settings: Mapping[str, str], path: str) -> str:
    """A setting; of a choice with settings of its own, the option; "-" where there is none.

    >>> _setting({"head.mlp.width": "64"}, "head"), _setting({"head": "linear"}, "lr")
    ('mlp', '-')
    """
    if path in settings:
        return settings[path]
    inside = next((name for name in settings if name.startswith(f"{path}.")), f"{path}.-")
    return inside[len(path) + 1 :].partition(".")[0]


def _drawn(
    graph: LabelledGraph,
    name: str,
    vertices: frozenset[int],
    edges: frozenset[tuple[int, int]],
) -> str:
    drawing = svg(graph, width=WIDTH, marked=vertices, marked_edges=edges)
    return f'<div style="min-width:0"><p style="margin:0 0 8px">{escape(name)}</p>{drawing}</div>'


def _words(found: Differences, settings: int) -> str:
    """How much differs.

    >>> nothing = Differences((frozenset(), frozenset()), (frozenset(), frozenset()))
    >>> _words(nothing, 0), _words(nothing, 1)
    ('They are the same.', 'They differ in 1 setting.')
    """
    edges = max(map(len, found.edges))
    counted = {"operation": found.operations, "connection": edges, "setting": settings}
    parts = [f"{n} {what}{'s' * (n > 1)}" for what, n in counted.items() if n]
    if not parts:
        return "They are the same."
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"They differ in {listed}."
