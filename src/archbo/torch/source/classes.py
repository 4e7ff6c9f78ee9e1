"""A network's modules as classes, from the innermost out.

PyTorch's own modules are written as the calls that make them; any other module as a class with an
`__init__` and a `forward` of its own. Modules of the same class that differ in sizes alone share
one, which takes these sizes.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from archbo.errors import ExportError
from archbo.torch.source.constructors import constructor, literal
from archbo.torch.source.sizes import generalise, pattern, unique
from archbo.torch.source.tidying import constant_name, parsed
from archbo.torch.source.tracing import Call, Forward, plain_call, trace

_RESERVED = {"nn", "torch", "functional", "math", "load", "Path", "OrderedDict"}
_CONTAINERS = (
    nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict,
)  # fmt: skip
_LISTED = 16  # numbers of a constant that are written one by one


@dataclass
class Written:
    """A class to write.

    Attributes:
        name: of the class.
        base: of which it is, such as `nn.Module`.
        about: the first paragraph of what its original says of itself; may be empty.
        sizes: the parameters of `__init__`.
        init: the statements of `__init__`.
        forward: None where none is called.
    """

    name: str
    base: str
    about: str
    init: list[ast.stmt]
    forward: Forward | None
    sizes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Classes:
    """All classes of a network in the order in which they need each other; the last is its own.

    Attributes:
        unknown: tensors of which only the shape is written, by name in the state dict.
    """

    written: list[Written]
    unknown: tuple[str, ...]


def classes(network: nn.Module) -> Classes:
    """Write a network.

    Raises:
        ExportError: if a module cannot be written, naming its path.
    """
    return _Writer(network).write()


class _Writer:
    """What is known of the network while its classes are written."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.paths: dict[nn.Module, str] = {}
        self._reach(network, "")
        self.forwards = dict(self._forwards())
        self.calls: dict[nn.Module, ast.expr] = {}  # what makes each module that has a class
        self.names = set(_RESERVED)
        self.state = network.state_dict().keys()
        self.parameters = dict(network.named_parameters()).keys()
        self.unknown: list[str] = []

    def write(self) -> Classes:
        """The classes by depth: those within others come first."""
        levels: dict[int, list[nn.Module]] = {}
        for module in self.paths:
            if self._has_class(module):
                levels.setdefault(self._depth(module), []).append(module)
        own = levels.pop(max(levels))
        assert own == [self.network]
        self.names.add("Network")
        found = [w for depth in sorted(levels) for w in self._level(levels[depth])]
        last = self._class(self.network)
        last.name = "Network"
        last.init += self._ties()
        return Classes([*found, last], tuple(self.unknown))

    def _reach(self, module: nn.Module, path: str) -> None:
        """Note the paths of all modules but those inside of PyTorch's own."""
        if module._forward_hooks or module._forward_pre_hooks:
            raise ExportError(
                f"{type(module).__name__} has hooks, which no source shows",
                path=f"network.{path}".rstrip("."),
                hint="Remove them, or write what they do in its forward.",
            )
        self.paths.setdefault(module, path)
        if module is self.network or not _leaf_kind(module):
            for name, child in module.named_children():
                self._reach(child, f"{path}.{name}".lstrip("."))

    def _forwards(self) -> Iterator[tuple[nn.Module, Forward]]:
        """Of each module that has a class and is called, from the network on."""
        calls: dict[nn.Module, Call] = {}
        todo = [(self.network, plain_call(self.network))]
        while todo:
            module, call = todo.pop()
            known = calls.setdefault(module, call)
            if known is not call:
                if known != call and self._has_class(module):
                    raise ExportError(
                        f"this {type(module).__name__} is called in two ways: {known}, {call}",
                        path=self._path(module),
                        hint="Call it with the same arguments each time, or make two of it.",
                    )
            elif self._is_bare(module) or not self._has_class(module):
                if _is_sequence(module):
                    todo += [(child, plain_call(child)) for child in module.children()]
            else:
                forward = trace(module, call, self._path(module))
                yield module, forward
                todo += [(module.get_submodule(path), inner) for path, inner in forward.calls]

    def _has_class(self, module: nn.Module) -> bool:
        """Whether a module is written as a class, not as a call of PyTorch's."""
        if module is self.network:
            return True
        return not (_container(module) or _leaf_kind(module))

    def _is_bare(self, module: nn.Module) -> bool:
        """Whether it is a network that is no more than its modules one after another."""
        return module is self.network and _is_sequence(module) and _is_counted(module)

    def _path(self, module: nn.Module) -> str:
        return ".".join(filter(None, ("network", self.paths[module])))

    def _depth(self, module: nn.Module) -> int:
        if module is not self.network and _leaf_kind(module):
            return 0
        inner = max(map(self._depth, module.children()), default=0)
        return inner + self._has_class(module)

    def _level(self, modules: list[nn.Module]) -> list[Written]:
        """The classes of modules that do not need each other."""
        groups: dict[Any, list[tuple[nn.Module, Written]]] = {}
        for module in modules:
            written = self._class(module)
            key = (written.name, written.base, pattern(written.init), _shown(written.forward))
            groups.setdefault(key, []).append((module, written))
        found = []
        for group in groups.values():
            written = group[0][1]
            written.name = unique(written.name, self.names)
            self.names.add(written.name)
            written.sizes, sizes = generalise([w.init for _, w in group])
            for (module, _), values in zip(group, sizes, strict=True):
                arguments = [literal(v, r) for v, r in zip(values, written.sizes, strict=True)]
                self.calls[module] = ast.Call(ast.Name(written.name, ast.Load()), arguments, [])
            found.append(written)
        return found

    def _class(self, module: nn.Module) -> Written:
        kind = type(module)
        about = vars(kind).get("__doc__") or "" if not kind.__module__.startswith("torch.") else ""
        about = inspect.cleandoc(about).partition("\n\n")[0]
        if self._is_bare(module):
            parts = [self._made(m) for m in module.children()]
            return Written(kind.__name__, "nn.Sequential", about, [_init(parts)], None)
        statements: list[ast.stmt] = [_init([])]
        path = self.paths[module]
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None:
                statements.append(self._tensor(name, tensor, path))
        for name, child in module.named_children():
            statements.append(_set(name, self._made(child)))
        # what torch.fx found to be a constant, a tensor made in forward
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor):
                statements.append(self._tensor(name, value, path))
        # a user's forward in a container counts on its subscripts
        own = [] if _container(module) else [b for b in _CONTAINERS if isinstance(module, b)]
        base = own[0].__name__ if own else "Module"
        return Written(kind.__name__, f"nn.{base}", about, statements, self.forwards.get(module))

    def _made(self, module: nn.Module) -> ast.expr:
        """What makes a module."""
        if module in self.calls:
            return self.calls[module]
        children = dict(module.named_children())
        container = _container(module)
        if container is nn.ModuleDict:
            return _call("nn.ModuleDict", [_dict({n: self._made(m) for n, m in children.items()})])
        if container is nn.ModuleList:
            made = [self._made(m) for m in children.values()]
            return _call("nn.ModuleList", [ast.List(made, ast.Load())])
        if container in (nn.ParameterList, nn.ParameterDict):
            return self._parameters(module)
        if container is nn.Sequential:
            made = [self._made(m) for m in children.values()]
            if _is_counted(module):
                return _call("nn.Sequential", made)
            named = _dict(dict(zip(children, made, strict=True)))
            return _call("nn.Sequential", [_call("OrderedDict", [named])])
        kind = _leaf_kind(module)
        assert kind is not None
        return constructor(module, kind, self._path(module))

    def _parameters(self, module: nn.Module) -> ast.expr:
        path = self.paths[module]
        made = {n: self._parameter(p, f"{path}.{n}") for n, p in module.named_parameters()}
        if isinstance(module, nn.ParameterList):
            return _call("nn.ParameterList", [ast.List(list(made.values()), ast.Load())])
        return _call("nn.ParameterDict", [_dict(made)])

    def _tensor(self, name: str, tensor: torch.Tensor, path: str) -> ast.stmt:
        at, name = f"{path}.{name}".lstrip("."), constant_name(name)
        if isinstance(tensor, nn.Parameter):
            return _set(name, self._parameter(tensor, at))
        keywords = []
        if at not in self.state:
            keywords.append(ast.keyword("persistent", ast.Constant(False)))
        arguments = [ast.Constant(name), self._values(tensor, at)]
        return ast.Expr(ast.Call(parsed("self.register_buffer"), arguments, keywords))

    def _parameter(self, parameter: nn.Parameter, path: str) -> ast.expr:
        keywords = []
        if not parameter.requires_grad:
            keywords.append(ast.keyword("requires_grad", ast.Constant(False)))
        return ast.Call(parsed("nn.Parameter"), [self._values(parameter.detach(), path)], keywords)

    def _values(self, tensor: torch.Tensor, path: str) -> ast.expr:
        """What makes a tensor: its numbers, or where they are many something of this shape.

        Parameters are then random, as widely spread as they were.
        """
        keywords = []
        if tensor.dtype not in (torch.float32, torch.int64, torch.bool):
            keywords.append(ast.keyword("dtype", parsed(str(tensor.dtype))))
        shape: list[ast.expr] = [literal(size) for size in tensor.shape]
        first = tensor.flatten()[0].item() if tensor.numel() else 0.0
        if tensor.dim() and bool((tensor == first).all()):
            if first in (0, 1) and tensor.is_floating_point():
                return ast.Call(parsed("torch.ones" if first else "torch.zeros"), shape, keywords)
            size = ast.Tuple(shape, ast.Load())
            return ast.Call(parsed("torch.full"), [size, literal(_short(first))], keywords)
        if tensor.numel() <= _LISTED:
            return ast.Call(parsed("torch.tensor"), [literal(_short(tensor.tolist()))], keywords)
        if path not in self.state:
            raise ExportError(
                f"a tensor of {tensor.numel():,} numbers is in no state dict",
                path=f"network.{path}",
                hint="Keep it by self.register_buffer(name, tensor) in __init__.",
            )
        if path in self.parameters:
            spread = ast.Constant(float(f"{tensor.std().item():.1g}"))
            return ast.BinOp(ast.Call(parsed("torch.randn"), shape, keywords), ast.Mult(), spread)
        self.unknown.append(path)
        return ast.Call(parsed("torch.empty"), shape, keywords)

    def _ties(self) -> Iterator[ast.stmt]:
        """What makes modules and parameters that stand in several places the same ones."""
        first: dict[int, str] = {}
        tied: list[str] = []
        everything: list[tuple[str, Any]] = [
            *self.network.named_modules(remove_duplicate=False),
            *self.network.named_parameters(remove_duplicate=False),
        ]
        for path, found in everything:
            stateless = isinstance(found, nn.Module) and not found.state_dict()
            if stateless or any(path.startswith(f"{t}.") for t in tied):
                continue
            if first.setdefault(id(found), path) != path:
                tied.append(path)
                target = _at(path)
                yield ast.Assign([target], _at(first[id(found)]))


