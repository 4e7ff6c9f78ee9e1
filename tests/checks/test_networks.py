"""Networks that build and run, and those that do not."""

import numpy as np
import pytest

import archbo as ab

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from archbo.checks.networks import networks_info  # noqa: E402

SPACE = ab.Space(cell=ab.EdgeCell(nodes=3, ops=["none", "conv_3x3"]), width=ab.Int(2, 5))


@pytest.fixture
def archs():
    rng = np.random.default_rng(0)
    return [SPACE.sample(rng) for _ in range(12)]


def test_parameters_and_flops_are_those_of_the_cost(archs):
    shape = {"inputs": (1, 8, 8), "stages": 2}

    def build(arch):
        return ab.torch.build(arch, channels=arch["width"], **shape)

    info = networks_info(build, archs, None, seconds=60)
    costs = [ab.torch.cost(arch, channels=arch["width"], **shape) for arch in archs]
    assert info.built.count == info.forward.count == info.backward.count == 12
    assert info.failures == ()
    assert info.params.median == np.median([cost.params for cost in costs])
    assert info.flops.median == np.median([cost.flops for cost in costs])


def test_failures_are_told_with_their_stage_and_architecture(archs):
    def build(arch):
        width = arch["width"]
        if width == 2:
            raise ValueError("too narrow")
        if width == 3:
            return "no network"
        network = nn.Sequential(nn.Flatten(), nn.Linear(64 if width == 5 else 63, 10))
        return network

    info = networks_info(build, archs, (1, 8, 8), seconds=60)
    widths = [arch["width"] for arch in archs]
    assert info.built.count == sum(width > 3 for width in widths)
    assert info.forward.count == info.backward.count == widths.count(5)
    reasons = {2: "cannot be built: ValueError: too narrow", 3: "cannot be built: build gave str",
               4: "shapes cannot be multiplied"}  # fmt: skip
    for failure in info.failures:
        assert reasons[failure.architecture["width"]] in failure.error


def test_operation_of_a_cell_that_fails_is_named(archs):
    operations = ab.torch.OPERATIONS.with_(conv_3x3=lambda channels: nn.AvgPool2d(2))

    def build(arch):
        return ab.torch.build(arch, inputs=(1, 8, 8), channels=4, operations=operations)

    info = networks_info(build, archs, None, seconds=60)
    assert info.forward.count < 12
    assert "conv_3x3: turns 2 x 4 x 8 x 8 into 2 x 4 x 4 x 4" in info.failures[0].error


class _Constant(nn.Module):
    def forward(self, x):
        return torch.zeros(len(x), 10)


class _Undefined(nn.Module):
    def forward(self, x):
        return x / 0


@pytest.mark.parametrize(
    ("module", "reason"),
    [(_Constant, "depends on no parameter"), (_Undefined, "not finite")],
)
def test_network_that_cannot_learn_is_a_failure(archs, module, reason):
    info = networks_info(lambda _: module(), archs, (3,), seconds=60)
    assert info.backward.count == 0
    assert reason in info.failures[0].error


def test_without_the_shape_of_an_input_networks_are_only_built(archs):
    info = networks_info(lambda _: nn.Linear(3, 2), archs, None, seconds=60)
    assert info.built.count == 12
    assert info.forward is info.backward is info.flops is None
    assert info.params.median == 8
    assert info.failures == ()


def test_batch_may_be_given_and_outputs_may_be_nested(archs):
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(7, 4)

        def forward(self, x):
            return {"states": [self.embed(x)], "length": x.sum()}

    info = networks_info(lambda _: Tokens(), archs, torch.tensor([[1, 2], [3, 6]]), seconds=60)
    assert info.backward.count == 12


def test_random_state_is_left_as_it_was(archs):
    before = torch.random.get_rng_state()
    networks_info(lambda _: nn.Linear(3, 2), archs, (3,), seconds=60)
    assert torch.equal(before, torch.random.get_rng_state())
