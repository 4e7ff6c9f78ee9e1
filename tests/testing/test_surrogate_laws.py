"""The laws of learners on a Gaussian process, and on learners that break them."""

from dataclasses import dataclass

import numpy as np
import pytest

from archbo.kernels import RBF, structure
from archbo.surrogates import Posterior, fit
from archbo.surrogates.observations import Unknown, read
from archbo.testing.surrogates import SurrogateLaws, assert_posterior


@dataclass(frozen=True)
class Process:
    """A Gaussian process of three columns, as a learner."""

    block: str = "encoding"

    def fit(self, encoded, z, *, repeats, rng):  # noqa: ARG002 - as the protocol has it
        read(encoded, self.block)
        return fit(structure(RBF(self.block, (1.0,) * 3)), encoded, z, repeats=repeats)


class TestGaussianProcess(SurrogateLaws):
    widens = True

    @pytest.fixture
    def learner(self):
        return Process()


@dataclass(frozen=True)
class Ignorant:
    """Learns nothing."""

    block: str = "encoding"

    def fit(self, *given, **drawn):  # noqa: ARG002 - it learns nothing
        return Unknown()


@dataclass(frozen=True)
class Reckless(Ignorant):
    """Changes what it is given."""

    def fit(self, encoded, z, **drawn):  # noqa: ARG002 - it learns nothing
        z *= 2
        return Unknown()


LAWS = SurrogateLaws()
KNOWN = {"encoding": np.random.default_rng(0).random((40, 3))}, np.linspace(-1, 1, 40)


def test_a_learner_that_learns_nothing_is_caught():
    draw = LAWS.draw.__wrapped__(LAWS, Ignorant())
    with pytest.raises(AssertionError):
        LAWS.test_it_predicts_better_than_the_mean(Unknown(), draw)
    with pytest.raises(AssertionError):
        LAWS.test_what_was_measured_more_often_weighs_more(Ignorant(), KNOWN)


def test_a_learner_that_changes_its_arguments_is_caught():
    with pytest.raises(AssertionError, match="an argument was changed"):
        LAWS.test_arguments_stay_as_they_are(Reckless(), KNOWN)


def test_a_variance_of_zero_is_caught():
    with pytest.raises(AssertionError):
        assert_posterior(Posterior(np.zeros(2), np.array([1.0, 0.0])), 2)
