"""Kernels of decisions against scikit-learn and pair-by-pair definitions."""

import numpy as np
import pytest
from sklearn.gaussian_process import kernels as sk

from archbo.kernels import Hamming, Matern52


def decisions(rng, n, columns, *, active):
    return {
        "x": rng.integers(0, 3, (n, columns)).astype(float),
        "x.active": rng.random((n, columns)) < active,
    }


def test_hamming_equals_its_definition_pair_by_pair():
    rng = np.random.default_rng(0)
    a, b = decisions(rng, 7, 4, active=0.6), decisions(rng, 5, 4, active=0.6)
    scale, theta = (0.5, 1.0, 2.0, 0.7), rng.standard_normal(4)
    kernel = Hamming("x", scale)
    K = kernel.covariance(theta, kernel.distances(a, b))
    for i in range(7):
        for j in range(5):
            s = 0.0
            for d in range(4):
                states = [
                    rows["x"][k, d] if rows["x.active"][k, d] else "inactive"
                    for rows, k in ((a, i), (b, j))
                ]
                s += np.exp(theta[d]) / scale[d] * (states[0] != states[1])
            assert K[i, j] == pytest.approx(np.exp(-s), rel=1e-13)


@pytest.mark.parametrize("kind", [Hamming, Matern52])
def test_what_an_inactive_decision_says_never_counts(kind):
    rng = np.random.default_rng(1)
    rows = decisions(rng, 8, 3, active=0.5)
    other = rows | {"x": np.where(rows["x.active"], rows["x"], -7.25)}
    kernel = kind("x", (1.0,) * 3)
    np.testing.assert_array_equal(kernel.distances(rows, rows), kernel.distances(other, other))


@pytest.mark.parametrize("kind", [Hamming, Matern52])
def test_rows_without_a_decision_agree_about_it(kind):
    rows = {"x": np.array([[0.3], [0.9]]), "x.active": np.zeros((2, 1), dtype=bool)}
    np.testing.assert_array_equal(kind("x", (1.0,)).distances(rows, rows), np.zeros((1, 2, 2)))


def test_matern_equals_scikit_learn_where_all_is_active():
    rng = np.random.default_rng(2)
    x, y = rng.random((6, 3)), rng.random((4, 3))
    scale, theta = np.array([0.2, 0.3, 1.0]), rng.standard_normal(3)
    a = {"x": x, "x.active": np.ones((6, 3), dtype=bool)}
    b = {"x": y, "x.active": np.ones((4, 3), dtype=bool)}
    kernel = Matern52("x", tuple(scale))
    # r² = 5 sum (x - y)² / l² there, 5 sum theta (x - y)² / scale here
    reference = sk.Matern(length_scale=np.sqrt(scale / np.exp(theta)), nu=2.5)
    K = kernel.covariance(theta, kernel.distances(a, b))
    np.testing.assert_allclose(K, reference(x, y), rtol=1e-12)


def test_matern_sees_activity_as_a_distance_of_the_whole_range():
    rows = {"x": np.array([[0.5], [1.0], [0.1]]), "x.active": np.array([[True], [True], [False]])}
    D = Matern52("x", (2.0,)).distances(rows, rows)[0]
    np.testing.assert_allclose(D[:, 2], [0.5, 0.625, 0.0])


@pytest.mark.parametrize("kind", [Hamming, Matern52])
def test_of_scales_each_decision_to_mean_distance_one(kind):
    rows = decisions(np.random.default_rng(3), 40, 3, active=0.8)
    kernel = kind.of("x", rows)
    D = kernel.distances(rows, rows)
    np.testing.assert_allclose(D.sum(axis=(1, 2)) / (40 * 39), 1.0, rtol=1e-12)
    assert kernel.names == ("x.0", "x.1", "x.2")
