"""Bounds for a number of classes, against populations that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbo.checks.classes import Bounds, class_bounds
from archbo.spaces import EdgeCell, NodeCell
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows

NB201 = ["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]


def multiplicities(cell):
    """How many members of a cell each of its networks has, by going through all."""
    ids = cell.compiled.ids(stack(list(enumerate_rows(cell.compiled))))
    return np.unique(ids, return_counts=True)[1]


def lognormal():
    rng = np.random.default_rng(7)
    return np.maximum(1, rng.lognormal(1, 2, 3000).astype(int))


POPULATIONS = {
    "NAS-Bench-201": lambda: multiplicities(EdgeCell(nodes=4, ops=NB201)),
    "NAS-Bench-201 without pooling": lambda: multiplicities(EdgeCell(nodes=4, ops=NB201[:4])),
    "NAS-Bench-201 with one convolution": lambda: multiplicities(EdgeCell(nodes=4, ops=NB201[:3])),
    "a small NodeCell": lambda: multiplicities(NodeCell(max_nodes=5, max_edges=6, ops=["a", "b"])),
    "few big classes and many of one": lambda: np.r_[10_000, 2000, 2000, 2000, np.ones(3000, int)],
    "all of one": lambda: np.ones(8000, int),
    "equal classes": lambda: np.full(2000, 10),
    "Zipf": lambda: 1 + 20_000 // np.arange(1, 3001),
    "lognormal": lognormal,
    "one class": lambda: np.array([5000]),
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_bounds_hold_as_often_as_they_promise(name):
    sizes = POPULATIONS[name]()
    population, truth = int(sizes.sum()), len(sizes)
    rng = np.random.default_rng(1)
    held = []
    for part in (0.01, 0.1, 0.5, 2.0):
        for _ in range(15):
            counts = rng.poisson(part * sizes)
            low, high = class_bounds(
                counts[counts > 0], draws=part * population, population=population
            )
            held.append(low <= truth <= high)
    # of 60 intervals that hold with 95% each, fewer than 52 hold once in 200 times
    assert sum(held) >= 52


def test_published_networks_of_nas_bench_201_lie_within_bounds_that_narrow():
    sizes = multiplicities(EdgeCell(nodes=4, ops=NB201))
    assert (int(sizes.sum()), len(sizes)) == (15_625, 5_425)
    rng = np.random.default_rng(0)
    widths = []
    for draws in (1000, 4000, 16_000, 64_000):
        counts = rng.poisson(draws * sizes / 15_625)
        low, high = class_bounds(counts[counts > 0], draws=draws, population=15_625)
        assert low <= 5_425 <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[2] < 1500


def test_lower_bound_holds_where_members_are_unequally_likely():
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.full(3000, 0.3))
    for draws in (300, 3000, 30_000):
        for _ in range(10):
            counts = rng.poisson(draws * shares)
            low, high = class_bounds(counts[counts > 0], draws=draws, population=None)
            assert (counts > 0).sum() <= low <= 3000
            assert high is None


def test_unseen_classes_are_inferred_from_those_seen_once():
    counts = np.random.default_rng(3).poisson(1.0, size=4000)  # 10,000 draws would see all
    low, _ = class_bounds(counts[counts > 0], draws=4000, population=None)
    assert (counts > 0).sum() < low <= 4000


def test_a_sample_without_any_repetition_bounds_almost_nothing_from_above():
    bounds = class_bounds(np.ones(40, int), draws=40, population=10**9)
    assert bounds.low >= 40
    assert bounds.high > 10**8


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=60), part=st.floats(0.01, 3))
def test_bounds_are_between_what_was_seen_and_the_population(sizes, part):
    sizes = np.array(sizes)
    counts = np.random.default_rng(0).poisson(part * sizes)
    bounds = class_bounds(counts[counts > 0], draws=part * sizes.sum(), population=int(sizes.sum()))
    assert (counts > 0).sum() <= bounds.low <= bounds.high <= sizes.sum()


def test_known_number_is_exact():
    assert Bounds(7, 7).exact
    assert not Bounds(7, 8).exact
    assert not Bounds(7, None).exact
