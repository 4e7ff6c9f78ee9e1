"""Architectures as networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from archbo.arrays import Float
from archbo.torch.concatenation import ConcatCell
from archbo.torch.operations import OPERATIONS, Operations
from archbo.torch.skeleton import Reduction, Shape, Skeleton
from archbo.torch.stacks import pair, stacked
from archbo.torch.wiring import Wiring, layers


class Cell(nn.Module):
    """The live operations of a cell, each on the sum of its sources; the output is a sum, too.

    Attributes:
        wiring: what is connected with what.
        operations: the module of each of the wiring's steps.
    """

    def __init__(self, wiring: Wiring, channels: int, operations: Operations) -> None:
        super().__init__()
        self.wiring = wiring
        self.operations = nn.ModuleList(
            operations.find(step.operation, step.path)(channels) for step in wiring.steps
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if not self.wiring.output:
            return torch.zeros_like(x)
        values = [x]
        for step, operation in zip(self.wiring.steps, self.operations, strict=True):
            values.append(operation(_total(values, step.sources)))
        return _total(values, self.wiring.output)

    def extra_repr(self) -> str:
        return ", ".join(f"{step.operation}{list(step.sources)}" for step in self.wiring.steps)


def _total(values: list[Tensor], sources: tuple[int, ...]) -> Tensor:
    first, *others = sources
    total = values[first]
    for source in others:
        total = total + values[source]
    return total


def cell(arch: Any, channels: int, *, operations: Operations = OPERATIONS) -> nn.Module:
    """A cell, or a chain's layers, as a module of one's own network: [b c h w] to [b c h w].

    In an EdgeCell a node sums the results of the edges into it; in a NodeCell a vertex applies its
    operation to the sum of its sources, and the output sums as well, where NAS-Bench-101 projects
    and concatenates; in a Grammar `par` sums. Dead operations are not built; without a path to the
    output it is all zeros.

    An EdgeCell with `keep` concatenates its inner nodes: its module takes as many arguments
    [b c h w] as it has inputs and gives so many times the channels.

    Args:
        arch: an architecture with exactly one cell or chain, or a plain value of one.
        channels: of the input, and so of the output.
        operations: what the operations' names stand for.

    Raises:
        ArchitectureError: if an operation is unknown, naming the path.
        ProblemError: if the architecture has no cell or chain, or several.

    >>> cell([(0, 1, "conv_3x3"), (0, 2, "skip_connect"), (1, 2, "none")], channels=8)
    Cell(
      skip_connect[0]
      (operations): ModuleList(
        (0): Identity()
      )
    )
    """
    cells = pair(arch)
    if cells is not None and cells.normal is cells.reduction:
        return ConcatCell(cells.normal, channels, operations)
    wirings, chain = layers(arch)
    modules = [Cell(wiring, channels, operations) for wiring in wirings]
    return nn.Sequential(*modules) if chain else modules[0]


def build(
    arch: Any,
    *,
    inputs: tuple[int, int, int] = (3, 32, 32),
    classes: int = 10,
    channels: int = 16,
    stages: int = 3,
    repeats: int = 1,
    reduction: Reduction = "plain",
    operations: Operations = OPERATIONS,
) -> nn.Module:
    """A network that classifies images: [b c h w] to logits [b classes].

    A stem (3x3 convolution, batch normalization), stages of cells with half the resolution and
    twice the channels from one to the next, and a head (batch normalization, ReLU, global average
    pool, linear). The cell stands in every stage; the layers of a chain are divided among the
    stages. See `cell` for what a cell computes.

    EdgeCells with `keep` are stacked as in DARTS: each gets the outputs of the last two cells, and
    a reduction cell, whose operations on inputs halve the resolution, stands between two stages.
    An architecture of `Space(normal=…, reduction=…)` has a cell for each place; a single cell
    stands in both.

    Args:
        arch: an architecture with exactly one cell or chain (`arch.part("cell")` picks one of
            several), or a plain value of one; or one with a normal and a reduction cell. Other
            parts, such as a learning rate, count for nothing here.
        inputs: channels, height and width of an image.
        classes: how many the head tells apart.
        channels: of the first stage.
        stages: how many resolutions.
        repeats: how often each cell, or each layer of a chain, stands in a row.
        reduction: "plain" for an average pool and a 1x1 convolution, which leave the work to the
            cells; "residual" for NAS-Bench-201's residual block. Without effect where there are
            reduction cells.
        operations: what the operations' names stand for.

    Raises:
        ArchitectureError: if an operation is unknown, naming the path.
        ProblemError: if the architecture has no cell or chain, or several; if a setting makes no
            sense.
    """
    skeleton = Skeleton(Shape.of(inputs), classes, channels, stages, repeats, reduction)
    cells = pair(arch)
    if cells is not None:
        return stacked(cells, skeleton, operations)
    wirings, chain = layers(arch)
    bodies = [
        nn.Sequential(
            *(Cell(wiring, shape.channels, operations) for wiring in stage for _ in range(repeats))
        )
        for stage, shape in zip(skeleton.spread(wirings, chain=chain), skeleton.shapes, strict=True)
    ]
    return skeleton.assemble(bodies)
