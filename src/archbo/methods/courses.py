"""What a Bayesian search believes of trainings that have learning curves or cheaper versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from archbo.acquisition import Outlook, evidence_weights
from archbo.acquisition.stages import Rates, best_rates
from archbo.arrays import Array, Float, Int, Rng, stream
from archbo.data import State
from archbo.fidelity import FidelityRange
from archbo.kernels import Encoded, Kernel, shared_distances
from archbo.kernels import curves as over_epochs
from archbo.kernels.blocks import Distances, count_rows
from archbo.kernels.blocks import rows as take
from archbo.kernels.priors import LogNormal
from archbo.methods.belief import Belief, log_success, own_hyperparameters
from archbo.methods.costs import Costs
from archbo.methods.rungs import Runner
from archbo.surrogates import GaussianProcess, Posterior
from archbo.surrogates.curve_fitting import fit_curves
from archbo.surrogates.curve_outcomes import CurveOutcomes
from archbo.surrogates.curves import CurveProcess, places
from archbo.surrogates.fitting import fit
from archbo.surrogates.learning_curves import Curves

_PREFIX = "curves/"
"""Of the hyperparameters among those of other models."""

_FITTED = f"{_PREFIX}points"
"""The hyperparameter that says from how many results the others were fitted."""

_REFIT = 0.1
"""The hyperparameters are fitted again when so large a part of the results is new."""

_RESTART = 1.5
"""From the prior, when there are so many times as many results."""

_ITERATIONS, _TOLERANCE, _FEW = 12, 1e-3, 60
"""Of a fit: at most so many iterations, to so many curves."""

_MOST = 100
"""So many curves are learned from: the furthest and the best, and some others."""

_MISLED = LogNormal(
    np.concatenate([[0.0, -3.0], over_epochs.PRIOR.mean[2:]]),
    np.concatenate([[1e-4, 1e-4], over_epochs.PRIOR.sd[2:]]),
)
"""The prior over epochs where short trainings say nothing of full ones: rho is 0, and what only
they show is the same until shortly before the end."""

_JITTER = 1e-9


@dataclass(frozen=True)
class CourseBelief(Belief):
    """A process over architecture and epoch for each kernel structure, weighted by evidence.

    Attributes:
        models: know the curves and, as expected, the results of running trainings.
        finals: [k] each model's posterior of the known curves' final values.
        best: [k] the largest mean final value, of full trainings as soon as there are any.
        curve_outcomes: the way back to the objective.
        known: positions of the runners whose curves the models know.
        misled: the probability that short trainings say nothing of full ones.
        success: of +1 where training gave a value and -1 where it failed; None if none failed.
    """

    models: list[CurveProcess]
    finals: list[Posterior]
    best: Float[Array, " k"]
    curve_outcomes: CurveOutcomes = field(repr=False)
    known: Int[Array, " m"]
    misled: float
    success: GaussianProcess | None

    @classmethod
    def fit(
        cls,
        runners: Sequence[Runner],
        encoded: Encoded,
        structures: Sequence[Kernel],
        fidelity: FidelityRange,
        rungs: Sequence[float],
        *,
        hyperparameters: Mapping[str, float],
        seed: int,
        temper: float,
        doubt: float,
        pending: Encoded | None = None,
    ) -> CourseBelief:
        """Fit a model for each structure.

        Args:
            runners: the networks with what is known of them; at least one has a value.
            encoded: their architectures.
            structures: a kernel for each model.
            fidelity: of the problem.
            rungs: levels at which trainings pause; results are counted by them.
            hyperparameters: those stored last, from which the fit starts.
            seed: of the study.
            temper: of the weights.
            doubt: probability beforehand that short trainings say nothing of full ones.
            pending: networks in training, believed to end as expected.
        """
        points = [sorted(runner.points.items()) for runner in runners]
        outcomes = CurveOutcomes.of(Curves.read(points, full=fidelity.high, shortest=fidelity.low))
        known = _learned(outcomes.curves)
        part, curves = take(encoded, known), outcomes.curves.take(known)

        count = float(sum(level <= r.reached for r in runners for level in rungs))
        last = hyperparameters.get(_FITTED, 0.0)
        again = not last or _era(count) != _era(last)
        iterations = _ITERATIONS if again or count - last >= _REFIT * count else 0
        found = {_FITTED: count if iterations else last}

        def fitted(
            name: str, kernel: Kernel, distances: Distances, over: LogNormal
        ) -> CurveProcess:
            name = f"{_PREFIX}{name}"
            model = fit_curves(
                kernel,
                part,
                curves,
                rng=stream(seed, "curves", int(count)),
                start={} if again else own_hyperparameters(hyperparameters, name),
                iterations=iterations,
                tolerance=_TOLERANCE,
                largest=_FEW,
                distances=distances,
                over=over,
            )
            found.update({f"{name}/{k}": v for k, v in model.hyperparameters.items()})
            return model

        apart = shared_distances(structures, part, part)
        models = [
            fitted(str(k), kernel, distances, over_epochs.PRIOR)
            for k, (kernel, distances) in enumerate(zip(structures, apart, strict=True))
        ]
        misled = 0.0
        if doubt:
            other = fitted("misled", structures[0], apart[0], _MISLED)
            misled = _posterior_doubt(models[0], other, apart[0], doubt)
        finals = [model.finals() for model in models]
        full = np.array([runners[i].reached >= fidelity.high for i in known])
        best = [f.mean[full].max() if full.any() else f.mean.max() for f in finals]
        if pending is not None and count_rows(pending):
            models = [m.condition_on(pending, m.predict(pending).mean) for m in models]
        return cls(
            weights=evidence_weights([m.log_evidence for m in models], temper=temper),
            outcomes=outcomes.outcomes,
            hyperparameters={**hyperparameters, **found},
            models=models,
            finals=finals,
            best=np.array(best),
            curve_outcomes=outcomes,
            known=known,
            misled=misled,
            success=_success(runners, encoded, known, structures[0]),
        )

    def outlooks(self, encoded: Encoded, rng: Rng) -> list[Outlook]:
        return [
            Outlook(model.predict(encoded), float(best), encoded, model.encoded, model, rng)
            for model, best in zip(self.models, self.best, strict=True)
        ]

    def log_success(self, encoded: Encoded) -> Float[Array, " c"]:
        return log_success(self.success, encoded)

    def posteriors(
        self, encoded: Encoded, known: Int[Array, " c"] | None = None
    ) -> list[Posterior]:
        """Of final values, for each model; `known` are positions among the runners."""
        found = [model.predict(encoded) for model in self.models]
        if known is None:
            return found
        place = {int(i): k for k, i in enumerate(self.known)}
        at = np.array([c for c, i in enumerate(known.tolist()) if i in place], dtype=np.int64)
        where = np.array([place[i] for i in known[at].tolist()], dtype=np.int64)
        for posterior, final in zip(found, self.finals, strict=True):
            posterior.mean[at], posterior.variance[at] = final.mean[where], final.variance[where]
        return found

    def moments(
        self, means: Float[Array, "k c"], variances: Float[Array, "k c"]
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation of the mixture of final values, in the objective's units."""
        mean, variance = self.mixed(means, variances)
        return self.curve_outcomes.to_objective(mean, np.sqrt(np.maximum(variance, 0.0)))

    def mean_finals(self) -> Float[Array, " m"]:
        """What is expected of the known curves in the end."""
        return self.weights @ np.stack([final.mean for final in self.finals])

    def rates_of_new(
        self, encoded: Encoded, levels: Sequence[float], costs: Costs, *, straight: bool
    ) -> Rates:
        """Improvement per cost of new trainings, with these levels to pause at.

        Args:
            encoded: c networks.
            levels: ascending, a full training the last.
            costs: of levels.
            straight: whether trainings go to the end without a pause.
        """
        courses = [model.courses(encoded, levels) for model in self.models]
        rates = self._rates(courses, levels, costs, 0.0, straight=straight)
        return Rates(rates.rate * np.exp(self.log_success(encoded)), rates.stage)

    def rates_of(
        self,
        which: Int[Array, " c"],
        levels: Sequence[float],
        costs: Costs,
        reached: float,
        *,
        straight: bool,
    ) -> Rates:
        """Improvement per cost of continuing known trainings, all from one level.

        Args:
            which: positions among the known curves.
            levels: ahead of them.
            costs: of levels.
            reached: the level that all have reached.
            straight: whether trainings go to the end without a pause.
        """
        courses = [model.courses_of(which, levels) for model in self.models]
        return self._rates(courses, levels, costs, reached, straight=straight)

    def _rates(
        self,
        courses: Sequence[tuple[Array, Array]],
        levels: Sequence[float],
        costs: Costs,
        reached: float,
        *,
        straight: bool,
    ) -> Rates:
        """The average over the models; the stage is that of the most probable one."""
        fresh = not costs.fidelity.continued
        before = [reached, *levels[:-1]]
        spent = [costs.step(b, a) for b, a in zip(before, levels, strict=True)]
        if straight:
            spent = [spent[-1] if fresh else sum(spent)]
            courses = [(mean[:, -1:], covariance[:, -1:, -1:]) for mean, covariance in courses]
            levels = levels[-1:]
        found = []
        for model, best, (mean, covariance) in zip(self.models, self.best, courses, strict=True):
            s = places(model.curves, np.array(levels, dtype=float))
            noise = over_epochs.noise_variance(model.eta, s)
            steps = _steps(covariance, noise)
            each = np.broadcast_to(spent, steps.shape)
            found.append(best_rates(mean[:, -1], steps, each, float(best), fresh=fresh))
        rate = self.weights @ np.stack([rates.rate for rates in found])
        return Rates(rate, found[int(self.weights.argmax())].stage)


