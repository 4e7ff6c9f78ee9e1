from itertools import permutations

import numpy as np
import pytest

import archbo as ab
from archbo.explain.comparison import _all_subsets, _along_orders, between, compare, differing

MIXED = ab.Space(
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(2, 5))}),
    cell=ab.NodeCell(max_nodes=4, max_edges=5, ops=["a", "b"]),
    act=ab.Choice(["relu", "gelu"]),
)


def by_orders(value, k):
    """Shapley values by going through all orders."""
    found = np.zeros(k)
    orders = list(permutations(range(k)))
    for order in orders:
        chosen = np.zeros(k, dtype=bool)
        for j in order:
            before = value(chosen)
            chosen[j] = True
            found[j] += (value(chosen) - before) / len(orders)
    return found


@pytest.mark.parametrize("k", [1, 2, 5])
def test_worth_is_the_mean_over_all_orders(k):
    table = np.random.default_rng(k).normal(size=2**k)
    subsets, weights = _all_subsets(k)
    values = {tuple(subset): y for subset, y in zip(subsets.tolist(), table, strict=True)}
    expected = by_orders(lambda chosen: values[tuple(chosen.tolist())], k)
    assert weights @ table == pytest.approx(expected)


def test_random_orders_are_exact_for_sums_and_pairs_and_add_up():
    k = 14
    rng = np.random.default_rng(0)
    single, pairs = rng.normal(size=k), np.triu(rng.normal(size=(k, k)), 1)
    subsets, weights = _along_orders(k, rng)
    assert len(subsets) <= 800
    values = subsets @ single + np.einsum("pi,ij,pj->p", subsets, pairs, subsets)
    # an order and its reverse share each pair evenly
    assert weights @ values == pytest.approx(single + (pairs + pairs.T).sum(axis=1) / 2)
    anything = rng.normal(size=len(subsets))
    last, first = subsets.all(axis=1).argmax(), (~subsets.any(axis=1)).argmax()
    assert (weights @ anything).sum() == pytest.approx(anything[last] - anything[first])


def test_what_is_switched_on_and_parts_of_a_cell_change_together(sampled):
    compiled = MIXED.compiled
    paths = [decision.path for decision in compiled.decisions]
    for a, b in zip(sampled(MIXED, 60, 1), sampled(MIXED, 60, 2), strict=True):
        lists = differing(compiled, a.rows, b.rows)
        named = [{paths[d].split(".")[1].split("[")[0] for d in columns} for columns in lists]
        assert all(len(names) == 1 for names in named)
        assert len({tuple(names) for names in named}) == len(named)
        subsets, _ = _all_subsets(len(lists)) if lists else (np.zeros((1, 0), dtype=bool), None)
        rows = between(compiled, a.rows, b.rows, lists, subsets)
        assert compiled.valid(rows).all()
        low, high = (
            np.array([d.low for d in compiled.decisions]),
            [d.high for d in compiled.decisions],
        )
        inside = (rows.values >= low) & (rows.values <= high)
        assert (inside | ~rows.active).all()
        assert rows.values[0].tolist() == b.rows.values[0].tolist()
        assert rows.values[-1].tolist() == a.rows.values[0].tolist()


def test_each_difference_is_worth_what_it_adds(told, believed):
    space = ab.Space(**{name: ab.Choice([0, 1, 2]) for name in "abc"})

    def truth(arch):
        return 3.0 * arch["a"] + 1.0 * arch["b"]

    opt = told(space, truth, space.enumerate())
    model, _ = believed(opt)
    here = space.architecture({"a": 0, "b": 2, "c": 1})
    there = space.architecture({"a": 2, "b": 1, "c": 1})
    found = compare(opt.problem, model, here, there, np.random.default_rng(0))
    gains = {one.decision: one for one in found.differences}
    assert list(gains) == ["b", "a"]
    assert gains["a"].gain == pytest.approx(-6.0, abs=0.6)
    assert gains["b"].gain == pytest.approx(1.0, abs=0.4)
    assert (gains["a"].here, gains["a"].there) == ("0", "2")
    assert sum(one.gain for one in found.differences) == pytest.approx(found.gain)
    assert found.expected == pytest.approx(2.0, abs=0.5)
    assert found.certainty > 0.99


def test_same_network_differs_in_nothing(cells, cell, believed, sampled):
    model, _ = believed(cells)
    (arch,) = sampled(cell, 1)
    found = compare(cells.problem, model, arch, arch, np.random.default_rng(0))
    assert (found.gain, found.sd, found.differences) == (0.0, 0.0, ())


def test_many_differences_still_add_up(told, sampled, believed):
    space = ab.Chain(ab.Choice(["conv", "pool"]), length=80)
    opt = told(space, lambda arch: float(arch.value.count("conv")), sampled(space, 12))
    model, _ = believed(opt)
    conv, pool = (space.architecture([op] * 80) for op in ("conv", "pool"))
    half = space.architecture(["conv"] * 30 + ["pool"] * 50)
    one = compare(opt.problem, model, conv, pool, np.random.default_rng(0))
    assert len(one.differences) == 1
    many = compare(opt.problem, model, half, pool, np.random.default_rng(0))
    assert len(many.differences) == 30
    assert sum(d.gain for d in many.differences) == pytest.approx(many.gain)
