"""What a Bayesian search believes of the objective, and of where training fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archbo.acquisition import Acquisition, Outlook, Pick, average, log_cdf
from archbo.arrays import Array, Float, Int, Rng
from archbo.data import Dataset
from archbo.kernels import Encoded
from archbo.kernels.blocks import count_rows
from archbo.surrogates import GaussianProcess, Posterior
from archbo.surrogates.outcomes import Outcomes


@dataclass(frozen=True)
class Belief(ABC):
    """One or several models of a dataset, averaged; running trainings are believed in.

    Attributes:
        weights: [k] of the models, adding up to 1.
        outcomes: the way back to the objective.
        hyperparameters: what the next fit starts from, by name.
    """

    weights: Float[Array, " k"]
    outcomes: Outcomes
    hyperparameters: Mapping[str, float]

    @abstractmethod
    def outlooks(self, encoded: Encoded, rng: Rng) -> list[Outlook]:
        """What an acquisition may look at, for each model."""

    @abstractmethod
    def log_success(self, encoded: Encoded) -> Float[Array, " c"]:
        """Log of the probability that training a network gives a value."""

    @abstractmethod
    def posteriors(
        self, encoded: Encoded, known: Int[Array, " c"] | None = None
    ) -> list[Posterior]:
        """Of each model.

        Args:
            encoded: c rows.
            known: the position of each among the networks of the dataset, -1 for others; None where
                all are others.
        """

    def score(self, encoded: Encoded, acquisition: Acquisition, rng: Rng) -> Float[Array, " c"]:
        """The averaged acquisition plus the log of the probability that training succeeds."""
        score = average(acquisition, self.weights, self.outlooks(encoded, rng))
        return score + self.log_success(encoded)

    def predict(
        self, encoded: Encoded, known: Int[Array, " c"] | None = None
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation of the noise-free objective, larger is better.

        Args:
            encoded: c rows.
            known: as for `posteriors`.
        """
        posteriors = self.posteriors(encoded, known)
        return self.moments(
            np.stack([posterior.mean for posterior in posteriors]),
            np.stack([posterior.variance for posterior in posteriors]),
        )

    def mixed(
        self, means: Float[Array, "k c"], variances: Float[Array, "k c"]
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and variance of the mixture, in units of the transformed objective."""
        mean = self.weights @ means
        return mean, self.weights @ (variances + means**2) - mean**2

    def moments(
        self, means: Float[Array, "k c"], variances: Float[Array, "k c"]
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation of the mixture, in the objective's units."""
        mean, variance = self.mixed(means, variances)
        return self.outcomes.to_objective(mean, np.sqrt(np.maximum(variance, 0.0)))


class FullBelief(Belief):
    """Of full trainings: batches of them can be chosen, and which is worth training again."""

    @abstractmethod
    def choose(
        self,
        encoded: Encoded,
        acquisition: Acquisition,
        rng: Rng,
        *,
        count: int,
        offset: Float[Array, " c"],
    ) -> list[Pick]:
        """The best candidates, one after another, each after believing in those before it.

        Args:
            encoded: c candidates.
            acquisition: scores them.
            rng: for acquisitions that draw.
            count: how many to choose, at most.
            offset: added to the scores.
        """

    def repeat_gain(self) -> tuple[Int[Array, " m"], Float[Array, " m"]]:
        """Positions of known networks, and the log of what training each again would gain.

        In units of the transformed objective; none, unless the models tell noise from what is a
        network's own.
        """
        return np.zeros(0, dtype=np.int64), np.zeros(0)


def modelled_values(dataset: Dataset) -> Float[Array, " n"]:
    """The values to model: a network that only failed counts as the worst seen.

    Beside the model of success, which is smooth, this keeps the search from trying its luck along
    the border of where training fails.
    """
    worst = dataset.values[dataset.measured].min(initial=np.inf)
    return np.where(dataset.measured, dataset.values, worst if np.isfinite(worst) else 0.0)


def measurements(dataset: Dataset) -> Float[Array, " n"]:
    """How many trainings each of the values to model is of."""
    return np.where(dataset.measured, dataset.repeats, dataset.failures)


def success_labels(dataset: Dataset) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """+1 where training gave a value and -1 where it failed, averaged; and how many trainings."""
    tries = dataset.repeats + dataset.failures
    return (dataset.repeats - dataset.failures) / tries, tries


def log_success(success: GaussianProcess | None, encoded: Encoded) -> Float[Array, " c"]:
    """Log of the probability that training a network gives a value.

    A Gaussian process of the labels, squashed: Rasmussen and Williams 2006, section 6.5.

    Args:
        success: of +1 where training gave a value and -1 where it failed; None if none failed.
        encoded: c networks.
    """
    if success is None:
        return np.zeros(count_rows(encoded))
    posterior = success.predict(encoded)
    return log_cdf(posterior.mean / np.sqrt(posterior.variance + success.noise))


def own_hyperparameters(hyperparameters: Mapping[str, float], name: str) -> dict[str, float]:
    """The hyperparameters of one process, by the names that its kernel gives them."""
    start = f"{name}/"
    return {k.removeprefix(start): v for k, v in hyperparameters.items() if k.startswith(start)}
