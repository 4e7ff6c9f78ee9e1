"""Sizes in which classes that are alike otherwise differ, as parameters.

A size is a whole number that knows what it is for: its role, such as `in_channels`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from itertools import chain
from itertools import count as count_from
from typing import Any

ROLE = "role"


def with_role(node: ast.expr, role: str) -> ast.expr:
    """An expression whose whole numbers know their role."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and type(inner.value) is int:
            setattr(inner, ROLE, role)
    return node


def _holes(body: list[ast.stmt]) -> list[ast.Constant]:
    """The sizes in statements."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    return [node for node in nodes if isinstance(node, ast.Constant) and hasattr(node, ROLE)]


def pattern(body: list[ast.stmt]) -> str:
    """Statements but for their sizes."""
    holes = _holes(body)
    values = [hole.value for hole in holes]
    for hole in holes:
        hole.value = ...
    pattern = "\n".join(map(ast.dump, body))
    for hole, value in zip(holes, values, strict=True):
        hole.value = value
    return pattern


def generalise(bodies: list[list[ast.stmt]]) -> tuple[list[str], list[tuple[int, ...]]]:
    """Turn the sizes in which bodies of one pattern differ into names, in the first of them.

    Sizes that are equal in each body are one.

    Returns:
        The names; the sizes of each body by these names.
    """
    holes = [_holes(body) for body in bodies]
    columns = [tuple(hole.value for hole in same) for same in zip(*holes, strict=True)]
    varying = [column for column in dict.fromkeys(columns) if len(set(column)) > 1]
    names: dict[tuple[Any, ...], str] = {}
    for column in varying:
        same = [hole for hole, other in zip(holes[0], columns, strict=True) if other == column]
        name = _name([getattr(hole, ROLE) for hole in same], alone=len(varying) == 1)
        names[column] = unique(name, names.values(), "_")
    replaced = {id(h): names[c] for h, c in zip(holes[0], columns, strict=True) if c in names}
    for statement in bodies[0]:
        _Named(replaced).visit(statement)
    return list(names.values()), list(zip(*varying, strict=True)) or [()] * len(bodies)


def unique(name: str, taken: Collection[str], between: str = "") -> str:
    """The name, or with the first number from 2 behind it that makes it one not taken."""
    candidates = chain([name], (f"{name}{between}{count}" for count in count_from(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


class _Named(ast.NodeTransformer):
    """Sizes replaced by the parameters' names."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(self.names[id(node)], ast.Load()) if id(node) in self.names else node


def _name(roles: list[str], *, alone: bool) -> str:
    """What to call a size that is used for these parameters."""
    for what in ("channels", "features"):
        if alone and {f"in_{what}", f"out_{what}"} <= set(roles):
            return what
    return roles[0]