def _steps(covariance: Float[Array, "c K K"], noise: Float[Array, " K"]) -> Float[Array, "c K"]:
    """Standard deviations of what each stage tells of the final value; of the last, of the rest."""
    K = len(noise)
    scale = covariance[:, -1, -1]
    seen = covariance + np.diag(noise) + _JITTER * scale[:, None, None] * np.eye(K)
    L = np.linalg.cholesky(seen)
    steps = np.abs(np.linalg.solve(L, covariance[:, :, -1:])[..., 0])
    rest = scale - (steps[:, :-1] ** 2).sum(axis=1)
    steps[:, -1] = np.sqrt(np.maximum(rest, _JITTER * scale))
    return steps


def _posterior_doubt(
    model: CurveProcess, misled: CurveProcess, distances: Distances, doubt: float
) -> float:
    """Probability that short trainings say nothing, by how full ones came out after them.

    Each model is judged by the likelihood of the full trainings' results given all shorter ones.
    """
    curves = model.curves
    ends = curves.epochs >= curves.full
    if not curves.known[:, ends].any():
        return doubt
    early = curves.with_values(np.where(ends, np.nan, curves.values))

    def gain(of: CurveProcess) -> float:
        before = CurveProcess.observe(
            of.kernel, of.encoded, early, theta=of.theta, eta=of.eta, distances=distances
        )
        return of.log_likelihood - before.log_likelihood

    lead = np.clip(gain(model) - gain(misled), -50, 50)
    return float(1 / (1 + np.exp(lead) * (1 - doubt) / doubt))


