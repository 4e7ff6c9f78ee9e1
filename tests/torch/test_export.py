"""What is exported is the network: same weights by name, same outputs, nothing of archbo's."""

import subprocess
import sys
from collections import OrderedDict
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import archbo as ab
from archbo.errors import ExportError
from archbo.torch import OPERATIONS, export

OPS = ["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]
DARTS = ["skip_connect", "sep_conv_3x3", "dil_conv_5x5", "max_pool_3x3", "avg_pool_3x3"]
SPACES = {
    "edges": ab.EdgeCell(nodes=4, ops=OPS),
    "darts operations": ab.EdgeCell(nodes=4, ops=DARTS),
    "nodes": ab.NodeCell(
        max_nodes=6, max_edges=9, ops=["conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"]
    ),
    "chain": ab.Chain(ab.Choice([*OPS[1:], "conv_5x5"]), length=(1, 6)),
    "chain of cells": ab.Chain(ab.EdgeCell(nodes=3, ops=OPS), length=3),
}
SPACES["derived"] = ab.Grammar(
    start="net",
    rules={
        "net": ["seq(net, net)", "par(net, net)", "op"],
        "op": ["conv(3)", "sep_conv(5)", "none"],
    },
    max_depth=4,
)
CELL = ab.EdgeCell(nodes=5, ops=[*DARTS, "none"], inputs=2, keep=2)
SPACES["stacked cells"] = ab.Space(normal=CELL, reduction=CELL)
SETTINGS = [
    {"inputs": (2, 8, 6), "channels": 4},
    {"inputs": (1, 5, 5), "channels": 3, "stages": 2, "repeats": 2, "reduction": "residual"},
    {"inputs": (3, 4, 4), "channels": 4, "stages": 1, "classes": 2},
]


def imported(path):
    """The file as a module of its own."""
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shaken(network):
    """The network with weights and running statistics that no constructor would give."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
                if tensor.dim() == 1:
                    tensor.abs_()  # variances are positive
    return network


def outputs(network, inputs, *, training):
    torch.manual_seed(5)
    with torch.no_grad():
        return network.train(training)(inputs)


def same(network, path, inputs):
    """The exported network, after checks that it is this one."""
    made = imported(path).Network()
    assert made.state_dict().keys() == network.state_dict().keys()
    made.load_state_dict(network.state_dict())
    for training in (False, True):
        expected, found = (outputs(each, inputs, training=training) for each in (network, made))
        torch.testing.assert_close(found, expected)
    for name, tensor in made.state_dict().items():  # running statistics, too
        torch.testing.assert_close(tensor, network.state_dict()[name])
    return made


def formatted(*paths):
    """Whether ruff would leave files as they are, and finds nothing in them."""
    for command in (["format", "--check", "--line-length", "88"], ["format", "--check",
                    "--line-length", "100"], ["check", "--select", "E,F,I,B,UP,W"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "ruff", command[0], "--isolated", *command[1:], *paths],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SPACES)
def test_source_is_the_built_network(tmp_path, name):
    paths = []
    for seed, settings in enumerate(SETTINGS):
        paths.append(tmp_path / f"net{seed}.py")
        network = shaken(ab.torch.build(SPACES[name].sample(seed), **settings))
        assert export(network, paths[-1]).compared
        x = torch.randn(3, *settings["inputs"], generator=torch.Generator().manual_seed(seed))
        same(network, paths[-1], x)
    formatted(*paths)


def test_source_runs_where_archbo_is_not_installed_and_reads_its_weights(tmp_path):
    network = shaken(ab.torch.build(SPACES["edges"].sample(5), inputs=(1, 8, 8), channels=4))
    written = export(network, tmp_path / "best.py", state=network.state_dict())
    assert written == (tmp_path / "best.py", tmp_path / "best.pt", True)
    code = (
        "import sys; sys.modules['archbo'] = None\n"  # as if it were not installed
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import torch, best\n"
        "network = best.load()\n"
        "assert not network.training\n"
        "print(network(torch.ones(1, 1, 8, 8)).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    with torch.no_grad():
        expected = network.eval()(torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(torch.tensor(eval(done.stdout)), expected)


def test_cells_that_differ_in_width_alone_share_a_class(tmp_path):
    export(ab.torch.build([(0, 1, "conv_3x3")], inputs=(1, 8, 8), channels=4), tmp_path / "net.py")
    text = (tmp_path / "net.py").read_text()
    assert text.count("class ") == 2
    assert "def __init__(self, channels):" in text
    assert all(f"Cell({channels})" in text for channels in (4, 8, 16))
    assert "nn.Conv2d(channels, channels, 3, padding=1, bias=False)" in text


class Gate(nn.Module):
    """Scales channels by what they hold.

    And more about it.
    """

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.look = nn.Linear(channels, channels)

    def forward(self, x):
        b, c, _, _ = x.shape
        weights = torch.sigmoid(self.look(x.mean((2, 3)))).view(b, c, 1, 1)
        return functional.gelu(x * weights * self.scale) + 2 ** -(x**2)


class Swish(nn.Sequential):
    def __init__(self, *layers):
        super().__init__(*layers, nn.SiLU())


class Same(nn.Conv2d):
    def __init__(self, channels, kernel):
        super().__init__(channels, channels, kernel, padding="same")
        self.kernel = kernel


class Noisy(nn.Module):
    """Other statements in training; randomness that follows from the input's shape."""

    def forward(self, x):
        if self.training:
            keep = x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(0.7)
            return functional.dropout(x * keep / 0.7, 0.2, self.training)
        return x


class Mixed(nn.Module):
    """Every kind of module, parameter, buffer and constant that can be written."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Gate(4), Swish(Same(4, 3), nn.GroupNorm(2, 4))])
        self.named = nn.Sequential(OrderedDict(first=Gate(4), second=nn.MaxPool2d((2, 1))))
        self.by_name = nn.ModuleDict({"a": nn.ConvTranspose2d(4, 4, (2, 3)), "b-c": nn.PReLU(4)})
        self.noisy = Noisy()
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(3)), nn.Parameter(torch.ones(2))])
        self.position = nn.Parameter(torch.randn(1, 4, 5, 1) * 0.02)
        self.frozen = nn.Parameter(torch.tensor(0.1), requires_grad=False)
        self.register_buffer("steps", torch.tensor([1, 2, 3]))
        self.register_buffer("mask", torch.tensor([True, False, True, True]), persistent=False)
        self.plain = torch.full((4, 1, 1), 0.3)
        self.recurrent = nn.LSTM(4, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True, bias=False)
        self.transform = nn.TransformerEncoderLayer(12, 2, 8, 0.0, "gelu", batch_first=True)
        self.normal = nn.LayerNorm(12, eps=1e-6)
        self.embed = nn.Embedding(7, 12, padding_idx=0)
        self.read = nn.Linear(12, 7, bias=False)
        self.read.weight = self.embed.weight
        self.again = self.layers[0]
        self.unused = Gate(3)
        self.nothing = None

    def forward(self, x, scale=1.5, mask=None):
        if mask is not None:
            x = x * mask
        for layer in self.layers:
            x = x + layer(x)
        x = self.by_name["b-c"](self.by_name["a"](self.named(self.again(x))))
        x = self.noisy(x)[:, :, :5, 1:-1:2] + self.position * self.frozen
        x = (
            x * self.weights[0].sum() * scale
            + self.plain
            - torch.tensor([0.25, 0.5])[None, None, 0]
        )
        x = torch.where(self.mask[:, None, None], x, x.flip(3) / self.steps.sum())
        x, _ = self.recurrent(x.flatten(2).transpose(1, 2))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = self.normal(self.transform(x))
        return {"classes": self.read(x.mean(1)), "rest": (x.amax(), -x[..., 0])}


def test_networks_of_ones_own_are_written_class_by_class(tmp_path):
    torch.manual_seed(0)
    network = Mixed()
    path = tmp_path / "mixed.py"
    x = torch.randn(3, 4, 10, 7)
    written = export(network, path, inputs=x, about='Its "own" words: \\ and """.')
    assert written.compared
    formatted(path)
    made = same(network, path, x)
    assert made.again is made.layers[0]
    assert made.read.weight is made.embed.weight
    text = path.read_text()
    assert '"""Scales channels by what they hold."""' in text
    assert imported(path).__doc__ == "Its \"own\" words: \\ and '''."
    assert not made.frozen.requires_grad


class Flexible(nn.Module):
    """Does what its arguments say, some of which are given, some always the same, some missing."""

    def forward(self, x, *others, flip=False, scale=None, shift=None):
        if flip:
            x = x.flip(1)
        if scale is not None:
            x = x * scale
        if shift is not None:
            x = x + shift
        for other in others:
            x = x + other
        return x


class Calling(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([Flexible() for _ in range(4)])

    def forward(self, x):
        first, second, third, fourth = self.parts
        x = first(second(x), flip=True)
        return fourth(third(x, x, x * 2, scale=2, shift=x.mean()))


def test_a_module_is_written_as_it_is_called(tmp_path):
    path = tmp_path / "net.py"
    export(Calling(), path, inputs=(4,))
    same(Calling(), path, torch.randn(3, 4))
    formatted(path)
    assert path.read_text().count("class Flexible") == 3  # second and fourth are alike
    network = Calling()
    network.parts[0] = network.parts[1]
    with pytest.raises(
        ExportError, match=r"network\.parts\.0: this Flexible is called in two ways"
    ):
        export(network, path)


def test_sizes_in_which_classes_differ_have_names_of_their_own(tmp_path):
    class Wide(nn.Module):
        def __init__(self, a, b, c):
            super().__init__()
            self.first, self.second = nn.Linear(a, b), nn.Linear(b, c)

        def forward(self, x):
            return self.second(self.first(x))

    network = nn.Sequential(Wide(2, 3, 4), Wide(4, 6, 5), Wide(5, 7, 2))
    path = tmp_path / "net.py"
    export(network, path, inputs=(2,))
    same(network, path, torch.randn(3, 2))
    text = path.read_text()
    assert "def __init__(self, in_features, out_features, out_features_2):" in text
    assert "Wide(4, 6, 5)" in text


def test_operations_of_ones_own_are_written_from_what_they_make(tmp_path):
    operations = OPERATIONS.with_(
        conv_7x7=lambda channels: nn.Conv2d(channels, channels, 7, padding=3), gate=Gate
    )
    network = ab.torch.build(
        [(0, 1, "conv_7x7"), (0, 2, "gate"), (1, 2, "gate")],
        inputs=(1, 8, 8),
        channels=4,
        operations=operations,
    )
    path = tmp_path / "mine.py"
    assert export(shaken(network), path).compared
    same(network, path, torch.randn(2, 1, 8, 8))
    formatted(path)
    assert "class Gate(nn.Module):" in path.read_text()


def test_network_of_a_bare_sequence_stays_one(tmp_path):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), ab.torch.cell(["conv_3x3"], 4), nn.Flatten())
    path = tmp_path / "bare.py"
    assert not export(network, path).compared  # nothing says what its inputs are
    assert "class Network(nn.Sequential):" in path.read_text()
    same(network, path, torch.randn(2, 1, 5, 5))
    formatted(path)


