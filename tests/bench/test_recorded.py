from dataclasses import replace

import numpy as np

from archbo.bench import regret
from archbo.bench.recorded import by_id


def test_the_truth_is_the_mean_of_full_trainings(small, archs):
    assert [small.truth(arch) for arch in archs] == list(np.arange(9) + 0.5)
    assert small.best == 8.5
    assert [regret(small, arch) for arch in archs] == list(8.0 - np.arange(9))
    assert small.optima == {archs[-1].id}


def test_the_objective_is_one_training(small, archs):
    seen = {small.objective(archs[4], seed) for seed in range(30)}
    assert seen == {4.0, 5.0}
    # a curve is of one training
    for seed in range(10):
        assert small.objective(archs[4], seed, 3) == small.objective(archs[4], seed, 9) / 10


def test_repeats_go_through_the_recorded_seeds(small, archs):
    for seed in range(5):
        assert {small.objective(archs[4], seed, repeat=k) for k in range(2)} == {4.0, 5.0}
        first, third = (small.objective(archs[4], seed, repeat=k) for k in (0, 2))
        assert first == third


def test_gaps_are_never_drawn(small, archs):
    values = small.values.copy()
    values[:, 1, 1] = np.nan
    gaps = replace(small, values=values)
    assert {gaps.objective(archs[4], seed, repeat=k) for seed in range(9) for k in range(3)} == {
        4.0
    }
    assert gaps.truth(archs[4]) == 4.0


def test_a_failed_training_has_no_value_but_a_truth(small, archs):
    assert small.objective(archs[5], 0) is None
    assert small.objective(archs[5], 0, 3) is not None
    assert small.truth(archs[5]) == 5.5


def test_what_else_is_known(small, archs):
    assert small.test(archs[3]) == 103
    assert small.seconds(archs[3]) == 12
    assert small.seconds(archs[3], 3) == 4
    assert small.features["params"](archs[3]) == 9
    assert small.measured["latency"](archs[3]) == -3
    nothing = replace(small, tests=None, times=None)
    assert nothing.test(archs[3]) is nothing.seconds(archs[3]) is None


def test_networks_can_be_found_by_their_id(small, archs):
    ids = [arch.id for arch in archs[::-1]]
    found = replace(small, rows=small.rows.take(slice(None, None, -1)), position=by_id(ids))
    assert found.position(archs[0]) == 8


def test_the_smallest_is_best_where_it_is_minimised(small, archs):
    least = replace(small, maximize=False)
    assert least.best == 0.5
    assert regret(least, archs[3]) == 3
    assert least.optima == {archs[0].id}
