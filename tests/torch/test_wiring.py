"""Live operations, and what is refused."""

import pytest

import archbo as ab
from archbo.errors import ArchitectureError, ProblemError
from archbo.torch.wiring import Step, Wiring, layers


def wiring(value):
    (found,), _ = layers(value)
    return found


def operations(value):
    return [step.operation for step in wiring(value).steps]


def test_an_edge_sums_what_arrives_at_its_source():
    value = [(0, 1, "a"), (0, 2, "b"), (1, 2, "c"), (0, 3, "none"), (1, 3, "none"), (2, 3, "d")]
    a, b, c, d = (
        Step("a", (0,), "architecture[0,1]"),
        Step("b", (0,), "architecture[0,2]"),
        Step("c", (1,), "architecture[1,2]"),
        Step("d", (2, 3), "architecture[2,3]"),
    )
    assert wiring(value) == Wiring((a, b, c, d), (4,))


def test_dead_edges_are_left_out():
    no_way_on = [(0, 1, "dead"), (0, 2, "live"), (1, 2, "none")]
    no_way_in = [(0, 1, "none"), (0, 2, "live"), (1, 2, "dead")]
    assert operations(no_way_on) == operations(no_way_in) == ["live"]


def test_cell_without_a_path_has_no_output():
    assert wiring([(0, 1, "a"), (0, 2, "none"), (1, 2, "none")]) == Wiring((), ())


def test_vertex_sums_its_sources_and_dead_ones_are_left_out():
    value = {"ops": ["a", "dead", "b"], "edges": [(0, 1), (0, 2), (1, 3), (0, 3), (3, 4), (0, 4)]}
    a = Step("a", (0,), "architecture.ops[1]")
    b = Step("b", (1, 0), "architecture.ops[3]")
    assert wiring(value) == Wiring((a, b), (2, 0))


def test_input_joined_to_the_output_passes_it_on():
    assert wiring({"ops": [], "edges": [(0, 1)]}) == Wiring((), (0,))


def test_the_cells_own_name_for_no_edge_counts():
    part = ab.EdgeCell(nodes=2, ops=["zero", "none"], none="zero", skip=None)
    assert wiring(part.architecture([(0, 1, "zero")])).output == ()
    assert operations(part.architecture([(0, 1, "none")])) == ["none"]


def test_json_form_is_the_same_as_the_plain_value():
    space = ab.EdgeCell(nodes=3, ops=["none", "a", "b"])
    for arch in space.enumerate():
        assert wiring([list(edge) for edge in arch.value]) == wiring(arch.value)


def test_the_only_graph_is_found_inside_nested_spaces():
    cell = ab.EdgeCell(nodes=2, ops=["a"])
    space = ab.Space(net=ab.Space(cell=cell, width=ab.Int(1, 4)), lr=ab.Float(0.1, 1))
    arch = space.architecture({"net": {"cell": [(0, 1, "a")], "width": 2}, "lr": 0.5})
    assert wiring(arch).steps == (Step("a", (0,), "space.net.cell[0,1]"),)


def test_chain_has_one_wiring_a_layer():
    chain = ab.Chain(ab.Choice(["a", "b"]), length=(1, 3))
    found, is_chain = layers(chain.architecture(["b", "a"]))
    assert is_chain
    assert [w.steps[0] for w in found] == [Step("b", (0,), "space[0]"), Step("a", (0,), "space[1]")]


def test_layers_of_a_chain_may_be_cells():
    chain = ab.Chain(ab.EdgeCell(nodes=2, ops=["off", "a"], none="off"), length=2)
    found, _ = layers(chain.architecture([[(0, 1, "off")], [(0, 1, "a")]]))
    assert [len(w.steps) for w in found] == [0, 1]


def test_several_graphs_are_refused():
    cell = ab.EdgeCell(nodes=2, ops=["a"])
    arch = ab.Space(normal=cell, reduce=cell).sample(0)
    with pytest.raises(ProblemError, match=r"2 cells and chains: normal, reduce\. .*part\('normal"):
        layers(arch)
    assert operations(arch.part("normal")) == ["a"]


def test_no_graph_is_refused():
    with pytest.raises(ProblemError, match="no cell or chain to build in Space"):
        layers(ab.Space(lr=ab.Float(0.1, 1)).sample(0))


@pytest.mark.parametrize("value", [3, "conv", {"ops": []}, [], None])
def test_what_is_no_cell_and_no_chain_is_refused(value):
    if value == "conv":
        assert operations(value) == ["conv"]
        return
    with pytest.raises(ArchitectureError, match="architecture: expected the name of an operation"):
        layers(value)


def test_layers_with_settings_of_their_own_are_refused():
    chain = ab.Chain(ab.Space(width=ab.Int(1, 4)), length=1)
    with pytest.raises(ArchitectureError, match=r"space\[0\]: expected the name.*'width': 2"):
        layers(chain.architecture([{"width": 2}]))


def test_edges_backwards_are_refused():
    with pytest.raises(ArchitectureError, match="no edge from 2 to 1"):
        layers([(2, 1, "a")])
    with pytest.raises(ArchitectureError, match=r"edges: no edge from 1 to 3"):
        layers({"ops": ["a"], "edges": [(1, 3)]})


def derived(value, **settings):
    rules = {"net": ["seq(net, net)", "par(net, net)", "op"], "op": ["a", "b", "c", "zero", "none"]}
    return wiring(ab.Grammar("net", rules, 6, **settings).architecture(value))


def test_an_operation_of_a_derived_string_sums_what_is_in_parallel_before_it():
    a, b = Step("a", (0,), "space[0]"), Step("b", (0,), "space[1]")
    c = Step("c", (1, 2), "space[2]")
    assert derived("seq(par(a, b), c)") == Wiring((a, b, c), (3,))
    assert derived("par(a, seq(b, c))").output == (1, 3)
    assert wiring("seq(par(a, b), c)").steps[2].sources == (1, 2)


def test_dead_operations_of_a_derived_string_are_left_out():
    assert derived("par(seq(a, none), seq(b, par(none, seq(none, c))))") == Wiring((), ())
    found = derived("par(seq(a, none), seq(b, c))")
    assert found == Wiring((Step("b", (0,), "space[2]"), Step("c", (1,), "space[3]")), (2,))


def test_the_grammars_own_name_for_nothing_counts():
    assert derived("par(zero, none)", none="zero").steps == (Step("none", (0,), "space[1]"),)
    assert wiring("par(a, none)").steps == (Step("a", (0,), "architecture[0]"),)


def test_layers_of_a_chain_may_be_derived():
    chain = ab.Chain(ab.Grammar("op", {"op": ["seq(a, b)", "c"]}, 1), length=2)
    found, is_chain = layers(chain.architecture(["c", "seq(a, b)"]))
    assert is_chain
    assert [[step.operation for step in w.steps] for w in found] == [["c"], ["a", "b"]]
