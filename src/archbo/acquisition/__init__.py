"""Posteriors to scores."""

from archbo.acquisition.base import Acquisition, AcquisitionOver
from archbo.acquisition.improvement import (
    LogExpectedImprovement,
    log_expected_improvement,
)
from archbo.acquisition.mixture import evidence_weights, mix
from archbo.acquisition.normal import log_cdf, log_h, log_pdf
from archbo.acquisition.pending import Pick, believe, choose

__all__ = [
    "Acquisition",
    "AcquisitionOver",
    "LogExpectedImprovement",
    "Pick",
    "believe",
    "choose",
    "evidence_weights",
    "log_cdf",
    "log_expected_improvement",
    "log_h",
    "log_pdf",
    "mix",
]
