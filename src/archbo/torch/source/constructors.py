"""What PyTorch's own modules were made with, read from what they are."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import nn

from archbo.errors import ExportError
from archbo.torch.source.sizes import with_role

_SKIPPED = {"self", "device", "dtype", "args", "kwargs"}

_RECURRENT = dict(inspect.signature(nn.RNNBase.__init__).parameters)
del _RECURRENT["mode"]  # which of the classes it is

_READ: dict[type[nn.Module], dict[str, Callable[[Any], Any]]] = {
    nn.MultiheadAttention: {
        "bias": lambda m: m.in_proj_bias is not None,
        "add_bias_kv": lambda m: m.bias_k is not None,
    },
    nn.TransformerEncoderLayer: {
        "d_model": lambda m: m.self_attn.embed_dim,
        "nhead": lambda m: m.self_attn.num_heads,
        "dim_feedforward": lambda m: m.linear1.out_features,
        "dropout": lambda m: m.dropout.p,
        "activation": lambda m: "gelu" if m.activation is nn.functional.gelu else "relu",
        "layer_norm_eps": lambda m: m.norm1.eps,
        "batch_first": lambda m: m.self_attn.batch_first,
        "bias": lambda m: m.linear1.bias is not None,
    },
}
"""Settings that are kept under other names."""


def constructor(module: nn.Module, kind: type[nn.Module], path: str) -> ast.Call:
    """The shortest call that makes a module such as this one, but for its weights.

    Each number in the call has the parameter that it is for as its `role`.

    Args:
        module: to be made.
        kind: the class of PyTorch's that it is.
        path: where it stands, for the errors.

    Raises:
        ExportError: if its settings cannot be read back, or make another module.
    """
    parameters = _parameters(kind)
    settings = {name: _setting(module, kind, name) for name in parameters}
    given = {
        name: value
        for name, value in settings.items()
        if _plain(value) and not _equal(value, parameters[name].default)
    }
    key = tuple((name, _hashable(value)) for name, value in given.items())
    shortest = _shortest(kind, key, _described(module))  # type: ignore[arg-type] # a class is hashable
    if shortest is None:
        raise ExportError(
            f"this nn.{kind.__name__} cannot be written: it was changed after it was made, or "
            "keeps what it was made with elsewhere",
            path=path,
            hint="Write it as a module of your own, whose forward calls simpler ones.",
        )
    required = {n for n, p in parameters.items() if p.default is inspect.Parameter.empty}
    return ast.Call(
        ast.Attribute(ast.Name("nn", ast.Load()), kind.__name__, ast.Load()),
        [literal(value, name) for name, value in shortest if name in required],
        [
            ast.keyword(name, literal(value, name))
            for name, value in shortest
            if name not in required
        ],
    )


def literal(value: Any, role: str = "size") -> ast.expr:
    """A plain value as an expression; its whole numbers know their role."""
    return with_role(ast.parse(repr(value), mode="eval").body, role)


def _parameters(kind: type[nn.Module]) -> Mapping[str, inspect.Parameter]:
    """What the class is made with; what PyTorch calls private or sets by itself left out."""
    own: Mapping[str, inspect.Parameter] = inspect.signature(kind.__init__).parameters
    if issubclass(kind, nn.RNNBase):  # these take *args
        nonlinearity = inspect.Parameter(
            "nonlinearity", inspect.Parameter.KEYWORD_ONLY, default="tanh"
        )
        own = {**_RECURRENT, "nonlinearity": nonlinearity} if kind is nn.RNN else _RECURRENT
    return {n: p for n, p in own.items() if n not in _SKIPPED and not n.startswith("_")}


def _setting(module: nn.Module, kind: type[nn.Module], name: str) -> Any:
    read = _READ.get(kind, {}).get(name)
    if read is not None:
        return read(module)
    value = getattr(module, name, inspect.Parameter.empty)
    if name == "bias" and (value is None or isinstance(value, torch.Tensor)):
        return value is not None
    return tuple(value) if isinstance(value, torch.Size) else value


def _plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _equal(value: Any, default: Any) -> bool:
    return type(value) is type(default) and value == default


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


class _Description(NamedTuple):
    """A module but for its weights: the shapes of its tensors, and every plain setting in it."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    settings: frozenset[tuple[str, str, str]]


def _described(module: nn.Module) -> _Description:
    return _Description(
        tuple((name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()),
        frozenset(
            (path, name, repr(value))
            for path, inner in module.named_modules()
            for name, value in vars(inner).items()
            if name != "training" and _plain(value)
        ),
    )


@lru_cache(maxsize=4096)
def _shortest(
    kind: type[nn.Module], settings: tuple[tuple[str, Any], ...], described: _Description
) -> tuple[tuple[str, Any], ...] | None:
    """The fewest and simplest settings that make a module of this description; None if none do."""
    if not _makes(kind, dict(settings), described):
        return None
    needed = dict(settings)
    for name, value in settings:
        without = {n: v for n, v in needed.items() if n != name}
        if _makes(kind, without, described):
            needed = without
        elif isinstance(value, tuple) and len(set(value)) == 1:  # 3 for (3, 3)
            once = needed | {name: value[0]}
            needed = once if _makes(kind, once, described) else needed
    return tuple(needed.items())


def _makes(kind: type[nn.Module], settings: Mapping[str, Any], described: _Description) -> bool:
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            made = _described(kind(**settings))
    except Exception:  # each class has its own for what it cannot take
        return False
    # a subclass may have settings beside
    return made.shapes == described.shapes and made.settings <= described.settings
