"""Curves as they are read, thinned, joined and freed from what is no training."""

import numpy as np
import pytest

from archbo.errors import NumericalError, ProblemError
from archbo.surrogates.learning_curves import Curves

NAN = float("nan")


def rising(n, G, seed=0):
    rng = np.random.default_rng(seed)
    epochs = np.arange(1.0, G + 1)
    values = np.log(epochs) + rng.standard_normal((n, 1)) + 0.01 * rng.standard_normal((n, G))
    return Curves(epochs, values, G)


def test_a_curve_ends_before_it_crashes():
    curves = Curves.read(
        [[(4, 0.7), (1, 0.5), (2, 0.6)], [(1, 0.4), (2, NAN), (4, 0.9)], [(1, -np.inf)], []],
        full=8,
    )
    assert curves.epochs.tolist() == [1, 2, 4]
    np.testing.assert_array_equal(
        curves.values, [[0.5, 0.6, 0.7], [0.4, NAN, NAN], [NAN] * 3, [NAN] * 3]
    )
    assert curves.newest.tolist() == [2, 0, -1, -1]


def test_wrong_epochs_and_infinite_values_are_refused():
    for epochs, full in (([2.0, 1.0], 2), ([0.0, 1.0], 2), ([1.0, 3.0], 2)):
        with pytest.raises(ProblemError, match="ascending and at most full=2"):
            Curves(np.array(epochs), np.zeros((1, 2)), full)
    with pytest.raises(NumericalError, match=r"Curves\.read leaves out"):
        Curves(np.array([1.0]), np.array([[np.inf]]), 2)


def test_thinning_keeps_few_epochs_and_all_newest():
    curves = rising(6, 50)
    values = curves.values.copy()
    ends = [1, 9, 23, 24, 37, 50]
    for row, end in zip(values, ends, strict=True):
        row[end:] = NAN
    thin = curves.with_values(values).thinned(8)
    assert thin.known.sum(axis=1).max() <= 9
    assert thin.epochs[thin.newest].tolist() == ends
    assert thin.shortest == 1
    for i, g in zip(*np.nonzero(thin.known), strict=True):
        assert thin.values[i, g] == values[i, int(thin.epochs[g]) - 1]


def test_few_epochs_stay_as_they_are():
    curves = rising(3, 8)
    assert curves.thinned(8) is curves


def test_a_jump_is_found_where_it_began_also_after_thinning():
    curves = rising(20, 50)
    values = curves.values.copy()
    values[3, 30:] -= 5
    found = curves.with_values(values).with_jumps()
    assert found.jumps[3] == 30
    assert (np.delete(found.jumps, 3) == 50).all()
    thin = found.thinned(10)
    assert thin.epochs[thin.jumps[3]] >= 31
    assert thin.epochs[thin.jumps[3] - 1] < 31


def test_after_a_jump_values_are_no_lower_than_the_lowest_before_any():
    curves = rising(20, 10)
    values = curves.values.copy()
    values[3, 6:] = -1e9
    found = curves.with_values(values).with_jumps()
    assert found.values[3, 6:].tolist() == [np.delete(values, 3, axis=0).min()] * 4


def test_a_single_bad_value_is_left_out():
    curves = rising(20, 10)
    values = curves.values.copy()
    values[3, 4] -= 5
    found = curves.with_values(values).with_jumps()
    assert np.isnan(found.values[3, 4])
    assert (found.jumps == 10).all()
    assert found.known.sum() == 199


def test_large_steps_are_none_where_all_take_them():
    curves = rising(20, 10)
    values = curves.values.copy()
    values[:, 5:] -= 5 * np.random.default_rng(0).random((20, 1))
    assert (curves.with_values(values).with_jumps().jumps == 10).all()


def test_joined_curves_have_the_epochs_of_both():
    first = Curves(np.array([1.0, 3.0]), np.array([[1.0, 2.0]]), 9, jumped=np.array([1]))
    both = first.joined(Curves(np.array([2.0, 9.0]), np.array([[5.0, 6.0]]), 9))
    assert both.epochs.tolist() == [1, 2, 3, 9]
    np.testing.assert_array_equal(both.values, [[1, NAN, 2, NAN], [NAN, 5, NAN, 6]])
    assert both.jumps.tolist() == [2, 4]
    assert both.take(np.array([1])).jumps.tolist() == [4]


def test_two_curves_do_not_tell_what_is_usual():
    curves = rising(2, 10)
    values = curves.values.copy()
    values[0, 5:] -= 50
    assert (curves.with_values(values).with_jumps().jumps == 10).all()
