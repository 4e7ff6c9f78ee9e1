"""What torch.fx writes, as people write it."""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from archbo.torch.source.layout import WIDTH, text

CONSTANT = "_tensor_constant"
"""How the attributes begin that torch.fx keeps tensors in which a forward makes."""


def constant_name(attribute: str) -> str:
    """What to call a tensor that torch.fx found made in a forward."""
    return attribute.replace(CONSTANT, "constant_")


def tidied(body: list[ast.stmt]) -> list[ast.stmt]:
    """Attributes, subscripts and slices instead of calls; names only for what needs one."""
    return _shortened(_readable(body))


def joined(trained: list[ast.stmt], evaluated: list[ast.stmt]) -> list[ast.stmt]:
    """One body for both modes; where they differ in flags alone, these are `self.training`."""
    mode = parsed("self.training")
    if _without_flags(trained) != _without_flags(evaluated):
        return [ast.If(mode, trained, evaluated)]
    pairs = zip(_flags(trained), _flags(evaluated), strict=True)
    differing = [a for a, b in pairs if a.value != b.value]
    if not all(flag.value for flag in differing):  # it is the other way round somewhere
        return [ast.If(mode, trained, evaluated)]

    def change(node: ast.expr) -> ast.expr:
        return mode if any(node is flag for flag in differing) else node

    return [_Replaced(change).visit(statement) for statement in trained]


def _flags(body: list[ast.stmt]) -> list[ast.Constant]:
    nodes = [node for statement in body for node in ast.walk(statement)]
    return [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, bool)]


def _without_flags(body: list[ast.stmt]) -> list[str]:
    return [re.sub("value=(True|False)", "value=flag", ast.dump(s)) for s in body]


class _Replaced(ast.NodeTransformer):
    """Each expression, from the innermost out, replaced by what a function makes of it."""

    def __init__(self, change: Callable[[ast.expr], ast.expr]) -> None:
        self.change = change

    def visit(self, node: ast.AST) -> Any:
        found = self.generic_visit(node)
        return self.change(found) if isinstance(found, ast.expr) else found


class Renamed(ast.NodeTransformer):
    """`x` for `input`, which is nn.Sequential's word and the name of a builtin."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("x", node.ctx) if node.id == "input" else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg("x") if node.arg == "input" else node


def _readable(body: list[ast.stmt]) -> list[ast.stmt]:
    """As people write it: attributes, subscripts and slices instead of calls."""
    # torch.fx sets what is not needed any more to None
    kept = [
        s for s in body
        if not (isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)
                and s.value.value is None)
    ]  # fmt: skip
    return [_Replaced(_plain).visit(statement) for statement in kept]


def _plain(node: ast.expr) -> ast.expr:
    match node:
        case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str() as name)]):
            if name.isdigit():  # of an nn.Sequential or nn.ModuleList
                return ast.Subscript(owner, ast.Constant(int(name)), ast.Load())
            return ast.Attribute(owner, name, ast.Load()) if name.isidentifier() else node
        case ast.Subscript(value=owner, slice=index):
            return ast.Subscript(owner, _index(index), ast.Load())
        case ast.Attribute(attr=name) if text(node) == f"torch._C._nn.{name}":
            return parsed(f"functional.{name}") if hasattr(nn.functional, name) else node
        case ast.Attribute(attr=name) if text(node) == f"torch.nn.functional.{name}":
            return parsed(f"functional.{name}")
        case ast.Attribute(value=ast.Name(id="self"), attr=name) if name.startswith(CONSTANT):
            return parsed(f"self.{constant_name(name)}")
        case ast.Name(id="device"):
            return parsed("torch.device")
    return node


def _index(node: ast.expr) -> ast.expr:
    match node:
        case ast.Tuple(elts=elts):
            return ast.Tuple([_index(e) for e in elts], ast.Load())
        case ast.Call(func=ast.Name(id="slice"), args=[lower, upper, step]):
            bounds = [None if _is_none(b) else b for b in (lower, upper, step)]
            return ast.Slice(*bounds)
    return node


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _shortened(body: list[ast.stmt]) -> list[ast.stmt]:
    """Without names for what is used once, or is no more than a look into another value.

    A value moves only to the very next statement, so the order of all that happens stays.
    """
    body = _without_paths(body)
    at = 0
    while at + 1 < len(body):
        here, after = body[at], body[at + 1]
        if isinstance(here, ast.Assign) and isinstance(here.targets[0], ast.Name):
            name, value = here.targets[0].id, here.value
            once = sum(uses(s)[name] for s in body[at + 1 :]) == uses(after)[name] == 1
            whole = isinstance(after, ast.Return) and isinstance(after.value, ast.Name)
            if once and (whole or isinstance(value, ast.BinOp | ast.UnaryOp | ast.Subscript)):
                moved = _substituted(after, {name: value})
                if len(text(getattr(moved, "value", None))) < WIDTH - 24:
                    body[at : at + 2] = [moved]
                    at = max(at - 1, 0)
                    continue
        at += 1
    return body


def _without_paths(body: list[ast.stmt]) -> list[ast.stmt]:
    """Names of what is `x.shape`, `x.shape[0]`, `self.weight` replaced by it."""
    paths: dict[str, ast.expr] = {}
    kept: list[ast.stmt] = []
    for statement in body:
        now = _substituted(statement, paths)
        if (
            isinstance(now, ast.Assign)
            and isinstance(now.targets[0], ast.Name)
            and _is_path(now.value)
        ):
            paths[now.targets[0].id] = now.value
        else:
            kept.append(now)
    return kept


def _is_path(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(value=inner):
            return _is_path(inner)
        case ast.Subscript(value=inner, slice=ast.Constant(value=int())):
            return _is_path(inner)
    return False


def uses(statement: ast.stmt) -> Counter[str]:
    """How often each name is read in a statement."""
    nodes = ast.walk(statement)
    return Counter(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _substituted(statement: ast.stmt, values: Mapping[str, ast.expr]) -> ast.stmt:
    def change(node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return values.get(node.id, node)
        return node

    changed: ast.stmt = _Replaced(change).visit(copy.deepcopy(statement))
    return changed


def parsed(expression: str) -> ast.expr:
    """The tree of an expression."""
    return ast.parse(expression, mode="eval").body
