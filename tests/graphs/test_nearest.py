"""Near graphs against all pairs, by brute force."""

import numpy as np
import pytest

from archbo.graphs.nearest import near_pairs


def multisets(graphs, width, colours, seed):
    return np.random.default_rng(seed).integers(0, colours, size=(graphs, width)).astype(np.uint64)


def distances(multisets):
    """Euclidean, squared, of the counts of all colours but 0."""
    counts = np.array([np.bincount(row.astype(int), minlength=64)[1:] for row in multisets])
    return ((counts[:, None] - counts[None]) ** 2).sum(axis=2)


def as_matrix(pairs, graphs):
    near = np.zeros((graphs, graphs), dtype=bool)
    near[tuple(pairs.T)] = True
    return near


@pytest.mark.parametrize("graphs", [1, 2, 3, 11, 12, 100, 256])
def test_few_graphs_have_their_nearest_and_those_whose_nearest_they_are(graphs):
    given = multisets(graphs, 6, 8, seed=graphs)
    near = as_matrix(near_pairs(given, np.random.default_rng(0)), graphs)
    assert (near == near.T).all()
    assert not near.diagonal().any()
    D = distances(given).astype(float)
    np.fill_diagonal(D, np.inf)
    for k in range(graphs):
        tenth = np.sort(D[k])[min(10, graphs - 1) - 1] if graphs > 1 else 0
        assert near[k, D[k] < tenth].all()
        assert near[k].sum() >= min(10, graphs - 1)


def test_a_pair_that_is_near_is_among_the_ten_nearest_or_on_the_line():
    given = multisets(200, 6, 8, seed=3)
    pairs = near_pairs(given, np.random.default_rng(0))
    D = distances(given).astype(float)
    np.fill_diagonal(D, np.inf)
    tenth = np.sort(D, axis=1)[:, 9]
    far = [(a, b) for a, b in pairs if D[a, b] > max(tenth[a], tenth[b])]
    assert len(far) <= 2 * 199


def test_many_graphs_are_much_nearer_to_their_neighbours_than_to_others():
    rng = np.random.default_rng(1)
    centres = multisets(40, 12, 40, seed=2)
    given = centres[rng.integers(40, size=2000)]
    changed = rng.random(given.shape) < 0.15
    given = np.where(changed, rng.integers(1, 40, size=given.shape), given).astype(np.uint64)
    pairs = near_pairs(given, np.random.default_rng(0))
    near = as_matrix(pairs, 2000)
    assert (near == near.T).all()
    assert 10 <= near.sum(axis=1).min() <= near.sum(axis=1).mean() < 60
    D = distances(given)
    assert D[near].mean() < 0.6 * D.mean()


def test_a_walk_reaches_every_graph():
    given = np.repeat(np.arange(1, 31, dtype=np.uint64), 20)[:, None] * np.ones(3, np.uint64)
    near = as_matrix(near_pairs(given.astype(np.uint64), np.random.default_rng(0)), 600)
    reached = np.zeros(600, dtype=bool)
    reached[0] = True
    for _ in range(600):
        reached |= near[reached].any(axis=0)
    assert reached.all()


def test_the_same_graphs_and_seed_give_the_same_pairs():
    given = multisets(1000, 6, 20, seed=5)
    a, b = (near_pairs(given, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(a, b)
