"""Scales follow the distances between random rows."""

import numpy as np
import pytest

from archbo.errors import ProblemError
from archbo.kernels import RBF, mean_distance, scale_of

ROWS = {"f": np.random.default_rng(0).standard_normal((9, 3))}
F = RBF("f", (1.0, 1.0, 1.0))


def test_mean_distance_is_over_pairs_of_different_rows():
    rows = {"f": np.random.default_rng(1).standard_normal((130, 3))}  # more than one chunk
    D = F.distances(rows, rows)
    pairs = D[:, *np.triu_indices(130, 1)]
    np.testing.assert_allclose(mean_distance(F, rows), pairs.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(scale_of(F, rows), pairs.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_the_scale_stays(n):
    rows = {name: block[:n] for name, block in ROWS.items()}
    np.testing.assert_array_equal(mean_distance(F, rows), np.zeros(3))
    assert scale_of(F, rows) == F.scale


def test_a_composite_kernel_has_no_mean_distance():
    with pytest.raises(ProblemError, match="Sum has no blocks of its own"):
        mean_distance(F + F, ROWS)
