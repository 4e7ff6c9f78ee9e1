"""A Gaussian process over architecture and epoch, reduced to two numbers a curve; exact.

Of the model in `archbo.kernels.curves`, curve i is y_i = Phi_i v_i + R_i mu + e_i with
v_i = (f, h)(x_i), mu ~ N(0, I) the mean curve's coordinates, e_i ~ N(0, C_i) its own. With
C_i = L_i L_i' and L_i^-1 Phi_i = Q_i T_i, the columns of Q_i orthonormal, all that a curve says of
other curves' v is w_i = Q_i' L_i^-1 y_i = T_i v_i + white noise: two numbers, or one if it has only
one value. So the large matrix has a row for each of these, not for each value: I + S, with
S_ij = T_i K(x_i, x_j) T_j', K diagonal: f and h are independent. The mean curve is a second layer.

Notation: n curves, G epochs, P patterns of known epochs, m values a curve at most, N numbers w,
q coordinates of the mean curve, c targets.
    L, Q, T, R  of a pattern, whitened by L^-1 but L     Rp, Rr   Q' R and what Q leaves of R
    w, y        [N] and the rest of each curve [n m]     B        (I + S)^-1
    Lambda      [q q]  I + R' A1^-1 R, with A1 the covariance of all values but for the mean curve
Source: Rasmussen and Williams 2006, equations 2.38 to 2.45 for the mean curve.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from archbo.arrays import Array, Float, Int
from archbo.errors import NumericalError
from archbo.kernels.curves import Shape
from archbo.surrogates.learning_curves import Curves

JUMP_VARIANCE = 9.0
"""Of the unknown step by which a curve leaves its course, in units of the transformed values."""

_COLLINEAR = 1e-12
"""A second column that adds less than this part of itself to the first adds nothing."""


@dataclass(frozen=True)
class Patterns:
    """Which epochs the curves have: those of one pattern share their factors.

    Attributes:
        which: [n] the pattern of each curve.
        index: [P m] positions of its epochs among all, padded with 0.
        mask: [P m] 1 where that is no padding.
        step: [P m] 1 from where curves jumped.
        y: [n m] the values, padded with 0.
        curve, slot: [N] the curve and the column of Q that each w belongs to.
    """

    which: Int[Array, " n"]
    index: Int[Array, "P m"]
    mask: Float[Array, "P m"]
    step: Float[Array, "P m"]
    y: Float[Array, "n m"] = field(repr=False)
    curve: Int[Array, " N"]
    slot: Int[Array, " N"]

    @classmethod
    def of(cls, curves: Curves) -> Patterns:
        """Those of some curves."""
        G = len(curves.epochs)
        kinds = np.column_stack([curves.known, curves.jumps])
        kinds, which = np.unique(kinds, axis=0, return_inverse=True)
        known = kinds[:, :G].astype(bool)
        m = int(known.sum(axis=1).max(initial=0))
        index = np.argsort(~known, axis=1, kind="stable")[:, :m]
        mask = np.take_along_axis(known, index, axis=1)
        step = mask & (index >= kinds[:, G:])
        y = np.where(mask[which], np.take_along_axis(curves.values, index[which], axis=1), 0.0)
        lengths = mask.sum(axis=1)[which]
        curve = [np.flatnonzero(lengths > k) for k in (0, 1)]
        return cls(
            which=which,
            index=np.where(mask, index, 0),
            mask=mask.astype(float),
            step=step.astype(float),
            y=y,
            curve=np.concatenate(curve),
            slot=np.repeat([0, 1], [len(part) for part in curve]),
        )

    @property
    def count(self) -> int:
        """The number of values."""
        return int(self.mask.sum(axis=1)[self.which].sum())

    @property
    def curves(self) -> Int[Array, " P"]:
        """How many curves each pattern has."""
        return np.bincount(self.which, minlength=len(self.mask))

    def total(self, values: Float[Array, "n ..."]) -> Float[Array, "P ..."]:
        """Sums over the curves of each pattern."""
        chosen = np.equal.outer(np.arange(len(self.mask)), self.which).astype(float)
        return np.tensordot(chosen, values, axes=1)

    def gather(self, values: Float[Array, "P 2 ..."]) -> Float[Array, "N ..."]:
        """Each w's row of what its pattern has."""
        return values[self.which[self.curve], self.slot]

    def spread(self, values: Float[Array, "N ..."]) -> Float[Array, "n 2 ..."]:
        """Rows of w by curve; 0 where a curve has only one."""
        spread = np.zeros((len(self.which), 2, *values.shape[1:]))
        spread[self.curve, self.slot] = values
        return spread


