"""Space and Chain: mistakes, values, paths."""

import pytest

from archbo.errors import ArchitectureError, SpaceError
from archbo.spaces import Bool, Chain, Choice, EdgeCell, Float, Int, NodeCell, Space

SPACE = Space(
    head=Choice({"linear": None, "mlp": Space(width=Int(16, 64))}),
    body=Chain(Space(op=Choice(["conv", "pool"])), length=(1, 3)),
    lr=Float(1e-4, 1e-1, log=True),
)
VALUE = {"head": {"mlp": {"width": 32}}, "body": [{"op": "conv"}], "lr": 0.01}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Space(), r"space: a space needs at least one part"),
        (lambda: Space(a=Int(2, 1)), r"space\.a: low=2 is above high=1"),
        (lambda: Space(c=Chain(Int(2, 1), 2)), r"space\.c\[0\]: low=2 is above"),
        (lambda: Space(c=Chain(Bool(), 0)), r"space\.c: length needs 1 <= fewest <= most"),
        (lambda: Space(c=Chain(Bool(), (3, 2))), r"space\.c: length needs .* got 3 to 2"),
        (
            lambda: Space(c=NodeCell(3, 0, ["a"])),
            r"space\.c: max_edges must be a whole number from 1",
        ),
        (
            lambda: Space(c=NodeCell(1, 1, ["a"])),
            r"space\.c: max_nodes must be a whole number from 2",
        ),
        (lambda: Space(c=NodeCell(3, 3, [])), r"space\.c: a cell needs a list of operations"),
        (
            lambda: Space(c=EdgeCell(1, ["a"])),
            r"space\.c: nodes must be a whole number from 2 to 64",
        ),
        (lambda: Space(c=EdgeCell(4, ["a", "a"])), r"space\.c: duplicate operation 'a'"),
        (
            lambda: Space(c=EdgeCell(4, ["zero", "conv"], none="zeros")),
            r"space\.c: none='zeros' is not among the operations\. Did you mean 'zero'\?",
        ),
        (
            lambda: Space(c=EdgeCell(4, ["a"], none="a", skip="a")),
            r"space\.c: none and skip are both",
        ),
    ],
)
def test_mistake_names_the_part(make, message):
    with pytest.raises(SpaceError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Space(lr=3), r"space\.lr: expected a part, got 3\. Parts are Choice"),
        (lambda: Space(lr=Int), r"space\.lr: expected a part, got <class"),
        (lambda: Space({"lr": Int(1, 2)}), r"space: parts need names, .* Space\(\*\*parts\)"),
        (lambda: Space(c=Chain(None, 2)), r"space\.c: expected a part as the block, got None"),
        (lambda: Space(c=Chain(Bool(), "2")), r"space\.c: length is a whole number .* got '2'"),
        (lambda: Space(c=Chain(Bool(), (1, 2, 3))), r"space\.c: length is .* got \(1, 2, 3\)"),
        (lambda: Space(c=Chain(Bool(), 2.0)), r"space\.c: length is a whole number .* got 2\.0"),
        (lambda: Space(c=Chain(Bool(), True)), r"space\.c: length is a whole number .* got True"),
        (lambda: Space(c=EdgeCell(4, "abc")), r"space\.c: a cell needs a list .* got 'abc'"),
        (lambda: Space(c=EdgeCell(4, None)), r"space\.c: a cell needs a list .* got None"),
        (lambda: Space(c=EdgeCell(4, [1])), r"space\.c: an operation is a name, got 1"),
        (lambda: Space(c=EdgeCell(4, [["a"]])), r"space\.c: an operation is a name, got \['a'\]"),
        (lambda: Space(c=EdgeCell("4", ["a"])), r"space\.c: nodes must be a whole .* got '4'"),
        (lambda: Space(c=EdgeCell(4, ["a"], skip=["a"])), r"space\.c: skip=\['a'\] is not among"),
        (lambda: Space(c=NodeCell(4, 4, 5)), r"space\.c: a cell needs a list .* got 5"),
        (lambda: Space(c=NodeCell(4.0, 4, ["a"])), r"space\.c: max_nodes must be .* got 4\.0"),
    ],
)
def test_wrong_type_names_the_part(make, message):
    with pytest.raises(SpaceError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": {"mlp": {"width": 8}}}, r"space\.head\.mlp\.width: 8 is outside 16 to 64"),
        (
            {"head": {"mlp": {"with": 8}}},
            r"space\.head\.mlp\.with: no such .* Did you mean 'width'",
        ),
        ({"head": {"mlp": {}}}, r"space\.head\.mlp\.width: this decision is missing\. Give it"),
        (
            {"head": {"mlp": 3}},
            r"space\.head\.mlp: expected a value for each of \['width'\], got 3",
        ),
        ({"head": None}, r"space\.head: no option None"),
        ({"body": [{"op": "con"}]}, r"space\.body\[0\]\.op: no option 'con'\. Did you mean 'conv'"),
        ({"body": []}, r"space\.body: expected 1 to 3 layers, got 0"),
        ({"body": "conv"}, r"space\.body: expected a list of layers, got 'conv'"),
        ({"lr": float("nan")}, r"space\.lr: expected a finite number"),
        ({"lr2": 1}, r"space\.lr2: no such decision\. Did you mean 'lr'\?"),
        ({3: 1}, r"space\.3: no such decision\. Known: 'head', 'body', 'lr'\."),
    ],
)
def test_a_wrong_value_names_its_full_path(change, message):
    with pytest.raises(ArchitectureError, match=message):
        SPACE.architecture(VALUE | change)


