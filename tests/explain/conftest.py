"""Searches of small spaces whose truth is known."""

import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.explain.landscape import Landscape
from archbo.explain.models import fit

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv", "pool"])


def _convs(arch):
    graph = arch.graph
    return float(sum(a and x == "conv" for x, a in zip(graph.labels, graph.alive, strict=True)))


def _told(space, truth, archs, *, direction="maximize", **keywords):
    opt = ab.Optimizer(space, **{direction: "score"}, **keywords)
    archs = list(archs)
    opt.tell(archs, [truth(arch) for arch in archs])
    return opt


@pytest.fixture(scope="session")
def cell():
    return CELL


@pytest.fixture(scope="session")
def convs():
    """How many convolutions of a cell a signal passes."""
    return _convs


@pytest.fixture(scope="session")
def sampled():
    """Random members of a space."""

    def sample(space, count, seed=0):
        rng = np.random.default_rng(seed)
        return [space.sample(rng) for _ in range(count)]

    return sample


@pytest.fixture(scope="session")
def told():
    """An optimizer that knows the truth of some architectures."""
    return _told


@pytest.fixture(scope="session")
def believed():
    """The model fitted to what an optimizer knows, and what it believes of the space."""

    def of(opt):
        model = fit(opt.problem, opt._dataset(), opt._search)
        return model, Landscape.of(opt.problem, model, stream(0, "explain"))

    return of


@pytest.fixture(scope="session")
def cells(sampled):
    """Forty random cells; each convolution that a signal passes helps."""
    return _told(CELL, _convs, sampled(CELL, 40))
