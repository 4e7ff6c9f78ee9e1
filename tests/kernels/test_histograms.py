"""Distances of multisets against counting one pair at a time."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archbo.kernels import HistogramRBF
from archbo.kernels.histograms import squared_distances


@st.composite
def multisets(draw):
    n, w = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # Few labels, so that they repeat; the largest 64-bit numbers among them; 0 is padding.
    few = np.array([0, 1, 2, 2**63, 2**64 - 1], dtype=np.uint64)
    labels = np.concatenate([few, rng.integers(3, 2**64, 3, dtype=np.uint64)])
    return labels[rng.integers(0, draw(st.integers(1, 8)), (n, w))]


@given(a=multisets(), b=multisets())
def test_distance_equals_counting(a, b):
    expected = np.zeros((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            p, q = Counter(x[x != 0].tolist()), Counter(y[y != 0].tolist())
            expected[i, j] = sum((p[label] - q[label]) ** 2 for label in p | q)
    np.testing.assert_array_equal(squared_distances(a, b), expected)


def test_order_and_padding_do_not_count():
    a = np.array([[3, 1, 3]], dtype=np.uint64)
    b = np.array([[0, 1, 3, 0, 3]], dtype=np.uint64)
    assert squared_distances(a, b) == 0


def test_several_multisets_are_compared_as_their_union():
    rng = np.random.default_rng(0)
    wl0 = rng.integers(1, 4, (9, 5), dtype=np.uint64)
    wl1 = rng.integers(10, 19, (9, 6), dtype=np.uint64)
    rows = {"wl0": wl0, "wl1": wl1, "both": np.concatenate([wl0, wl1], axis=1)}
    apart = HistogramRBF(("wl0", "wl1"), (2.0,)).distances(rows, rows)
    np.testing.assert_array_equal(apart, HistogramRBF(("both",), (2.0,)).distances(rows, rows))


def test_of_scales_to_mean_distance_one():
    rows = {"labels": np.random.default_rng(1).integers(0, 5, (30, 4), dtype=np.uint64)}
    kernel = HistogramRBF.of(("labels",), rows)
    np.testing.assert_allclose(kernel.distances(rows, rows).sum() / (30 * 29), 1.0)
    assert kernel.names == ("labels",)
