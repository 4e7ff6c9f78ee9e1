import itertools

import numpy as np
import pytest

import archbo as ab
from archbo.errors import ExhaustedError, ProblemError

CELL = ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
LINE = ab.Space(rate=ab.Float(1e-4, 1e-1, log=True))
MIXED = ab.Space(
    rate=ab.Float(0, 1),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    depth=ab.Chain(ab.Int(1, 3), length=(1, 2)),
)


def everything(space, **options):
    opt = ab.Optimizer(space, **options)
    archs = []
    while True:
        try:
            batch = opt.ask(40)
        except ExhaustedError as error:
            return archs, str(error)
        archs += batch
        opt.tell(batch, [0.0] * len(batch))


def test_every_network_of_a_finite_space_is_proposed_once():
    archs, message = everything(CELL, method="grid")
    assert sorted(arch.id for arch in archs) == sorted({arch.id for arch in CELL.enumerate()})
    assert f"all {len(archs)} different networks of the space are known" in message


def test_a_grid_has_the_product_of_the_resolutions():
    archs, message = everything(MIXED, method=ab.GridSearch(4))
    rates = [0.0, 1 / 3, 2 / 3, 1.0]
    widths = [16, 40, 102, 256]  # by ratio
    heads = ["linear", *({"mlp": {"width": width}} for width in widths)]
    chains = [list(c) for n in (1, 2) for c in itertools.product([1, 2, 3], repeat=n)]
    expected = [
        {"rate": pytest.approx(rate), "head": head, "depth": chain}
        for rate, head, chain in itertools.product(rates, heads, chains)
    ]
    values = [arch.value for arch in archs]
    assert len(values) == len(expected)
    assert all(value in expected for value in values)
    assert "of the grid are known. Enlarge the grid, or stop here." in message


def test_a_resolution_by_path_holds_for_all_inside_and_the_closest_wins():
    method = ab.GridSearch({"space": 2, "space.head.mlp": 3, "space.depth[1]": 1})
    archs, _ = everything(MIXED, method=method)
    assert {arch["rate"] for arch in archs} == {0.0, 1.0}
    assert {arch["head"]["mlp"]["width"] for arch in archs if arch["head"] != "linear"} == {
        16, 64, 256
    }  # fmt: skip
    assert {arch["depth"][0] for arch in archs} == {1, 3}
    assert {arch["depth"][1] for arch in archs if len(arch["depth"]) > 1} == {2}


def test_values_are_evenly_spaced_from_end_to_end():
    archs, _ = everything(LINE, method=ab.GridSearch(4))
    rates = sorted(arch["rate"] for arch in archs)
    np.testing.assert_allclose(rates, [1e-4, 1e-3, 1e-2, 1e-1])


def test_a_resolution_beyond_the_values_of_an_integer_keeps_all_of_them():
    archs, _ = everything(ab.Space(k=ab.Int(1, 5)), method=ab.GridSearch(9))
    assert sorted(arch["k"] for arch in archs) == [1, 2, 3, 4, 5]


def test_the_first_proposals_cover_every_decision_evenly():
    space = ab.Chain(ab.Choice([0, 1, 2, 3]), length=5)
    values = np.array([arch.value for arch in ab.Optimizer(space, method="grid").ask(64)])
    for column in values.T:
        assert np.bincount(column).tolist() == [16] * 4
    in_order = np.array(list(itertools.islice(itertools.product(range(4), repeat=5), 64)))
    assert len(np.unique(in_order[:, 0])) == 1


def test_constraints_are_kept_to_the_end():
    archs, message = everything(
        CELL, method="grid", constraints=[lambda arch: int(arch.id, 16) % 5 == 0]
    )
    expected = {arch.id for arch in CELL.enumerate() if int(arch.id, 16) % 5 == 0}
    assert sorted(arch.id for arch in archs) == sorted(expected)
    assert f"all {len(expected)} networks of the space that meet the constraints" in message


@pytest.mark.parametrize(
    "space",
    [
        ab.Chain(ab.Choice(list("abcdefghij")), length=30),
        ab.NodeCell(max_nodes=9, max_edges=10, ops=["conv", "pool"]),
    ],
    ids=["chain", "free cell"],
)
def test_a_space_too_large_to_list_is_gone_through_as_well(space):
    opt = ab.Optimizer(space, method="grid")
    archs = [arch for _ in range(2) for arch in opt.ask(100)]
    assert len({arch.id for arch in archs}) == 200


def test_rare_feasible_members_of_a_large_space_are_found_on_the_grid():
    space = ab.Chain(ab.Float(0, 1), length=20)
    low = {"total": lambda arch: sum(arch.value)}
    opt = ab.Optimizer(space, method=ab.GridSearch(5), features=low, constraints={"total": "<= 3"})
    archs = opt.ask(20)
    assert len({arch.id for arch in archs}) == 20
    assert all(sum(arch.value) <= 3 for arch in archs)
    assert {x for arch in archs for x in arch.value} <= {0.0, 0.25, 0.5, 0.75, 1.0}


@pytest.mark.parametrize(
    ("space", "values"),
    [(LINE, "infinitely many"), (ab.Space(rate=ab.Int(1, 1000)), "1000")],
    ids=["continuous", "large"],
)
def test_a_number_without_a_resolution_says_what_to_write(space, values):
    with pytest.raises(
        ProblemError,
        match=rf"space\.rate: {values} values are too many for a grid.*"
        r"ab\.GridSearch\(resolution=\{\"space\.rate\": 5\}\)",
    ):
        ab.Optimizer(space, method="grid")


def test_a_resolution_for_nothing_names_the_nearest_path():
    with pytest.raises(ProblemError, match=r"space\.rat: .*Did you mean 'space\.rate'"):
        ab.Optimizer(LINE, method=ab.GridSearch({"space.rat": 3}))


@pytest.mark.parametrize("resolution", [0, 1.5, True, {"space.rate": -1}])
def test_a_resolution_is_a_whole_number_from_one(resolution):
    with pytest.raises(ProblemError, match="a resolution is a whole number from 1, got"):
        ab.GridSearch(resolution)
