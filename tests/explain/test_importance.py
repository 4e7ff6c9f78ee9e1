from itertools import combinations, product

import numpy as np
import pytest

import archbo as ab
from archbo.explain.importance import decompose, variance_share
from archbo.explain.landscape import Landscape
from archbo.explain.levels import levels
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows, sample

MANY = 1e9  # each member counts so often that nothing is left to chance
SIZES = (3, 4, 2)


def believed(space, values):
    """A landscape of all members of a space, which is sure of these values."""
    rows = stack(list(enumerate_rows(space.compiled)))
    counts = np.full(len(rows), MANY)
    return Landscape(rows, counts, values(rows), np.tile(values(rows), (2, 1)))


def product_space():
    return ab.Space(**{n: ab.Choice(list(range(k))) for n, k in zip("abc", SIZES, strict=True)})


def sobol(table, which):
    """The variance that axes of a table explain together and no part of them does, by loops."""
    grand = table.mean()
    total = 0.0
    for place in product(*(range(k) for k in table.shape)):
        effect = 0.0
        for size in range(len(which) + 1):
            for inner in combinations(which, size):
                index = tuple(place[d] if d in inner else slice(None) for d in range(table.ndim))
                effect += (-1) ** (len(which) - size) * table[index].mean()
        total += effect**2
    return total / table.size / ((table - grand) ** 2).mean()


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_those_of_brute_force(seed):
    table = np.random.default_rng(seed).normal(size=SIZES)
    space = product_space()
    landscape = believed(space, lambda rows: table[tuple(rows.values.astype(int).T)])
    found = decompose(landscape, levels(space.compiled, landscape.rows))
    single = {one.decision: one.share for one in found.single}
    pairs = {one.decisions: one.share for one in found.pairs}
    assert single == pytest.approx({n: sobol(table, (d,)) for d, n in enumerate("abc")})
    assert pairs == pytest.approx(
        {tuple("abc"[d] for d in two): sobol(table, two) for two in combinations(range(3), 2)}
    )
    assert found.rest == pytest.approx(sobol(table, (0, 1, 2)))
    assert [one.share for one in found.single] == sorted(single.values(), reverse=True)


def test_sd_is_of_the_shares_of_the_draws():
    space = product_space()
    rows = stack(list(enumerate_rows(space.compiled)))
    only_a, only_b = rows.values[:, 0], rows.values[:, 1]
    draws = np.stack([only_a, only_b])
    landscape = Landscape(rows, np.full(len(rows), MANY), only_a, draws)
    found = decompose(landscape, levels(space.compiled, rows))
    a, b, c = (next(i for i in found.single if i.decision == name) for name in "abc")
    assert (a.share, b.share, c.share) == pytest.approx((1.0, 0.0, 0.0))
    assert (a.sd, b.sd, c.sd) == pytest.approx((0.5, 0.5, 0.0))


def test_conditional_decision_counts_by_its_variance_where_it_is_taken():
    space = ab.Space(head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(1, 3))}))
    rows = space.compiled.encode(
        [
            space.architecture({"head": h})
            for h in ("linear", *({"mlp": {"width": w}} for w in (1, 2, 3)))
        ]
    )
    # linear as often as all the others together, as it is drawn
    counts = MANY * np.array([3.0, 1.0, 1.0, 1.0])
    values = np.array([0.0, 1.0, 2.0, 3.0])
    landscape = Landscape(rows, counts, values, values[None])
    found = {i.decision: i.share for i in decompose(landscape, levels(space.compiled, rows)).single}
    variance = (3 * 0 + 1 + 4 + 9) / 6 - 1.0
    assert found["head"] == pytest.approx(1.0 / variance)
    assert found["head.mlp.width"] == pytest.approx(0.5 * (2 / 3) / variance)
    assert sum(found.values()) == pytest.approx(1.0)


def test_what_chance_makes_of_a_sample_is_taken_off():
    space = ab.Space(**{f"d{k}": ab.Choice(list(range(5))) for k in range(6)})
    rows = sample(space.compiled, np.random.default_rng(0), 4000)
    noise = np.random.default_rng(1).normal(size=(400, 4000))
    counts, (a, b) = np.ones(4000), [of.of(rows) for of in levels(space.compiled, rows)[:2]]
    # without it 4 / 4000 and 16 / 4000 on average; half of it remains where it is cut off at 0
    assert variance_share(noise, counts, [a]).mean() < 0.0004
    assert variance_share(noise, counts, [a, b]).mean() < 0.0008


def test_function_that_is_the_same_everywhere_has_no_shares():
    landscape = believed(product_space(), lambda rows: np.full(len(rows), 3.0))
    found = decompose(landscape, levels(product_space().compiled, landscape.rows))
    assert {one.share for one in (*found.single, *found.pairs)} == {0.0}
