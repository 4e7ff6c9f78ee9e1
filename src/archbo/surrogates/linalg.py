"""Cholesky factors of covariance matrices: safe, extended by rows, and what follows from them.

Notation: n rows, q new rows.
    A  [n n]  symmetric positive definite                 L  [n n]  lower, A = L L'
LAPACK is called directly: at n = 150 the wrappers' checks cost as much as the work.
Source: Rasmussen and Williams 2006, appendix A.3 and A.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs

from archbo.arrays import Array, Float
from archbo.errors import NumericalError

_JITTERS = (0.0, *(10.0**k for k in range(-10, -3)))
"""What is added to the diagonal, one after another, as parts of its mean: from rounding error up
to what noise would hide."""


@dataclass(frozen=True, slots=True)
class Cholesky:
    """The factor of a matrix.

    Attributes:
        upper: [n n] L' in Fortran order; what is below its diagonal is arbitrary.
        jitter: what had to be added to the diagonal.
    """

    upper: Float[Array, "n n"]
    jitter: float = 0.0

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.upper)

    @property
    def lower(self) -> Float[Array, "n n"]:
        """The lower factor, a copy."""
        return np.tril(self.upper.T)

    @property
    def log_determinant(self) -> float:
        """Of A."""
        return float(2 * np.log(self.upper.diagonal()).sum())

    def solve(self, b: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        """A^-1 b."""
        if b.size == 0:
            return np.zeros(b.shape)
        x, _ = dpotrs(self.upper, b, lower=0)
        return x

    def whiten(self, b: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        """L^-1 b."""
        if b.size == 0:
            return np.zeros(b.shape)
        x, _ = dtrtrs(self.upper, b, lower=0, trans=1)
        return x

    def inverse_upper(self) -> Float[Array, "n n"]:
        """A^-1 in the upper triangle of a Fortran-ordered array; below it is arbitrary."""
        if self.n == 0:
            return np.zeros((0, 0))
        inverse, _ = dpotri(self.upper, lower=0)
        return inverse

    def inverse(self) -> Float[Array, "n n"]:
        """A^-1."""
        half = np.triu(self.inverse_upper())
        return half + np.triu(half, 1).T

    def extend(self, B: Float[Array, "n q"], C: Float[Array, "q q"]) -> Cholesky:
        """The factor of [[A, B], [B', C]], in O(n² q) instead of O((n + q)³).

        Raises:
            NumericalError: if C - B' A^-1 B stays singular.
        """
        n, q = B.shape
        V = self.whiten(B)  # [n q]
        corner = cholesky(C - V.T @ V, scale=float(np.mean(C.diagonal())) if q else 1.0)
        upper = np.zeros((n + q, n + q), order="F")
        upper[:n, :n] = self.upper
        upper[:n, n:] = V
        upper[n:, n:] = corner.upper
        return Cholesky(upper, max(self.jitter, corner.jitter))


def cholesky(A: Float[Array, "n n"], *, scale: float | None = None) -> Cholesky:
    """The factor of A, whose diagonal is raised a little if rounding made it singular.

    Args:
        A: symmetric; only its lower triangle is read.
        scale: what the jitter is a part of; the mean of the diagonal if None.

    Raises:
        NumericalError: if A has entries that are not finite, or stays singular.
    """
    if len(A) == 0:
        return Cholesky(np.zeros((0, 0), order="F"))
    # Read by rows, the lower triangle is the upper one by columns, which LAPACK takes as it is.
    columns = np.ascontiguousarray(A).T
    diagonal = columns.diagonal()
    unit = float(np.mean(diagonal)) if scale is None else scale
    for part in _JITTERS:
        jitter = part * unit
        raised = columns
        if jitter > 0:
            raised = columns.copy(order="F")
            np.fill_diagonal(raised, diagonal + jitter)
        upper, info = dpotrf(raised, lower=0, clean=0, overwrite_a=0)
        if info == 0 and np.isfinite(upper.diagonal()).all():
            return Cholesky(upper, jitter)
    raise NumericalError(_complaint(A, _JITTERS[-1]))


def _complaint(A: Float[Array, "n n"], tried: float) -> str:
    """Why A has no factor."""
    bad = int((~np.isfinite(A)).sum())
    if bad:
        return f"{bad} of the {A.size} entries of a covariance matrix are not finite"
    lowest = float(np.linalg.eigvalsh(np.tril(A) + np.tril(A, -1).T)[0])
    return (
        f"a covariance matrix of {len(A)} rows is not positive definite: its lowest eigenvalue is "
        f"{lowest:.3g}, and adding {tried:.0e} of the mean of its diagonal did not help"
    )