def _success(
    runners: Sequence[Runner], encoded: Encoded, known: Int[Array, " m"], kernel: Kernel
) -> GaussianProcess | None:
    """Where training fails, learned from those that did and from those that are learned from.

    A Gaussian process of the labels: Rasmussen and Williams 2006, section 6.5.
    """
    failed = np.array([runner.state is State.FAILED for runner in runners])
    if not failed.any():
        return None
    chosen = np.union1d(known, np.flatnonzero(failed)[-_MOST:])
    labels = np.where(failed[chosen], -1.0, 1.0)
    return fit(kernel, take(encoded, chosen), labels, mean=float(labels.mean()), iterations=6)


def _era(count: float) -> int:
    """Counts the fits that start from the prior."""
    return int(np.log(max(count, 1.0)) / np.log(_RESTART))


def _learned(curves: Curves) -> Int[Array, " m"]:
    """Positions of the curves that are learned from, ascending.

    Half are those that got furthest, the best of them first; a quarter those of the best newest
    values; the others are spread over the time of the search.
    """
    usable = np.flatnonzero(curves.newest >= 0)
    if len(usable) <= _MOST:
        return usable
    newest = curves.newest[usable]
    value = curves.values[usable, newest]
    furthest = usable[np.lexsort((-value, -newest))][: _MOST // 2]
    rest = usable[np.argsort(-value, kind="stable")]
    best = rest[~np.isin(rest, furthest)][: _MOST // 4]
    left = usable[~np.isin(usable, np.concatenate([furthest, best]))]
    wanted = _MOST - len(furthest) - len(best)
    spread = left[np.linspace(0, len(left) - 1, min(wanted, len(left))).astype(np.int64)]
    return np.unique(np.concatenate([furthest, best, spread]))
