import numpy as np
from scipy.spatial.distance import cdist

from archbo.kernels import Isotropic
from archbo.testing.kernels import check

ROWS = {"encoding": np.random.default_rng(0).standard_normal((9, 4))}


def test_it_keeps_the_laws_of_kernels():
    check(Isotropic("encoding", (2.0,)), ROWS, np.zeros(1))


def test_distances_are_squared_euclidean_ones_over_the_scale():
    x, y = ROWS["encoding"][:4], ROWS["encoding"][4:]
    found = Isotropic("encoding", (2.0,)).distances({"encoding": x}, {"encoding": y})
    assert np.allclose(found[0], cdist(x, y, "sqeuclidean") / 2)


def test_the_mean_distance_over_a_sample_becomes_1():
    kernel = Isotropic.of("encoding", ROWS)
    D = kernel.distances(ROWS, ROWS)[0]
    assert np.isclose(D.sum() / (9 * 8), 1)
