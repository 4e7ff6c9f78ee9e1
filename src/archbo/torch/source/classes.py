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
from archbo.torch.source.tracing import Forward, constant_name, trace

_RESERVED = {"nn", "torch", "functional", "math", "load", "Path", "OrderedDict"}
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
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
        seen: set[nn.Module] = set()
        todo = [self.network]
        while todo:
            module = todo.pop()
            if module in seen:
                continue
            seen.add(module)
            if _is_sequence(module) and not self._has_class(module):
                todo += module.children()
            elif self._has_class(module) and not self._is_bare(module):
                forward = trace(module, self._path(module))
                yield module, forward
                todo += [module.get_submodule(path) for path in forward.calls]
            elif self._is_bare(module):
                todo += module.children()

    def _has_class(self, module: nn.Module) -> bool:
        """Whether a module is written as a class, not as a call of PyTorch's."""
        if module is self.network:
            return True
        return not (_is_sequence(module) or type(module) in _CONTAINERS or _leaf_kind(module))

    def _is_bare(self, module: nn.Module) -> bool:
        """Whether it is a network that is no more than its modules one after another."""
        names = [name for name, _ in module.named_children()]
        return module is self.network and _is_sequence(module) and all(map(str.isdigit, names))

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
            forward = written.forward and [ast.dump(s) for s in written.forward.body]
            key = (written.name, written.base, _pattern(written.init), str(forward))
            groups.setdefault(key, []).append((module, written))
        found = []
        for group in groups.values():
            written = group[0][1]
            written.name = self._unique(written.name)
            sizes = _generalised([w for _, w in group])
            for (module, _), values in zip(group, sizes, strict=True):
                arguments = [literal(v, r) for v, r in zip(values, written.sizes, strict=True)]
                self.calls[module] = ast.Call(ast.Name(written.name, ast.Load()), arguments, [])
            found.append(written)
        return found

    def _unique(self, name: str) -> str:
        count, unique = 1, name
        while unique in self.names:
            count += 1
            unique = f"{name}{count}"
        self.names.add(unique)
        return unique

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
        return Written(kind.__name__, "nn.Module", about, statements, self.forwards.get(module))

    def _made(self, module: nn.Module) -> ast.expr:
        """What makes a module."""
        if module in self.calls:
            return self.calls[module]
        children = dict(module.named_children())
        if type(module) is nn.ModuleDict:
            return _call("nn.ModuleDict", [_dict({n: self._made(m) for n, m in children.items()})])
        if type(module) is nn.ModuleList:
            made = [self._made(m) for m in children.values()]
            return _call("nn.ModuleList", [ast.List(made, ast.Load())])
        if type(module) in (nn.ParameterList, nn.ParameterDict):
            return self._parameters(module)
        if _is_sequence(module):
            made = [self._made(m) for m in children.values()]
            if list(children) == [str(i) for i in range(len(children))]:
                return _call("nn.Sequential", made)
            named = _dict(dict(zip(children, made, strict=True)))
            return _call("nn.Sequential", [_call("OrderedDict", [named])])
        kind = _leaf_kind(module)
        assert kind is not None
        return constructor(module, kind, self._path(module))

    def _parameters(self, module: nn.Module) -> ast.expr:
        path = self.paths[module]
        made = {n: self._parameter(p, f"{path}.{n}") for n, p in module.named_parameters()}
        if type(module) is nn.ParameterList:
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
        return ast.Expr(ast.Call(_name("self.register_buffer"), arguments, keywords))

    def _parameter(self, parameter: nn.Parameter, path: str) -> ast.expr:
        keywords = []
        if not parameter.requires_grad:
            keywords.append(ast.keyword("requires_grad", ast.Constant(False)))
        return ast.Call(_name("nn.Parameter"), [self._values(parameter.detach(), path)], keywords)

    def _values(self, tensor: torch.Tensor, path: str) -> ast.expr:
        """What makes a tensor: its numbers, or where they are many something of this shape.

        Parameters are then random, as widely spread as they were.
        """
        keywords = []
        if tensor.dtype not in (torch.float32, torch.int64, torch.bool):
            keywords.append(ast.keyword("dtype", _name(str(tensor.dtype))))
        shape: list[ast.expr] = [literal(size) for size in tensor.shape]
        first = tensor.flatten()[0].item() if tensor.numel() else 0.0
        if tensor.dim() and bool((tensor == first).all()):
            if first in (0, 1) and tensor.is_floating_point():
                return ast.Call(_name("torch.ones" if first else "torch.zeros"), shape, keywords)
            size = ast.Tuple(shape, ast.Load())
            return ast.Call(_name("torch.full"), [size, literal(_short(first))], keywords)
        if tensor.numel() <= _LISTED:
            return ast.Call(_name("torch.tensor"), [literal(_short(tensor.tolist()))], keywords)
        if path not in self.state:
            raise ExportError(
                f"a tensor of {tensor.numel():,} numbers is in no state dict",
                path=f"network.{path}",
                hint="Keep it by self.register_buffer(name, tensor) in __init__.",
            )
        if path in self.parameters:
            spread = ast.Constant(float(f"{tensor.std().item():.1g}"))
            return ast.BinOp(ast.Call(_name("torch.randn"), shape, keywords), ast.Mult(), spread)
        self.unknown.append(path)
        return ast.Call(_name("torch.empty"), shape, keywords)

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
    if _is_sequence(module) or type(module) in _CONTAINERS:
        return None
    for base in type(module).__mro__:
        if base is not nn.Module and getattr(nn, base.__name__, None) is base:
            return base if type(module).forward is base.forward else None
    return None


