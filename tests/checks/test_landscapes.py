"""Correlation lengths, against fields whose correlation is known."""

import numpy as np
import pytest

import archbo as ab
from archbo.checks.landscapes import (
    autocorrelation,
    correlation_length,
    correlogram,
    distances,
    landscape_info,
)
from archbo.data import Dataset, Observation
from archbo.problem import Problem
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows, sample

CHAIN = ab.Chain(ab.Choice(list("abc")), length=6)


def field(space, rows, rng, *, length, noise):
    """Results of a Gaussian field with correlation (1 - noise) exp(-distance / length)."""
    correlation = (1 - noise) * np.exp(-distances(space, rows) / length)
    correlation[np.diag_indices_from(correlation)] = 1 + 1e-9
    return np.linalg.cholesky(correlation) @ rng.normal(size=len(rows))


def random_distances(space, rng):
    return distances(space, sample(space, rng, 300))[np.triu_indices(300, 1)]


@pytest.mark.parametrize(("length", "noise"), [(1.5, 0.05), (5.0, 0.1)])
def test_interval_covers_the_length_that_the_results_were_made_with(length, noise):
    space = CHAIN.compiled
    rng = np.random.default_rng(0)
    truth = correlation_length(length, random_distances(space, rng))
    held = []
    for _ in range(30):
        rows = sample(space, rng, 40)
        info = landscape_info(space, rows, field(space, rows, rng, length=length, noise=noise), rng)
        held.append(info.low <= truth <= info.high)
    assert sum(held) >= 25  # of 30 that hold with 95%, fewer hold once in 300 times


def test_autocorrelation_is_that_of_a_random_walk_over_the_whole_landscape():
    space = CHAIN.compiled
    rng = np.random.default_rng(1)
    rows = stack(list(enumerate_rows(space)))
    apart = distances(space, rows)
    values = field(space, rows, rng, length=4.0, noise=0.0)
    walk = [0]
    for _ in range(20_000):
        walk.append(int(rng.choice(np.flatnonzero(apart[walk[-1]] == 1))))
    weinberger = np.corrcoef(values[walk[:-1]], values[walk[1:]])[0, 1]
    i, j = np.nonzero(apart == 1)  # where a long walk steps from, and to
    assert weinberger == pytest.approx(np.corrcoef(values[i], values[j])[0, 1], abs=0.02)
    some = rng.choice(len(rows), 100, replace=False)
    info = landscape_info(space, rows.take(some), values[some], rng)
    assert info.one_change == pytest.approx(weinberger, abs=0.15)


@pytest.mark.parametrize("distance", [1, 3])
def test_autocorrelation_is_the_mean_over_many_landscapes(distance):
    space = CHAIN.compiled
    rng = np.random.default_rng(2)
    rows = stack(list(enumerate_rows(space)))
    apart = distances(space, rows)
    i, j = np.nonzero(apart == distance)
    fields = [field(space, rows, rng, length=4.0, noise=0.0) for _ in range(25)]
    whole = [(f - f.mean())[i] @ (f - f.mean())[j] / len(i) / f.var() for f in fields]
    expected = autocorrelation(distance, 4.0, random_distances(space, rng))
    assert np.mean(whole) == pytest.approx(expected, abs=0.05)


def test_length_falls_to_one_over_e_and_grows_to_that_of_a_linear_landscape():
    random = random_distances(CHAIN.compiled, np.random.default_rng(2))
    lengths = [correlation_length(length, random) for length in (0.0, 0.3, 1.0, 4.0, 1e6, np.inf)]
    assert lengths == sorted(lengths)
    assert lengths[-1] == pytest.approx(lengths[-2], rel=1e-4)
    for length, found in zip((0.3, 1.0, 4.0), lengths[1:4], strict=True):
        assert autocorrelation(found, length, random) == pytest.approx(np.exp(-1))


def test_results_without_any_structure_have_no_length_worth_the_name():
    space = CHAIN.compiled
    rng = np.random.default_rng(2)
    info = landscape_info(space, sample(space, rng, 80), rng.normal(size=80), rng)
    assert info.low == 0


def test_a_choice_of_good_ones_does_not_shift_the_interval():
    space = CHAIN.compiled
    rng = np.random.default_rng(3)
    rows = stack(list(enumerate_rows(space)))
    values = field(space, rows, rng, length=4.0, noise=0.05)
    problem = Problem.make(CHAIN, maximize="score")
    search = ab.BayesianOptimization(candidates=60, climbs=0).prepare(problem)
    known = dict(zip(space.ids(rows), values, strict=True))
    seen = []
    for k in range(24):
        data = Dataset.make(problem, seen)
        (proposal,) = search.propose(data, 1, np.random.default_rng(k))
        arch = proposal.architecture
        seen.append(Observation(arch, float(known[arch.id])))
    data = Dataset.make(problem, seen)
    info = landscape_info(space, data.rows, data.values, rng)
    truth = correlation_length(4.0, random_distances(space, rng))
    assert info.low <= truth <= info.high


def test_distance_counts_decisions_and_parts_of_ranges():
    space = ab.Space(
        op=ab.Choice(["a", "b"]),
        lr=ab.Float(0.0, 1.0),
        head=ab.Choice({"mlp": ab.Space(width=ab.Int(0, 10)), "linear": None}),
    )
    values = [
        {"op": "a", "lr": 0.0, "head": {"mlp": {"width": 0}}},
        {"op": "b", "lr": 0.5, "head": {"mlp": {"width": 5}}},
        {"op": "a", "lr": 0.0, "head": "linear"},
    ]
    rows = space.compiled.encode([space.architecture(value) for value in values])
    found = distances(space.compiled, rows)
    # to_unit of an integer is its position between the ends
    assert found.round(6).tolist() == [[0, 2.0, 2.0], [2.0, 0, 3.5], [2.0, 3.5, 0]]


def test_correlogram_is_the_variogram_turned_over():
    rng = np.random.default_rng(5)
    space = CHAIN.compiled
    rows, z = sample(space, rng, 25), rng.normal(size=25)
    d = distances(space, rows)
    for pairs in correlogram(z, d):
        squares = [
            (z[i] - z[j]) ** 2 / 2 for i in range(25) for j in range(i) if d[i, j] == pairs.distance
        ]
        assert pairs.count == len(squares)
        assert pairs.correlation == pytest.approx(1 - np.mean(squares) / np.var(z, ddof=1))


@pytest.mark.parametrize(("count", "values"), [(0, None), (5, None), (30, 1.0)])
def test_too_few_or_equal_results_say_nothing(count, values):
    rng = np.random.default_rng(6)
    rows = sample(CHAIN.compiled, rng, count)
    given = np.full(count, values) if values else rng.normal(size=count)
    assert landscape_info(CHAIN.compiled, rows, given, rng) is None
