"""Principal components against scikit-learn's."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from archbo.encodings import Projection
from archbo.encodings.projection import principal_axes
from archbo.errors import ProblemError

COLUMNS = np.random.default_rng(0).standard_normal((30, 6)) * [5, 1, 4, 3, 2, 0]


def test_axes_are_those_of_scikit_learn():
    center, axes = principal_axes(COLUMNS, 4)
    fitted = PCA(4).fit(COLUMNS)
    np.testing.assert_allclose(center, fitted.mean_)
    np.testing.assert_allclose(np.abs(axes.T), np.abs(fitted.components_), atol=1e-12)


def test_the_sign_of_an_axis_does_not_depend_on_that_of_the_rows():
    _, axes = principal_axes(COLUMNS, 3)
    _, mirrored = principal_axes(-COLUMNS, 3)
    np.testing.assert_allclose(axes, mirrored, atol=1e-12)
    assert (axes[np.abs(axes).argmax(axis=0), np.arange(3)] > 0).all()


def test_distances_are_kept_where_there_are_dimensions_enough(node_cell, random_rows):
    rows = random_rows(node_cell, 30)
    wide = Projection(200)
    columns = wide._columns.prepare(node_cell.compiled, rows)(rows)
    found = wide.prepare(node_cell.compiled, rows)(rows)
    for x in (columns, found):
        x -= x.mean(axis=0)
    np.testing.assert_allclose(found @ found.T, columns @ columns.T, atol=1e-6)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ProblemError, match="dimensions must be at least 1, got 0"):
        Projection(0)
    with pytest.raises(ProblemError, match="rounds must be at least 0, got -1"):
        Projection(rounds=-1)
