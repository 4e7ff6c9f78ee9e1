"""Networks compute what their architectures say."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

import archbo as ab
from archbo.errors import ArchitectureError, ProblemError
from archbo.torch import OPERATIONS
from archbo.torch.build import Cell

OPS = ["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]
EDGES = ab.EdgeCell(nodes=4, ops=OPS)
NODES = ab.NodeCell(
    max_nodes=6, max_edges=9, ops=["conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"]
)
RULES = {
    "net": ["seq(net, net)", "par(net, net)", "residual(net)", "op"],
    "op": ["conv(kernel)", "conv_1x1", "max_pool_3x3", "none"],
    "kernel": ["3", "5"],
}
DERIVED = ab.Grammar("net", RULES, max_depth=5, combinators={"residual(x)": "par(x, skip_connect)"})
CHANNELS = 4


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def skip_paths(wiring):
    """The live operations but skips, and how many ways of skips lead from one to the next.

    Vertex 0 is the input and the last one the output, so that entry [a, b] counts the ways from
    the result of a into the sum that b is applied to.
    """
    ways = [{0: 1}]  # of each value: which vertices it sums, how often

    def total(sources):
        found = {}
        for source in sources:
            for vertex, count in ways[source].items():
                found[vertex] = found.get(vertex, 0) + count
        return found

    labels, columns, positions = [], [], []
    for k, step in enumerate(wiring.steps):
        arriving = total(step.sources)
        if step.operation == "skip_connect":
            ways.append(arriving)
        else:
            labels.append(step.operation)
            columns.append(arriving)
            positions.append(k)
            ways.append({len(labels): 1})
    columns.append(total(wiring.output))
    matrix = np.zeros((len(labels) + 1, len(labels) + 1), dtype=int)
    for b, column in enumerate(columns):
        for a, count in column.items():
            matrix[a, b] = count
    return labels, matrix, positions


def isomorphism(a, b):
    """Which operation of wiring a is which of b, by trying every permutation; None if none fits."""
    (labels_a, ways_a, at_a), (labels_b, ways_b, at_b) = skip_paths(a), skip_paths(b)
    if sorted(labels_a) != sorted(labels_b):
        return None
    count = len(labels_a)
    for order in permutations(range(count)):  # order[i]: the vertex of b that is vertex i of a
        rows = [0, *(i + 1 for i in order)]
        columns = [*order, count]
        if [labels_b[i] for i in order] == labels_a and (
            ways_b[np.ix_(rows, columns)] == ways_a
        ).all():
            return {at_a[i]: at_b[order[i]] for i in range(count)}
    return None


def groups(space, count):
    """Random architectures that are the same network but not the same value, by id."""
    found = {}
    for i in range(count):
        arch = space.sample(i)
        found.setdefault(arch.id, {})[str(arch.value)] = arch
    return [list(group.values()) for group in found.values() if len(group) > 1]


@pytest.mark.parametrize("space", [EDGES, NODES], ids=["EdgeCell", "NodeCell"])
@pytest.mark.parametrize("training", [False, True])
def test_equal_ids_compute_the_same_function_with_the_same_weights(space, training):
    x = images(3, CHANNELS, 5, 5)
    pairs = [(group[0], other) for group in groups(space, 1500) for other in group[1:4]]
    assert len(pairs) > 50
    for a, b in pairs:
        first = ab.torch.cell(a, CHANNELS).double().train(training)
        second = ab.torch.cell(b, CHANNELS).double().train(training)
        matching = isomorphism(first.wiring, second.wiring)
        assert matching is not None
        for i, j in matching.items():
            second.operations[j].load_state_dict(first.operations[i].state_dict())
        torch.testing.assert_close(first(x.double()), second(x.double()), rtol=1e-9, atol=1e-9)


def test_different_ids_are_not_isomorphic():
    archs = {arch.id: arch for arch in (EDGES.sample(i) for i in range(60))}
    cells = [ab.torch.cell(arch, CHANNELS) for arch in archs.values()]
    for i, a in enumerate(cells):
        for b in cells[:i]:
            assert isomorphism(a.wiring, b.wiring) is None


def test_edge_cell_equals_its_definition():
    arch = EDGES.architecture(
        [
            (0, 1, "conv_3x3"),
            (0, 2, "conv_1x1"),
            (1, 2, "skip_connect"),
            (0, 3, "skip_connect"),
            (1, 3, "none"),
            (2, 3, "avg_pool_3x3"),
        ]
    )
    cell = ab.torch.cell(arch, CHANNELS).eval()
    x = images(2, CHANNELS, 6, 6)
    conv3, conv1 = (op for op in cell.operations if isinstance(op, nn.Sequential))
    if conv3[1].kernel_size == (1, 1):
        conv3, conv1 = conv1, conv3
    first = conv3(x)
    second = conv1(x) + first
    pooled = nn.functional.avg_pool2d(second, 3, stride=1, padding=1, count_include_pad=False)
    torch.testing.assert_close(cell(x), x + pooled)


def test_node_cell_equals_its_definition():
    value = {
        "ops": ["conv3x3-bn-relu", "maxpool3x3"],
        "edges": [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)],
    }
    cell = ab.torch.cell(value, CHANNELS).eval()
    x = images(2, CHANNELS, 6, 6)
    first = cell.operations[0](x)
    pooled = nn.functional.max_pool2d(x + first, 3, stride=1, padding=1)
    torch.testing.assert_close(cell(x), first + pooled)


def test_chain_applies_its_layers_in_order():
    cell = ab.torch.cell(["conv_3x3", "skip_connect", "max_pool_3x3"], CHANNELS).eval()
    x = images(2, CHANNELS, 6, 6)
    conv = cell[0].operations[0](x)
    torch.testing.assert_close(cell(x), nn.functional.max_pool2d(conv, 3, stride=1, padding=1))


def test_cell_without_a_path_gives_zeros_and_has_no_parameters():
    cell = ab.torch.cell([(0, 1, "conv_3x3"), (0, 2, "none"), (1, 2, "none")], CHANNELS)
    assert not list(cell.parameters())
    assert torch.equal(cell(images(2, CHANNELS, 3, 3)), torch.zeros(2, CHANNELS, 3, 3))


def test_dead_operations_have_no_parameters():
    alone = ab.torch.cell([(0, 2, "conv_1x1")], CHANNELS)
    beside = ab.torch.cell([(0, 1, "conv_3x3"), (0, 2, "conv_1x1"), (1, 2, "none")], CHANNELS)
    assert len(list(alone.parameters())) == len(list(beside.parameters()))


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_the_shape_and_give_finite_values(name):
    x = images(2, 6, 7, 5)
    y = OPERATIONS.find(name.replace("(kernel)", "(5)"), "space")(6)(x)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()


@pytest.mark.parametrize("reduction", ["plain", "residual"])
@pytest.mark.parametrize(
    "space", [EDGES, NODES, DERIVED, ab.Chain(ab.Choice(OPS[1:]), length=(1, 5))], ids=str
)
def test_networks_train(space, reduction):
    for seed in range(3):
        torch.manual_seed(seed)
        model = ab.torch.build(
            space.sample(seed),
            inputs=(2, 9, 7),
            classes=3,
            channels=4,
            repeats=2,
            reduction=reduction,
        )
        logits = model(images(5, 2, 9, 7))
        assert logits.shape == (5, 3)
        nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0, 1])).backward()
        assert all(p.grad is not None for p in model.head.parameters())


def test_every_parameter_of_a_live_cell_gets_a_gradient():
    arch = EDGES.architecture([(s, t, "conv_3x3") for t in range(1, 4) for s in range(t)])
    model = ab.torch.build(arch, inputs=(1, 8, 8), channels=4)
    model(images(4, 1, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_layers_of_a_chain_are_divided_among_the_stages():
    model = ab.torch.build(["conv_1x1"] * 5, inputs=(1, 8, 8), channels=4, stages=3, repeats=2)
    stages = [stage for stage in model.body if isinstance(stage[0], Cell)]
    assert [len(stage) for stage in stages] == [4, 4, 2]


def test_the_seed_decides_the_weights_and_the_result():
    arch = EDGES.sample(3)
    x = images(4, 1, 8, 8)
    outputs = []
    for _ in range(2):
        torch.manual_seed(7)
        outputs.append(ab.torch.build(arch, inputs=(1, 8, 8), channels=4)(x))
    assert torch.equal(*outputs)


def test_other_parts_of_the_space_count_for_nothing():
    space = ab.Space(cell=EDGES, lr=ab.Float(1e-3, 1, log=True))
    arch = space.sample(1)
    torch.manual_seed(0)
    whole = ab.torch.build(arch, channels=4)
    torch.manual_seed(0)
    alone = ab.torch.build(arch["cell"], channels=4)
    assert whole.state_dict().keys() == alone.state_dict().keys()
    x = images(2, 3, 32, 32)
    assert torch.equal(whole(x), alone(x))


def test_users_add_operations():
    more = OPERATIONS.with_({"my-op": lambda channels: nn.Conv2d(channels, channels, 1)})
    value = [(0, 1, "my-op")]
    assert isinstance(ab.torch.cell(value, 4, operations=more).operations[0], nn.Conv2d)
    with pytest.raises(ArchitectureError, match="no module is known for operation 'my-op'"):
        ab.torch.cell(value, 4)


def test_unknown_operation_names_the_path_and_the_nearest_name():
    space = ab.Space(cell=ab.EdgeCell(nodes=2, ops=["conv_3x4"]))
    with pytest.raises(
        ArchitectureError,
        match=r"space\.cell\[0,1\]: no module is known for operation 'conv_3x4'\. Did you mean "
        r"'conv_3x3'\? Add one",
    ):
        ab.torch.build(space.sample(0))


def test_a_derived_string_computes_what_it_says():
    x = images(2, CHANNELS, 6, 5)
    cell = ab.torch.cell("seq(conv_1x1, par(conv(5), skip_connect, seq(max_pool(3), conv_3x3)))", 4)
    one, five, skip, pool, three = cell.operations
    y = one(x)
    torch.testing.assert_close(cell(x), five(y) + skip(y) + three(pool(y)))


def test_a_combinator_repeats_an_architecture_not_its_weights():
    grammar = ab.Grammar(
        "net", {"net": ["twice(op)"], "op": ["conv_1x1"]}, 2, {"twice(x)": "seq(x, x)"}
    )
    cell = ab.torch.cell(grammar.sample(0), CHANNELS)
    first, second = cell.operations
    assert first[1].weight is not second[1].weight
    x = images(2, CHANNELS, 6, 5)
    torch.testing.assert_close(cell(x), second(first(x)))


def test_parameters_are_given_to_the_factory():
    given = []

    def factory(channels, *parameters):
        given.append((channels, *parameters))
        return nn.Identity()

    operations = OPERATIONS.with_({"mine(a, b, c)": factory})
    ab.torch.cell("mine(3, 0.5, act(relu))", CHANNELS, operations=operations)
    assert given == [(4, 3, 0.5, "act(relu)")]
    assert operations.find("conv(3)", "") == operations.find("conv(3)", "")
    with pytest.raises(
        ArchitectureError, match=r"space: no module is known for operation 'conv\(3, 5\)"
    ):
        operations.find("conv(3, 5)", "space")
    with pytest.raises(ProblemError, match=r"operations\.mine\(: expected a name"):
        OPERATIONS.with_({"mine(": factory})


def test_operation_that_is_no_function_is_refused():
    with pytest.raises(ProblemError, match=r"operations\.mine: an operation is a function"):
        OPERATIONS.with_(mine="conv")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 0}, "channels: expected a whole number from 1, got 0"),
        ({"stages": True}, "stages: expected a whole number from 1, got True"),
        ({"repeats": 1.5}, r"repeats: expected a whole number from 1, got 1\.5"),
        ({"inputs": (3, 0, 8)}, r"inputs\.height: expected a whole number from 1, got 0"),
        ({"inputs": (8, 8)}, r"inputs: expected \(channels, height, width\), got \(8, 8\)"),
        ({"reduction": "none"}, "reduction: expected one of 'plain', 'residual', got 'none'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ProblemError, match=message):
        ab.torch.build([(0, 1, "conv_1x1")], **settings)
