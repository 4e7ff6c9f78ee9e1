"""Any other surrogate, fitted anew to each dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from archbo.acquisition import Acquisition, Outlook, Pick, log_cdf
from archbo.arrays import Array, Float, Int, Rng
from archbo.data import Dataset
from archbo.encodings import Encode, Encoder, Encoding
from archbo.encodings.features import Standardiser
from archbo.kernels import Encoded
from archbo.kernels.blocks import count_rows, join_rows
from archbo.kernels.blocks import rows as take
from archbo.methods.belief import FullBelief, measurements, modelled_values, success_labels
from archbo.spaces import CompiledSpace, Rows
from archbo.surrogates import Learner, Posterior, Surrogate
from archbo.surrogates.outcomes import OutcomeTransform


@dataclass(frozen=True)
class ReadBy:
    """An encoding as a learner reads it: under its block's name, the known features beside it.

    Attributes:
        encoding: of the architectures; multisets and graphs get no features.
        name: of the learner's block.
        features: of rows [n u]; None if there are none.
    """

    encoding: Encoding
    name: str
    features: Callable[[Rows], Array] | None

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        encode, features = self.encoding.prepare(space, reference), self.features
        first = encode(reference.take(slice(0, 1)))
        if features is None or first.ndim != 2 or not np.issubdtype(first.dtype, np.floating):
            return encode
        standardise = Standardiser.fit(features(reference))
        return lambda rows: np.hstack([encode(rows), standardise(features(rows))])


@dataclass(frozen=True)
class LearnedBelief(FullBelief):
    """One fitted surrogate; what runs is taken for measured at its posterior mean.

    Attributes:
        learner: what is fitted.
        known: the rows of the fit.
        z: [n] their transformed values.
        repeats: [n] how many measurements each is the mean of.
        model: fitted to these.
        success: fitted to +1 where training gave a value and -1 where not; None if none failed.
        seed: of each fit.
    """

    learner: Learner
    known: Encoded = field(repr=False)
    z: Float[Array, " n"] = field(repr=False)
    repeats: Float[Array, " n"] = field(repr=False)
    model: Surrogate = field(repr=False)
    success: Surrogate | None = field(repr=False)
    seed: int

    @classmethod
    def fit(
        cls, dataset: Dataset, encoder: Encoder, learner: Learner, outcome: OutcomeTransform
    ) -> LearnedBelief:
        """Fit the learner; a function of the dataset alone."""
        known = encoder.known(dataset.rows)
        outcomes = outcome(modelled_values(dataset))
        seed, success = dataset.trials, None
        if dataset.failures.any():
            labels, tries = success_labels(dataset)
            rng = np.random.default_rng([seed, 1])
            success = learner.fit(known, labels, repeats=tries, rng=rng)
        repeats = measurements(dataset)
        model = learner.fit(known, outcomes.z, repeats=repeats, rng=np.random.default_rng(seed))
        found = cls(
            weights=np.ones(1),
            outcomes=outcomes,
            hyperparameters={},
            learner=learner,
            known=known,
            z=outcomes.z,
            repeats=repeats,
            model=model,
            success=success,
            seed=seed,
        )
        return found._believing(encoder.encode(dataset.pending))

    def outlooks(self, encoded: Encoded, rng: Rng) -> list[Outlook]:
        best = float(self.model.predict(self.known).mean.max())
        return [Outlook(self.model.predict(encoded), best, encoded, self.known, self.model, rng)]

    def log_success(self, encoded: Encoded) -> Float[Array, " c"]:
        """Log of the probability that a training succeeds: how surely its label is above 0."""
        if self.success is None:
            return np.zeros(count_rows(encoded))
        posterior = self.success.predict(encoded)
        return log_cdf(posterior.mean / posterior.sd)

    def choose(
        self,
        encoded: Encoded,
        acquisition: Acquisition,
        rng: Rng,
        *,
        count: int,
        offset: Float[Array, " c"],
    ) -> list[Pick]:
        belief = self
        picks: list[Pick] = []
        free = np.ones(count_rows(encoded), dtype=bool)
        while len(picks) < count and free.any():
            if picks:
                belief = belief._believing(take(encoded, np.array([picks[-1].index])))
            score = np.where(free, belief.score(encoded, acquisition, rng) + offset, -np.inf)
            index = int(np.flatnonzero(free)[score[free].argmax()])
            free[index] = False
            there = belief.model.predict(take(encoded, np.array([index])))
            picks.append(Pick(index, float(score[index]), there.mean, there.variance))
        return picks

    def posteriors(
        self,
        encoded: Encoded,
        known: Int[Array, " c"] | None = None,  # noqa: ARG002 - the learner cannot tell
    ) -> list[Posterior]:
        return [self.model.predict(encoded)]

    def _believing(self, rows: Encoded) -> LearnedBelief:
        """After a measurement of each of the rows that equals its posterior mean."""
        count = count_rows(rows)
        if count == 0:
            return self
        known = join_rows(self.known, rows)
        z = np.concatenate([self.z, self.model.predict(rows).mean])
        repeats = np.concatenate([self.repeats, np.ones(count)])
        rng = np.random.default_rng(self.seed)
        model = self.learner.fit(known, z, repeats=repeats, rng=rng)
        return replace(self, known=known, z=z, repeats=repeats, model=model)
