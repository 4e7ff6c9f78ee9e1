"""What PyTorch's modules were made with is read back, and said as shortly as can be."""

import pytest
import torch
from torch import nn

from archbo.errors import ExportError
from archbo.torch.source.constructors import constructor
from archbo.torch.source.layout import text

CALLS = """
nn.Conv2d(3, 6, 3)
nn.Conv2d(3, 6, (3, 5), stride=2, padding=(1, 0), dilation=2, groups=3, bias=False)
nn.Conv1d(2, 4, 3, padding="same", padding_mode="reflect")
nn.ConvTranspose2d(4, 2, 2, stride=2, output_padding=1)
nn.Linear(4, 3)
nn.Linear(4, 3, bias=False)
nn.Bilinear(2, 3, 4)
nn.BatchNorm2d(4)
nn.BatchNorm1d(4, eps=0.001, momentum=None, affine=False)
nn.BatchNorm2d(4, track_running_stats=False)
nn.GroupNorm(2, 4)
nn.LayerNorm(8, elementwise_affine=False)
nn.LayerNorm((4, 8), bias=False)
nn.RMSNorm(8)
nn.InstanceNorm2d(4, affine=True)
nn.MaxPool2d(3, stride=1, padding=1)
nn.MaxPool2d(2)
nn.MaxPool2d((2, 1), ceil_mode=True)
nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
nn.AdaptiveAvgPool2d(1)
nn.AdaptiveAvgPool2d((2, None))
nn.ReLU()
nn.ReLU(inplace=True)
nn.LeakyReLU(negative_slope=0.2)
nn.GELU(approximate="tanh")
nn.Hardtanh(min_val=-2.0, max_val=2.0)
nn.PReLU(num_parameters=4)
nn.Softmax(dim=1)
nn.Dropout()
nn.Dropout2d(p=0.1)
nn.Flatten()
nn.Flatten(start_dim=2)
nn.Unflatten(1, (2, 3))
nn.Identity()
nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False)
nn.PixelShuffle(2)
nn.ZeroPad2d((1, 1, 0, 0))
nn.Embedding(7, 4, padding_idx=0)
nn.LSTM(4, 5, num_layers=2, batch_first=True, bidirectional=True)
nn.LSTM(4, 5, proj_size=2)
nn.GRU(4, 5, bias=False)
nn.RNN(4, 5, nonlinearity="relu")
nn.GRUCell(4, 5)
nn.MultiheadAttention(8, 2)
nn.MultiheadAttention(8, 2, dropout=0.1, bias=False, add_bias_kv=True, kdim=4, batch_first=True)
nn.TransformerEncoderLayer(8, 2)
nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, activation="gelu", norm_first=True, bias=False)
""".strip().splitlines()


@pytest.mark.parametrize("call", CALLS)
def test_the_call_is_read_back_from_what_it_made(call):
    module = eval(call)
    assert text(constructor(module, type(module), "network")) == call


@pytest.mark.parametrize("name", ["bias", "weight"])
def test_a_module_that_was_changed_is_refused(name):
    layer = nn.Linear(3, 3)
    setattr(layer, name, nn.Parameter(torch.zeros(2, 2)))
    with pytest.raises(ExportError, match=r"network\.a: this nn\.Linear cannot be written: it was"):
        constructor(layer, nn.Linear, "network.a")


def test_each_size_knows_what_it_is_for():
    call = constructor(nn.Conv2d(3, 6, (3, 5)), nn.Conv2d, "network")
    assert [argument.role for argument in call.args[:2]] == ["in_channels", "out_channels"]
    assert [inner.role for inner in call.args[2].elts] == ["kernel_size"] * 2