def _is_sequence(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _holes(body: list[ast.stmt]) -> list[ast.Constant]:
    """The sizes in statements."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    return [node for node in nodes if hasattr(node, "role") and isinstance(node, ast.Constant)]


def _pattern(body: list[ast.stmt]) -> str:
    """Statements but for their sizes."""
    holes = _holes(body)
    values = [hole.value for hole in holes]
    for hole in holes:
        hole.value = ...
    pattern = "\n".join(map(ast.dump, body))
    for hole, value in zip(holes, values, strict=True):
        hole.value = value
    return pattern


def _generalised(group: list[Written]) -> list[tuple[int, ...]]:
    """Give the first of alike classes the sizes in which they differ; these of each."""
    holes = [_holes(written.init) for written in group]
    columns = [tuple(hole.value for hole in same) for same in zip(*holes, strict=True)]
    varying = [column for column in dict.fromkeys(columns) if len(set(column)) > 1]
    first = group[0]
    for column in varying:
        same = [hole for hole, c in zip(holes[0], columns, strict=True) if c == column]
        name = _size_name([hole.role for hole in same], alone=len(varying) == 1)  # type: ignore[attr-defined]
        count = sum(size.rstrip("0123456789_") == name for size in first.sizes)
        first.sizes.append(f"{name}_{count + 1}" if count else name)
    names = dict(zip(varying, first.sizes, strict=True))
    replaced = {id(h): names[c] for h, c in zip(holes[0], columns, strict=True) if c in names}
    for statement in first.init:
        _Named(replaced).visit(statement)
    return list(zip(*varying, strict=True)) if varying else [()] * len(group)


class _Named(ast.NodeTransformer):
    """Sizes replaced by the parameters' names."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(self.names[id(node)], ast.Load()) if id(node) in self.names else node


def _size_name(roles: list[str], *, alone: bool) -> str:
    """What to call a size that is used for these parameters."""
    for what in ("channels", "features"):
        if alone and {f"in_{what}", f"out_{what}"} <= set(roles):
            return what
    return roles[0]


def _short(value: Any) -> Any:
    """Numbers with no more digits than float32 has."""
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _init(arguments: list[ast.expr]) -> ast.stmt:
    return ast.Expr(_call("super().__init__", arguments))


def _set(name: str, value: ast.expr) -> ast.stmt:
    if name.isidentifier():
        return ast.Assign([_name(f"self.{name}")], value)
    return ast.Expr(_call("self.add_module", [ast.Constant(name), value]))


def _at(path: str) -> ast.expr:
    """A place in the network, such as `self.body[0].weight`."""
    found: ast.expr = _name("self")
    for name in path.split("."):
        if name.isdigit():
            found = ast.Subscript(found, ast.Constant(int(name)), ast.Load())
        else:
            found = ast.Attribute(found, name, ast.Load())
    return found


def _call(function: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(_name(function), arguments, [])


def _dict(items: Mapping[str, ast.expr]) -> ast.expr:
    return ast.Dict([ast.Constant(name) for name in items], list(items.values()))


def _name(dotted: str) -> ast.expr:
    return ast.parse(dotted, mode="eval").body
