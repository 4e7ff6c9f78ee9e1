"""One score from several models: the average of their acquisitions, weighted by evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from archbo.acquisition.base import Acquisition, Averaging, Outlook
from archbo.arrays import Array, Float


def evidence_weights(
    log_evidences: Sequence[float] | Float[Array, " k"], *, temper: float = 3.0
) -> Float[Array, " k"]:
    """Weights of k models that add up to 1, proportional to evidence^(1 / temper).

    >>> evidence_weights([-10.0, -10.0, -16.0]).round(3).tolist()
    [0.468, 0.468, 0.063]

    Args:
        log_evidences: in nats; -inf for a model that is to be left out.
        temper: 1 is the posterior probability under equal priors; larger is more even, which
            guards against an evidence that is too sure of itself.

    Raises:
        ValueError: if there are none, if all are -inf or one is NaN or inf, or temper is not
            positive.
    """
    logs = np.asarray(log_evidences, dtype=float)
    if not temper > 0:
        raise ValueError(f"temper must be positive, got {temper}")
    if len(logs) == 0 or not np.isfinite(logs.max()):
        raise ValueError(f"need log evidences with a finite maximum, got {logs.tolist()}")
    weights = np.exp((logs - logs.max()) / temper)
    return weights / weights.sum()


def mix(weights: Float[Array, " k"], log_scores: Float[Array, "k c"]) -> Float[Array, " c"]:
    """Log of the weighted average of k acquisitions whose logs are given.

    Args:
        weights: not negative; a model of weight 0 is left out.
        log_scores: such as log expected improvements, in nats.
    """
    return np.asarray(logsumexp(log_scores, axis=0, b=weights[:, None]))


def average(
    acquisition: Acquisition, weights: Float[Array, " k"], outlooks: Sequence[Outlook]
) -> Float[Array, " c"]:
    """The score of c candidates over k models, as the acquisition says how.

    Args:
        acquisition: scores for one model.
        weights: of the models, adding up to 1.
        outlooks: one a model, on the same candidates.
    """
    if acquisition.averaging is Averaging.DRAW:
        return acquisition(outlooks[outlooks[0].rng.choice(len(weights), p=weights)])
    scores = np.stack([acquisition(outlook) for outlook in outlooks])
    if acquisition.averaging is Averaging.LOGS:
        return mix(weights, scores)
    return weights @ scores