@pytest.mark.parametrize("value", [None, 3, "x", [], [VALUE], float("nan")])
def test_a_value_of_another_type_names_the_space(value):
    with pytest.raises(ArchitectureError, match=r"space: expected a value for each of \['head'"):
        SPACE.architecture(value)


EDGES = [(0, 1, "conv"), (0, 2, "conv"), (1, 2, "conv")]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"space: expected a list of \(source, target, operation\), got None"),
        ("abc", r"space: expected a list"),
        ([None], r"space: expected \(source, target, operation\), got None"),
        ([(0, 1)], r"space: expected \(source, target, operation\), got \(0, 1\)"),
        ([(1, 0, "conv")], r"space: no edge from 1 to 0\. Edges go .* of 0 to 2"),
        ([("0", 1, "conv")], r"space: no edge from '0' to 1"),
        ([(0.0, 1, "conv")], r"space: no edge from 0\.0 to 1"),
        ([(False, True, "conv")], r"space: no edge from False to True"),
        ([([0], 1, "conv")], r"space: no edge from \[0\] to 1"),
        ([*EDGES, (0, 1, "conv")], r"space: edge \(0, 1\) is given twice"),
        (EDGES[:2], r"space\[1,2\]: this edge is missing\. Write \(1, 2, operation\)"),
        ([(0, 1, "cnv"), *EDGES[1:]], r"space\[0,1\]: no operation 'cnv'\. Did you mean 'conv'"),
        ([(0, 1, ["conv"]), *EDGES[1:]], r"space\[0,1\]: no operation \['conv'\]"),
    ],
)
def test_a_wrong_edge_cell_says_what_is_allowed(value, message):
    with pytest.raises(ArchitectureError, match=message):
        EdgeCell(nodes=3, ops=["conv", "pool"]).architecture(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"space: expected \{\"ops\": \[…\], \"edges\": .* got None"),
        ({"ops": []}, r"space: expected \{\"ops\""),
        ({"ops": None, "edges": []}, r"space\.ops: expected a list, got None"),
        ({"ops": "conv", "edges": []}, r"space\.ops: expected a list, got 'conv'"),
        ({"ops": [], "edges": None}, r"space\.edges: expected a list, got None"),
        ({"ops": [], "edges": [1]}, r"space\.edges: expected \(source, target\), got 1"),
        ({"ops": [], "edges": [(0, 1, 2)]}, r"space\.edges: expected \(source, target\), got \(0"),
        ({"ops": [], "edges": [(0, "1")]}, r"space\.edges: no edge from 0 to '1'"),
        ({"ops": [], "edges": [(0, 2)]}, r"space\.edges: no edge from 0 to 2\. .* of 0 to 1"),
        ({"ops": [], "edges": [(0, 1), (0, 1)]}, r"space\.edges: edge \(0, 1\) is given twice"),
        ({"ops": ["conv"] * 3, "edges": [(0, 1)]}, r"space\.ops: at most 2 inner nodes, got 3"),
        ({"ops": [], "edges": [(0, 1)] * 4}, r"space\.edges: at most 3 edges, got 4"),
        (
            {"ops": ["con"], "edges": [(0, 1)]},
            r"space\.ops\[1\]: no operation 'con'\. Did you mean",
        ),
        ({"ops": ["conv"], "edges": [(0, 1)]}, r"space: no path leads .* node 2 the output"),
    ],
)
def test_a_wrong_node_cell_says_what_is_allowed(value, message):
    with pytest.raises(ArchitectureError, match=message):
        NodeCell(max_nodes=4, max_edges=3, ops=["conv", "pool"]).architecture(value)


