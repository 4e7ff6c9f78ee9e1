"""Networks of random architectures: whether they build, run forward and backward, and their cost.

Needs PyTorch: `pip install 'archbo[torch]'`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from math import nan
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archbo.checks.members import FAILURES_KEPT
from archbo.checks.results import Distribution, Failure, NetworksInfo, Share
from archbo.errors import TrainingError
from archbo.spaces import Architecture
from archbo.torch.check import run

_MOST = 200  # networks, whatever the time
_FEW = 2  # also where the time is up: the first one may load much
_BATCH = 2  # batch normalization needs more than one value a channel

Build = Callable[[Architecture], Any]
"""From an architecture to its network."""


class _Tried(NamedTuple):
    """How far one network came: stages passed of built, forward, backward; and its cost."""

    passed: int
    error: str
    params: float = nan
    flops: float = nan
    runnable: bool = True


def networks_info(
    build: Build,
    archs: Sequence[Architecture],
    inputs: tuple[int, ...] | Tensor | None,
    *,
    seconds: float,
) -> NetworksInfo:
    """Build networks, run each forward in training mode on two random examples, and backward.

    PyTorch's random state is left as it was.

    Args:
        build: the user's function.
        archs: what to build, at least one.
        inputs: the shape of one example, or a batch; None where networks say it, as those of
            `archbo.torch.build` do by their attribute `inputs`.
        seconds: about how long it may take; no network is cut short.
    """
    tried: list[_Tried] = []
    took: list[float] = []
    ends = time.perf_counter() + seconds
    for arch in archs[:_MOST]:
        if len(tried) >= _FEW and time.perf_counter() > ends:
            break
        began = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tried.append(_try(build, arch, inputs))
        took.append(time.perf_counter() - began)
    failures = [Failure(arch, one.error) for arch, one in zip(archs, tried, strict=False)
                if one.error]  # fmt: skip
    built, forward, backward = (
        Share(sum(one.passed > stage for one in tried), len(tried)) for stage in range(3)
    )
    runnable = all(one.runnable for one in tried)
    return NetworksInfo(
        built=built,
        forward=forward if runnable else None,
        backward=backward if runnable else None,
        failures=tuple(failures[:FAILURES_KEPT]),
        params=Distribution.of([one.params for one in tried]),
        flops=Distribution.of([one.flops for one in tried]),
        seconds_each=sorted(took)[len(took) // 2],
    )


def _try(build: Build, arch: Architecture, inputs: tuple[int, ...] | Tensor | None) -> _Tried:
    """Go as far as it goes. Whatever the user's code raises is what is wrong with it."""
    try:
        network = build(arch)
        if not isinstance(network, nn.Module):
            raise TrainingError(f"build gave {type(network).__name__}, no torch.nn.Module")
    except Exception as error:
        return _Tried(0, f"cannot be built: {_described(error)}")
    params = sum(parameter.numel() for parameter in network.parameters())
    inputs = getattr(network, "inputs", None) if inputs is None else inputs
    if inputs is None:
        return _Tried(1, "", params, runnable=False)
    batch = _batch(network, inputs)
    try:
        with FlopCounterMode(display=False) as counter:
            output = run(network.train(), batch)
        outputs = list(_tensors(output))
        if not all(bool(torch.isfinite(tensor).all()) for tensor in outputs):
            raise TrainingError("gives values that are not finite")
    except Exception as error:
        return _Tried(1, _described(error), params)
    flops = counter.get_total_flops() / len(batch)
    learning = [tensor for tensor in outputs if tensor.requires_grad]
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    try:
        if not learning or not trained:
            raise TrainingError("what it gives depends on no parameter")
        torch.autograd.grad([tensor.sum() for tensor in learning], trained, allow_unused=True)
    except Exception as error:
        return _Tried(2, f"cannot run backward: {_described(error)}", params, flops)
    return _Tried(3, "", params, flops)


def _batch(network: nn.Module, inputs: tuple[int, ...] | Tensor) -> Tensor:
    if isinstance(inputs, Tensor):
        return inputs
    like = next(network.parameters(), torch.zeros(()))
    return torch.randn(_BATCH, *inputs, device=like.device, dtype=like.dtype)


def _tensors(output: Any) -> Iterator[Tensor]:
    """The floating-point tensors in what a network gave."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, dict):
        yield from _tensors(list(output.values()))
    elif isinstance(output, list | tuple):
        for inner in output:
            yield from _tensors(inner)


def _described(error: Exception) -> str:
    """An error of archbo's says all; others say their kind too."""
    return str(error) if isinstance(error, TrainingError) else f"{type(error).__name__}: {error}"
