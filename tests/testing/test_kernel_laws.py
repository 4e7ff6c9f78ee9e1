"""Each law of kernels catches a kernel that breaks it, and a good kernel passes all."""

import numpy as np
import pytest

from archbo.kernels import RBF, Kernel
from archbo.testing.kernels import check

RNG = np.random.default_rng(0)
ROWS = {"f": RNG.standard_normal((7, 2))}
THETA = np.array([0.2, -0.4])
GOOD = RBF("f", (1.0, 2.0))


class Wrapped(Kernel):
    """A good kernel, of which subclasses spoil one thing."""

    names = GOOD.names
    blocks = GOOD.blocks

    def prior_within(self, *, beside, terms):
        return GOOD.prior_within(beside=beside, terms=terms)

    def distances(self, a, b):
        return GOOD.distances(a, b)

    def evaluate(self, theta, distances):
        return GOOD.evaluate(theta, distances)

    def diagonal(self, theta, n):
        return GOOD.diagonal(theta, n)


class SameNames(Wrapped):
    names = ("f", "f")


class Asymmetric(Wrapped):
    def distances(self, a, b):
        return GOOD.distances(a, b) + 0.1 * (a["f"][:, :1] > b["f"][:, 0])


class Indefinite(Wrapped):
    def evaluate(self, theta, distances):
        K, pull = GOOD.evaluate(theta, distances)
        return np.where(K == 1, 1.0, -K), lambda W: -pull(W)


class OtherDiagonal(Wrapped):
    def diagonal(self, theta, n):
        return 2 * GOOD.diagonal(theta, n)


class OtherGradient(Wrapped):
    def evaluate(self, theta, distances):
        K, pull = GOOD.evaluate(theta, distances)
        return K, lambda W: 1.01 * pull(W)


class LooksAtOthers(Wrapped):
    def distances(self, a, b):
        return GOOD.distances(a, b) / (1 + len(a["f"]) + len(b["f"]))


class Reckless(Wrapped):
    def evaluate(self, theta, distances):
        K, pull = GOOD.evaluate(theta, distances)

        def spoil(W):
            slope = pull(W)
            W *= 2
            return slope

        return K, spoil


def test_a_good_kernel_passes():
    check(GOOD, ROWS, THETA)
    check(Wrapped(), ROWS, THETA)


@pytest.mark.parametrize(
    ("kernel", "complaint"),
    [
        (SameNames(), "names come twice"),
        (Asymmetric(), "asymmetric by up to"),
        (Indefinite(), "an eigenvalue is -"),
        (OtherDiagonal(), "another diagonal"),
        (OtherGradient(), "gradient"),
        (LooksAtOthers(), "rows depend on others"),
        (Reckless(), "an argument was changed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_kernel_is_caught(kernel, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check(kernel, ROWS, THETA)
