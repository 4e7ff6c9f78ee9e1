"""A Gaussian process for each kernel structure, weighted by evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from archbo.acquisition import (
    Acquisition,
    Outlook,
    Pick,
    believe,
    choose,
    evidence_weights,
    log_repeat_gain,
)
from archbo.arrays import Array, Float, Int, Rng
from archbo.data import Dataset
from archbo.encodings import Encoder
from archbo.kernels import Encoded, Found, Kernel, shared_distances
from archbo.kernels.blocks import rows as take
from archbo.methods import subset
from archbo.methods.belief import (
    FullBelief,
    log_success,
    measurements,
    modelled_values,
    own_hyperparameters,
    success_labels,
)
from archbo.methods.structures import prior_odds
from archbo.surrogates import GaussianProcess, Posterior
from archbo.surrogates.fitting import most_probable
from archbo.surrogates.gp import NOISE_PRIOR, effective
from archbo.surrogates.outcomes import Outcomes, OutcomeTransform

_RESTART = 20
"""So many trained networks apart a fit starts from the prior instead of from the last fit, so that
it does not stay for ever where the first few results led it."""

_FITTED = "networks"
"""The hyperparameter that says from how many trained networks the others were fitted."""

_REFIT = 0.05
"""The hyperparameters are fitted again when so large a part of the networks is new: one more result
among a hundred hardly moves them."""

_RESTART_EARLY = 200
"""After so many networks, fits start from the prior each 10% more."""

_SUCCESS = "success"
"""What the process of success is called among the structures."""

_NEGLIGIBLE = 1e-3
"""Structures of so much less weight than the best are left out: they would cost as much."""

_FOCUS = 10
"""What is near so many of the best networks is to be predicted."""

_TRUST = 2.0
"""The assumed share of the noise counts as much as so many differences between trainings."""

_MOST = 0.99
"""The largest share: some noise keeps matrices well conditioned."""


class Bases:
    """What the next fit of a belief needs again: the processes before the newest results.

    What is computed anew is the same to the last digit, so that a search that starts cold proposes
    what it would have proposed.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[Array], GaussianProcess]] = {}

    def observe(
        self,
        name: str,
        target: _Target,
        hyperparameters: Mapping[str, float],
        rows: Float[Array, "n D"],
        encoded: Callable[[], Encoded],
    ) -> GaussianProcess:
        """The process of a target's observations, the rows being given."""
        names = (*target.kernel.names, "noise")
        values = [*(hyperparameters[k] for k in names), target.share]
        key = [np.array(values), target.repeats, rows]
        known, process = self._known.get(name, ([], None))
        same = len(known) == len(key) and all(map(np.array_equal, known, key))
        if process is None or process.kernel != target.kernel or not same:
            process = GaussianProcess.observe(
                target.kernel,
                encoded(),
                target.z,
                theta=key[0][:-2],
                log_noise=float(key[0][-2]),
                repeats=target.repeats,
                share=target.share,
            )
            self._known[name] = key, process
        return replace(process, mean=target.mean).told(target.z)


@dataclass(frozen=True, slots=True)
class _Target:
    """What one process is fitted to.

    Attributes:
        kernel: its prior covariance.
        z: [n] the values.
        repeats: [n] how many measurements each is the mean of.
        mean: its prior mean.
        share: the part of what the kernel does not explain that is each network's own deviation.
    """

    kernel: Kernel
    z: Float[Array, " n"]
    repeats: Float[Array, " n"]
    mean: float = 0.0
    share: float = 0.0

    def take(self, which: Int[Array, " m"]) -> _Target:
        """At some positions."""
        return replace(self, z=self.z[which], repeats=self.repeats[which])


