"""What a Bayesian search believes: a model for each kernel structure, and where training fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archbo.acquisition import AcquisitionOver, believe, evidence_weights, log_cdf, mix
from archbo.arrays import Array, Float
from archbo.data import Dataset
from archbo.encodings import Encoder
from archbo.kernels import Distances, Encoded, Kernel, shared_distances
from archbo.kernels.blocks import count_rows
from archbo.surrogates import GaussianProcess, Posterior, fit
from archbo.surrogates.outcomes import Outcomes, OutcomeTransform

_RESTART = 20
"""So many trained networks apart a fit starts from the prior instead of from the last fit, so that
it does not stay for ever where the first few results led it."""

_FITTED = "networks"
"""The hyperparameter that says from how many trained networks the others were fitted."""

_REFIT = 0.05
"""The hyperparameters are fitted again when so large a part of the networks is new: one more result
among a hundred hardly moves them."""


@dataclass(frozen=True)
class Belief:
    """Models of one dataset; running trainings are taken for measured at their posterior means.

    Attributes:
        models: one for each structure.
        weights: [k] of the models, adding up to 1.
        outcomes: the way back to the objective.
        success: of +1 where training gave a value and -1 where it failed; None if none failed.
        hyperparameters: of all models, by structure and name; and what they were fitted to.
    """

    models: list[GaussianProcess]
    weights: Float[Array, " k"]
    outcomes: Outcomes
    success: GaussianProcess | None
    hyperparameters: Mapping[str, float]

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
    ) -> Belief:
        """Fit a model for each structure, started from the dataset's hyperparameters."""
        encoded = encoder.known(dataset.rows)
        outcomes = outcome(_values(dataset))
        distances = shared_distances(structures, encoded, encoded)
        n, last = len(dataset.rows), int(dataset.hyperparameters.get(_FITTED, 0))
        restart = n // _RESTART != last // _RESTART
        refit = restart or n - last >= _REFIT * n
        models = [
            fit(
                kernel,
                encoded,
                outcomes.z,
                start=None if restart else _own(dataset.hyperparameters, k),
                iterations=iterations if refit else 0,
                repeats=np.where(dataset.measured, dataset.repeats, dataset.failures),
                distances=distances[k],
            )
            for k, kernel in enumerate(structures)
        ]
        weights = evidence_weights([model.log_evidence for model in models], temper=temper)
        pending = encoder.encode(dataset.pending)
        return cls(
            models=[believe(model, pending) for model in models],
            weights=weights,
            outcomes=outcomes,
            success=_success(dataset, encoded, structures[0], distances[0], iterations),
            hyperparameters={
                _FITTED: float(n if refit else last),
                **{
                    f"{k}/{name}": value
                    for k, model in enumerate(models)
                    for name, value in model.hyperparameters.items()
                },
            },
        )

    def score(self, encoded: Encoded, acquisition: AcquisitionOver) -> Float[Array, " c"]:
        """The log of the averaged acquisition times the probability that training succeeds."""
        logs = [
            acquisition(model.best)(posterior)
            for model, posterior in zip(self.models, self._posteriors(encoded), strict=True)
        ]
        return mix(self.weights, np.stack(logs)) + self.log_success(encoded)

    def log_success(self, encoded: Encoded) -> Float[Array, " c"]:
        """Log of the probability that training a network gives a value.

        A Gaussian process of the labels, squashed: Rasmussen and Williams 2006, section 6.5.
        """
        if self.success is None:
            return np.zeros(count_rows(encoded))
        posterior = self.success.predict(encoded)
        return log_cdf(posterior.mean / np.sqrt(posterior.variance + self.success.noise))

    def predict(self, encoded: Encoded) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation of the noise-free objective, larger is better."""
        posteriors = self._posteriors(encoded)
        return self.moments(
            np.stack([posterior.mean for posterior in posteriors]),
            np.stack([posterior.variance for posterior in posteriors]),
        )

    def _posteriors(self, encoded: Encoded) -> list[Posterior]:
        """Of each model; the distances of blocks that structures share are computed once."""
        kernels = [model.kernel for model in self.models]
        distances = shared_distances(kernels, self.models[0].encoded, encoded)
        count = count_rows(encoded)
        return [m.project(D, count)[0] for m, D in zip(self.models, distances, strict=True)]

    def moments(
        self, means: Float[Array, "k c"], variances: Float[Array, "k c"]
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation of the mixture, in the objective's units."""
        mean = self.weights @ means
        variance = self.weights @ (variances + means**2) - mean**2
        return self.outcomes.to_objective(mean, np.sqrt(np.maximum(variance, 0.0)))


def _values(dataset: Dataset) -> Float[Array, " n"]:
    """The values to model: a network that only failed counts as the worst seen.

    Beside the model of success, which is smooth, this keeps the search from trying its luck along
    the border of where training fails.
    """
    worst = dataset.values[dataset.measured].min(initial=np.inf)
    return np.where(dataset.measured, dataset.values, worst if np.isfinite(worst) else 0.0)


def _own(hyperparameters: Mapping[str, float], structure: int) -> dict[str, float]:
    """The hyperparameters of one structure, by the names that its kernel gives them."""
    start = f"{structure}/"
    return {k.removeprefix(start): v for k, v in hyperparameters.items() if k.startswith(start)}


def _success(
    dataset: Dataset, encoded: Encoded, kernel: Kernel, distances: Distances, iterations: int
) -> GaussianProcess | None:
    if not dataset.failures.any():
        return None
    tries = dataset.repeats + dataset.failures
    labels = (dataset.repeats - dataset.failures) / tries
    return fit(
        kernel,
        encoded,
        labels,
        iterations=iterations,
        repeats=tries,
        mean=float(np.average(labels, weights=tries)),
        distances=distances,
    )
