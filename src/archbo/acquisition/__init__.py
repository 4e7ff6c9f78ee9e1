"""Posteriors to scores."""

from archbo.acquisition.base import Acquisition, Averaging, Outlook
from archbo.acquisition.entropy import LogMaxValueEntropy
from archbo.acquisition.exploration import ThompsonSampling, UpperConfidenceBound
from archbo.acquisition.improvement import (
    LogExpectedImprovement,
    LogNoisyExpectedImprovement,
    LogProbabilityOfImprovement,
    log_expected_improvement,
)
from archbo.acquisition.knowledge import LogKnowledgeGradient, log_repeat_gain
from archbo.acquisition.mixture import average, evidence_weights, mix
from archbo.acquisition.normal import log_cdf, log_h, log_pdf
from archbo.acquisition.pending import Pick, believe, choose
from archbo.acquisition.stages import Rates, best_rates

__all__ = [
    "Acquisition",
    "Averaging",
    "LogExpectedImprovement",
    "LogKnowledgeGradient",
    "LogMaxValueEntropy",
    "LogNoisyExpectedImprovement",
    "LogProbabilityOfImprovement",
    "Outlook",
    "Pick",
    "Rates",
    "ThompsonSampling",
    "UpperConfidenceBound",
    "average",
    "believe",
    "best_rates",
    "choose",
    "evidence_weights",
    "log_cdf",
    "log_expected_improvement",
    "log_h",
    "log_pdf",
    "log_repeat_gain",
    "mix",
]
