"""Functions of the standard normal distribution whose logarithms stay finite and exact far out."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from archbo.arrays import Array, Float

_C1 = 0.5 * np.log(2 * np.pi)
_C2 = 0.5 * np.log(0.5 * np.pi)

_NEAR = -1.0
"""Above it nothing cancels."""

_FAR = -50.0
"""Below it the series is exact to rounding error, while erfcx loses digits like z²."""


def log_pdf(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Log density, finite down to z = -1e150."""
    return -0.5 * z * z - _C1


def log_cdf(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Log distribution function, finite down to z = -1e150."""
    return np.asarray(log_ndtr(z))


def log_h(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """log(phi(z) + z Phi(z)), the log of the expected positive part of a normal with mean z, sd 1.

    Error below 1e-15 (1 + z²), monotone, finite from z = -1e150 to 1e150.
    Source: Ament et al. 2023, equation 9 (https://arxiv.org/abs/2310.20708); below z = -50 with
    more terms of the series whose first one the source takes below -1e8.
    """
    z = np.asarray(z, dtype=float)
    result = np.empty(z.shape)

    near = z > _NEAR
    x = z[near]
    result[near] = np.log(np.exp(-0.5 * x * x - _C1) + x * ndtr(x))

    middle = (z <= _NEAR) & (z > _FAR)
    x = z[middle]
    # log h = log phi + log(1 - |z| Phi(z) / phi(z)), and Phi(z) / phi(z) = e^C2 erfcx(|z| / √2)
    lost = np.log(erfcx(-np.sqrt(0.5) * x) * -x) + _C2
    result[middle] = log_pdf(x) + _log1mexp(lost)

    far = z <= _FAR
    x = z[far]
    # 1 - |z| Phi(z) / phi(z) = z^-2 (1 - 3 z^-2 + 15 z^-4 - 105 z^-6 + 945 z^-8 - …)
    u = 1 / (x * x)
    series = u * (-3 + u * (15 + u * (-105 + u * 945)))
    result[far] = log_pdf(x) - 2 * np.log(-x) + np.log1p(series)
    return result


def _log1mexp(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """log(1 - exp(x)) for x < 0. Source: Mächler 2012, equation 7."""
    small = x > -np.log(2)
    return np.where(small, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))
