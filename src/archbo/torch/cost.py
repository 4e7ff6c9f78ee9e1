"""What a network costs, known before training: parameters and floating-point operations.

Each operation is measured once for each number of channels and resolution; a network's cost is a
sum of these. An architecture then takes microseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archbo.errors import TrainingError
from archbo.torch.concatenation import factories
from archbo.torch.operations import OPERATIONS, Factory, Operations
from archbo.torch.skeleton import Reduction, Shape, Skeleton
from archbo.torch.stacks import Pair, ends, pair, places
from archbo.torch.wiring import layers


class Cost(NamedTuple):
    """Of one network.

    Attributes:
        params: trainable and other parameters; running statistics are none.
        flops: of the forward pass of one image, as `torch.utils.flop_counter` counts: two for each
            multiply-add of convolutions and matrix products; all else is free.
    """

    params: int
    flops: int


def cost(
    arch: Any,
    *,
    inputs: tuple[int, int, int] = (3, 32, 32),
    classes: int = 10,
    channels: int = 16,
    stages: int = 3,
    repeats: int = 1,
    reduction: Reduction = "plain",
    operations: Operations = OPERATIONS,
) -> Cost:
    """Exactly what `build` with the same arguments would make, without building it.

    Raises:
        ArchitectureError: if an operation is unknown, naming the path.
        ProblemError: if the architecture has no cell or chain, or several; if a setting makes no
            sense.
        TrainingError: if an operation cannot be measured.

    >>> cost([(0, 1, "conv_3x3")], inputs=(1, 8, 8), channels=8, stages=1)
    Cost(params=786, flops=83104)
    """
    skeleton = Skeleton(Shape.of(inputs), classes, channels, stages, repeats, reduction)
    cells = pair(arch)
    if cells is not None:
        return _stacked(cells, skeleton, operations)
    params, flops = _around(skeleton)
    wirings, chain = layers(arch)
    for stage, shape in zip(skeleton.spread(wirings, chain=chain), skeleton.shapes, strict=True):
        for wiring in stage:
            for step in wiring.steps:
                factory = operations.find(step.operation, step.path)
                more = _operation(factory, shape, step.operation)
                params += repeats * more.params
                flops += repeats * more.flops
    return Cost(params, flops)


@lru_cache(maxsize=4096)
def _operation(factory: Factory, shape: Shape, name: str) -> Cost:
    """Of one operation.

    Raises:
        TrainingError: if it cannot be built, or run, on the meta device.
    """
    try:
        with torch.device("meta"):
            return _measure(factory(shape.channels), shape)
    except Exception as error:
        size = " x ".join(map(str, shape))
        raise TrainingError(
            f"cannot be measured at {size}: {type(error).__name__}: {error}",
            path=f"operations[{name!r}]",
            hint="It must run on PyTorch's meta device, where tensors hold no numbers.",
        ) from error


def _stacked(cells: Pair, skeleton: Skeleton, operations: Operations) -> Cost:
    """Of a network of cells that get the outputs of the last two."""
    found = [_around_stack(skeleton, len(cells.normal.sums))]
    for place in places(cells, skeleton):
        before = place.states[-1]._replace(channels=place.shape.channels)
        made = factories(place.wiring, operations, stride=place.stride)
        for step, factory in zip(place.wiring.steps, made, strict=True):
            shape = before if place.wiring.begins(step) else place.shape
            found.append(_operation(factory, shape, step.operation))
        for make, state in zip(place.preprocessing(), place.states, strict=True):
            found.append(_preprocessing(make, state, place.shape.channels))
    return Cost(sum(c.params for c in found), sum(c.flops for c in found))


@lru_cache(maxsize=4096)
def _preprocessing(make: Callable[[int, int], nn.Module], state: Shape, channels: int) -> Cost:
    """Of what brings one cell's output to the channels of another."""
    with torch.device("meta"):
        return _measure(make(state.channels, channels), state)


@lru_cache(maxsize=256)
def _around_stack(skeleton: Skeleton, nodes: int) -> Cost:
    """Of stem and head."""
    last = skeleton.shapes[-1]
    shapes = (skeleton.inputs, last._replace(channels=nodes * last.channels))
    with torch.device("meta"):
        stem, head = (_measure(*end) for end in zip(ends(skeleton, nodes), shapes, strict=True))
    return Cost(stem.params + head.params, stem.flops + head.flops)


@lru_cache(maxsize=256)
def _around(skeleton: Skeleton) -> Cost:
    """Of all that is no cell and no layer."""
    with torch.device("meta"):
        network = skeleton.assemble([nn.Identity() for _ in range(skeleton.stages)])
        return _measure(network, skeleton.inputs)


def _measure(module: nn.Module, shape: Shape) -> Cost:
    # evaluation mode: batch normalization of a single pixel cannot run in training mode
    module.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.empty(1, *shape))
    return Cost(sum(p.numel() for p in module.parameters()), counter.get_total_flops())
