"""Laws of kernels: what every kernel must keep, for those who write one.

Each law takes a kernel, some rows and log hyperparameters, and raises AssertionError where the
kernel breaks it. `check` goes through all of them:

    from archbo.testing.kernels import check

    def test_my_kernel_keeps_the_laws():
        check(MyKernel(...), rows, theta)
"""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array
from archbo.kernels.base import Kernel
from archbo.kernels.blocks import Encoded, count_rows, map_distances, rows

_STEP = 1e-6  # of the finite differences: they are exact to about the square of it and 1e-16 / it


def check(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """All laws."""
    for law in LAWS:
        law(kernel, encoded, theta)


def names_are_unique(kernel: Kernel, encoded: Encoded, theta: Array) -> None:  # noqa: ARG001
    """Each hyperparameter has a name of its own and a prior."""
    p = len(kernel.names)
    assert len(set(kernel.names)) == p, f"names come twice: {kernel.names}"
    assert kernel.prior.mean.shape == kernel.prior.sd.shape == (p,), "not one prior a name"
    assert (kernel.prior.sd > 0).all(), "a prior's standard deviation is not positive"


def is_symmetric(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """K is symmetric to the last bit."""
    matrix = _covariance(kernel, theta, encoded, encoded)
    assert np.array_equal(matrix, matrix.T), (
        f"asymmetric by up to {np.abs(matrix - matrix.T).max()}"
    )


def is_positive_semidefinite(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """K has no negative eigenvalue beyond rounding."""
    matrix = _covariance(kernel, theta, encoded, encoded)
    if len(matrix):
        lowest, largest = np.linalg.eigvalsh(matrix)[[0, -1]]
        assert lowest > -1e-12 * len(matrix) * max(1.0, largest), f"an eigenvalue is {lowest}"


def has_its_diagonal(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """`diagonal` is the diagonal of K."""
    matrix = _covariance(kernel, theta, encoded, encoded)
    given = kernel.diagonal(theta, len(matrix))
    np.testing.assert_allclose(given, matrix.diagonal(), rtol=1e-12, err_msg="another diagonal")


def has_its_gradient(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """`pullback` equals finite differences, for random weights that are not symmetric."""
    n = count_rows(encoded)
    distances = kernel.distances(encoded, rows(encoded, slice(0, n // 2 + 1)))
    shape = kernel.covariance(theta, distances).shape
    weights = np.asarray(np.random.default_rng(0).standard_normal(shape))
    given = kernel.pullback(theta, distances, weights)

    def contracted(at: Array) -> float:
        return float(np.vdot(weights, kernel.covariance(at, distances)))

    steps = _STEP * np.eye(len(theta))
    expected = [(contracted(theta + h) - contracted(theta - h)) / (2 * _STEP) for h in steps]
    largest = np.abs(weights).sum() * float(kernel.diagonal(theta, 1)[0])
    np.testing.assert_allclose(given, expected, atol=1e-8 * (1 + largest), err_msg="gradient")


def looks_at_pairs(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """K of some rows is a part of K of all, and distances may be sliced and reshaped."""
    n = count_rows(encoded)
    matrix = _covariance(kernel, theta, encoded, encoded)
    order = np.random.default_rng(0).permutation(n)
    a, b = order[: n // 2], order[n // 3 :]
    part = _covariance(kernel, theta, rows(encoded, a), rows(encoded, b))
    np.testing.assert_allclose(
        part, matrix[np.ix_(a, b)], rtol=1e-12, err_msg="rows depend on others"
    )
    distances = kernel.distances(encoded, encoded)
    row = map_distances(lambda block: block.reshape(len(block), 1, n * n), distances)
    flat = kernel.covariance(theta, row).reshape(n, n)
    np.testing.assert_allclose(flat, matrix, rtol=1e-12, err_msg="distances cannot be reshaped")


def leaves_its_arguments(kernel: Kernel, encoded: Encoded, theta: Array) -> None:
    """Neither the rows, nor theta, nor the distances, nor the weights are changed."""
    distances = kernel.distances(encoded, encoded)
    matrix = kernel.covariance(theta, distances)
    weights = np.ones_like(matrix)
    given = [theta, weights, *encoded.values(), *_leaves(distances)]
    before = [x.copy() for x in given]
    kernel.pullback(theta, distances, weights)
    kernel.distances(encoded, encoded)
    for x, y in zip(given, before, strict=True):
        np.testing.assert_array_equal(x, y, err_msg="an argument was changed")


LAWS = (
    leaves_its_arguments,
    names_are_unique,
    is_symmetric,
    is_positive_semidefinite,
    has_its_diagonal,
    has_its_gradient,
    looks_at_pairs,
)
"""All laws; that of the arguments first, since breaking it spoils what the others see."""


def _covariance(kernel: Kernel, theta: Array, a: Encoded, b: Encoded) -> Array:
    return kernel.covariance(theta, kernel.distances(a, b))


def _leaves(distances: Array | tuple[object, ...]) -> list[Array]:
    found: list[Array] = []

    def note(block: Array) -> Array:
        found.append(block)
        return block

    map_distances(note, distances)
    return found