@dataclass(frozen=True)
class Reduction:
    """Curves after the own part of each is taken care of.

    Attributes:
        inverse: [P m m] L^-1.
        Q, T: [P m 2], [P 2 2].
        Rp, Rr: [P 2 q], [P m q].
        w, rest: [n 2], [n m] the values in and out of the span of Q.
        log_determinant: of all C.
    """

    inverse: Float[Array, "P m m"]
    Q: Float[Array, "P m 2"]
    T: Float[Array, "P 2 2"]
    Rp: Float[Array, "P 2 q"]
    Rr: Float[Array, "P m q"]
    w: Float[Array, "n 2"]
    rest: Float[Array, "n m"]
    log_determinant: float

    @classmethod
    def of(cls, patterns: Patterns, shape: Shape, R: Float[Array, "G q"]) -> Reduction:
        """Reduce curves.

        Args:
            patterns: of the curves, with their values.
            shape: of all epochs.
            R: a root of the mean curve's covariance.

        Raises:
            NumericalError: if the covariance of a curve is singular.
        """
        index, mask, step = patterns.index, patterns.mask, patterns.step
        both = mask[:, :, None] * mask[:, None, :]
        C = shape.own[index[:, :, None], index[:, None, :]] * both
        C += JUMP_VARIANCE * step[:, :, None] * step[:, None, :]
        diagonal = np.arange(mask.shape[1])
        C[:, diagonal, diagonal] += np.where(mask > 0, shape.noise[index], 1.0)
        try:
            L = np.linalg.cholesky(C)
        except np.linalg.LinAlgError as error:
            raise NumericalError(
                "the covariance of a curve by itself is singular: its noise is too small"
            ) from error
        inverse = np.linalg.inv(L)
        logs = 2 * np.log(L[:, diagonal, diagonal]).sum(axis=1)
        Q, T = _orthonormal(inverse @ (shape.loadings[index] * mask[..., None]))
        R = inverse @ (R[index] * mask[..., None])
        Rp = Q.transpose(0, 2, 1) @ R
        white = _each(inverse[patterns.which], patterns.y)
        own = Q[patterns.which]
        w = np.einsum("nmr,nm->nr", own, white)
        return cls(
            inverse=inverse,
            Q=Q,
            T=T,
            Rp=Rp,
            Rr=R - Q @ Rp,
            w=w,
            rest=white - _each(own, w),
            log_determinant=float(patterns.curves @ logs),
        )


def _orthonormal(X: Float[Array, "P m 2"]) -> tuple[Array, Array]:
    """Q and T with X = Q T; a column of Q is 0 where X has no more directions."""
    Q, T = np.zeros(X.shape), np.zeros((len(X), 2, 2))
    for k in (0, 1):
        x = X[..., k]
        for _ in range(k * 2):  # twice is enough
            part = np.einsum("pm,pm->p", Q[..., 0], x)
            T[:, 0, 1] += part
            x = x - part[:, None] * Q[..., 0]
        norm = np.linalg.norm(x, axis=1)
        norm = np.where(norm > _COLLINEAR * np.linalg.norm(X[..., k], axis=1), norm, 0.0)
        Q[..., k] = x / np.where(norm > 0, norm, 1.0)[:, None] * (norm > 0)[:, None]
        T[:, k, k] = norm
    return Q, T


def _each(matrices: Float[Array, "n a b"], vectors: Float[Array, "n b"]) -> Float[Array, "n a"]:
    """A product for each curve."""
    return np.matmul(matrices, vectors[..., None])[..., 0]
