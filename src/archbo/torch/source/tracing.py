"""The forward of one module as statements, found by running it on stand-ins (torch.fx).

Submodules are called, not entered: each has a forward of its own. What a loop or a condition on
settings does is what is left; a condition on the values of tensors cannot be traced.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import random
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import fx, nn

from archbo.errors import ExportError
from archbo.torch.source.tidying import CONSTANT, Renamed, joined, tidied, uses

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

_RANDOM = re.compile("rand|dropout|bernoulli|normal|multinomial|poisson|gumbel")

GIVEN = ...
"""Stands for an argument that is a tensor, or holds one."""


class Call(NamedTuple):
    """How a module is called: `GIVEN`, or the value itself where it is always the same."""

    positional: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Forward:
    """What a module computes.

    Attributes:
        arguments: of the method, by name, `self` not among them.
        body: its statements.
        calls: the submodules that it calls, by path, and how.
        imports: the names in it that need an import: (module, name), ("torch", "") for a module.
    """

    arguments: tuple[str, ...]
    body: list[ast.stmt]
    calls: tuple[tuple[str, Call], ...]
    imports: frozenset[tuple[str, str]]


def plain_call(module: nn.Module) -> Call:
    """The call of a network: with what its forward needs, all else as by default."""
    needed = [p for p in _parameters(module) if p.default is p.empty]
    return Call(
        tuple(GIVEN for p in needed if p.kind in _POSITIONAL),
        tuple((p.name, GIVEN) for p in needed if p.kind is p.KEYWORD_ONLY),
    )


def trace(module: nn.Module, call: Call, path: str) -> Forward:
    """Trace a module's forward, in training and in evaluation.

    Args:
        module: is left in the mode that it is in.
        call: arguments that it does not have are as by default.
        path: where the module stands, for the errors.

    Raises:
        ExportError: if it cannot be traced, or calls what only the user's program has.
    """
    mode = module.training
    try:
        trained, evaluated = (_traced(module.train(on), call, path) for on in (True, False))
    finally:
        module.train(mode)
    return Forward(
        trained.arguments,
        joined(trained.body, evaluated.body),
        (*trained.calls, *evaluated.calls),
        trained.imports | evaluated.imports,
    )


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        return True


def _traced(module: nn.Module, call: Call, path: str) -> Forward:
    for name in [name for name in vars(module) if name.startswith(CONSTANT)]:
        delattr(module, name)  # of the other mode
    before = _random_states()
    try:
        with _called(module, call):
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
    _plain(graph)
    code = graph.python_code("self")
    (function,) = [s for s in ast.parse(code.src).body if isinstance(s, ast.FunctionDef)]
    if "x" not in {name for statement in function.body for name in uses(statement)}:
        Renamed().visit(function)
    body = tidied(function.body)
    return Forward(
        tuple(argument.arg for argument in function.args.args[1:]),
        body,
        tuple((str(n.target), _call(n)) for n in graph.nodes if n.op == "call_module"),
        _imports(body, code.globals, path),
    )


def _plain(graph: fx.Graph) -> None:
    """Leave out what nothing uses, and arguments that are as by default.

    `training` stays, as it says in which mode the graph was traced.
    """
    for node in reversed(graph.nodes):
        if node.op != "call_function":
            continue
        name = getattr(node.target, "__name__", "")
        if not node.users and not name.endswith("_") and not _RANDOM.search(name):
            graph.erase_node(node)
        elif getattr(node.target, "__module__", None) == nn.functional.__name__:
            known = inspect.signature(node.target).parameters
            node.kwargs = {
                n: value
                for n, value in node.kwargs.items()
                if n == "training" or n not in known or value is not known[n].default
            }


def _call(node: fx.Node) -> Call:
    """How a module is called in a traced forward."""

    def value(argument: Any) -> Any:
        nodes: list[fx.Node] = []
        fx.map_arg(argument, nodes.append)
        return GIVEN if nodes else argument

    keywords = tuple((name, value(argument)) for name, argument in node.kwargs.items())
    return Call(tuple(map(value, node.args)), keywords)


@contextmanager
def _called(module: nn.Module, call: Call) -> Iterator[None]:
    """Let a module's forward take the arguments of a call and no others."""
    kind = type(module)
    plain = [p.name for p in _parameters(module) if p.kind in _POSITIONAL]
    more = [f"more_{i}" for i in range(len(call.positional) - len(plain))]  # of *args
    named = dict(zip([*plain, *more], call.positional, strict=False))
    fixed = {n: v for n, v in (*named.items(), *call.keywords) if v is not GIVEN}
    passed = [f"_fixed[{n!r}]" if n in fixed else n for n in named]
    passed += [f"{n}=_fixed[{n!r}]" if n in fixed else f"{n}={n}" for n, _ in call.keywords]
    arguments = ", ".join(("self", *named, *dict(call.keywords)))
    names: dict[str, Any] = {"_forward": kind.forward, "_fixed": fixed}
    exec(f"def forward({arguments}):\n    return _forward(self, {', '.join(passed)})", names)
    # torch.fx reads the signature from the class
    module.__class__ = type(kind.__name__, (kind,), {"forward": names["forward"]})
    try:
        yield
    finally:
        module.__class__ = kind


def _parameters(module: nn.Module) -> list[inspect.Parameter]:
    return list(inspect.signature(module.forward).parameters.values())


def _random_states() -> tuple[Any, ...]:
    """Of all generators that a forward may draw from."""
    shared = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - the one without a name
    torchs = torch.get_rng_state().numpy().tobytes()
    return torchs, random.getstate(), shared["key"].tobytes(), shared["pos"]


def _imports(
    body: list[ast.stmt], known: Mapping[str, Any], path: str
) -> frozenset[tuple[str, str]]:
    """What the names in a body need: known to torch.fx, or of torch itself."""
    used = {name for statement in body for name in uses(statement)}
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