@dataclass(frozen=True)
class ProcessBelief(FullBelief):
    """Gaussian processes; running trainings are taken for measured at their posterior means.

    Attributes:
        models: one for each structure of a weight that counts.
        learned: positions of the networks of the dataset that they know.
        success: of +1 where training gave a value and -1 where it failed; None if none failed.
    """

    models: list[GaussianProcess]
    learned: Int[Array, " m"]
    success: GaussianProcess | None

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        encoder: Encoder,
        structures: Sequence[Kernel],
        outcome: OutcomeTransform,
        *,
        iterations: int,
        temper: float,
        share: float = 0.0,
        fine: int = 0,
        bases: Bases | None = None,
    ) -> ProcessBelief:
        """Fit a model for each structure, started from the dataset's hyperparameters.

        Where many networks are known, the hyperparameters are fitted to some of them, and the
        models learn from a subset, to which newer networks are added until it is chosen again.

        Args:
            dataset: what is known.
            encoder: of its rows.
            structures: a kernel for each model.
            outcome: the transform that is modelled.
            iterations: of the optimizer of the hyperparameters, at most.
            temper: of the weights.
            share: the part of what a kernel does not explain that is taken for the network's own
                deviation, which its next training shows again, before any was trained again.
            fine: so many of the structures, the last ones, compare fine detail; see `prior_odds`.
            bases: keeps what the next fit needs again; what is fitted does not depend on it.
        """
        encoded = encoder.known(dataset.rows)
        outcomes = outcome(modelled_values(dataset))
        targets = _targets(dataset, structures, outcomes.z)
        n = len(dataset.rows)
        last = min(n, int(dataset.hyperparameters.get(_FITTED, 0)))
        restart = _era(n) != _era(last)
        refit = restart or n - last >= _REFIT * n
        found = {name: own_hyperparameters(dataset.hyperparameters, name) for name in targets}
        targets = _shared(targets, found, dataset, outcomes, share)
        due = {name: target for name, target in targets.items() if refit or not found[name]}
        if due:
            starts = {name: {} if restart else found[name] for name in due}
            found |= _fitted(
                due, encoded, subset.spread(outcomes.z, subset.FITTED), starts, iterations
            )
        last = n if refit else last
        targets = _shared(targets, found, dataset, outcomes, share)

        anchor = subset.anchor(n, last)
        chosen = _chosen(targets, found, encoded, anchor)
        newer = np.arange(anchor, n)
        part = cache(lambda: take(encoded, chosen))
        added = take(encoded, newer)
        bases = bases or Bases()
        processes = {}
        for name, target in targets.items():
            base = bases.observe(
                name, target.take(chosen), found[name], dataset.rows.values[chosen], part
            )
            new = target.take(newer)
            processes[name] = (
                base.condition_on(added, new.z, repeats=new.repeats) if len(newer) else base
            )
        success = processes.pop(_SUCCESS, None)
        models = list(processes.values())
        weights = evidence_weights([model.log_evidence for model in models], temper=temper)
        weights = weights * prior_odds(len(models), fine, n)
        weights = weights / weights.sum()
        counts = weights >= _NEGLIGIBLE * weights.max()
        pending = encoder.encode(dataset.pending)
        return cls(
            weights=weights[counts] / weights[counts].sum(),
            outcomes=outcomes,
            hyperparameters={
                _FITTED: float(last),
                **{f"{name}/{k}": v for name, own in found.items() for k, v in own.items()},
            },
            models=[believe(models[k], pending) for k in np.flatnonzero(counts)],
            learned=np.concatenate([chosen, newer]),
            success=success,
        )

    def outlooks(self, encoded: Encoded, rng: Rng) -> list[Outlook]:
        return [
            Outlook(posterior, model.best, encoded, model.encoded, model, rng)
            for model, posterior in zip(self.models, self.posteriors(encoded), strict=True)
        ]

    def log_success(self, encoded: Encoded) -> Float[Array, " c"]:
        return log_success(self.success, encoded)

    def choose(
        self,
        encoded: Encoded,
        acquisition: Acquisition,
        rng: Rng,
        *,
        count: int,
        offset: Float[Array, " c"],
    ) -> list[Pick]:
        offset = offset + self.log_success(encoded)
        return choose(
            self.models, self.weights, encoded, acquisition, rng=rng, count=count, offset=offset
        )

    def posteriors(
        self, encoded: Encoded, known: Int[Array, " c"] | None = None
    ) -> list[Posterior]:
        """Of each model; the distances of blocks that structures share are computed once."""
        shared: Found = {}
        found = [model.project(encoded, shared)[0] for model in self.models]
        if known is None:
            return found
        place = np.full(max(len(self.outcomes.z), 1), -1)
        place[self.learned] = np.arange(len(self.learned))
        at = np.flatnonzero((known >= 0) & (place[known] >= 0))
        return [
            _replaced(posterior, at, model.observed(place[known[at]]))
            for model, posterior in zip(self.models, found, strict=True)
        ]

    def repeat_gain(self) -> tuple[Int[Array, " m"], Float[Array, " m"]]:
        """Positions of the networks that the models know, and the log gain of training each again.

        The gain is that of `log_repeat_gain` by the moments of the mixture.
        """
        seen = [model.observed(np.arange(len(self.learned))) for model in self.models]
        mean, variance = self.mixed(
            np.stack([posterior.mean for posterior in seen]),
            np.stack([posterior.variance for posterior in seen]),
        )
        noise = float(self.weights @ np.array([model.noise for model in self.models]))
        return self.learned, log_repeat_gain(mean, variance, noise)


