"""How values along a training vary together: curves flatten, and neighbours in epoch agree.

A value after epoch t, at its place s on the logarithmic way from the shortest training (0) to the
full one (1), is, with e(s) = (1 - s)^bend,

    mean(s) + a(s) f(x) + b(s) h(x)           a = 1 - (1 - rho) e,  b = sqrt(early) e
            + a(s) u + e(s) v + d(s) + noise  d: Brownian motion backwards from the end

f is what full training gives and h what only short ones show, both functions of the architecture;
u, v and d belong to one curve alone. All but f and u is gone at the end. rho is the part of f that
the shortest training shows: where it is 0, short trainings say nothing of full ones.

Notation: G epochs, e hyperparameters.
    eta  [e]    hyperparameters, all but rho as logs     Phi  [G 2]  a and b
    D    [G G]  covariance of a curve of its own: u's, v's and d's parts
Source: the parts of a curve follow freeze-thaw, Swersky et al. 2014 (arXiv 1406.3896); f and h are
the linear model of coregionalisation, Alvarez et al. 2012, section 4.2 (arXiv 1106.6251).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Float
from archbo.kernels.priors import LogNormal

NAMES = (
    "rho",
    "bend",
    "early",
    "own",
    "own early",
    "wander",
    "settle",
    "noise",
    "noise early",
)
"""The hyperparameters. `own`, `own early` and `wander` are the variances of u, v and d(0); d(s) has
(1 - s)^settle of its own. Noise has the variance `noise` at the end and `noise early` times as much
at the start, in between on a logarithmic scale."""

PRIOR = LogNormal(
    np.array([0.5, *np.log([1.0, 0.5, 0.1, 0.1, 0.1, 1.0, 0.005, 2.0])]),
    np.array([0.4, 0.5, 1.5, 1.5, 1.5, 1.5, 0.5, 1.5, 2.0]),
)
"""Of eta; `rho` itself is normal. Values have about unit variance. At its mean, before any full
training is known, the shortest is taken to say little of one: a correlation of 0.34."""

_LEVEL, _SMOOTH, _ROUGH = 4.0, 4.0, 0.25
"""Variances of the mean curve: of its level, of a smooth curve and of a random walk."""

_LENGTH = 0.5
"""Over so large a part of the way the smooth mean curve keeps its direction."""


class Shape(NamedTuple):
    """What the hyperparameters say of G epochs, or the derivatives [e ...] of that.

    Attributes:
        loadings: [G 2] Phi.
        own: [G G] D.
        noise: [G] variances.
    """

    loadings: Array
    own: Array
    noise: Array


def place(
    epochs: Float[Array, " G"], *, shortest: int | float, full: int | float
) -> Float[Array, " G"]:
    """Where fidelities stand on the logarithmic way from the shortest, 0, to the full one, 1.

    >>> place(np.array([1.0, 3.0, 9.0]), shortest=1, full=9).tolist()
    [0.0, 0.5, 1.0]
    """
    if full <= shortest:
        return np.ones(len(epochs))
    return np.clip(np.log(epochs / shortest) / np.log(full / shortest), 0.0, 1.0)


def shape(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Shape:
    """Loadings, own covariance and noise at places s."""
    return Shape(loadings(eta, s), own_covariance(eta, s, s), noise_variance(eta, s))


def loadings(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Float[Array, "G 2"]:
    """Phi at places s."""
    e = _early(eta, s)
    return np.stack([1 - (1 - eta[0]) * e, np.exp(eta[2] / 2) * e], axis=1)


def noise_variance(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Float[Array, " G"]:
    """Of one evaluation at places s."""
    return np.exp(eta[7] + eta[8] * (1 - s))


def own_covariance(
    eta: Float[Array, " e"], s: Float[Array, " G"], t: Float[Array, " H"]
) -> Float[Array, "G H"]:
    """Covariance of a curve's own part at places s with that at places t."""
    own, own_early, wander = np.exp(eta[3:6])
    left = 1 - np.maximum.outer(s, t)
    return (
        own * np.multiply.outer(loadings(eta, s)[:, 0], loadings(eta, t)[:, 0])
        + own_early * np.multiply.outer(_early(eta, s), _early(eta, t))
        + wander * left ** np.exp(eta[6])
    )


def own_variance(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Float[Array, " G"]:
    """The diagonal of `own_covariance` at places s."""
    own, own_early, wander = np.exp(eta[3:6])
    left = wander * (1 - s) ** np.exp(eta[6])
    return own * loadings(eta, s)[:, 0] ** 2 + own_early * _early(eta, s) ** 2 + left


def slopes(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Shape:
    """The derivatives of `shape` by eta."""
    own, own_early, wander = np.exp(eta[3:6])
    bend, settle = np.exp(eta[1]), np.exp(eta[6])
    Phi, e = loadings(eta, s), _early(eta, s)
    a, b = Phi.T
    bent = bend * _log(1 - s) * e  # of e by log bend
    bent_a = -(1 - eta[0]) * bent
    left = 1 - np.maximum.outer(s, s)
    walk = wander * left**settle
    by = Shape(*(np.zeros((len(eta), *part.shape)) for part in (Phi, left, s)))
    by.loadings[0, :, 0] = e
    by.loadings[1] = np.stack([bent_a, np.exp(eta[2] / 2) * bent], axis=1)
    by.loadings[2, :, 1] = b / 2
    by.own[0] = own * _both(e, a)
    by.own[1] = own * _both(bent_a, a) + own_early * _both(bent, e)
    by.own[3] = own * np.multiply.outer(a, a)
    by.own[4] = own_early * np.multiply.outer(e, e)
    by.own[5] = walk
    by.own[6] = settle * _log(left) * walk
    by.noise[7] = noise_variance(eta, s)
    by.noise[8] = (1 - s) * by.noise[7]
    return by


def mean_covariance(s: Float[Array, " G"], t: Float[Array, " H"]) -> Float[Array, "G H"]:
    """Covariance of the mean curve, which is the same for all architectures."""
    r = np.sqrt(5) * np.abs(np.subtract.outer(s, t)) / _LENGTH
    smooth = (1 + r + r * r / 3) * np.exp(-r)
    return _LEVEL + _SMOOTH * smooth + _ROUGH * np.minimum.outer(s, t)


def mean_variance(s: Float[Array, " G"]) -> Float[Array, " G"]:
    """The diagonal of `mean_covariance` at places s."""
    return _LEVEL + _SMOOTH + _ROUGH * s


def _early(eta: Array, s: Array) -> Array:
    return (1 - s) ** np.exp(eta[1])


def _both(x: Array, y: Array) -> Array:
    """The derivative of an outer product of a vector with itself, where x is the vector's."""
    product = np.multiply.outer(x, y)
    return product + product.T


def _log(x: Array) -> Array:
    """Logarithms; 0 for 0, whose positive powers stay 0 whatever the exponent."""
    return np.log(np.where(x > 0, x, 1.0))
