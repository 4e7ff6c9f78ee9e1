"""Kernels whose decisions share hyperparameters, against their definitions and other kernels."""

import numpy as np
import pytest

from archbo.errors import ProblemError
from archbo.kernels import Additive, GroupedHamming, Hamming

RNG = np.random.default_rng(0)
GROUPS = (0, 1, 0, 0)


def decisions(n, *, active=0.7):
    return {
        "x": RNG.integers(0, 3, (n, 4)).astype(float),
        "x.active": RNG.random((n, 4)) < active,
    }


A, B = decisions(8), decisions(6)
THETA = np.array([0.3, -0.7])


def test_grouped_hamming_is_hamming_with_equal_length_scales():
    grouped = GroupedHamming("x", GROUPS, (1.5, 0.8))
    scales = np.array(grouped.scale)[list(GROUPS)]
    each = Hamming("x", tuple(scales))
    np.testing.assert_allclose(
        grouped.covariance(THETA, grouped.distances(A, B)),
        each.covariance(THETA[list(GROUPS)], each.distances(A, B)),
        rtol=1e-13,
    )


def test_of_scales_each_group_to_mean_distance_one():
    kernel = GroupedHamming.of("x", GROUPS, A)
    D = kernel.distances(A, A)
    np.testing.assert_allclose(D.sum(axis=(1, 2)) / (8 * 7), 1.0, rtol=1e-12)
    assert kernel.names == ("x.group0", "x.group1")


def test_additive_is_the_covariance_of_a_sum_of_independent_effects():
    kernel = Additive("x", GROUPS)
    variances = np.exp(THETA)[list(GROUPS)] / np.bincount(GROUPS)[list(GROUPS)]

    def features(rows):
        """A column for each option of each decision, inactive being one, times its effect's sd."""
        states = np.where(rows["x.active"], rows["x"], 3)
        hot = states[:, :, None] == np.arange(4)
        return (hot * np.sqrt(variances)[:, None]).reshape(len(states), -1)

    K = kernel.covariance(THETA, kernel.distances(A, B))
    np.testing.assert_allclose(K, features(A) @ features(B).T, atol=1e-14)


def test_additive_foresees_the_joint_effect_of_changes_seen_one_by_one():
    rows = {"x": np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]]), "x.active": np.ones((4, 2), bool)}
    kernel = Additive("x", (0, 0))
    K = kernel.covariance(np.zeros(1), kernel.distances(rows, rows))
    z = np.array([0.0, 1.0, 2.0])
    seen, new = K[:3, :3] + 1e-10 * np.eye(3), K[3, :3]
    # of the prior 0 mean, only the part of the base that no effect explains is left
    assert new @ np.linalg.solve(seen, z) == pytest.approx(3.0, abs=1e-6)
    assert K[3, 3] - new @ np.linalg.solve(seen, new) == pytest.approx(0.0, abs=1e-8)


def test_the_prior_of_all_groups_of_a_sum_is_one():
    prior = (Additive("x", GROUPS) + Hamming("x", (1.0,) * 4)).prior
    assert np.exp(prior.mean[:2]).sum() == pytest.approx(0.5)


@pytest.mark.parametrize("kernel", [GroupedHamming("x", (0, 0), (1.0,)), Additive("x", (0, 0))])
def test_other_columns_than_groups_are_refused(kernel):
    with pytest.raises(ProblemError, match="2 scales for block 'x' of 4 columns"):
        kernel.distances(A, A)
