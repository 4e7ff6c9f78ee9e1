"""Encoded rows to covariance, with gradients."""

from archbo.kernels.base import (
    Against,
    Composite,
    Exponential,
    Found,
    Kernel,
    Product,
    Radial,
    Scaled,
    Sum,
    shared_distances,
    structure,
)
from archbo.kernels.blocks import Distances, Encoded
from archbo.kernels.decisions import Hamming, Matern52
from archbo.kernels.features import RBF
from archbo.kernels.groups import Additive, GroupedHamming
from archbo.kernels.histograms import HistogramRBF
from archbo.kernels.isotropic import Isotropic, IsotropicMatern52
from archbo.kernels.priors import LogNormal
from archbo.kernels.scales import mean_distance, scale_of
from archbo.kernels.similarities import (
    HistogramLinear,
    HistogramMinMax,
    OptimalAssignment,
    Similarity,
)

__all__ = [
    "RBF",
    "Additive",
    "Against",
    "Composite",
    "Distances",
    "Encoded",
    "Exponential",
    "Found",
    "GroupedHamming",
    "Hamming",
    "HistogramLinear",
    "HistogramMinMax",
    "HistogramRBF",
    "Isotropic",
    "IsotropicMatern52",
    "Kernel",
    "LogNormal",
    "Matern52",
    "OptimalAssignment",
    "Product",
    "Radial",
    "Scaled",
    "Similarity",
    "Sum",
    "mean_distance",
    "scale_of",
    "shared_distances",
    "structure",
]
