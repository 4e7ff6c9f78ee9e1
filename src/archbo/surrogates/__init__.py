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
from archbo.surrogates.boosting import GradientBoosting
from archbo.surrogates.curve_fitting import fit_curves
from archbo.surrogates.curve_outcomes import CurveOutcomes
from archbo.surrogates.curves import CurveProcess
from archbo.surrogates.ensemble import DeepEnsemble
from archbo.surrogates.fitting import fit
from archbo.surrogates.forest import RandomForest
from archbo.surrogates.gnn import GraphNeuralNetwork
from archbo.surrogates.gp import NOISE_PRIOR, GaussianProcess
from archbo.surrogates.learning_curves import Curves
from archbo.surrogates.outcomes import HalfRank, Outcomes, OutcomeTransform, RankTransform
from archbo.surrogates.ratio import DensityRatio

__all__ = [
    "NOISE_PRIOR",
    "CurveOutcomes",
    "CurveProcess",
    "Curves",
    "DeepEnsemble",
    "DensityRatio",
    "GaussianProcess",
    "GradientBoosting",
    "GraphNeuralNetwork",
    "HalfRank",
    "JointPosterior",
    "Learner",
    "OutcomeTransform",
    "Outcomes",
    "Posterior",
    "RandomForest",
    "RankTransform",
    "SupportsFantasies",
    "SupportsJoint",
    "SupportsSampling",
    "Surrogate",
    "fit",
    "fit_curves",
]