def test_edges_may_come_in_any_order_and_as_lists():
    cell = EdgeCell(nodes=3, ops=["conv", "pool"])
    assert cell.architecture([list(edge) for edge in EDGES[::-1]]) == cell.architecture(EDGES)


def test_parts_may_have_any_name():
    names = ["self", "parts", "check", "value", "kind", "width"]
    space = Space(**{name: Bool() for name in names})
    arch = space.architecture(dict.fromkeys(names, True))
    assert list(arch) == names
    assert all(arch[name] for name in names)


def test_two_parts_of_one_path_are_refused():
    cell = EdgeCell(nodes=2, ops=["a", "b"])
    space = Space(a=Choice({"b": Space(c=cell), "b.c": cell}))
    with pytest.raises(SpaceError, match="two parts have the same path"):
        space.sample(0)


def test_lengths_read_as_they_were_written():
    assert repr(Chain(Bool(), 3)) == "Chain(Bool(), length=3)"
    assert repr(Chain(Bool(), (1, 3))) == "Chain(Bool(), length=(1, 3))"
    assert Chain(Bool(), (3, 3)) == Chain(Bool(), 3)


def test_a_length_may_be_a_list():
    assert Chain(Bool(), [1, 3]) == Chain(Bool(), (1, 3))


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(ArchitectureError, match="…") as caught:
        SPACE.architecture(["x" * 1000])
    assert len(str(caught.value)) < 200


def test_layers_of_a_shared_chain_are_decided_once():
    block = Space(cell=EdgeCell(nodes=3, ops=["none", "conv"]), width=Int(8, 16))
    shared = Chain(block, length=(2, 12), shared=True)
    assert shared.width == 1 + block.width
    assert shared.size == 11 * block.size
    layer = block.sample(0).value
    arch = shared.architecture([layer] * 5)
    assert arch.value == [layer] * 5
    assert Chain(block, length=3, shared=True).size == block.size


def test_the_graph_of_a_shared_chain_is_that_of_the_same_layers_one_by_one():
    block = Choice(["conv", "pool"])
    layers = ["pool"] * 3
    shared = Chain(block, length=(1, 4), shared=True).architecture(layers)
    apart = Chain(block, length=(1, 4)).architecture(layers)
    assert shared.graph == apart.graph
    for space, arch in ((shared.space, shared), (apart.space, apart)):
        assert space.features(arch)["space.longest"] == 3.0
    cells = Chain(EdgeCell(nodes=3, ops=["none", "conv"]), length=2, shared=True)
    alone = Chain(cells.block, length=2)
    value = cells.sample(3).value
    assert cells.architecture(value).graph == alone.architecture(value).graph


def test_a_layer_of_a_shared_chain_that_differs_is_refused():
    chain = Chain(Choice(["conv", "pool"]), length=(1, 4), shared=True)
    with pytest.raises(
        ArchitectureError, match=r"space\[2\]: the layers of a shared chain are all"
    ):
        chain.architecture(["conv", "conv", "pool"])
    with pytest.raises(SpaceError, match="space: shared is True or False, got 1"):
        _ = Chain(Choice(["conv"]), length=2, shared=1).size


def test_json_of_a_chain_that_shares_nothing_is_as_it_was():
    assert set(Chain(Int(1, 2), length=3).to_dict()) == {"kind", "block", "length"}
