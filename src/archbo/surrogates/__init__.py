"""Encoded rows and their outcomes to posteriors."""

from archbo.surrogates.base import (
    JointPosterior,
    Learner,
    Posterior,
    SupportsFantasies,
    SupportsJoint,
    SupportsSampling,
    Surrogate,
)
from archbo.surrogates.fitting import fit
from archbo.surrogates.gp import NOISE_PRIOR, GaussianProcess
from archbo.surrogates.outcomes import HalfRank, Outcomes, OutcomeTransform, RankTransform

__all__ = [
    "NOISE_PRIOR",
    "GaussianProcess",
    "HalfRank",
    "JointPosterior",
    "Learner",
    "OutcomeTransform",
    "Outcomes",
    "Posterior",
    "RankTransform",
    "SupportsFantasies",
    "SupportsJoint",
    "SupportsSampling",
    "Surrogate",
    "fit",
]
