"""Stacks of cells: parameters as published, cells by their definition, costs as built."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archbo as ab
from archbo.errors import ProblemError, TrainingError
from archbo.torch import OPERATIONS, Cost
from archbo.torch.concatenation import ConcatCell, FactorizedReduction, Halved
from archbo.torch.source import write
from archbo.torch.stacks import StackedCell

OPS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
       "dil_conv_3x3", "dil_conv_5x5"]  # fmt: skip
CELL = ab.EdgeCell(nodes=7, ops=OPS, inputs=2, keep=2)
DARTS = ab.Space(normal=CELL, reduction=CELL)


def architecture(normal, reduction):
    """From genotypes as the authors write them: (operation, source), two for each inner node."""
    cells = {"normal": normal, "reduction": reduction}
    return DARTS.architecture(
        {
            name: [(source, 2 + k // 2, op) for k, (op, source) in enumerate(genotype)]
            for name, genotype in cells.items()
        }
    )


DARTS_V2 = architecture(
    normal=[("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2)],
    reduction=[("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
               ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1)],
)  # fmt: skip
PDARTS = architecture(
    normal=[("skip_connect", 0), ("dil_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 3), ("sep_conv_3x3", 0), ("dil_conv_5x5", 4)],
    reduction=[("avg_pool_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("dil_conv_5x5", 2),
               ("max_pool_3x3", 0), ("dil_conv_3x3", 1), ("dil_conv_3x3", 1), ("dil_conv_5x5", 3)],
)  # fmt: skip


@pytest.mark.parametrize(
    ("arch", "params"), [(DARTS_V2, 3_349_342), (PDARTS, 3_433_798)], ids=["DARTS", "P-DARTS"]
)
def test_the_networks_of_the_papers_have_their_parameters(arch, params):
    """20 cells, 36 channels, CIFAR-10, without auxiliary head; as the authors' programs print."""
    assert ab.torch.cost(arch, channels=36, stages=3, repeats=6).params == params


def test_the_network_of_darts_has_the_published_multiply_adds():
    """528 million, as the later literature lists for it."""
    assert round(ab.torch.cost(DARTS_V2, channels=36, repeats=6).flops / 2e6) == 528


