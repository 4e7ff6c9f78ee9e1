"""Networks of cells that get the outputs of the last two cells, stacked as DARTS stacks them.

Between two stages stands a reduction cell: its operations on inputs halve the resolution.
Source: Liu, Simonyan and Yang 2019 (DARTS), appendix A.2, and the authors' NetworkCIFAR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from archbo.arrays import Float
from archbo.errors import ProblemError
from archbo.spaces import Architecture, EdgeCell
from archbo.torch.concatenation import (
    ConcatCell,
    ConcatWiring,
    FactorizedReduction,
    adapted,
    concat_wiring,
)
from archbo.torch.operations import Operations
from archbo.torch.skeleton import Classifier, Shape, Skeleton
from archbo.torch.wiring import graphs

_STEM = 3  # the stem has so many times the channels of the first stage
_STATES = 2  # outputs of earlier cells that a cell can get


class Pair(NamedTuple):
    """The cell of all stages, and the one between them."""

    normal: ConcatWiring
    reduction: ConcatWiring


def pair(arch: Any) -> Pair | None:
    """The cells of an architecture that are stacked; None if it has none that concatenate.

    A single one serves as the reduction cell, too.

    Raises:
        ProblemError: if they are no pair, or something else stands beside them.
    """
    if not isinstance(arch, Architecture):
        return None
    found = list(graphs(arch.space, arch.value, "space"))
    if not any(isinstance(part, EdgeCell) and part.concatenates for _, part, _ in found):
        return None
    wirings = {}
    for value, part, path in found:
        if not (isinstance(part, EdgeCell) and part.concatenates and part.inputs <= _STATES):
            raise ProblemError(
                "only cells with keep and at most 2 inputs can be stacked", path=path
            )
        wirings[path.rpartition(".")[2]] = concat_wiring(value, part, path)
    if len(wirings) == 1:
        (only,) = wirings.values()
        return Pair(only, only)
    if set(wirings) != {"normal", "reduction"}:
        raise ProblemError(
            f"two cells are stacked as normal and reduction, got {', '.join(wirings)}",
            hint="Write ab.Space(normal=…, reduction=…), or build one: arch.part(…).",
        )
    return Pair(wirings["normal"], wirings["reduction"])


class Place(NamedTuple):
    """One cell of a network.

    Attributes:
        wiring: of the cell.
        stride: 2 for a reduction cell.
        states: the shapes of the outputs that it gets, the older one first.
        shape: of its inner nodes.
    """

    wiring: ConcatWiring
    stride: int
    states: tuple[Shape, ...]
    shape: Shape

    def preprocessing(self) -> list[Callable[[int, int], nn.Module]]:
        """What brings each state to other channels, and to the resolution of the last one."""
        newest = self.states[-1]
        same = [state[1:] == newest[1:] for state in self.states]
        return [adapted if kept else FactorizedReduction for kept in same]


def places(cells: Pair, skeleton: Skeleton) -> Iterator[Place]:
    """The cells of a network in their order."""
    first = skeleton.shapes[0]
    older = newer = first._replace(channels=_STEM * first.channels)
    for stage, shape in enumerate(skeleton.shapes):
        reducing = [(cells.reduction, 2)] if stage else []
        for wiring, stride in [*reducing, *[(cells.normal, 1)] * skeleton.repeats]:
            states = (older, newer)[_STATES - wiring.inputs :]
            yield Place(wiring, stride, states, shape)
            older, newer = newer, shape._replace(channels=len(wiring.sums) * shape.channels)


class StackedCell(nn.Module):
    """A cell behind what brings its inputs to its channels and to one resolution.

    Attributes:
        preprocessing: of each input.
        cell: works on the results.
    """

    def __init__(self, place: Place, operations: Operations) -> None:
        super().__init__()
        channels = place.shape.channels
        self.preprocessing = nn.ModuleList(
            make(state.channels, channels)
            for make, state in zip(place.preprocessing(), place.states, strict=True)
        )
        self.cell = ConcatCell(place.wiring, channels, operations, stride=place.stride)

    def forward(
        self, older: Float[Tensor, "b c h w"], newer: Float[Tensor, "b d i j"]
    ) -> Float[Tensor, "b e k l"]:
        states = (older, newer)[_STATES - len(self.preprocessing) :]
        pairs = zip(self.preprocessing, states, strict=True)
        return self.cell(*[prepare(state) for prepare, state in pairs])


class Stack(nn.Module):
    """Cells, each on the outputs of the last two; the last one's is the stack's.

    Attributes:
        cells: in their order.
    """

    def __init__(self, cells: list[StackedCell]) -> None:
        super().__init__()
        self.cells = nn.ModuleList(cells)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        older = newer = x
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return newer


def stacked(cells: Pair, skeleton: Skeleton, operations: Operations) -> Classifier:
    """The network: a stem, the cells, global average pool and a linear layer."""
    body = Stack([StackedCell(place, operations) for place in places(cells, skeleton)])
    stem, head = ends(skeleton, len(cells.normal.sums))
    return Classifier(skeleton.inputs, stem, body, head)


def ends(skeleton: Skeleton, nodes: int) -> tuple[nn.Module, nn.Module]:
    """Stem and head of a network whose cells have so many inner nodes."""
    width = _STEM * skeleton.channels
    stem = nn.Sequential(
        nn.Conv2d(skeleton.inputs.channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
    )
    last = nodes * skeleton.shapes[-1].channels
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, skeleton.classes))
    return stem, head
