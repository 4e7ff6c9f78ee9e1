"""How an architecture reads: as a mapping, by part, in one line."""

import copy
import pickle

import pytest

from archbo.errors import ArchitectureError
from archbo.spaces import Architecture, Bool, Chain, Choice, EdgeCell, Float, Int, NodeCell, Space

SPACE = Space(
    cell=NodeCell(max_nodes=3, max_edges=3, ops=["conv", "pool"]),
    head=Choice({"linear": None, "mlp": Space(width=Int(16, 64), act=Choice(["relu", "gelu"]))}),
    body=Chain(Choice(["a", "b"]), length=(1, 2)),
    lr=Float(1e-4, 1e-1, log=True),
)
VALUE = {
    "cell": {"ops": ["conv"], "edges": [(0, 1), (1, 2)]},
    "head": {"mlp": {"width": 32, "act": "relu"}},
    "body": ["a"],
    "lr": 0.01,
}


@pytest.fixture
def arch():
    return SPACE.architecture(VALUE)


def test_cells_chains_and_numbers_read_as_plain_values(arch):
    assert arch["cell"] == VALUE["cell"]
    assert type(arch["cell"]) is dict
    assert arch["body"] == ["a"]
    assert arch["lr"] == 0.01


def test_the_chosen_options_decisions_read_without_its_name(arch):
    assert isinstance(arch["head"], Architecture)
    assert arch["head"]["width"] == arch["head"]["mlp"]["width"] == 32
    assert arch["head"].value == {"mlp": {"width": 32, "act": "relu"}}
    assert list(arch["head"]) == ["mlp"]


def test_an_option_without_decisions_reads_as_its_name():
    assert SPACE.architecture(VALUE | {"head": "linear"})["head"] == "linear"


def test_only_options_read_through_spaces_do_not():
    nested = Space(outer=Space(x=Bool())).architecture({"outer": {"x": True}})
    assert nested["outer"]["x"] is True
    assert "x" not in nested


def test_a_missing_name_is_a_key_error_with_the_nearest(arch):
    with pytest.raises(KeyError, match=r"'widht'\nDid you mean 'width'\?"):
        arch["head"]["widht"]
    with pytest.raises(KeyError, match=r"'learning'\nKnown: 'cell', 'head', 'body', 'lr'\."):
        arch["learning"]
    with pytest.raises(KeyError, match=r"'x'\nThis architecture has no names to read by\."):
        Bool().architecture(True)["x"]
    assert arch.get("nothing", 3) == 3


def test_what_was_read_can_be_changed_and_written(arch):
    changed = SPACE.architecture({**arch, "lr": 0.1})
    assert changed["lr"] == 0.1
    assert changed["head"] == arch["head"]
    assert changed["cell"] == arch["cell"]


def test_changing_a_value_does_not_reach_the_architecture(arch):
    arch.value["lr"] = 1.0
    arch["body"].append("b")
    arch["cell"]["ops"].append("pool")
    assert arch.value == VALUE


def test_an_architecture_does_not_change(arch):
    for name in ("numbers", "space", "new"):
        with pytest.raises(AttributeError, match="an architecture does not change"):
            setattr(arch, name, 1)


def test_parts_are_architectures_of_their_own(arch):
    cell = arch.part("cell")
    assert cell.space == NodeCell(max_nodes=3, max_edges=3, ops=["conv", "pool"])
    assert cell.value == VALUE["cell"]
    assert arch.part("head").part("mlp").part("width").value == 32
    assert arch.part("body").part("0").value == "a"


def test_an_unknown_or_inactive_part_is_an_error(arch):
    with pytest.raises(ArchitectureError, match=r"no part 'cel'\. Did you mean 'cell'"):
        arch.part("cel")
    with pytest.raises(ArchitectureError, match="part '1' is not active here"):
        arch.part("body").part("1")


def test_equal_spaces_have_equal_architectures():
    one, other = (Space(x=EdgeCell(nodes=2, ops=["a", "b"])) for _ in range(2))
    value = {"x": [(0, 1, "b")]}
    assert one.architecture(value) == other.architecture(value)
    assert one.architecture(other.architecture(value)).space == one
    assert one.architecture(value) != value


def test_an_architecture_of_another_space_is_refused(arch):
    with pytest.raises(ArchitectureError, match="belongs to another space"):
        Space(lr=Float(0, 1)).neighbors(arch)


def test_numbers_of_equal_rows_in_different_spaces_do_not_make_them_equal():
    assert Choice([1]).architecture(1) != Choice([True]).architecture(True)


def test_it_prints_in_one_line(arch):
    assert repr(arch) == (
        "Architecture(cell=(ops=[conv], edges=[0→1, 1→2]), "
        "head=(mlp=(width=32, act=relu)), body=[a], lr=0.01)"
    )


def test_pickles_leave_out_what_can_be_computed_again(arch):
    bare = len(pickle.dumps(SPACE.architecture(VALUE)))
    cached = [arch.id, arch.rows, arch.space.compiled.decisions]
    assert len(cached) == 3
    assert len(pickle.dumps(arch)) == bare < 2_000
    assert copy.deepcopy(arch) == arch


def test_graphs_stand_side_by_side_without_those_that_are_not_active():
    cells = Choice({"a": EdgeCell(2, ["x", "y"]), "b": EdgeCell(2, ["x", "y"])})
    space = Space(cells=cells, body=Chain(Choice(["c", "d"]), length=(1, 3)))
    graph = space.architecture({"cells": {"b": [(0, 1, "y")]}, "body": ["d", "c"]}).graph
    assert graph.labels == ("input", "d", "c", "output", "input", "y", "output") or (
        graph.labels == ("input", "y", "output", "input", "d", "c", "output")
    )
    assert set(graph.group) == {"cells.b", "body"}
    assert all(graph.alive)


def test_dead_operations_are_marked():
    cell = EdgeCell(nodes=3, ops=["none", "conv"])
    graph = cell.architecture([(0, 1, "conv"), (0, 2, "conv"), (1, 2, "none")]).graph
    assert dict(zip(graph.labels, graph.alive, strict=True))["conv"] is True
    assert graph.alive.count(False) == 1


def test_a_notebook_shows_the_settings_and_the_drawing():
    space = Space(cell=EdgeCell(nodes=3, ops=["<none>", "conv"]), lr=Float(0, 1))
    shown = space.sample(0)._repr_html_()
    assert "lr=" in shown
    assert "<svg" in shown
    assert "<none>" not in shown
    assert "<svg" not in Space(lr=Float(0, 1)).sample(0)._repr_html_()
    graph = space.sample(0).graph
    assert graph._repr_html_() == graph._repr_svg_()