class Dense(nn.Sequential):
    def forward(self, x):
        for i in range(len(self)):
            x = torch.cat([x, self[i](x)], dim=1)
        return x


class Bag(nn.ModuleList):
    def forward(self, x):
        return sum(layer(x) for layer in self)


class Listed(nn.ModuleList):
    """Has no forward that could be traced."""


class Containing(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = Dense(nn.Linear(2, 2), nn.Linear(4, 4))
        self.bag = Bag([nn.Linear(8, 3), nn.Linear(8, 3)])
        self.listed = Listed([nn.Linear(3, 3)])

    def forward(self, x):
        return self.listed[0](self.bag(self.dense(x)))


def test_containers_of_ones_own_stay_containers(tmp_path):
    path = tmp_path / "net.py"
    export(Containing(), path, inputs=(2,))
    same(Containing(), path, torch.randn(3, 2))
    formatted(path)
    assert "class Dense(nn.Sequential):" in path.read_text()


def test_random_state_is_left_alone(tmp_path):
    network = ab.torch.build([(0, 1, "conv_1x1")], inputs=(1, 4, 4), channels=2)
    before = torch.get_rng_state()
    export(network, tmp_path / "net.py")
    assert torch.equal(torch.get_rng_state(), before)


def test_inputs_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ExportError, match=r"inputs: the network cannot run on a batch of shape"):
        export(nn.Sequential(nn.Linear(3, 3)), tmp_path / "net.py", inputs=(4,))