SPACES = {
    "normal and reduction": ab.Space(
        normal=ab.EdgeCell(nodes=5, ops=OPS, inputs=2, keep=2),
        reduction=ab.EdgeCell(nodes=5, ops=OPS, inputs=2, keep=2),
    ),
    "one cell for both": ab.Space(
        cell=ab.EdgeCell(nodes=5, ops=OPS[3:6], inputs=2, keep=2), lr=ab.Float(0, 1)
    ),
    "one input": ab.EdgeCell(nodes=5, ops=OPS, inputs=1, keep=2),
    "cells of two sizes": ab.Space(
        normal=ab.EdgeCell(nodes=4, ops=["none", "conv_3x3"], inputs=2, keep=1),
        reduction=ab.EdgeCell(nodes=6, ops=["skip_connect", "conv_1x1"], inputs=1, keep=3),
    ),
}
SETTINGS = {
    "odd": {"inputs": (2, 9, 7), "channels": 3, "repeats": 2, "classes": 3},
    "one stage": {"inputs": (3, 5, 5), "channels": 4, "stages": 1},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_cost_is_that_of_the_network_that_is_built_and_runs(space, settings):
    arch = space.sample(1)
    network = ab.torch.build(arch, **settings).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        logits = network(torch.zeros(1, *settings["inputs"]))
    assert logits.shape == (1, settings.get("classes", 10))
    params = sum(p.numel() for p in network.parameters())
    assert ab.torch.cost(arch, **settings) == Cost(params, counter.get_total_flops())


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_random_members_pass_the_check(space):
    for seed in range(3):
        ab.torch.check(space.sample(seed), inputs=(2, 7, 6), channels=4)


def test_every_parameter_gets_a_gradient():
    network = ab.torch.build(DARTS_V2, inputs=(1, 8, 8), channels=4)
    network(torch.randn(4, 1, 8, 8)).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_two_stages_are_joined_by_one_reduction_cell():
    network = ab.torch.build(DARTS_V2, inputs=(1, 8, 8), channels=4, stages=3, repeats=2)
    strides = [m.cell.stride for m in network.modules() if isinstance(m, StackedCell)]
    assert strides == [1, 1, 2, 1, 1, 2, 1, 1]


def test_a_cell_equals_its_definition():
    value = [(0, 2, "skip_connect"), (1, 2, "max_pool_3x3"), (1, 3, "sep_conv_3x3"),
             (2, 3, "avg_pool_3x3")]  # fmt: skip
    space = ab.EdgeCell(nodes=5, ops=OPS, inputs=2, keep=2)
    cell = ab.torch.cell(space.architecture(value), 4).eval()
    older, newer = torch.randn(2, 3, 4, 6, 6)
    first = older + nn.functional.max_pool2d(newer, 3, 1, 1)
    pooled = nn.functional.avg_pool2d(first, 3, 1, 1, count_include_pad=False)
    convolved = cell.operations[2](newer)
    expected = torch.cat([first, convolved + pooled], dim=1)
    torch.testing.assert_close(cell(older, newer), expected)


def test_nodes_that_nothing_reaches_are_zeros_and_what_they_feed_is_not_built():
    space = ab.EdgeCell(nodes=5, ops=OPS, inputs=2, keep=2)
    value = [(0, 2, "none"), (1, 2, "none"), (1, 3, "skip_connect"), (2, 3, "sep_conv_3x3")]
    cell = ab.torch.cell(space.architecture(value), 4)
    older, newer = torch.randn(2, 1, 4, 5, 5)
    assert not list(cell.parameters())
    assert torch.equal(cell(older, newer), torch.cat([torch.zeros_like(newer), newer], dim=1))


def test_equal_networks_cost_the_same():
    seen = {}
    space = ab.EdgeCell(nodes=5, ops=OPS[:5], inputs=2, keep=2)
    for seed in range(600):
        arch = space.sample(seed)
        found = ab.torch.cost(arch, inputs=(1, 8, 8), channels=4, stages=1)
        assert seen.setdefault(arch.id, found) == found
    assert len(seen) < 590


@pytest.mark.parametrize("name", [n for n in OPERATIONS if "(" not in n])
@pytest.mark.parametrize("shape", [(8, 8), (7, 5), (1, 1)])
def test_operations_halve_the_resolution(name, shape):
    y = Halved(OPERATIONS[name])(6).eval()(torch.randn(2, 6, *shape))
    assert y.shape == (2, 6, *(-(-size // 2) for size in shape))


def test_an_operation_of_ones_own_follows_a_pool():
    halved = Halved(lambda channels: nn.Conv2d(channels, channels, 1))
    assert isinstance(halved(4)[0], nn.AvgPool2d)


def test_factorized_reduction_takes_even_and_odd_pixels_apart():
    module = FactorizedReduction(3, 5).eval()
    x = torch.randn(2, 3, 6, 6).abs()
    expected = torch.cat([module.even(x), module.odd(x[:, :, 1:, 1:])], dim=1)
    torch.testing.assert_close(module(x), module.normalization(expected))
    assert module(torch.randn(2, 3, 5, 7)).shape == (2, 5, 3, 4)


def test_an_operation_that_does_not_halve_is_named():
    operations = OPERATIONS.with_(grow=lambda channels: nn.Upsample(scale_factor=2))
    space = ab.EdgeCell(nodes=4, ops=["grow"], inputs=2, keep=2)
    with pytest.raises(TrainingError, match=r"space\[0,2\] grow: turns .* An operation keeps the"):
        ab.torch.check(space.sample(0), operations=operations)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (ab.Space(a=CELL, b=CELL), r"stacked as normal and reduction, got a, b\. Write ab\.Space"),
        (
            ab.Space(normal=CELL, reduction=ab.EdgeCell(nodes=3, ops=["conv_3x3"])),
            r"space\.reduction: only cells with keep and at most 2 inputs can be stacked",
        ),
        (ab.EdgeCell(nodes=5, ops=["conv_3x3"], inputs=3, keep=2), "at most 2 inputs"),
        (ab.Chain(CELL, length=2), "space: cells with keep are stacked by themselves"),
    ],
)
def test_what_cannot_be_stacked_is_refused(space, message):
    with pytest.raises(ProblemError, match=message):
        ab.torch.build(space.sample(0))


def test_one_of_two_cells_is_a_module_of_its_own():
    with pytest.raises(ProblemError, match=r"arch\.part\('normal'\)"):
        ab.torch.cell(DARTS_V2, 4)
    assert isinstance(ab.torch.cell(DARTS_V2.part("normal"), 4), ConcatCell)


def test_a_stack_is_written_as_source_that_computes_the_same():
    network = ab.torch.build(DARTS_V2, inputs=(1, 8, 8), channels=4, stages=2).eval()
    source, _ = write(network, "A stack of cells.", weights=False)
    scope = {}
    exec(compile(source, "<stack>", "exec"), scope)
    again = scope["Network"]().eval()
    again.load_state_dict(network.state_dict())
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(again(x), network(x))