def _leaf_kind(module: nn.Module) -> type[nn.Module] | None:
    """The class of PyTorch's that a module is, if it adds no forward; None for containers, too."""
    if _container(module):
        return None
    for base in type(module).__mro__:
        if base is not nn.Module and getattr(nn, base.__name__, None) is base:
            return base if type(module).forward is base.forward else None
    return None


def _container(module: nn.Module) -> type[nn.Module] | None:
    """The container of PyTorch's that a module is, if it adds no forward."""
    kinds = (kind for kind in _CONTAINERS if isinstance(module, kind))
    return next((kind for kind in kinds if type(module).forward is kind.forward), None)


def _is_sequence(module: nn.Module) -> bool:
    return _container(module) is nn.Sequential


def _is_counted(module: nn.Module) -> bool:
    """Whether its modules are named 0, 1, 2 and so on."""
    names = [name for name, _ in module.named_children()]
    return names == [str(i) for i in range(len(names))]


def _shown(forward: Forward | None) -> tuple[str, ...]:
    return () if forward is None else (*forward.arguments, *map(ast.dump, forward.body))


def _short(value: Any) -> Any:
    """Numbers with no more digits than float32 has."""
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _init(arguments: list[ast.expr]) -> ast.stmt:
    return ast.Expr(_call("super().__init__", arguments))


def _set(name: str, value: ast.expr) -> ast.stmt:
    if name.isidentifier():
        return ast.Assign([parsed(f"self.{name}")], value)
    return ast.Expr(_call("self.add_module", [ast.Constant(name), value]))


def _at(path: str) -> ast.expr:
    """A place in the network, such as `self.body[0].weight`."""
    found: ast.expr = parsed("self")
    for name in path.split("."):
        if name.isdigit():
            found = ast.Subscript(found, ast.Constant(int(name)), ast.Load())
        else:
            found = ast.Attribute(found, name, ast.Load())
    return found


def _call(function: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(parsed(function), arguments, [])


def _dict(items: Mapping[str, ast.expr]) -> ast.expr:
    return ast.Dict([ast.Constant(name) for name in items], list(items.values()))