def test_the_network_that_is_exported_is_not_changed(tmp_path):
    network = Mixed().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    export(network, tmp_path / "net.py", inputs=(4, 10, 7))
    assert network.training
    assert not [name for name in vars(network) if "constant" in name]
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())


def test_weights_are_found_inside_what_a_training_saved(tmp_path):
    network = shaken(ab.torch.build([(0, 1, "conv_1x1")], inputs=(1, 4, 4), channels=2))
    saved = {"epoch": 3, "nets": {"teacher": {"w": torch.ones(1)}, "model": network.state_dict()}}
    other = ab.torch.build([(0, 1, "conv_1x1")], inputs=(1, 4, 4), channels=2)
    export(other, tmp_path / "net.py", state=saved)
    x = torch.randn(2, 1, 4, 4)
    torch.testing.assert_close(imported(tmp_path / "net.py").load()(x), network.eval()(x))


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ({"epoch": 3}, r"body\.0\.0\.operations\.0\.1\.weight \(2, 2, 1, 1\) is only in the net"),
        ({"model": ab.torch.build([(0, 1, "none")], channels=4).state_dict()}, "is only in the"),
    ],
    ids=["nothing", "other"],
)
def test_weights_of_another_network_are_refused(tmp_path, state, what):
    network = ab.torch.build([(0, 1, "conv_1x1")], inputs=(1, 4, 4), channels=2)
    with pytest.raises(
        ExportError, match=rf"state: the saved state is not this network's: .*{what}"
    ):
        export(network, tmp_path / "net.py", state=state)
    assert not list(tmp_path.iterdir())


