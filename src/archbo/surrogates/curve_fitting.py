"""Hyperparameters of a Gaussian process over architecture and epoch: the maximum of the posterior.

Notation beside that of `archbo.surrogates.reduction`: p hyperparameters of the kernel.
    x  [2p+9]  theta, then eta                      A  covariance of all values
    alpha     A^-1 y                                E  [N N]  A^-1 - alpha alpha' as seen by w
so that d log likelihood = -1/2 tr((A^-1 - alpha alpha') dA). The own parts of the curves and their
loadings have few entries, an epoch or two each, whose slopes are then carried to eta.
Source: Rasmussen and Williams 2006, equation 5.9.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.errors import NumericalError
from archbo.kernels import curves as over_epochs
from archbo.kernels.base import Kernel
from archbo.kernels.blocks import Distances, Encoded, rows
from archbo.kernels.priors import LogNormal
from archbo.surrogates.curves import (
    CurveProcess,
    Solved,
    mean_root,
    names,
    places,
    prior,
    solve,
)
from archbo.surrogates.fitting import maximise
from archbo.surrogates.learning_curves import Curves
from archbo.surrogates.reduction import Patterns, Reduction

_REACH = 4.0
"""Hyperparameters stay so many prior standard deviations around their prior mean."""


class CurveEvidence:
    """The log posterior density of the hyperparameters of some curves, with its gradient.

    Args:
        kernel: the prior covariance of architectures.
        distances: of the architectures to each other.
        curves: their values.
        over: the prior of the hyperparameters over epochs.
    """

    def __init__(
        self, kernel: Kernel, distances: Distances, curves: Curves, over: LogNormal
    ) -> None:
        self._kernel = kernel
        self._distances = distances
        self._patterns = Patterns.of(curves)
        self._places = places(curves, curves.epochs)
        self._root = mean_root(self._places)
        self.prior = prior(kernel, over)

    def __call__(self, x: Float[Array, " x"]) -> tuple[float, Float[Array, " x"]]:
        """Value in nats and gradient at x; -inf and 0 where there is no factor."""
        theta, eta = np.split(x, [-len(over_epochs.NAMES)])
        evaluated = [self._kernel.evaluate(own, self._distances) for own in np.split(theta, 2)]
        K = np.stack([value for value, _ in evaluated])
        try:
            shape = over_epochs.shape(eta, self._places)
            reduced = Reduction.of(self._patterns, shape, self._root)
            solved = solve(self._patterns, reduced, K)
        except NumericalError:
            return -np.inf, np.zeros(len(x))
        by_K, by_loadings, by_own = self._slopes(reduced, solved, K)
        derivatives = over_epochs.slopes(eta, self._places)
        by_eta = (
            np.tensordot(derivatives.loadings, by_loadings, axes=2)
            + np.tensordot(derivatives.own, by_own, axes=2)
            + derivatives.noise @ by_own.diagonal()
        )
        value = solved.log_likelihood + self.prior.log_ratio(x)
        pulled = [pull(by) for (_, pull), by in zip(evaluated, by_K, strict=True)]
        return float(value), np.concatenate([*pulled, by_eta]) + self.prior.slope(x)

    def _slopes(
        self, reduced: Reduction, solved: Solved, K: Float[Array, "2 n n"]
    ) -> tuple[Array, Array, Array]:
        """Of the log likelihood by K [2 n n], by Phi [G 2] and by D [G G]."""
        patterns, G = self._patterns, len(self._places)
        curve, which = patterns.curve, patterns.which
        U = solved.mean_factor.whiten(solved.BP.T).T  # [N q]
        B = solved.factor.inverse()
        E = B - U @ U.T - np.outer(solved.beta, solved.beta)

        # By K: Phi_i' (A^-1 - alpha alpha') Phi_j = T_i' E_ij T_j, its diagonal.
        ends = np.array([0, int((patterns.slot == 0).sum()), len(curve)])
        by_K = np.zeros(K.shape)
        for r in (0, 1):
            weighted = 0.5 * E * np.outer(solved.T[:, r], solved.T[:, r])
            for a in (0, 1):
                for b in (0, 1):
                    left, right = slice(*ends[a : a + 2]), slice(*ends[b : b + 2])
                    by_K[r, curve[left, None], curve[right]] -= weighted[left, right]

        # Rows of (A^-1 - alpha alpha') Phi (I o K), whitened: in the span of Q, and beside it.
        whitened_mean = solved.mean_factor.whiten(reduced.Rr.reshape(-1, len(solved.mu)).T).T
        whitened_mean = whitened_mean.reshape(reduced.Rr.shape)  # [P m q]
        rest = reduced.rest - (reduced.Rr @ solved.mu)[which]  # [n m] of whitened alpha
        spread_T = patterns.spread(solved.T)  # [n a r]
        spread_U = patterns.spread(U)  # [n a q]
        spread_beta = patterns.spread(solved.beta)
        between = K[:, curve[:, None], curve]
        inside = np.stack([(E * by) @ t for by, t in zip(between, solved.T.T, strict=True)], axis=1)
        inside = patterns.spread(inside)  # [n a r]
        by_mean = np.einsum("naq,nar->nqr", spread_U, spread_T)
        by_mean = np.moveaxis(K @ np.moveaxis(by_mean, 2, 0), 0, 2)  # [n q r]
        by_alpha = np.einsum("na,nar->rn", spread_beta, spread_T)
        by_alpha = (K @ by_alpha[..., None])[..., 0].T  # [n r]
        Q = reduced.Q[which]
        M = (
            np.matmul(Q, inside)
            - np.matmul(whitened_mean[which], by_mean)
            - rest[:, :, None] * by_alpha[:, None, :]
        )
        turned = reduced.inverse.transpose(0, 2, 1)
        by_loadings = -np.matmul(turned, patterns.total(M))  # [P m r]

        # By C: L^-T (I - Q Q' + Q B_ii Q' - F F' - a a') L^-1 of each curve.
        blocks = np.zeros((len(which), 2, 2))
        slot = patterns.slot
        blocks[curve, slot, slot] = B.diagonal()
        second = np.flatnonzero(slot == 1)
        first = np.searchsorted(curve[: ends[1]], curve[second])
        blocks[curve[second], 0, 1] = blocks[curve[second], 1, 0] = B[first, second]
        F = whitened_mean[which] + np.matmul(Q, spread_U)
        a = rest + np.einsum("nma,na->nm", Q, spread_beta)
        middle = np.matmul(np.matmul(Q, blocks - np.eye(2)), Q.transpose(0, 2, 1))
        middle -= np.matmul(F, F.transpose(0, 2, 1))
        middle -= a[:, :, None] * a[:, None, :]
        total = patterns.total(middle) + patterns.curves[:, None, None] * np.eye(Q.shape[1])
        by_C = -0.5 * np.matmul(np.matmul(turned, total), reduced.inverse)

        index, mask = patterns.index, patterns.mask
        found_own, found_loadings = np.zeros((G, G)), np.zeros((G, 2))
        both = mask[:, :, None] * mask[:, None, :]
        np.add.at(found_own, (index[:, :, None], index[:, None, :]), by_C * both)
        np.add.at(found_loadings, index, by_loadings * mask[..., None])
        return by_K, found_loadings, found_own


def fit_curves(
    kernel: Kernel,
    encoded: Encoded,
    curves: Curves,
    *,
    rng: Rng,
    start: Mapping[str, float] | None = None,
    iterations: int = 20,
    tolerance: float = 1e-4,
    largest: int = 100,
    distances: Distances | None = None,
    over: LogNormal = over_epochs.PRIOR,
) -> CurveProcess:
    """The process with the most probable hyperparameters after n curves.

    It never has less evidence than the start, of the curves that it is fitted to. Without curves it
    is the start.

    Args:
        kernel: the prior covariance of architectures.
        encoded: the architecture of each curve.
        curves: their values, transformed to about unit variance.
        rng: draws the curves of the fit, if there are more than `largest`.
        start: hyperparameters by name, such as an earlier fit's `hyperparameters`; those that it
            lacks start at their prior mean.
        iterations: at most; 0 takes the start as it is.
        tolerance: stop where an iteration gains less than this part of the log evidence.
        largest: fit to so many curves at most, half of them those with the newest epochs: few
            hyperparameters need no more, and the time grows with the cube.
        distances: of the architectures to each other, if they are known already.
        over: the prior of the hyperparameters over epochs.

    Raises:
        NumericalError: if a covariance stays singular.
    """
    if distances is None:
        distances = kernel.distances(encoded, encoded)
    means, known = prior(kernel, over).mean.tolist(), start or {}
    x = np.array([known.get(name, m) for name, m in zip(names(kernel), means, strict=True)])
    if curves.known.any() and iterations:
        chosen = _chosen(curves, rng, largest)
        few = rows(encoded, chosen)
        own = distances if len(chosen) == curves.n else kernel.distances(few, few)
        evidence = CurveEvidence(kernel, own, curves.take(chosen), over)
        x = maximise(evidence, x, iterations=iterations, tolerance=tolerance, reach=_REACH)
    theta, eta = np.split(x, [-len(over_epochs.NAMES)])
    return CurveProcess.observe(
        kernel, encoded, curves, theta=theta, eta=eta, distances=distances, over=over
    )


def _chosen(curves: Curves, rng: Rng, largest: int) -> Array:
    """The curves of a fit: half the longest, the rest at random."""
    if curves.n <= largest:
        return np.arange(curves.n)
    order = np.argsort(-curves.newest, kind="stable")
    longest, others = np.split(order, [largest // 2])
    drawn = rng.choice(others, size=largest - len(longest), replace=False)
    return np.sort(np.concatenate([longest, drawn]))
