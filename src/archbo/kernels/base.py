"""What a kernel is, and how kernels add, multiply and scale.

Notation: n, m rows, k blocks of distances, p hyperparameters.
    D      [k n m]  distances between two sets of rows, computed once per dataset
    theta  [p]      logs of the hyperparameters
    K      [n m]    covariance                            W  [n m]  weights of a gradient
    pull   W to tr(W' dK/dtheta), [p]

A kernel looks at each pair of rows by itself: K[i, j] follows from theta and D[:, i, j] alone, so
distances may be stacked, sliced or reshaped behind their first axis.

Where the hyperparameters stand still, no distances are needed: `against` gives the covariance with
known rows by matrix products.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from operator import add, mul
from typing import Any, TypeAlias

import numpy as np

from archbo.arrays import Array, Float
from archbo.errors import ProblemError
from archbo.kernels.blocks import Distances, Encoded, combine, contract
from archbo.kernels.priors import LogNormal

Pull: TypeAlias = Callable[[Array], Array]
"""W [n m] to tr(W' dK/dtheta) [p]."""

Found: TypeAlias = dict[tuple["Kernel", int], Any]
"""What kernels found for the same other rows, by kernel and the id of the known rows (0 where it is
of the others alone), so that it is found once."""

Against: TypeAlias = Callable[[Encoded, Found], Array]
"""Other rows [m] to something of theirs and the known rows [m n], in C order: by their transpose
[n m] linear algebra goes on without a copy."""


class Kernel(ABC):
    """A covariance function of encoded rows, and its gradient.

    `a + b` and `a * b` make `Sum` and `Product`.
    """

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Unique names of the hyperparameters, [p]."""

    @property
    @abstractmethod
    def blocks(self) -> int:
        """How many blocks of distances are multiplied; the prior depends on their number."""

    @abstractmethod
    def prior_within(self, *, beside: int, terms: int) -> LogNormal:
        """The default prior, where this kernel is a part of a larger one.

        Args:
            beside: number of blocks that the other factors of its product have.
            terms: number of terms of the sum that it belongs to.
        """

    @abstractmethod
    def distances(self, a: Encoded, b: Encoded) -> Distances:
        """What the covariance of rows a [n] and b [m] needs to know of them.

        Raises:
            ProblemError: if a block is missing or has another number of columns.
        """

    @abstractmethod
    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:
        """The covariance [n m], not to be changed, and its pullback, which shares its work."""

    @abstractmethod
    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:
        """The prior variance of n rows."""

    @property
    def prior(self) -> LogNormal:
        """The default prior of the hyperparameters."""
        return self.prior_within(beside=0, terms=1)

    def covariance(self, theta: Float[Array, " p"], distances: Distances) -> Float[Array, "n m"]:
        """The covariance matrix."""
        return self.evaluate(theta, distances)[0]

    def against(self, theta: Float[Array, " p"], known: Encoded) -> Against:
        """What gives the covariance of any rows with these: see `Against`."""

        def covariance(others: Encoded, found: Found) -> Array:  # noqa: ARG001
            return np.ascontiguousarray(self.covariance(theta, self.distances(known, others)).T)

        return covariance

    def pullback(
        self, theta: Float[Array, " p"], distances: Distances, W: Float[Array, "n m"]
    ) -> Float[Array, " p"]:
        """tr(W' dK/dtheta) for the log hyperparameters."""
        return self.evaluate(theta, distances)[1](W)

    def __add__(self, other: Kernel) -> Sum:
        return Sum((*_terms(self), *_terms(other)))

    def __mul__(self, other: Kernel) -> Product:
        return Product((*_factors(self), *_factors(other)))


class Radial(Kernel):
    """A function of s = sum over the blocks b of exp(theta_b) D_b, one hyperparameter a block.

    A block's D is a squared distance in some Euclidean space, scaled so that its mean over random
    rows of the space is about 1. The prior, log theta_b ~ N(log(1 / blocks of the product), 1),
    thus expects s about 1 between random rows, however many blocks there are.
    """

    scale: tuple[float, ...]

    @abstractmethod
    def profile(self, s: Float[Array, "n m"]) -> tuple[Array, Callable[[], Array]]:
        """The covariance at s, and a function that gives its derivative by s."""

    @property
    def blocks(self) -> int:
        return len(self.scale)

    def prior_within(self, *, beside: int, terms: int) -> LogNormal:  # noqa: ARG002
        k = self.blocks
        return LogNormal(np.full(k, -np.log(max(1, k + beside))), np.ones(k))

    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:
        D = np.asarray(distances)
        weights = np.exp(theta)
        K, slope = self.profile(combine(weights, D))
        return K, lambda W: weights * contract(D, W * slope())

    def against(self, theta: Float[Array, " p"], known: Encoded) -> Against:
        squares = self.squares(np.exp(theta), known)
        return lambda others, found: self.profile(squares(others, found))[0]

    def squares(self, weights: Float[Array, " k"], known: Encoded) -> Against:
        """What gives s = sum_b weights_b D_b of any rows with these: see `Against`."""

        def weighted(others: Encoded, found: Found) -> Array:  # noqa: ARG001
            return combine(weights, np.asarray(self.distances(others, known)))

        return weighted

    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:  # noqa: ARG002
        return np.ones(n)


class Exponential(Radial):
    """exp(-s). A product of these is one of these: their blocks share one exponential."""

    def profile(self, s: Float[Array, "n m"]) -> tuple[Array, Callable[[], Array]]:
        K = np.exp(-s)
        return K, lambda: -K


class Composite(Kernel):
    """A kernel made of others; its distances are theirs, in a tuple."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Kernel, ...]:
        """The kernels that it is made of."""

    def distances(self, a: Encoded, b: Encoded) -> Distances:
        return tuple(part.distances(a, b) for part in self.parts)


@dataclass(frozen=True)
class Scaled(Composite):
    """A kernel times an amplitude a; log a ~ N(log(1 / terms of the sum), 1).

    Attributes:
        kernel: what is scaled.
    """

    kernel: Kernel

    @cached_property
    def names(self) -> tuple[str, ...]:
        return _distinct([("amplitude",), self.kernel.names])

    @property
    def blocks(self) -> int:
        return self.kernel.blocks

    def prior_within(self, *, beside: int, terms: int) -> LogNormal:
        own = LogNormal(np.array([-np.log(terms)]), np.ones(1))
        return LogNormal.join([own, self.kernel.prior_within(beside=beside, terms=1)])

    @property
    def parts(self) -> tuple[Kernel, ...]:
        return (self.kernel,)

    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:
        amplitude = np.exp(theta[0])
        K, pull = self.kernel.evaluate(theta[1:], distances[0])

        def pull_scaled(W: Array) -> Array:
            own = np.vdot(W, K)
            return amplitude * np.concatenate([[own], pull(W)])

        return amplitude * K, pull_scaled

    def against(self, theta: Float[Array, " p"], known: Encoded) -> Against:
        amplitude, own = np.exp(theta[0]), self.kernel.against(theta[1:], known)
        return lambda others, found: amplitude * own(others, found)

    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:
        return np.exp(theta[0]) * self.kernel.diagonal(theta[1:], n)


@dataclass(frozen=True)
class Sum(Composite):
    """The sum of its terms; the name of a hyperparameter starts with its term's position.

    Attributes:
        terms: at least one.
    """

    terms: tuple[Kernel, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise ProblemError("a sum of kernels needs at least one term, got none")

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{j}.{name}" for j, term in enumerate(self.terms) for name in term.names)

    @property
    def blocks(self) -> int:
        return max(term.blocks for term in self.terms)

    @cached_property
    def _slices(self) -> tuple[slice, ...]:
        return _slices(self.terms)

    def prior_within(self, *, beside: int, terms: int) -> LogNormal:
        terms *= len(self.terms)
        return LogNormal.join([t.prior_within(beside=beside, terms=terms) for t in self.terms])

    @property
    def parts(self) -> tuple[Kernel, ...]:
        return self.terms

    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:
        parts = [
            term.evaluate(theta[own], D)
            for term, own, D in zip(self.terms, self._slices, distances, strict=True)
        ]
        K = parts[0][0]
        if len(parts) > 1:
            K = K + parts[1][0]
            for other, _ in parts[2:]:
                K += other
        return K, lambda W: np.concatenate([pull(W) for _, pull in parts])

    def against(self, theta: Float[Array, " p"], known: Encoded) -> Against:
        parts = [
            t.against(theta[own], known) for t, own in zip(self.terms, self._slices, strict=True)
        ]
        return lambda others, found: reduce(add, [part(others, found) for part in parts])

    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:
        parts = [t.diagonal(theta[own], n) for t, own in zip(self.terms, self._slices, strict=True)]
        return np.sum(parts, axis=0)


@dataclass(frozen=True)
class Product(Composite):
    """The product of its factors, nested products flattened.

    Its exponential factors come first and share one exponential.

    Attributes:
        factors: at least one; reordered as said.
    """

    factors: tuple[Kernel, ...]

    def __post_init__(self) -> None:
        if not self.factors:
            raise ProblemError("a product of kernels needs at least one factor, got none")
        flat = [factor for given in self.factors for factor in _factors(given)]
        flat.sort(key=lambda factor: not isinstance(factor, Exponential))  # stable
        object.__setattr__(self, "factors", tuple(flat))

    @cached_property
    def names(self) -> tuple[str, ...]:
        return _distinct([factor.names for factor in self.factors])

    @cached_property
    def blocks(self) -> int:
        return sum(factor.blocks for factor in self.factors)

    @cached_property
    def _fused(self) -> int:
        """How many factors, from the first, are exponential."""
        return sum(isinstance(factor, Exponential) for factor in self.factors)

    @cached_property
    def _slices(self) -> tuple[slice, ...]:
        return _slices(self.factors)

    def prior_within(self, *, beside: int, terms: int) -> LogNormal:
        total = beside + self.blocks
        return LogNormal.join(
            [f.prior_within(beside=total - f.blocks, terms=terms) for f in self.factors]
        )

    @property
    def parts(self) -> tuple[Kernel, ...]:
        return self.factors

    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:
        q = self._fused
        evaluated = [self._exponential(theta, tuple(distances[:q]))] if q else []
        evaluated += [
            factor.evaluate(theta[own], D)
            for factor, own, D in zip(
                self.factors[q:], self._slices[q:], distances[q:], strict=True
            )
        ]
        if len(evaluated) == 1:
            return evaluated[0]
        values = [K for K, _ in evaluated]

        def pull(W: Array) -> Array:
            slopes = []
            for i, (_, pull_factor) in enumerate(evaluated):
                others = values[:i] + values[i + 1 :]
                slopes.append(pull_factor(np.prod([W, *others], axis=0)))
            return np.concatenate(slopes)

        return np.prod(values, axis=0), pull

    def against(self, theta: Float[Array, " p"], known: Encoded) -> Against:
        q = self._fused
        own = list(zip(self.factors, self._slices, strict=True))
        squares = [
            factor.squares(np.exp(theta[columns]), known)
            for factor, columns in own[:q]
            if isinstance(factor, Exponential)
        ]
        rest = [factor.against(theta[columns], known) for factor, columns in own[q:]]

        def covariance(others: Encoded, found: Found) -> Array:
            factors = [part(others, found) for part in rest]
            if squares:
                s = reduce(add, [part(others, found) for part in squares])
                factors.append(np.exp(-s))
            return reduce(mul, factors)

        return covariance

    def _exponential(self, theta: Array, distances: tuple[Array, ...]) -> tuple[Array, Pull]:
        """All exponential factors at once."""
        slices = self._slices[: len(distances)]
        weights = np.exp(theta[: slices[-1].stop])
        K = combine(-weights[slices[0]], distances[0])
        for own, D in zip(slices[1:], distances[1:], strict=True):
            K -= combine(weights[own], D)
        np.exp(K, out=K)

        def pull(W: Array) -> Array:
            WK = W * K
            return -weights * np.concatenate([contract(D, WK) for D in distances])

        return K, pull

    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:
        parts = [
            f.diagonal(theta[own], n) for f, own in zip(self.factors, self._slices, strict=True)
        ]
        return np.prod(parts, axis=0)


def structure(*terms: Kernel) -> Sum:
    """Terms that add up, each with an amplitude of its own.

    >>> from archbo.kernels import RBF, Hamming
    >>> kernel = structure(Hamming("options", (1.0, 1.0)), RBF("features", (2.0,)))
    >>> kernel.names
    ('0.amplitude', '0.options.0', '0.options.1', '1.amplitude', '1.features.0')

    Raises:
        ProblemError: if there are none.
    """
    return Sum(tuple(Scaled(term) for term in terms))


def shared_distances(kernels: Sequence[Kernel], a: Encoded, b: Encoded) -> list[Distances]:
    """The distances for several kernels; those of equal parts are computed once."""
    known: dict[Kernel, Distances] = {}

    def find(kernel: Kernel) -> Distances:
        if isinstance(kernel, Composite):
            return tuple(find(part) for part in kernel.parts)
        if kernel not in known:
            known[kernel] = kernel.distances(a, b)
        return known[kernel]

    return [find(kernel) for kernel in kernels]


def _terms(kernel: Kernel) -> tuple[Kernel, ...]:
    return kernel.terms if isinstance(kernel, Sum) else (kernel,)


def _factors(kernel: Kernel) -> tuple[Kernel, ...]:
    return kernel.factors if isinstance(kernel, Product) else (kernel,)


def _slices(parts: tuple[Kernel, ...]) -> tuple[slice, ...]:
    """Where each part's hyperparameters stand among all."""
    ends = np.cumsum([0, *(len(part.names) for part in parts)])
    return tuple(slice(int(i), int(j)) for i, j in pairwise(ends))


def _distinct(groups: list[tuple[str, ...]]) -> tuple[str, ...]:
    """All names; each with its group's position before it if two groups share one."""
    names = tuple(name for group in groups for name in group)
    if len(set(names)) == len(names):
        return names
    return tuple(f"{j}.{name}" for j, group in enumerate(groups) for name in group)
