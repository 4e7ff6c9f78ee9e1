"""Cells that concatenate their inner nodes, as DARTS's do; operations at half the resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archbo.arrays import Float
from archbo.spaces import EdgeCell
from archbo.torch.operations import OPERATIONS, Factory, Operations
from archbo.torch.wiring import Step


class ConcatWiring(NamedTuple):
    """A cell: its live operations in order, and what each inner node sums.

    Values are numbered: first the inputs, then the results of the steps. A node that nothing
    reaches sums nothing: it is zeros.

    Attributes:
        inputs: how many the cell has.
        steps: its operations.
        sums: of each inner node; the output concatenates them.
    """

    inputs: int
    steps: tuple[Step, ...]
    sums: tuple[tuple[int, ...], ...]

    def begins(self, step: Step) -> bool:
        """Whether a step works on an input of the cell."""
        return step.sources[0] < self.inputs


def concat_wiring(value: Sequence[Any], part: EdgeCell, path: str) -> ConcatWiring:
    """The wiring of an architecture's plain value."""
    into: dict[int, tuple[int, ...]] = {k: (k,) for k in range(part.inputs)}
    into |= dict.fromkeys(part.targets, ())
    steps: list[Step] = []
    for s, t, op in value:
        if op != part.none and into[s]:
            steps.append(Step(op, into[s], f"{path}[{s},{t}]"))
            into[t] += (part.inputs + len(steps) - 1,)
    return ConcatWiring(part.inputs, tuple(steps), tuple(into[t] for t in part.targets))


class ConcatCell(nn.Module):
    """The live operations of a cell, each on the sum of its sources; concatenates its inner nodes.

    Attributes:
        wiring: what is connected with what.
        operations: the module of each of the wiring's steps.
        stride: 2 where the operations on inputs halve the resolution.
    """

    def __init__(
        self, wiring: ConcatWiring, channels: int, operations: Operations, *, stride: int = 1
    ) -> None:
        super().__init__()
        self.wiring = wiring
        self.stride = stride
        self.operations = nn.ModuleList(
            factory(channels) for factory in factories(wiring, operations, stride=stride)
        )

    def forward(
        self, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"] | None = None
    ) -> Float[Tensor, "b d i j"]:
        values = [first] if second is None else [first, second]
        for step, operation in zip(self.wiring.steps, self.operations, strict=True):
            values.append(operation(_sum(values, step.sources)))
        nothing = torch.zeros_like(first[:, :, :: self.stride, :: self.stride])
        sums = [_sum(values, node) if node else nothing for node in self.wiring.sums]
        return torch.cat(sums, dim=1)

    def extra_repr(self) -> str:
        steps = ", ".join(f"{step.operation}{list(step.sources)}" for step in self.wiring.steps)
        return f"{steps}, stride={self.stride}"


def _sum(values: Sequence[Tensor], sources: Sequence[int]) -> Tensor:
    total = values[sources[0]]
    for source in sources[1:]:
        total = total + values[source]
    return total


def factories(wiring: ConcatWiring, operations: Operations, *, stride: int) -> list[Factory]:
    """Of each step's module.

    Raises:
        ArchitectureError: if an operation is unknown, naming the path.
    """
    found = []
    for step in wiring.steps:
        factory = operations.find(step.operation, step.path)
        found.append(Halved(factory) if stride == 2 and wiring.begins(step) else factory)
    return found


@dataclass(frozen=True)
class Halved:
    """An operation at half the resolution, for a number of channels.

    Convolutions and pools of `OPERATIONS` take the stride themselves, the identity becomes a
    `FactorizedReduction`; all others follow an average pool.
    """

    factory: Factory

    def __call__(self, channels: int) -> nn.Module:
        if self.factory is OPERATIONS["skip_connect"]:
            return FactorizedReduction(channels, channels)
        module = self.factory(channels)
        if self.factory in OPERATIONS.values():
            for part in module.modules():
                if isinstance(part, nn.Conv2d):
                    part.stride = (2, 2)
                    return module
                if isinstance(part, nn.AvgPool2d | nn.MaxPool2d):
                    part.stride = 2
                    return module
        return nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), module)


class FactorizedReduction(nn.Module):
    """Half the resolution by two 1x1 convolutions, the second one pixel further.

    Source: DARTS's FactorizedReduce; where the resolution is odd, the second sees a row and a
    column of zeros more.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(before, after // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(before, after - after // 2, 1, stride=2, bias=False)
        self.normalization = nn.BatchNorm2d(after)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        x = nn.functional.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.normalization(torch.cat([self.even(x), self.odd(shifted)], dim=1))


def adapted(before: int, after: int) -> nn.Module:
    """ReLU, 1x1 convolution to other channels, batch normalization. Source: DARTS's ReLUConvBN."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
