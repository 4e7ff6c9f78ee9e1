"""Similarities of multisets against counting one pair at a time, and against assignments."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

import archbo as ab
from archbo.arrays import stream
from archbo.encodings.graphs import weisfeiler_lehman
from archbo.kernels import HistogramLinear, HistogramMinMax, OptimalAssignment
from archbo.kernels.similarities import intersections
from archbo.spaces.moves import sample


@st.composite
def multisets(draw):
    n, w = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # few labels, so that they repeat; the largest 64-bit numbers among them; 0 is padding
    few = np.array([0, 1, 2, 2**63, 2**64 - 1], dtype=np.uint64)
    labels = np.concatenate([few, rng.integers(3, 2**64, 3, dtype=np.uint64)])
    return labels[rng.integers(0, draw(st.integers(1, 8)), (n, w))]


def counters(block):
    return [Counter(row[row != 0].tolist()) for row in block]


def pairwise(function, a, b):
    return np.array([[function(x, y) for y in counters(b)] for x in counters(a)]).reshape(
        len(a), len(b)
    )


def min_max(x, y):
    return (x & y).total() / (x | y).total() if x or y else 1.0


def cosine(x, y):
    if not x or not y:
        return float(not x and not y)
    dot = sum(count * y[label] for label, count in x.items())
    return dot / np.sqrt(sum(c * c for c in x.values()) * sum(c * c for c in y.values()))


@given(a=multisets(), b=multisets())
def test_what_two_multisets_share_equals_counting(a, b):
    common, size_a, size_b = intersections(a, b)
    np.testing.assert_array_equal(common, pairwise(lambda x, y: (x & y).total(), a, b))
    assert size_a.tolist() == [x.total() for x in counters(a)]
    assert size_b.tolist() == [x.total() for x in counters(b)]


@pytest.mark.parametrize(
    ("kernel", "reference"), [(HistogramMinMax, min_max), (HistogramLinear, cosine)]
)
@given(a=multisets(), b=multisets())
def test_similarities_equal_counting(kernel, reference, a, b):
    found = kernel(("labels",)).similarity({"labels": a}, {"labels": b})
    np.testing.assert_allclose(found, pairwise(reference, a, b), rtol=1e-12)


def test_optimal_assignment_is_the_best_matching_of_the_vertices():
    cell = ab.NodeCell(6, 8, ["conv", "pool"])
    rows = sample(cell.compiled, stream(0, "rows"), 12)
    levels = weisfeiler_lehman(cell.compiled.graphs(rows), 2)
    encoded = {f"wl{k}": level for k, level in enumerate(levels)}
    found = OptimalAssignment(("wl0", "wl1", "wl2")).similarity(encoded, encoded)

    def matched(i, j):
        present_i, present_j = levels[0][i] != 0, levels[0][j] != 0
        worth = sum(np.equal.outer(k[i][present_i], k[j][present_j]).astype(int) for k in levels)
        return worth[linear_sum_assignment(worth, maximize=True)].sum()

    best = np.array([[matched(i, j) for j in range(12)] for i in range(12)])
    own = np.sqrt(best.diagonal())
    np.testing.assert_allclose(found, best / np.multiply.outer(own, own), rtol=1e-12)


def test_several_multisets_are_compared_as_their_union():
    rng = np.random.default_rng(0)
    wl0 = rng.integers(1, 4, (9, 5), dtype=np.uint64)
    wl1 = rng.integers(10, 19, (9, 6), dtype=np.uint64)
    rows = {"wl0": wl0, "wl1": wl1, "both": np.concatenate([wl0, wl1], axis=1)}
    for kernel in (HistogramMinMax, HistogramLinear, OptimalAssignment):
        apart, one = kernel(("wl0", "wl1")), kernel(("both",))
        np.testing.assert_array_equal(apart.similarity(rows, rows), one.similarity(rows, rows))
