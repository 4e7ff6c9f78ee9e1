"""Cholesky factors against numpy, and what happens to matrices that have none."""

import numpy as np
import pytest

from archbo.errors import NumericalError
from archbo.surrogates.linalg import cholesky


def positive_definite(n, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, n + 2))
    return x @ x.T + 0.1 * np.eye(n)


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_a_factor_gives_what_numpy_gives(n):
    A = positive_definite(n)
    b, B = np.arange(n, dtype=float), np.random.default_rng(1).standard_normal((n, 3))
    factor = cholesky(A)
    np.testing.assert_allclose(factor.lower, np.linalg.cholesky(A), atol=1e-12)
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(A)[1], abs=1e-10)
    np.testing.assert_allclose(factor.solve(b), np.linalg.solve(A, b), rtol=1e-9)
    np.testing.assert_allclose(factor.solve(B), np.linalg.solve(A, B), rtol=1e-9)
    np.testing.assert_allclose(factor.lower @ factor.whiten(B), B, atol=1e-12)
    np.testing.assert_allclose(factor.inverse(), np.linalg.inv(A), rtol=1e-9)
    assert factor.jitter == 0
    assert factor.n == n


@pytest.mark.parametrize(("n", "q"), [(0, 0), (0, 2), (5, 0), (5, 1), (5, 3)])
def test_an_extended_factor_equals_the_factor_of_the_whole(n, q):
    A = positive_definite(n + q)
    extended = cholesky(A[:n, :n]).extend(A[:n, n:], A[n:, n:])
    np.testing.assert_allclose(extended.lower, np.linalg.cholesky(A), atol=1e-12)
    b = np.arange(n + q, dtype=float)
    np.testing.assert_allclose(extended.solve(b), np.linalg.solve(A, b), rtol=1e-9)


def test_the_argument_and_the_factor_are_never_changed():
    A = positive_definite(4)
    before = A.copy()
    factor = cholesky(A)
    upper = factor.upper.copy()
    b = np.ones(4)
    factor.solve(b)
    factor.whiten(b)
    factor.inverse()
    factor.extend(np.zeros((4, 1)), np.ones((1, 1)))
    np.testing.assert_array_equal(A, before)
    np.testing.assert_array_equal(factor.upper, upper)
    np.testing.assert_array_equal(b, np.ones(4))


def test_only_the_lower_triangle_is_read():
    A = positive_definite(4)
    spoilt = np.tril(A) + np.triu(np.full((4, 4), np.nan), 1)
    np.testing.assert_allclose(cholesky(spoilt).lower, np.linalg.cholesky(A), atol=1e-12)


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_a_singular_matrix_gets_the_least_jitter_that_helps(size):
    A = size * np.ones((3, 3))
    factor = cholesky(A)
    assert 0 < factor.jitter <= 1e-9 * size
    np.testing.assert_allclose(factor.lower @ factor.lower.T, A, rtol=1e-8)


def test_a_row_that_comes_twice_extends_with_jitter():
    A = positive_definite(3)
    twice = cholesky(A).extend(A[:, :1], A[:1, :1])
    assert twice.jitter > 0
    np.testing.assert_allclose((twice.lower @ twice.lower.T)[3, 3], A[0, 0], rtol=1e-3)


def test_an_indefinite_matrix_is_an_error_that_names_its_lowest_eigenvalue():
    with pytest.raises(NumericalError, match=r"2 rows is not positive definite: .* is -1, and"):
        cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_entries_that_are_not_finite_are_counted():
    A = np.eye(3)
    A[1, 0] = A[0, 1] = np.nan
    with pytest.raises(NumericalError, match="2 of the 9 entries of a covariance matrix"):
        cholesky(A)
    with pytest.raises(NumericalError, match="1 of the 4 entries"):
        cholesky(np.diag([1.0, np.inf]))
