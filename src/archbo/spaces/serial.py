"""Spaces from their JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from inspect import Parameter, signature
from typing import Any

from archbo.errors import SpaceError, nearest
from archbo.spaces.cells import NodeCell
from archbo.spaces.decisions import Bool, Choice
from archbo.spaces.edge_cells import EdgeCell
from archbo.spaces.grammar import Grammar
from archbo.spaces.numbers import Float, Int
from archbo.spaces.part import Part, shown
from archbo.spaces.pool import Pool
from archbo.spaces.space import Chain, Space

MOST_NESTED = 64
"""Parts inside each other; all that reads a space calls itself for each."""

_KINDS: dict[str, type[Part]] = {
    kind.__name__: kind
    for kind in (Choice, Int, Float, Bool, Space, Chain, EdgeCell, NodeCell, Grammar, Pool)
}


def from_dict(form: Mapping[str, Any]) -> Part:
    """The space that `to_dict` gave.

    A kind that is not archbo's own is looked up among the entry points `archbo.spaces` of the
    installed packages; its settings are given to its class as they are.

    Raises:
        SpaceError: if the form is not one of a space, naming the path.

    >>> space = Space(lr=Float(1e-4, 1e-1, log=True))
    >>> from_dict(space.to_dict()) == space
    True
    """
    return _read(form, "space")


def _kind(name: str) -> type[Part] | None:
    """The class of a kind: one of archbo's, or what an installed package offers by this name."""
    if name in _KINDS:
        return _KINDS[name]
    for entry in entry_points(group="archbo.spaces", name=name):
        found: type[Part] = entry.load()
        return found
    return None


def _read(form: Any, path: str, depth: int = 0) -> Part:
    """One part; the inner ones first, so that an error names the innermost path."""
    if depth > MOST_NESTED:
        raise SpaceError(f"parts are more than {MOST_NESTED} deep inside each other", path="space")
    if not isinstance(form, Mapping) or "kind" not in form:
        raise SpaceError(f'expected {{"kind": …}}, got {shown(form)}', path=path)
    name = form["kind"]
    kind = _kind(name) if isinstance(name, str) else None
    if kind is None:
        raise SpaceError(f"no kind {shown(name)}", path=path, hint=nearest(str(name), _KINDS))
    settings = {key: value for key, value in form.items() if key != "kind"}
    _check_settings(kind, settings, path)
    if kind is Space:
        part: Part = Space(**_read_all(settings["parts"], path, depth))
    else:
        if kind is Chain:
            settings["block"] = _read(settings["block"], f"{path}[0]", depth + 1)
        if kind is Choice and isinstance(settings["options"], Mapping):
            settings["options"] = {
                option: None if inner is None else _read(inner, f"{path}.{option}", depth + 1)
                for option, inner in settings["options"].items()
            }
        part = kind(**settings)
    part.check(path)
    return part


def _read_all(parts: Any, path: str, depth: int) -> dict[str, Part]:
    if not isinstance(parts, Mapping) or not parts or not all(isinstance(n, str) for n in parts):
        raise SpaceError(f'parts must be {{"name": part, …}}, got {shown(parts)}', path=path)
    return {name: _read(part, f"{path}.{name}", depth + 1) for name, part in parts.items()}


def _check_settings(kind: type[Part], settings: Mapping[str, Any], path: str) -> None:
    known = {name: p.default is Parameter.empty for name, p in signature(kind).parameters.items()}
    if kind is Space:
        known = {"parts": True}
    for name in settings:
        if name not in known:
            raise SpaceError(
                f"{kind.__name__} has no setting {name!r}",
                path=path,
                hint=nearest(str(name), known),
            )
    for name, required in known.items():
        if required and name not in settings:
            raise SpaceError(f"{kind.__name__} needs the setting {name!r}", path=path)
