"""The forward of one module as statements, found by running it on stand-ins (torch.fx).

Submodules are called, not entered: each has a forward of its own. What a loop or a condition on
settings does is what is left; a condition on the values of tensors cannot be traced.
"""

from __future__ import annotations

import ast
import builtins
import copy
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from archbo.errors import ExportError
from archbo.torch.source.layout import WIDTH, text

CONSTANT = "_tensor_constant"
"""How the attributes begin that torch.fx keeps tensors in which a forward makes."""


@dataclass(frozen=True)
class Forward:
    """What a module computes.

    Attributes:
        arguments: of the method, `self` not among them.
        body: its statements.
        calls: the submodules that it calls, by path.
        imports: the names in it that need an import: (module, name), ("torch", "") for a module.
    """

    arguments: ast.arguments
    body: list[ast.stmt]
    calls: tuple[str, ...]
    imports: frozenset[tuple[str, str]]


def trace(module: nn.Module, path: str) -> Forward:
    """Trace a module's forward, in training and in evaluation.

    Args:
        module: is left in the mode that it is in.
        path: where it stands, for the errors.

    Raises:
        ExportError: if it cannot be traced, or calls what only the user's program has.
    """
    mode = module.training
    try:
        trained, evaluated = (_traced(module.train(on), path) for on in (True, False))
    finally:
        module.train(mode)
    return Forward(
        trained.arguments,
        _joined(trained.body, evaluated.body),
        tuple(dict.fromkeys((*trained.calls, *evaluated.calls))),
        trained.imports | evaluated.imports,
    )


def constant_name(attribute: str) -> str:
    """What to call a tensor that torch.fx found made in a forward."""
    return attribute.replace(CONSTANT, "constant_")


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        return True


def _traced(module: nn.Module, path: str) -> Forward:
    for name in [name for name in vars(module) if name.startswith(CONSTANT)]:
        delattr(module, name)  # of the other mode
    before = _random_states()
    try:
        graph = _Tracer().trace(module)
    except Exception as error:  # whatever the user's code makes of stand-ins
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ExportError(
            f"the forward of {type(module).__name__} cannot be traced: {reason}",
            path=path,
            hint="It must not depend on the values of tensors; torch.where chooses without.",
        ) from error
    if _random_states() != before:
        raise ExportError(
            f"the forward of {type(module).__name__} draws random numbers that its input does not "
            "show, and tracing would keep those of now for ever",
            path=path,
            hint="Draw them by torch.rand_like(x) or x.new_empty(…).bernoulli_(…).",
        )
    code = graph.python_code("self")
    (function,) = [s for s in ast.parse(code.src).body if isinstance(s, ast.FunctionDef)]
    if "x" not in {name for statement in function.body for name in _uses(statement)}:
        _Renamed().visit(function)
    body = _shortened(_readable(function.body))
    arguments = function.args
    arguments.args = [ast.arg(a.arg) for a in arguments.args[1:]]  # without self and annotations
    imports = _imports(body, code.globals, path)
    calls = tuple(str(node.target) for node in graph.nodes if node.op == "call_module")
    return Forward(arguments, body, calls, imports)


def _random_states() -> tuple[Any, ...]:
    """Of all generators that a forward may draw from."""
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())  # noqa: NPY002


def _joined(trained: list[ast.stmt], evaluated: list[ast.stmt]) -> list[ast.stmt]:
    """One body for both modes; where they differ in flags alone, these are `self.training`."""
    mode = _parsed("self.training")
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


class _Renamed(ast.NodeTransformer):
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
            return _parsed(f"functional.{name}") if hasattr(nn.functional, name) else node
        case ast.Attribute(attr=name) if text(node) == f"torch.nn.functional.{name}":
            return _parsed(f"functional.{name}")
        case ast.Attribute(value=ast.Name(id="self"), attr=name) if name.startswith(CONSTANT):
            return _parsed(f"self.{constant_name(name)}")
        case ast.Name(id="device"):
            return _parsed("torch.device")
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
            once = sum(_uses(s)[name] for s in body[at + 1 :]) == _uses(after)[name] == 1
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


def _uses(statement: ast.stmt) -> Counter[str]:
    nodes = ast.walk(statement)
    return Counter(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _substituted(statement: ast.stmt, values: Mapping[str, ast.expr]) -> ast.stmt:
    def change(node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return values.get(node.id, node)
        return node

    changed: ast.stmt = _Replaced(change).visit(copy.deepcopy(statement))
    return changed


def _imports(
    body: list[ast.stmt], known: Mapping[str, Any], path: str
) -> frozenset[tuple[str, str]]:
    """What the names in a body need: known to torch.fx, or of torch itself."""
    used = {name for statement in body for name in _uses(statement)}
    found: set[tuple[str, str]] = set()
    if "functional" in used:
        found.add(("torch.nn", "functional"))
    for name in used & {*known, "torch"}:
        value = known.get(name, torch)
        if isinstance(value, ModuleType):
            found.add((value.__name__, ""))
        elif isinstance(value, float):
            found.add(("math", name))
        elif not hasattr(builtins, name):
            found.add(_home(name, value, path))
    return frozenset(found)


def _home(name: str, value: Any, path: str) -> tuple[str, str]:
    """Where a function or class comes from, if others can import it from there.

    Raises:
        ExportError: if it is the program's own.
    """
    module, own = getattr(value, "__module__", None) or "", getattr(value, "__name__", "")
    if _installed(module) and hasattr(import_module(module), own):
        return module, own if own == name else f"{own} as {name}"
    raise ExportError(
        f"the forward calls {own or name}, which only the program has",
        path=path,
        hint="Without torch.fx.wrap, its own calls are written instead.",
    )


def _installed(module: str) -> bool:
    """Whether a module is Python's, or of a package that was installed."""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return module.partition(".")[0] in sys.stdlib_module_names or any(
        folder in Path(file).parts for folder in ("site-packages", "dist-packages")
    )


def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body
