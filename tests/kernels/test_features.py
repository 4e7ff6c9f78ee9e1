"""The kernel of features against scikit-learn."""

import numpy as np
from sklearn.gaussian_process import kernels as sk

from archbo.kernels import RBF


def test_rbf_equals_scikit_learn():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 3)), rng.standard_normal((4, 3))
    scale, theta = np.array([0.5, 2.0, 1.0]), rng.standard_normal(3)
    kernel = RBF("f", tuple(scale))
    K = kernel.covariance(theta, kernel.distances({"f": x}, {"f": y}))
    # exp(-(x - y)² / (2 l²)) there
    reference = sk.RBF(length_scale=np.sqrt(scale / (2 * np.exp(theta))))
    np.testing.assert_allclose(K, reference(x, y), rtol=1e-12)


def test_of_keeps_the_scale_of_a_constant_feature():
    rng = np.random.default_rng(1)
    rows = {"f": np.stack([rng.standard_normal(20), np.full(20, 3.0)], axis=1)}
    first, second = RBF.of("f", rows).scale
    x = rows["f"][:, 0]
    assert np.isclose(first, (np.subtract.outer(x, x) ** 2).sum() / (20 * 19))
    assert second == 1.0
