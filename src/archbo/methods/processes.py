"""A Gaussian process for each kernel structure, weighted by evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archbo.acquisition import (
    Acquisition,
    Outlook,
    Pick,
    believe,
    choose,
    evidence_weights,
    log_cdf,
)
from archbo.arrays import Array, Float, Rng
from archbo.data import Dataset
from archbo.encodings import Encoder
from archbo.kernels import Distances, Encoded, Kernel, shared_distances
from archbo.kernels.blocks import count_rows
from archbo.methods.belief import Belief, measurements, modelled_values, success_labels
from archbo.surrogates import GaussianProcess, Posterior, fit
from archbo.surrogates.outcomes import OutcomeTransform

_RESTART = 20
"""So many trained networks apart a fit starts from the prior instead of from the last fit, so that
it does not stay for ever where the first few results led it."""

_FITTED = "networks"
"""The hyperparameter that says from how many trained networks the others were fitted."""

_REFIT = 0.05
"""The hyperparameters are fitted again when so large a part of the networks is new: one more result
among a hundred hardly moves them."""


@dataclass(frozen=True)
class ProcessBelief(Belief):
    """Gaussian processes; running trainings are taken for measured at their posterior means.

    Attributes:
        models: one for each structure.
        success: of +1 where training gave a value and -1 where it failed; None if none failed.
    """

    models: list[GaussianProcess]
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
    ) -> ProcessBelief:
        """Fit a model for each structure, started from the dataset's hyperparameters."""
        encoded = encoder.known(dataset.rows)
        outcomes = outcome(modelled_values(dataset))
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
                repeats=measurements(dataset),
                distances=distances[k],
            )
            for k, kernel in enumerate(structures)
        ]
        pending = encoder.encode(dataset.pending)
        return cls(
            weights=evidence_weights([model.log_evidence for model in models], temper=temper),
            outcomes=outcomes,
            hyperparameters={
                _FITTED: float(n if refit else last),
                **{
                    f"{k}/{name}": value
                    for k, model in enumerate(models)
                    for name, value in model.hyperparameters.items()
                },
            },
            models=[believe(model, pending) for model in models],
            success=_success(dataset, encoded, structures[0], distances[0], iterations),
        )

    def outlooks(self, encoded: Encoded, rng: Rng) -> list[Outlook]:
        return [
            Outlook(posterior, model.best, encoded, model.encoded, model, rng)
            for model, posterior in zip(self.models, self.posteriors(encoded), strict=True)
        ]

    def log_success(self, encoded: Encoded) -> Float[Array, " c"]:
        """Log of the probability that training a network gives a value.

        A Gaussian process of the labels, squashed: Rasmussen and Williams 2006, section 6.5.
        """
        if self.success is None:
            return np.zeros(count_rows(encoded))
        posterior = self.success.predict(encoded)
        return log_cdf(posterior.mean / np.sqrt(posterior.variance + self.success.noise))

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

    def posteriors(self, encoded: Encoded) -> list[Posterior]:
        """Of each model; the distances of blocks that structures share are computed once."""
        found: dict[Kernel, Array] = {}
        return [model.project(encoded, found)[0] for model in self.models]


def _own(hyperparameters: Mapping[str, float], structure: int) -> dict[str, float]:
    """The hyperparameters of one structure, by the names that its kernel gives them."""
    start = f"{structure}/"
    return {k.removeprefix(start): v for k, v in hyperparameters.items() if k.startswith(start)}


def _success(
    dataset: Dataset, encoded: Encoded, kernel: Kernel, distances: Distances, iterations: int
) -> GaussianProcess | None:
    if not dataset.failures.any():
        return None
    labels, tries = success_labels(dataset)
    return fit(
        kernel,
        encoded,
        labels,
        iterations=iterations,
        repeats=tries,
        mean=float(np.average(labels, weights=tries)),
        distances=distances,
    )