def _replaced(posterior: Posterior, at: Int[Array, " m"], better: Posterior) -> Posterior:
    mean, variance = posterior.mean.copy(), posterior.variance.copy()
    mean[at], variance[at] = better.mean, better.variance
    return Posterior(mean, variance)


def _shared(
    targets: Mapping[str, _Target],
    hyperparameters: Mapping[str, Mapping[str, float]],
    dataset: Dataset,
    outcomes: Outcomes,
    share: float,
) -> dict[str, _Target]:
    """The targets, each with how much of its noise is the networks' own deviation."""
    freedom = float(np.maximum(dataset.repeats - 1, 0).sum())
    squares = float(dataset.scatter.sum()) * outcomes.slope**2
    found = dict(targets)
    for name, target in targets.items():
        if name != _SUCCESS:
            total = np.exp(hyperparameters[name].get("noise", float(NOISE_PRIOR.mean[0])))
            expected = _TRUST * (1 - share) * total
            noise = (expected + squares) / (_TRUST + freedom)
            found[name] = replace(target, share=float(np.clip(1 - noise / total, 0.0, _MOST)))
    return found


def _era(n: int) -> int:
    """Counts the fits that start from the prior: each 20 networks, later each 10% more."""
    if n <= _RESTART_EARLY:
        return n // _RESTART
    return _RESTART_EARLY // _RESTART + int(np.log(n / _RESTART_EARLY) / np.log(1.1))


def _targets(
    dataset: Dataset, structures: Sequence[Kernel], z: Float[Array, " n"]
) -> dict[str, _Target]:
    """What is fitted to what, by the names that hyperparameters are stored under."""
    repeats = measurements(dataset)
    found = {str(k): _Target(kernel, z, repeats) for k, kernel in enumerate(structures)}
    if dataset.failures.any():
        labels, tries = success_labels(dataset)
        mean = float(np.average(labels, weights=tries))
        found[_SUCCESS] = _Target(structures[0], labels, tries, mean)
    return found


def _fitted(
    targets: Mapping[str, _Target],
    encoded: Encoded,
    few: Int[Array, " m"],
    starts: Mapping[str, Mapping[str, float]],
    iterations: int,
) -> dict[str, dict[str, float]]:
    """The hyperparameters of each target, fitted to a few of the rows."""
    part = take(encoded, few)
    distances = shared_distances([target.kernel for target in targets.values()], part, part)
    found = {}
    for (name, target), D in zip(targets.items(), distances, strict=True):
        own = target.take(few)
        found[name] = most_probable(
            own.kernel,
            part,
            own.z,
            start=starts[name],
            iterations=iterations,
            repeats=effective(own.repeats, own.share),
            mean=own.mean,
            distances=D,
        )
    return found


def _chosen(
    targets: Mapping[str, _Target],
    hyperparameters: Mapping[str, Mapping[str, float]],
    encoded: Encoded,
    n: int,
) -> Int[Array, " m"]:
    """Positions of those of the first n observations that are learned from."""
    m = subset.learned(n)
    if m == n:
        return np.arange(n)
    first, own = next(iter(targets.values())), slice(0, n)
    z = first.z[own]
    focus = take(encoded, np.argsort(-z, kind="stable")[:_FOCUS])
    names = [name for name in targets if name != _SUCCESS]
    kernels = [targets[name].kernel for name in names]
    thetas = [
        np.array([hyperparameters[name][k] for k in kernel.names])
        for name, kernel in zip(names, kernels, strict=True)
    ]
    near = subset.nearness(kernels, thetas, take(encoded, own), focus)
    return subset.local(z, near, m)
