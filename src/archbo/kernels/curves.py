"""How values along a training vary together: curves flatten, and neighbours in epoch agree.

A value after epoch t, at its place s on the logarithmic way from the shortest training (0) to the
full one (1), is, with c = 1 - s and e(s) = c^bend,

    mean(s) + a(s) f(x) + b(s) h(x)           a = 1 - (1 - rho) e,  b = sqrt(early) e
            + a(s) u + e(s) v + d(s) + noise  d: Brownian motion backwards from the end

f is what full training gives and h what only short ones show, both functions of the architecture;
u, v and d belong to one curve alone. All but f and u is gone at the end. rho is the part of f that
the shortest training shows: where it is 0, short trainings say nothing of full ones.

Notation: G epochs, e hyperparameters.
    eta  [e]    hyperparameters, all but rho as logs     Phi  [G 2]  a and b
    D    [G G]  covariance of a curve of its own         M    [G G]  covariance of the mean curve
Source: the parts of a curve follow freeze-thaw, Swersky et al. 2014 (arXiv 1406.3896), f and h the
linear model of coregionalisation.
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
    "wander bend",
    "noise",
    "noise early",
)
"""The hyperparameters: see the module; `own`, `own early` and `wander` are the variances of u, v and
d(0), `wander bend` says how soon d settles, `noise early` how much larger noise is at the start."""

PRIOR = LogNormal(
    np.array([0.8, *np.log([1.0, 0.3, 0.1, 0.1, 0.1, 1.0, 0.005, 2.0])]),
    np.array([0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 0.5, 1.5, 2.0]),
)
"""Of eta; `rho` itself is normal. Values have about unit variance at the end."""

_LEVEL, _SMOOTH, _ROUGH = 4.0, 4.0, 0.25
"""Variances of the mean curve: of its level, of a smooth curve and of a random walk."""

_LENGTH = 0.5
"""Over so large a part of the way the smooth mean curve keeps its direction."""

_STEP = 1e-30
"""Of complex differentiation, which has no rounding error to balance."""


class Shape(NamedTuple):
    """What the hyperparameters say of G epochs, or their derivatives [e ...].

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
    return _shape(eta, s)


def slopes(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Shape:
    """The derivatives of `shape` by eta, [e ...] each."""
    steps = np.eye(len(eta)) * (1j * _STEP)
    found = [_shape(eta + step, s) for step in steps]
    return Shape(*(np.stack([x.imag for x in part]) / _STEP for part in zip(*found, strict=True)))


def own_covariance(
    eta: Float[Array, " e"], s: Float[Array, " G"], t: Float[Array, " H"]
) -> Float[Array, "G H"]:
    """Covariance of a curve's own part at places s with that at places t."""
    return _own(eta, s, t)


def loadings(eta: Float[Array, " e"], s: Float[Array, " G"]) -> Float[Array, "G 2"]:
    """Phi at places s."""
    return _loadings(eta, s)


def mean_covariance(s: Float[Array, " G"], t: Float[Array, " H"]) -> Float[Array, "G H"]:
    """Covariance of the mean curve, which is the same for all architectures."""
    r = np.sqrt(5) * np.abs(np.subtract.outer(s, t)) / _LENGTH
    smooth = (1 + r + r * r / 3) * np.exp(-r)
    return _LEVEL + _SMOOTH * smooth + _ROUGH * np.minimum.outer(s, t)


def _shape(eta: Array, s: Array) -> Shape:
    noise = np.exp(eta[7] + eta[8] * (1 - s))
    return Shape(_loadings(eta, s), _own(eta, s, s), noise)


def _own(eta: Array, s: Array, t: Array) -> Array:
    own, own_early, wander = np.exp(eta[3:6])
    a, b = _loadings(eta, s)[:, 0], _loadings(eta, t)[:, 0]
    e, f = _power(1 - s, np.exp(eta[1])), _power(1 - t, np.exp(eta[1]))
    left = 1 - np.maximum.outer(s, t)
    return (
        own * np.multiply.outer(a, b)
        + own_early * np.multiply.outer(e, f)
        + wander * _power(left, np.exp(eta[6]))
    )


def _loadings(eta: Array, s: Array) -> Array:
    e = _power(1 - s, np.exp(eta[1]))
    return np.stack([1 - (1 - eta[0]) * e, np.exp(eta[2] / 2) * e], axis=-1)


def _power(x: Array, exponent: complex | float) -> Array:
    """x^exponent for x >= 0; 0 stays 0 for a complex exponent, too."""
    positive = x > 0
    return np.where(positive, np.exp(exponent * np.log(np.where(positive, x, 1.0))), 0.0)