class Choosing(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Rolling(nn.Module):
    def forward(self, x):
        return x if torch.rand(()).item() < 0.5 else -x


class Shaking(nn.Module):
    def forward(self, x):
        return x * np.random.rand()  # noqa: NPY002 - the generator that has no name


class Tabled(nn.Module):
    def __init__(self, *, persistent):
        super().__init__()
        self.register_buffer("table", torch.arange(20.0), persistent=persistent)

    def forward(self, x):
        return x + self.table


@torch.fx.wrap
def twice(x):
    return 2 * x if x.sum() > 0 else x


class Wrapped(nn.Module):
    def forward(self, x):
        return twice(x)


def hooked():
    layer = nn.Sequential(nn.Linear(20, 20))
    layer[0].register_forward_hook(lambda *_: None)
    return layer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Choosing, r"network\.0: the forward of Choosing cannot be traced: .*torch\.where chooses"),
        (Rolling, r"network\.0: the forward of Rolling draws random numbers"),
        (
            lambda: Tabled(persistent=True),
            r"network\.0\.table: its numbers are made by the program",
        ),
        (lambda: Tabled(persistent=False), r"network\.0\.table: a tensor of 20 numbers is in no"),
        (Wrapped, r"network\.0: the forward calls twice, which only the program has"),
        (hooked, r"network\.0\.0: Linear has hooks"),
        (
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(20, 20)),
            r"network\.0",
        ),
        (
            lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(20, 2, batch_first=True), 1),
            r"network\.0: this nn\.TransformerEncoder cannot be written",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_written_is_named(tmp_path, make, message):
    with pytest.raises(ExportError, match=message):
        export(nn.Sequential(make()), tmp_path / "net.py", inputs=(20,))
    assert not list(tmp_path.iterdir())


def test_numbers_that_only_the_program_makes_come_with_the_weights(tmp_path):
    network = nn.Sequential(Tabled(persistent=True))
    export(network, tmp_path / "net.py", state=network.state_dict())
    assert torch.equal(imported(tmp_path / "net.py").load()(torch.zeros(20)), torch.arange(20.0))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.txt", r"there is no format '\.txt'\. A name ends with \.onnx, \.pt2 or \.py"),
        ("net.pt2", r"the shape of its inputs is not known\. Say inputs="),
        ("nowhere/net.py", "cannot be written: No such file or directory"),
    ],
)
def test_where_it_cannot_be_written_is_said(tmp_path, name, message):
    with pytest.raises(ExportError, match=message):
        export(nn.Sequential(nn.Linear(2, 2)), tmp_path / name)


def test_program_of_pytorch_is_the_network_for_any_batch(tmp_path):
    network = shaken(ab.torch.build(SPACES["edges"].sample(5), inputs=(1, 8, 8), channels=4))
    path = export(network, tmp_path / "net.pt2").path
    x = torch.randn(5, 1, 8, 8)
    torch.testing.assert_close(torch.export.load(path).module()(x), network.eval()(x))


def test_onnx_is_the_network_for_any_batch(tmp_path):
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    network = shaken(ab.torch.build(SPACES["edges"].sample(5), inputs=(1, 8, 8), channels=4))
    path = export(network, tmp_path / "net.onnx", about="Where it is from.").path
    model = reference.ReferenceEvaluator(str(path))
    x = torch.randn(5, 1, 8, 8)
    (found,) = model.run(None, {"inputs": x.numpy()})
    torch.testing.assert_close(torch.tensor(found), network.eval()(x).detach())
    assert model.proto_.doc_string == "Where it is from."


def test_onnx_without_its_packages_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    network = ab.torch.build([(0, 1, "conv_1x1")], channels=2)
    with pytest.raises(ab.ArchboError, match=r"pip install 'archbo\[onnx\]'"):
        export(network, tmp_path / "net.onnx")
