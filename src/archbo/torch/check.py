"""Whether an architecture builds and runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from archbo.errors import ArchboError, TrainingError
from archbo.torch.build import Cell, build
from archbo.torch.concatenation import ConcatCell
from archbo.torch.operations import OPERATIONS, Operations
from archbo.torch.skeleton import Reduction

_BATCH = 2  # batch normalization needs more than one value a channel


def check(
    arch: Any,
    *,
    inputs: tuple[int, int, int] = (3, 32, 32),
    classes: int = 10,
    channels: int = 16,
    stages: int = 3,
    repeats: int = 1,
    reduction: Reduction = "plain",
    operations: Operations = OPERATIONS,
) -> tuple[int, ...]:
    """Build the network of `build` and run it forward on two random images: the output's shape.

    PyTorch's random state is left as it was.

    Raises:
        TrainingError: if it cannot be built or run, or an operation changes the shape of its input
            or gives what is not finite; says which one.
        ArchitectureError: if an operation is unknown, naming the path.
        ProblemError: if the architecture has no cell or chain, or several; if a setting makes no
            sense.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        with _explained("cannot be built"):
            network = build(
                arch,
                inputs=inputs,
                classes=classes,
                channels=channels,
                stages=stages,
                repeats=repeats,
                reduction=reduction,
                operations=operations,
            )
        output = run(network, torch.randn(_BATCH, *inputs))
    return tuple(output.shape)


def run(network: nn.Module, batch: Any) -> Any:
    """Run a network forward once, for what it gives; afterwards its cells watch their operations.

    Raises:
        TrainingError: as `check`.
    """
    for module in list(network.modules()):
        if isinstance(module, Cell | ConcatCell):
            _watch(module)
    with _explained("cannot run"):
        return network(batch)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn an operation's own error into a TrainingError; archbo's errors say enough already."""
    try:
        yield
    except ArchboError:
        raise
    except Exception as error:
        raise TrainingError(f"{what}: {type(error).__name__}: {error}") from error


def _watch(cell: Cell | ConcatCell) -> None:
    """Make an operation that fails, or changes the shape, say which one it is."""
    for i, (step, operation) in enumerate(zip(cell.wiring.steps, cell.operations, strict=True)):
        halves = isinstance(cell, ConcatCell) and cell.stride == 2 and cell.wiring.begins(step)
        name = f"{step.path} {step.operation}"
        cell.operations[i] = _Watched(operation, name, stride=2 if halves else 1)


class _Watched(nn.Module):
    def __init__(self, operation: nn.Module, name: str, *, stride: int) -> None:
        super().__init__()
        self.operation = operation
        self.name = name
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        try:
            y: torch.Tensor = self.operation(x)
        except Exception as error:
            raise TrainingError(
                f"fails on {_size(x)}: {type(error).__name__}: {error}", path=self.name
            ) from error
        if y.shape != x[:, :, :: self.stride, :: self.stride].shape:
            raise TrainingError(
                f"turns {_size(x)} into {_size(y)}",
                path=self.name,
                hint="An operation keeps the shape"
                + (", and here halves the resolution." if self.stride == 2 else "."),
            )
        if not torch.isfinite(y).all():
            raise TrainingError(f"gives values that are not finite on {_size(x)}", path=self.name)
        return y


def _size(x: torch.Tensor) -> str:
    return " x ".join(map(str, x.shape))
