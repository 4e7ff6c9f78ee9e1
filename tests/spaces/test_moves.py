"""Moves: distributions, completeness of neighbors, and corners that once went wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.errors import SpaceError
from archbo.spaces import Bool, Chain, Choice, EdgeCell, Float, Int, NodeCell, Part, Space
from archbo.spaces.compiled import from_unit, middle_unit, to_unit
from archbo.spaces.moves import crossover, enumerate_rows, mutate, neighbors, sample

SMALL = [
    Space(a=Choice({"x": Choice(["p", "q", "r"]), "y": None}), b=Int(1, 3), c=Bool()),
    Chain(Choice({"x": Bool(), "y": None}), length=(1, 3)),
    EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"]),
    NodeCell(max_nodes=4, max_edges=4, ops=["conv", "pool"]),
    Choice({"cell": NodeCell(max_nodes=3, max_edges=2, ops=["conv", "pool"]), "none": None}),
    Chain(Chain(Bool(), length=(1, 2)), length=(1, 2)),
]


@pytest.mark.parametrize("space", SMALL, ids=repr)
def test_neighbors_are_all_members_one_decision_away(space):
    compiled = space.compiled
    rows = compiled.encode(list(space.enumerate()))
    for k in range(0, len(rows), max(1, len(rows) // 40)):
        expected = set()
        for other, active, key in zip(rows.values, rows.active, rows.keys(), strict=True):
            both = np.flatnonzero(active & rows.active[k] & (other != rows.values[k]))
            changed = np.flatnonzero((active != rows.active[k]) | (other != rows.values[k]))
            roots = [
                d for d in both if set(changed) - {d} <= set(compiled.dependents[d].nonzero()[0])
            ]
            # what both take, and does not depend on being switched, stays as it is
            if len(both) == 1 and roots:
                expected.add(key)
        assert set(neighbors(compiled, rows.take([k])).keys()) == expected


@given(low=st.integers(1, 60), width=st.integers(0, 1000), log=st.booleans())
def test_every_integer_has_its_own_interval_of_positions(low, width, log):
    (decision,) = Int(low, low + width, log=log).compiled.decisions
    values = np.arange(low, low + width + 1, dtype=float)
    np.testing.assert_array_equal(from_unit(decision, middle_unit(decision, values)), values)
    np.testing.assert_array_equal(from_unit(decision, np.array([0.0, 1.0])), values[[0, -1]])
    unit = to_unit(decision, values)
    assert (np.diff(unit) > 0).all()
    assert unit[0] == 0
    assert unit[-1] == float(width > 0)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("low", "high"), [(1e-4, 1e-1), (1e-300, 1e300), (5e-324, 1), (1, 1e-9 + 1)]
)
def test_reals_go_to_the_unit_interval_and_back(low, high, log):
    (decision,) = Float(low, high, log=log).compiled.decisions
    unit = np.linspace(0, 1, 101)
    values = from_unit(decision, unit)
    np.testing.assert_allclose(values[[0, -1]], [low, high], rtol=1e-12)
    assert ((values >= low) & (values <= high)).all()
    np.testing.assert_allclose(to_unit(decision, values), unit, atol=1e-6)


def test_samples_are_uniform_over_options_and_over_the_logarithm():
    space = Space(
        op=Choice(list("abcd")),
        n=Int(1, 4),
        lr=Float(1e-4, 1e-1, log=True),
        w=Int(1, 100, log=True),
    )
    values = sample(space.compiled, np.random.default_rng(0), 4000).values
    for column, low in ((0, 0), (1, 1)):
        counts = np.bincount(values[:, column].astype(int) - low)
        # five standard deviations of a count with p = 1/4
        assert (np.abs(counts - 1000) < 5 * np.sqrt(4000 * 3 / 16)).all()
    for column, middle in ((2, 10**-2.5), (3, np.sqrt(0.5 * 100.5))):
        assert abs((values[:, column] < middle).mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)


def test_a_mutated_integer_stays_around_its_value():
    space = Int(1, 1024, log=True)
    rows = space.compiled.encode([space.architecture(32)] * 2000)
    values = mutate(space.compiled, rows, np.random.default_rng(0)).values[:, 0]
    # the median of a symmetric step on the logarithm
    assert 0.42 < (values < 32).mean() < 0.58
    assert (values != 32).all()


def test_a_real_between_two_neighboring_doubles_still_mutates():
    space = Float(1.0, float(np.nextafter(1.0, 2.0)))
    assert space.mutate(space.architecture(1.0), 0).value == np.nextafter(1.0, 2.0)


def test_what_is_switched_on_starts_within_its_bounds():
    # the layers behind the first are switched on by the length, which itself is switched on
    space = Choice({"none": None, "deep": Chain(Int(4, 400), length=(1, 5))})
    (deep,) = space.neighbors(space.architecture("none"))
    assert deep.value == {"deep": [202, 202, 202]}
    assert space.architecture("none") in space.neighbors(deep)


def test_what_is_switched_on_may_be_huge():
    space = Choice({"wide": Int(0, 2**40), "none": None})
    assert [n.value for n in space.neighbors(space.architecture("none"))] == [{"wide": 2**39}]
    assert space.architecture("none") not in space.neighbors(space.architecture({"wide": 3}))


def test_a_step_reaches_the_end_of_a_range_in_spite_of_rounding():
    for space in (Float(0.1, 0.7), Float(1e-4, 1e-1, log=True), Float(3, 1e7, log=True)):
        for end in (space.low, space.high):
            start = space.architecture(end)
            for other in space.neighbors(start):
                assert any(np.isclose(back.value, end) for back in space.neighbors(other))


def test_a_cell_that_no_single_valid_change_leaves_mutates_by_more():
    cell = NodeCell(max_nodes=3, max_edges=2, ops=["conv"])
    through = cell.architecture({"ops": ["conv"], "edges": [(0, 1), (1, 2)]})
    direct = cell.architecture({"ops": [], "edges": [(0, 1)]})
    assert cell.mutate(through, 0).id == direct.id
    assert cell.mutate(direct, 0).id == through.id


def test_a_large_dead_cell_mutates_into_a_living_one():
    cell = EdgeCell(nodes=12, ops=["none", "conv"])
    dead = cell.architecture([(s, t, "none") for s, t in cell.edges])
    for seed in range(5):
        assert cell.mutate(dead, seed).id != dead.id


def test_a_child_of_two_cells_is_mixed_or_whole_but_never_simply_the_first():
    cell = NodeCell(max_nodes=6, max_edges=5, ops=["conv", "pool"])
    space = Space(cell=cell, flags=Chain(Bool(), 8))
    rng = np.random.default_rng(0)
    a, b = (sample(space.compiled, rng, 200) for _ in range(2))
    child = crossover(space.compiled, a, b, rng)
    assert space.compiled.valid(child).all()
    assert (child.values != a.values).any(axis=1).mean() > 0.9


def test_enumeration_of_a_wide_integer_needs_little_memory():
    space = Space(a=Bool(), n=Int(0, 2**40))
    batch = next(enumerate_rows(space.compiled, chunk=100))
    assert len(batch) <= 100


@pytest.mark.parametrize("chunk", [1, 2, 7, 100_000])
@pytest.mark.parametrize("space", SMALL, ids=repr)
def test_enumeration_does_not_depend_on_the_size_of_its_batches(space, chunk):
    batches = list(enumerate_rows(space.compiled, chunk=chunk))
    assert all(0 < len(rows) <= chunk for rows in batches)
    keys = [key for rows in batches for key in rows.keys()]  # noqa: SIM118 - no mapping
    assert len(keys) == len(set(keys)) == space.size


def test_a_space_of_one_network_says_so():
    with pytest.raises(SpaceError, match=r"no other network to mutate into\. Give at least one"):
        Space(a=Int(3, 3)).mutate(Space(a=Int(3, 3)).sample(0), 0)


def test_a_real_cannot_be_enumerated():
    with pytest.raises(SpaceError, match=r"space\.lr: infinitely many .* Use a Choice or an Int"):
        next(Space(lr=Float(0, 1)).enumerate())


class _Even(Choice):
    """A kind of part that rejects some of its numbers and has no draw of its own."""

    def valid(self, values):
        return values[:, 0] % 2 == 0


def test_a_constrained_part_of_another_kind_is_sampled_and_moved_validly():
    space: Part = Space(a=_Even(list("abcdef")), b=Bool())
    rows = sample(space.compiled, np.random.default_rng(0), 50)
    assert set(rows.values[:, 0]) == {0, 2, 4}
    assert set(mutate(space.compiled, rows, np.random.default_rng(1)).values[:, 0]) == {0, 2, 4}
    assert len(list(space.enumerate())) == 6
