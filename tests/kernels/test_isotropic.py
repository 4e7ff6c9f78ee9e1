"""One length scale for a whole block, against scikit-learn."""

import numpy as np
import pytest
from sklearn.gaussian_process import kernels

from archbo.errors import ProblemError
from archbo.kernels import Isotropic, IsotropicMatern52

RNG = np.random.default_rng(0)
A, B = {"x": RNG.standard_normal((9, 4))}, {"x": RNG.standard_normal((7, 4))}


def test_rbf_equals_scikit_learns():
    kernel = Isotropic("x", (3.0,))
    found = kernel.covariance(np.array([0.4]), kernel.distances(A, B))
    length = np.sqrt(3.0 / (2 * np.exp(0.4)))
    np.testing.assert_allclose(found, kernels.RBF(length)(A["x"], B["x"]), rtol=1e-12)


def test_matern_equals_scikit_learns():
    kernel = IsotropicMatern52("x", (3.0,))
    found = kernel.covariance(np.array([0.4]), kernel.distances(A, B))
    expected = kernels.Matern(np.sqrt(3.0 / np.exp(0.4)), nu=2.5)(A["x"], B["x"])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [Isotropic, IsotropicMatern52])
def test_of_scales_to_mean_distance_one(kind):
    kernel = kind.of("x", A)
    np.testing.assert_allclose(kernel.distances(A, A).sum() / (9 * 8), 1.0)
    assert kernel.names == ("x",)
    with pytest.raises(ProblemError, match="no block 'x'"):
        kernel.distances({"y": A["x"]}, A)
