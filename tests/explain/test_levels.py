import numpy as np
import pytest

import archbo as ab
from archbo.explain.levels import levels, option_names
from archbo.spaces.moves import sample


def levels_of(space, count=2000):
    rows = sample(space.compiled, np.random.default_rng(0), count)
    return {one.path: one for one in levels(space.compiled, rows)}, rows


@pytest.mark.parametrize(
    ("space", "path", "names"),
    [
        (ab.Space(act=ab.Choice(["relu", "gelu"])), "act", ("relu", "gelu")),
        (ab.Space(bias=ab.Bool()), "bias", ("False", "True")),
        (ab.Space(depth=ab.Int(3, 5)), "depth", ("3", "4", "5")),
        (ab.EdgeCell(nodes=3, ops=["none", "conv"]), "[0,2]", ("none", "conv")),
        (ab.EdgeCell(nodes=4, ops=["a", "b"], inputs=2, keep=1), "[2].ops[0]", ("a", "b")),
        (
            ab.EdgeCell(nodes=4, ops=["a"], inputs=2, keep=1),
            "[2].sources",
            ("0", "1"),
        ),
        (
            ab.EdgeCell(nodes=5, ops=["a"], inputs=2, keep=2),
            "[3].sources",
            ("0, 1", "0, 2", "1, 2"),
        ),
        (ab.NodeCell(max_nodes=4, max_edges=6, ops=["a", "b", "c"]), "ops[1]", ("a", "b", "c")),
        (ab.NodeCell(max_nodes=4, max_edges=6, ops=["a", "b"]), "edges[0,1]", ("no edge", "edge")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_have_the_names_that_the_space_gives_them(space, path, names):
    found, _ = levels_of(space)
    assert found[path].names == names


def test_numbers_fall_into_ranges_that_are_equally_likely():
    found, rows = levels_of(ab.Space(lr=ab.Float(1e-4, 1e-1, log=True), width=ab.Int(1, 600)))
    for one in found.values():
        share = one.groups(rows).mean(axis=0)
        # six standard errors of a sixth of 2,000
        assert share == pytest.approx(np.full(6, 1 / 6), abs=0.05)
    assert found["lr"].names[0] == "0.0001 to 0.000316"


def test_value_of_a_level_is_of_that_level():
    found, rows = levels_of(ab.Space(lr=ab.Float(1e-4, 1e-1, log=True), n=ab.Int(4, 6)))
    for one in found.values():
        for k in range(len(one.names)):
            row = rows.take([0])
            row.values[0, one.column] = one.value(k)
            assert one.of(row).tolist() == [k]


def test_decision_that_is_not_taken_has_no_level():
    space = ab.Space(head=ab.Choice({"linear": None, "mlp": ab.Int(1, 3)}))
    found, rows = levels_of(space)
    linear = rows.values[:, 0] == 0
    assert (found["head.mlp"].of(rows) == -1).tolist() == linear.tolist()
    assert found["head.mlp"].groups(rows)[linear].sum() == 0


def test_decisions_without_a_choice_and_positions_in_pools_are_left_out():
    space = ab.Space(one=ab.Choice(["only"]), pool=ab.Pool([(["a"], []), (["b"], [])]))
    assert levels_of(space, 20)[0] == {}


def test_options_of_a_grammar_are_its_productions():
    rules = {"net": ["seq(net, net)", "op"], "op": ["conv(kernel)", "pool"], "kernel": ["3", "5"]}
    space = ab.Space(lr=ab.Float(0, 1), net=ab.Grammar("net", rules, max_depth=3)).compiled
    named = {d.path: option_names(space, k) for k, d in enumerate(space.decisions) if k}
    assert named["space.net.net"] == ["seq(net, net)", "op"]
    kernels = [names for path, names in named.items() if ".kernel[" in path]
    assert kernels == [["3", "5"]] * 3
    # the option of a name derives what it says
    d = [one.path for one in space.decisions].index("space.net.net.op[1]")
    row = [0.0] * len(space.decisions)
    row[1], row[d] = 1.0, option_names(space, d).index("pool")
    assert space.root.decode(row)["net"] == "pool"
