"""Costs are those of the network that is built."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archbo as ab
from archbo.errors import ArchitectureError, TrainingError
from archbo.torch import OPERATIONS, Cost

NB201 = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
SPACES = [
    ab.EdgeCell(nodes=4, ops=NB201),
    ab.EdgeCell(nodes=5, ops=["skip_connect", "sep_conv_3x3", "dil_conv_3x3", "conv_5x5"]),
    ab.NodeCell(max_nodes=6, max_edges=9, ops=["conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"]),
    ab.Chain(ab.Choice(["conv_3x3", "sep_conv_5x5", "identity"]), length=(1, 7)),
    ab.Chain(ab.EdgeCell(nodes=3, ops=["none", "conv_1x1", "max_pool_3x3"]), length=3),
    ab.Grammar(
        "net",
        {
            "net": ["seq(net, net)", "par(net, net)", "op"],
            "op": ["sep_conv(kernel)", "avg_pool(kernel)", "skip_connect"],
            "kernel": ["3", "5"],
        },
        max_depth=5,
    ),
]


def measured(arch, settings):
    model = ab.torch.build(arch, **settings).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *settings["inputs"]))
    return Cost(sum(p.numel() for p in model.parameters()), counter.get_total_flops())


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize(
    "settings",
    [
        {"inputs": (1, 8, 8), "channels": 8},
        {"inputs": (3, 11, 6), "channels": 4, "stages": 4, "repeats": 2, "reduction": "residual"},
        {"inputs": (2, 5, 5), "channels": 6, "stages": 1, "classes": 2},
    ],
    ids=["digits", "odd", "one-stage"],
)
def test_cost_is_that_of_the_built_network(space, settings):
    for seed in range(12):
        arch = space.sample(seed)
        assert ab.torch.cost(arch, **settings) == measured(arch, settings)


def test_nas_bench_201_has_the_published_parameters():
    """Dong and Yang 2020: 5 cells a stage, 16 channels; 1.531546 M with 3x3 convolutions only."""
    settings = {"channels": 16, "repeats": 5, "reduction": "residual"}
    expected = {"nor_conv_3x3": 1_531_546, "nor_conv_1x1": 241_306, "skip_connect": 73_306}
    for op, params in expected.items():
        cell = [(s, t, op) for t in range(1, 4) for s in range(t)]
        assert ab.torch.cost(cell, **settings).params == params


def test_recorded_parameters_of_nas_bench_201(recorded_trainings):
    """Cells without `none`, for the benchmark builds dead operations too.

    In 1.7% of these rows the table itself counts one convolution less than the cell has.
    """
    table = np.load(recorded_trainings / "nas_bench_201.npz")
    space = ab.EdgeCell(nodes=4, ops=NB201)
    names = [str(name) for name in table["op_names"]]
    whole = np.flatnonzero((table["ops"] != names.index("none")).all(axis=1))[::8]
    for k, classes in enumerate((10, 100)):
        settings = {"classes": classes, "repeats": 5, "reduction": "residual"}
        found = []
        for row in table["ops"][whole]:
            cell = [(s, t, names[op]) for (s, t), op in zip(space.edges, row, strict=True)]
            found.append(ab.torch.cost(cell, **settings).params)
        differences = np.round(np.array(found) - 1e6 * table["params_M"][whole, k])
        assert np.mean(np.abs(differences) <= 1) > 0.97
        assert differences.min() >= -1


@pytest.mark.parametrize("space", [SPACES[0], SPACES[-1]], ids=["edge cell", "grammar"])
def test_cost_of_equal_networks_is_equal(space):
    seen = {}
    for seed in range(400):
        arch = space.sample(seed)
        found = ab.torch.cost(arch, inputs=(1, 8, 8))
        assert seen.setdefault(arch.id, found) == found
    assert len(seen) < 380


def test_cost_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    factory = OPERATIONS.with_(new=lambda c: nn.Conv2d(c, c, 3, padding=1))
    ab.torch.cost([(0, 1, "new")], inputs=(5, 7, 7), classes=3, operations=factory)
    assert torch.equal(torch.get_rng_state(), before)


def test_operation_that_cannot_be_measured_is_named():
    bad = OPERATIONS.with_(bad=lambda c: nn.Conv2d(c + 1, c, 1))
    with pytest.raises(
        TrainingError, match=r"operations\['bad'\]: cannot be measured at 4 x 8 x 8"
    ):
        ab.torch.cost([(0, 1, "bad")], inputs=(1, 8, 8), channels=4, operations=bad)


def test_unknown_operation_is_named():
    with pytest.raises(ArchitectureError, match=r"operation 'conv_3x'.*Did you mean 'conv_3x3'"):
        ab.torch.cost([(0, 1, "conv_3x")])
