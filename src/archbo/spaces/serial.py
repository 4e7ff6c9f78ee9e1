"""Spaces from their JSON form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archbo.errors import SpaceError, nearest
from archbo.spaces.cells import EdgeCell, NodeCell
from archbo.spaces.decisions import Bool, Choice, Float, Int
from archbo.spaces.part import Part
from archbo.spaces.space import Chain, Space


def from_dict(form: Mapping[str, Any]) -> Part:
    """The space that `to_dict` gave.

    Raises:
        SpaceError: if the form is not one of a space, naming the path.

    >>> space = Space(lr=Float(1e-4, 1e-1, log=True))
    >>> from_dict(space.to_dict()) == space
    True
    """
    part = _read(form, "space")
    part.check("space")
    return part


def _read(form: Any, path: str) -> Part:
    if not isinstance(form, Mapping) or "kind" not in form:
        raise SpaceError(f'expected {{"kind": …}}, got {form!r}', path=path)
    reader = _READERS.get(form["kind"])
    if reader is None:
        raise SpaceError(
            f"no kind {form['kind']!r}", path=path, hint=nearest(str(form["kind"]), _READERS)
        )
    try:
        return reader({k: v for k, v in form.items() if k != "kind"}, path)
    except (KeyError, TypeError) as error:
        raise SpaceError(f"this is no {form['kind']}: {error}", path=path) from error


def _choice(form: dict[str, Any], path: str) -> Part:
    options = form["options"]
    if isinstance(options, Mapping):
        return Choice(
            {
                name: None if part is None else _read(part, f"{path}.{name}")
                for name, part in options.items()
            }
        )
    return Choice(options)


def _space(form: dict[str, Any], path: str) -> Part:
    return Space(**{name: _read(part, f"{path}.{name}") for name, part in form["parts"].items()})


def _chain(form: dict[str, Any], path: str) -> Part:
    return Chain(_read(form["block"], f"{path}[0]"), length=form["length"])


_READERS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "Choice": _choice,
    "Space": _space,
    "Chain": _chain,
    "Int": lambda form, _: Int(**form),
    "Float": lambda form, _: Float(**form),
    "Bool": lambda form, _: Bool(**form),
    "EdgeCell": lambda form, _: EdgeCell(**form),
    "NodeCell": lambda form, _: NodeCell(**form),
}
