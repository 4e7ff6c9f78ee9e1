"""A Gaussian process over architecture and epoch: final values from partial learning curves.

The model is in `archbo.kernels.curves`, the notation and the exact solve in
`archbo.surrogates.reduction`: O(N³) for N of at most two numbers a curve, however many values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.kernels import curves as over_epochs
from archbo.kernels.base import Kernel
from archbo.kernels.blocks import Distances, Encoded, count_rows, join_rows
from archbo.kernels.priors import LogNormal
from archbo.surrogates.base import JointPosterior, Posterior
from archbo.surrogates.gp import LEAST_VARIANCE
from archbo.surrogates.learning_curves import Curves
from archbo.surrogates.linalg import Cholesky, cholesky
from archbo.surrogates.reduction import JUMP_VARIANCE, Patterns, Reduction


class Solved(NamedTuple):
    """The two layers of the solve.

    Attributes:
        factor: of I + S.
        T, P: [N 2], [N q] the rows of w, and BP = B P.
        mean_factor: of Lambda.
        mu: [q] the mean curve's coordinates, given the curves.
        beta: [N] B (w - P mu).
        log_likelihood: of all values, in nats.
    """

    factor: Cholesky
    T: Array
    P: Array
    BP: Array
    mean_factor: Cholesky
    mu: Array
    beta: Array
    log_likelihood: float


def solve(patterns: Patterns, reduced: Reduction, K: Float[Array, "2 n n"]) -> Solved:
    """Both layers for the covariances of f and of h.

    Raises:
        NumericalError: if I + S stays singular.
    """
    T, P = patterns.gather(reduced.T), patterns.gather(reduced.Rp)
    w = reduced.w[patterns.curve, patterns.slot]
    f, h = K[:, patterns.curve[:, None], patterns.curve]
    S = np.outer(T[:, 0], T[:, 0]) * f + np.outer(T[:, 1], T[:, 1]) * h
    S[np.diag_indices(len(S))] += 1
    factor = cholesky(S)
    BP, Bw = factor.solve(P), factor.solve(w)
    Rr, q = reduced.Rr, P.shape[1]
    H = np.tensordot(Rr * patterns.curves[:, None, None], Rr, axes=((0, 1), (0, 1)))
    mean_factor = cholesky(np.eye(q) + H + P.T @ BP)
    rest = np.tensordot(Rr, patterns.total(reduced.rest), axes=((0, 1), (0, 1)))
    pulled = rest + P.T @ Bw
    mu = mean_factor.solve(pulled)
    misfit = float((reduced.rest**2).sum() + w @ Bw - pulled @ mu)
    logs = reduced.log_determinant + factor.log_determinant + mean_factor.log_determinant
    likelihood = -0.5 * (misfit + logs + patterns.count * float(np.log(2 * np.pi)))
    return Solved(factor, T, P, BP, mean_factor, mu, Bw - BP @ mu, likelihood)


class _Targets(NamedTuple):
    """What is asked of c values: an architecture or a curve that is known, and an epoch, each.

    Attributes:
        K: [2 n c] covariances of f and h with those of the known curves.
        loadings: [c 2].
        places: [c].
        R: [c q] coordinates of the mean curve.
        curve: [c] the known curve; -1 for a new one.
        own: [c m] covariance of its own part with its values, whitened; 0 for a new one.
        jumped: [c] 1 if it had left its course before.
    """

    K: Array
    places: Array
    loadings: Array
    R: Array
    curve: Array
    own: Array
    jumped: Array


@dataclass(frozen=True)
class CurveProcess:
    """A Gaussian process that knows n curves. Make one by `CurveProcess.observe`.

    Values are those of trainings without the noise of an evaluation: what a curve tends to.

    Attributes:
        kernel: the prior covariance of architectures.
        theta: [2p] logs of its hyperparameters, for f and for h.
        eta: [e] hyperparameters over epochs, see `archbo.kernels.curves`.
        encoded: [n] the architectures.
        curves: their values, larger is better.
    """

    kernel: Kernel
    theta: Float[Array, " pp"]
    eta: Float[Array, " e"]
    encoded: Encoded = field(repr=False)
    curves: Curves = field(repr=False)
    patterns: Patterns = field(repr=False)
    reduced: Reduction = field(repr=False)
    solved: Solved = field(repr=False)
    over: LogNormal = field(repr=False)

    @classmethod
    def observe(
        cls,
        kernel: Kernel,
        encoded: Encoded,
        curves: Curves,
        *,
        theta: Float[Array, " pp"],
        eta: Float[Array, " e"],
        distances: Distances | None = None,
        over: LogNormal = over_epochs.PRIOR,
    ) -> CurveProcess:
        """The process with given hyperparameters after n curves; n may be 0.

        Args:
            kernel: the prior covariance of architectures.
            encoded: the architecture of each curve.
            curves: their values, transformed to about unit variance.
            theta: logs of the kernel's hyperparameters, for f and for h.
            eta: hyperparameters over epochs.
            distances: of the architectures to each other, if they are known already.
            over: the prior of the hyperparameters over epochs, for the evidence.

        Raises:
            NumericalError: if a covariance stays singular.
        """
        if distances is None:
            distances = kernel.distances(encoded, encoded)
        s = places(curves, curves.epochs)
        patterns = Patterns.of(curves)
        reduced = Reduction.of(patterns, over_epochs.shape(eta, s), mean_root(s))
        solved = solve(patterns, reduced, covariances(kernel, theta, distances))
        return cls(kernel, theta, eta, encoded, curves, patterns, reduced, solved, over)

    @property
    def n(self) -> int:
        """The number of curves."""
        return self.curves.n

    @property
    def noise(self) -> float:
        """The variance of one evaluation after a full training."""
        return float(over_epochs.noise_variance(self.eta, np.ones(1))[0])

    @property
    def hyperparameters(self) -> dict[str, float]:
        """All hyperparameters by name, as logs but for `rho`."""
        return dict(
            zip(names(self.kernel), [*map(float, self.theta), *map(float, self.eta)], strict=True)
        )

    @property
    def log_likelihood(self) -> float:
        """Log marginal likelihood of all values, in nats."""
        return self.solved.log_likelihood

    @property
    def log_evidence(self) -> float:
        """Log marginal likelihood plus log prior of the hyperparameters: what a fit maximises."""
        x = np.concatenate([self.theta, self.eta])
        return self.log_likelihood + prior(self.kernel, self.over).log_ratio(x)

    @property
    def best(self) -> float:
        """The largest mean of the known curves' final values; the prior mean if there are none."""
        return float(self.finals().mean.max()) if self.n else 0.0

    def correlation(self, epoch: int | float) -> float:
        """How well values after an epoch rank architectures by what full training gives.

        The prior correlation of both over architectures, curves' own parts left out.
        """
        a, b = over_epochs.loadings(self.eta, places(self.curves, np.array([float(epoch)])))[0]
        return float(a / np.hypot(a, b))

    def predict(self, encoded: Encoded, epoch: int | float | None = None) -> Posterior:
        """Of a new training of each row: its value after an epoch, full training if None."""
        targets = self._new(encoded, self._epochs(1, epoch))
        return self._each(targets, self._variances(len(targets.R)))

    def finals(self, epoch: int | float | None = None) -> Posterior:
        """Of each known curve: its value after an epoch, full training if None."""
        targets = self._known(np.arange(self.n), self._epochs(self.n, epoch))
        return self._each(targets, self._variances(self.n))

    def ahead(self, curve: int, epochs: Sequence[int | float]) -> JointPosterior:
        """Of one known curve: its values after some epochs together."""
        mean, covariance = self.courses_of(np.array([curve]), epochs)
        return JointPosterior(mean[0], covariance[0])

    def courses(
        self, encoded: Encoded, epochs: Sequence[int | float]
    ) -> tuple[Float[Array, "c K"], Float[Array, "c K K"]]:
        """Of a new training of each row: mean and covariance of its values after some epochs."""
        asked = np.asarray(epochs, dtype=float)
        return self._by_course(self._new(encoded, asked), asked)

    def courses_of(
        self, which: Int[Array, " c"], epochs: Sequence[int | float]
    ) -> tuple[Float[Array, "c K"], Float[Array, "c K K"]]:
        """Of each of some known curves: mean and covariance of its values after some epochs."""
        asked = np.asarray(epochs, dtype=float)
        targets = self._known(np.repeat(which, len(asked)), np.tile(asked, len(which)))
        return self._by_course(targets, asked)

    def joint(self, encoded: Encoded) -> JointPosterior:
        """Of new trainings of all rows together: their final values."""
        K = covariances(self.kernel, self.theta, self.kernel.distances(encoded, encoded))
        targets = self._new(encoded, self._epochs(1, None))
        mean, V, _, U = self._project(targets)
        s, R, Phi = targets.places, targets.R, targets.loadings
        prior = over_epochs.mean_covariance(s, s) + np.diag(over_epochs.own_variance(self.eta, s))
        prior += np.einsum("cr,rcd,dr->cd", Phi, K, Phi)
        covariance = prior - R @ R.T - V.T @ V + U.T @ U
        least = LEAST_VARIANCE * prior.diagonal()
        np.fill_diagonal(covariance, np.maximum(covariance.diagonal(), least))
        return JointPosterior(mean, covariance)

    def sample(self, encoded: Encoded, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Draws of the final values of new trainings of all rows together."""
        return self.joint(encoded).sample(rng, m)

    def condition_on(self, encoded: Encoded, z: Float[Array, " q"]) -> CurveProcess:
        """The process that knows the final values of q new trainings, too."""
        full = np.array([self.curves.full], dtype=float)
        more = Curves(full, z[:, None], self.curves.full)
        return self.with_curves(join_rows(self.encoded, encoded), self.curves.joined(more))

    def with_curves(self, encoded: Encoded, curves: Curves) -> CurveProcess:
        """The process that knows other curves, with the same hyperparameters."""
        return CurveProcess.observe(
            self.kernel, encoded, curves, theta=self.theta, eta=self.eta, over=self.over
        )

    @cached_property
    def _root(self) -> Array:
        return mean_root(places(self.curves, self.curves.epochs))

    def _epochs(self, count: int, epoch: int | float | None) -> Array:
        return np.full(count, self.curves.full if epoch is None else epoch, dtype=float)

    def _after_jump(self, which: Array, epochs: Array) -> Array:
        """1 where a curve had left its course before an epoch, [c]."""
        left = np.append(self.curves.epochs, np.inf)[self.curves.jumps[which]]
        return (epochs >= left).astype(float)

    def _variances(self, c: int) -> Array:
        """Prior variances of f and h, [2 c]."""
        return np.stack([self.kernel.diagonal(own, c) for own in np.split(self.theta, 2)])

    def _coordinates(self, s: Array) -> Array:
        """Of the mean curve at places s, [c q]."""
        known = places(self.curves, self.curves.epochs)
        return np.linalg.solve(self._root, over_epochs.mean_covariance(known, s)).T

    def _new(self, encoded: Encoded, epochs: Float[Array, " K"]) -> _Targets:
        """A new training of each row after each of K epochs, row by row."""
        c, count = count_rows(encoded), len(epochs)
        s = places(self.curves, epochs)
        K = covariances(self.kernel, self.theta, self.kernel.distances(self.encoded, encoded))
        return _Targets(
            K=np.repeat(K, count, axis=2),
            places=np.tile(s, c),
            loadings=np.tile(over_epochs.loadings(self.eta, s), (c, 1)),
            R=np.tile(self._coordinates(s), (c, 1)),
            curve=np.full(c * count, -1),
            own=np.zeros((c * count, self.patterns.mask.shape[1])),
            jumped=np.zeros(c * count),
        )

    def _known(self, which: Int[Array, " c"], epochs: Float[Array, " c"]) -> _Targets:
        patterns, s = self.patterns, places(self.curves, epochs)
        jumped = self._after_jump(which, epochs)
        known = places(self.curves, self.curves.epochs)
        p = patterns.which[which]
        of_all = over_epochs.own_covariance(self.eta, known, s)  # [G c]
        own = of_all[patterns.index[p], np.arange(len(which))[:, None]] * patterns.mask[p]
        own += JUMP_VARIANCE * patterns.step[p] * jumped[:, None]
        return _Targets(
            K=self._architectures[..., which],
            places=s,
            loadings=over_epochs.loadings(self.eta, s),
            R=self._coordinates(s),
            curve=which,
            own=np.einsum("cab,cb->ca", self.reduced.inverse[p], own),
            jumped=jumped,
        )

    @cached_property
    def _architectures(self) -> Array:
        distances = self.kernel.distances(self.encoded, self.encoded)
        return covariances(self.kernel, self.theta, distances)

    def _project(self, targets: _Targets) -> tuple[Array, Array, Array, Array]:
        """The mean [c], and roots of covariances: V [N c] and rest [c m] lost, U [q c] gained."""
        patterns, reduced, solved = self.patterns, self.reduced, self.solved
        cross = sum(
            np.multiply.outer(solved.T[:, r], targets.loadings[:, r]) * K[patterns.curve]
            for r, K in enumerate(targets.K)
        )
        rest = targets.own
        mean = targets.R @ solved.mu
        lifted = targets.R
        if (targets.curve >= 0).any():
            p = patterns.which[targets.curve]
            inside = np.einsum("cmr,cm->cr", reduced.Q[p], targets.own)
            mine = np.equal.outer(patterns.curve, targets.curve)
            cross = cross + mine * inside.T[patterns.slot]
            rest = targets.own - np.einsum("cmr,cr->cm", reduced.Q[p], inside)
            left = reduced.rest[targets.curve] - reduced.Rr[p] @ solved.mu
            mean = mean + np.einsum("cm,cm->c", rest, left)
            lifted = lifted - np.einsum("cmq,cm->cq", reduced.Rr[p], rest)
        mean = mean + solved.beta @ cross
        V = solved.factor.whiten(cross)
        U = solved.mean_factor.whiten((lifted - cross.T @ solved.BP).T)
        return mean, V, rest, U

    def _each(self, targets: _Targets, variances: Float[Array, "2 c"]) -> Posterior:
        mean, V, rest, U = self._project(targets)
        s, R = targets.places, targets.R
        beside = over_epochs.own_variance(self.eta, s) + over_epochs.mean_variance(s)
        beside += JUMP_VARIANCE * targets.jumped - np.einsum("cq,cq->c", R, R)
        prior = np.einsum("cr,rc->c", targets.loadings**2, variances) + beside
        lost = np.einsum("nc,nc->c", V, V) + np.einsum("cm,cm->c", rest, rest)
        variance = prior - lost + np.einsum("qc,qc->c", U, U)
        return Posterior(mean, np.maximum(variance, LEAST_VARIANCE * prior))

    def _by_course(
        self, targets: _Targets, epochs: Float[Array, " K"]
    ) -> tuple[Float[Array, "c K"], Float[Array, "c K K"]]:
        """Targets of which K that follow each other are of one training."""
        mean, V, rest, U = self._project(targets)
        K, s = len(epochs), places(self.curves, epochs)
        Phi, variances = over_epochs.loadings(self.eta, s), self._variances(len(mean) // K)
        prior = np.einsum("kr,rc,lr->ckl", Phi, variances, Phi)
        prior += over_epochs.own_covariance(self.eta, s, s) + over_epochs.mean_covariance(s, s)
        prior += JUMP_VARIANCE * _squares(targets.jumped[:, None], K)
        covariance = prior - _squares(V.T, K) - _squares(rest, K)
        covariance += _squares(U.T, K) - _squares(targets.R, K)
        every = np.arange(K)
        least = LEAST_VARIANCE * prior[:, every, every]
        covariance[:, every, every] = np.maximum(covariance[:, every, every], least)
        return mean.reshape(-1, K), covariance


def _squares(x: Float[Array, "t q"], K: int) -> Float[Array, "c K K"]:
    """Products of each K rows with themselves."""
    each = x.reshape(len(x) // K, K, x.shape[1])
    return each @ each.transpose(0, 2, 1)


def names(kernel: Kernel) -> tuple[str, ...]:
    """Those of all hyperparameters: the kernel's for f, the same for h, those over epochs."""
    early = (f"early {name}" for name in kernel.names)
    return (*kernel.names, *early, *over_epochs.NAMES)


def prior(kernel: Kernel, over: LogNormal) -> LogNormal:
    """The prior of all hyperparameters, given that of those over epochs."""
    return LogNormal.join([kernel.prior, kernel.prior, over])


def covariances(
    kernel: Kernel, theta: Float[Array, " pp"], distances: Distances
) -> Float[Array, "2 n m"]:
    """Those of f and of h."""
    return np.stack([kernel.covariance(own, distances) for own in np.split(theta, 2)])


def places(curves: Curves, epochs: Float[Array, " c"]) -> Float[Array, " c"]:
    """Where epochs stand between the shortest training of some curves and the full one."""
    known = curves.epochs[:1]
    shortest = curves.shortest if curves.shortest is not None else min([*known, curves.full])
    return over_epochs.place(epochs, shortest=float(shortest), full=curves.full)


def mean_root(s: Float[Array, " G"]) -> Float[Array, "G G"]:
    """A root of the covariance of the mean curve at places s."""
    return cholesky(over_epochs.mean_covariance(s, s)).lower
