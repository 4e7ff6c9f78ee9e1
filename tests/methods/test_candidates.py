import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.errors import ExhaustedError
from archbo.methods.candidates import (
    Taken,
    maximin,
    neighborhood,
    new_rows,
    offspring,
    pool,
    random_rows,
    remaining_rows,
)
from archbo.problem import Problem
from archbo.spaces.moves import sample

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
SMALL = ab.Space(a=ab.Choice([0, 1, 2]), b=ab.Bool())


def ids(problem, rows):
    return problem.compiled.ids(rows)


def test_new_rows_are_distinct_networks_that_are_not_taken():
    problem = Problem.make(CELL)
    rows = sample(problem.compiled, stream(0, "test"), 500)
    first = rows.take(slice(0, 100))
    new, taken = new_rows(problem, rows, Taken.of(problem, first))
    found = ids(problem, new)
    assert len(set(found)) == len(found)
    assert set(found) == set(ids(problem, rows)) - set(ids(problem, first))
    assert len(new_rows(problem, rows, taken)[0]) == 0


def test_pool_is_feasible_new_and_mixes_mutants_with_random_members():
    problem = Problem.make(CELL, constraints=[lambda arch: (0, 3, "none") in arch.value])
    best = random_rows(problem, 10, stream(0, "best"), Taken.of(problem))
    rows, _ = pool(problem, best, 400, stream(0, "pool"), Taken.of(problem, best))
    found = ids(problem, rows)
    assert len(found) == len(set(found)) >= 50
    assert not set(found) & set(ids(problem, best))
    assert problem.feasible(rows).all()
    changes = (rows.values[:, None] != best.values).sum(axis=2).min(axis=1)
    assert set(changes[:20].tolist()) == {1}
    assert changes.max() > 2


def test_random_rows_give_all_that_is_left_of_a_small_space():
    problem = Problem.make(SMALL)
    rows = random_rows(problem, 100, stream(0, "test"), Taken.of(problem))
    assert len(set(ids(problem, rows))) == 6
    taken = Taken.of(problem, rows.take(slice(0, 5)))
    (last,) = ids(problem, random_rows(problem, 3, stream(1, "test"), taken))
    assert last == ids(problem, rows)[5]


def test_an_exhausted_space_says_so():
    problem = Problem.make(SMALL)
    everything = remaining_rows(problem, Taken.of(problem))
    taken = Taken.of(problem, everything)
    with pytest.raises(ExhaustedError, match="all 6 different networks of the space are known"):
        random_rows(problem, 1, stream(0, "test"), taken)
    with pytest.raises(ExhaustedError, match="all 6"):
        pool(problem, everything, 40, stream(0, "test"), taken)


def test_exhaustion_under_constraints_mentions_them():
    problem = Problem.make(SMALL, constraints=[lambda arch: arch["a"] == 1])
    taken = Taken.of(problem, remaining_rows(problem, Taken.of(problem)))
    with pytest.raises(ExhaustedError, match="all 2 networks of the space that meet"):
        random_rows(problem, 1, stream(0, "test"), taken)


def test_random_rows_are_found_where_feasible_ones_are_rare():
    space = ab.Chain(ab.Choice(list(range(10))), length=20)
    total = {"total": lambda arch: float(sum(arch.value))}
    problem = Problem.make(space, features=total, constraints={"total": "<= 12"})
    rows = random_rows(problem, 10, stream(0, "test"), Taken.of(problem))
    assert len(set(ids(problem, rows))) == 10
    assert problem.feasible(rows).all()


def test_neighborhood_holds_the_new_neighbors():
    problem = Problem.make(CELL)
    arch = CELL.sample(0)
    rows, _ = neighborhood(problem, arch.rows, Taken.of(problem, arch.rows), most=100)
    expected = {other.id for other in CELL.neighbors(arch)} - {arch.id}
    assert set(ids(problem, rows)) == expected
    assert len(rows) == len(expected)


def test_neighborhood_is_no_larger_than_asked_and_starts_with_the_first_row_s():
    problem = Problem.make(CELL)
    rows = sample(problem.compiled, stream(3, "test"), 5)
    first, _ = neighborhood(problem, rows.take([0]), Taken.of(problem), most=100)
    some, _ = neighborhood(problem, rows, Taken.of(problem), most=60)
    few, _ = neighborhood(problem, rows, Taken.of(problem), most=10)
    assert len(few) <= 10 < len(first) < len(some) <= 60
    assert ids(problem, some)[: len(first)] == ids(problem, first)


def test_maximin_starts_at_the_medoid_and_spreads():
    points = np.array([[0.0], [0.4], [0.5], [0.6], [1.0], [1.0]])
    assert maximin(points, 3) == [2, 0, 4] or maximin(points, 3) == [3, 0, 4]
    assert sorted(maximin(points, 10)) == list(range(6))
    assert maximin(np.zeros((0, 2)), 3) == []


def test_maximin_agrees_with_brute_force():
    points = stream(0, "points").normal(size=(60, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    expected = [int(distances.sum(axis=1).argmin())]
    while len(expected) < 8:
        expected.append(int(distances[expected].min(axis=0).argmax()))
    assert maximin(points, 8) == expected


def test_rare_feasible_members_of_an_infinite_space_are_found_again():
    line = ab.Space(x=ab.Float(0, 1))
    at_hand = Problem.make(line, constraints=[lambda _: True])
    (only,) = at_hand.compiled.architectures(at_hand.examples.take([7]))
    problem = Problem.make(line, constraints=[only.__eq__])
    found = random_rows(problem, 3, stream(0, "test"), Taken.of(problem))
    assert problem.compiled.architectures(found) == [only]
    with pytest.raises(ExhaustedError, match="all 1 networks of the space that meet the constr"):
        random_rows(problem, 3, stream(0, "test"), Taken.of(problem, found))


def test_offspring_are_new_and_near_their_parents_or_between_them():
    problem = Problem.make(ab.Chain(ab.Choice(["a", "b", "c"]), length=30))
    rng = stream(0, "offspring")
    parents = sample(problem.compiled, rng, 2)
    rows, taken = offspring(problem, parents, 80, rng, Taken.of(problem, parents))
    differ = (rows.values[:, None] != parents.values).sum(axis=2)
    between = (rows.values[:, None] == parents.values).any(axis=1).all(axis=1)
    assert ((differ.min(axis=1) <= 2) | between).all()
    assert {1, 2} <= set(differ.min(axis=1).tolist())
    assert between.any()
    assert len(set(ids(problem, rows)) | set(ids(problem, parents))) == len(rows) + 2 > 60
    assert set(problem.compiled.fingerprints(rows).tolist()) <= taken.fingerprints
