"""A forward pass says what fails where."""

import pytest
import torch
from torch import nn

import archbo as ab
from archbo.errors import ArchitectureError, TrainingError
from archbo.torch import OPERATIONS

SETTINGS = {"inputs": (1, 8, 8), "channels": 4}
VALUE = [(0, 1, "conv_1x1"), (0, 2, "none"), (1, 2, "mine")]


def explode(channels):
    raise RuntimeError(f"no {channels} channels today")


def test_shape_of_the_output():
    assert ab.torch.check([(0, 1, "conv_3x3")], classes=7, **SETTINGS) == (2, 7)


def test_random_state_is_left_alone():
    before = torch.get_rng_state()
    ab.torch.check([(0, 1, "conv_3x3")], **SETTINGS)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda c: nn.Conv2d(c + 1, c, 1), r"\[1,2\] mine: fails on 2 x 4 x 8 x 8: RuntimeError"),
        (lambda c: nn.Conv2d(c, c, 3), r"\[1,2\] mine: turns 2 x 4 x 8 x 8 into 2 x 4 x 6 x 6"),
        (
            lambda _: nn.Threshold(1e9, float("nan")),
            r"\[1,2\] mine: .* not finite on 2 x 4 x 8 x 8",
        ),
        (explode, r"cannot be built: RuntimeError: no 4 channels today"),
    ],
    ids=["fails", "shape", "nan", "build"],
)
def test_the_operation_that_is_wrong_is_named(factory, message):
    operations = OPERATIONS.with_(mine=factory)
    with pytest.raises(TrainingError, match=message):
        ab.torch.check(VALUE, operations=operations, **SETTINGS)


def test_unknown_operation_stays_an_architecture_error():
    with pytest.raises(ArchitectureError, match="no module is known for operation 'mine'"):
        ab.torch.check(VALUE, **SETTINGS)
