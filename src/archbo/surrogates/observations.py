"""What a learner is fitted to, checked and put in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.errors import MissingExtraError, ProblemError, nearest
from archbo.kernels.blocks import Encoded, count_rows
from archbo.surrogates.base import Posterior, Surrogate
from archbo.surrogates.gp import require_finite


@dataclass(frozen=True, slots=True)
class Observations:
    """Observed rows of one block, at least one, in an order that depends on what they are alone.

    Attributes:
        X: the rows of the block.
        z: [n] what was observed.
        repeats: [n] how many measurements each z is the mean of.
    """

    X: Float[Array, "n ..."]
    z: Float[Array, " n"]
    repeats: Float[Array, " n"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The surrogate that knows nothing: a standard normal everywhere."""

    def predict(self, encoded: Encoded) -> Posterior:
        """Mean 0 and variance 1."""
        c = count_rows(encoded)
        return Posterior(np.zeros(c), np.ones(c))

    def sample(self, encoded: Encoded, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Constants: nothing says that rows differ."""
        return np.repeat(rng.standard_normal((m, 1)), count_rows(encoded), axis=1)


def fitted(
    fit: Callable[[Observations], Surrogate],
    X: Float[Array, "n ..."],
    z: Float[Array, " n"],
    repeats: Float[Array, " n"],
) -> Surrogate:
    """What `fit` makes of observations, whose order then does not matter; `Unknown` of none.

    Raises:
        NumericalError: if z is not finite.
    """
    require_finite(z)
    if len(z) == 0:
        return Unknown()
    order = np.lexsort([repeats, z, *X.reshape(len(X), -1).T])
    return fit(Observations(X[order], z[order], repeats[order]))


def read(encoded: Encoded, block: str, *, axes: int = 2) -> Float[Array, "n ..."]:
    """The numbers of a block.

    Args:
        encoded: the rows.
        block: its name.
        axes: how many axes its array has, that of the rows included.

    Raises:
        ProblemError: if it is missing, or is no such array of numbers.
    """
    if block not in encoded:
        raise ProblemError(
            f"the surrogate reads the block {block!r}, which the encoding does not have",
            hint=nearest(block, encoded),
        )
    X = encoded[block]
    if X.ndim != axes or X.dtype == np.uint64:
        raise ProblemError(
            f"the surrogate needs numbers on {axes} axes, the block {block!r} has "
            f"{X.dtype.name} on {X.ndim}",
            hint="Give it another block=.",
        )
    return X.astype(float)


def require_library(settings: object, module: str, *, name: str, extra: str) -> None:
    """Refuse settings whose library is not installed, without importing it.

    Raises:
        MissingExtraError: with the command that installs it.
    """
    if find_spec(module) is None:
        raise MissingExtraError(
            f"{type(settings).__name__} needs {name}", hint=f"pip install 'archbo[{extra}]'"
        )


def require(
    settings: object,
    *,
    least: Mapping[str, int] | None = None,
    positive: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> None:
    """Refuse settings that are out of their range.

    Args:
        settings: a dataclass.
        least: the least value of some fields.
        positive: fields that must be above 0.
        parts: fields that must be above 0 and at most 1.

    Raises:
        ProblemError: naming the first field that is wrong.
    """
    path = type(settings).__name__
    for name, low in (least or {}).items():
        if not (found := getattr(settings, name)) >= low:
            raise ProblemError(f"{name} must be at least {low}, got {found}", path=path)
    for name in positive:
        if not (found := getattr(settings, name)) > 0:
            raise ProblemError(f"{name} must be positive, got {found}", path=path)
    for name in parts:
        if not 0 < (found := getattr(settings, name)) <= 1:
            raise ProblemError(f"{name} must be in (0, 1], got {found}", path=path)
