"""Laws of a learner and of the surrogate that it fits.

Inherit `SurrogateLaws` in a test class and give a fixture `learner`. One that reads no numbers
[n d] gives a fixture `draw` as well, which makes rows of its block and a function of them. Where
the variance should grow away from the data, set `widens = True`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest

from archbo.arrays import Array, Rng
from archbo.errors import NumericalError, ProblemError
from archbo.kernels.blocks import Encoded, count_rows, join_rows, rows
from archbo.surrogates import Learner, Posterior, SupportsSampling, Surrogate

Draw = Callable[[Rng, int], tuple[Encoded, Array]]
"""Random rows, and a smooth function of them."""

_DRAWS = 4000
_SIX_SIGMA = 6.0  # statistical laws fail by chance about once in a billion runs


def fit(learner: Learner, known: Encoded, z: Array, repeats: Array | None = None) -> Surrogate:
    """The learner's surrogate after these observations, always by the same random numbers."""
    repeats = np.ones(len(z)) if repeats is None else repeats
    return learner.fit(known, z, repeats=repeats, rng=np.random.default_rng(0))


class SurrogateLaws:
    """What every learner and its surrogate must keep."""

    widens = False

    @pytest.fixture
    def draw(self, learner: Learner) -> Draw:
        """Three columns on [0, 1], of which the first two matter."""

        def flat(rng: Rng, n: int) -> tuple[Encoded, Array]:
            x = rng.random((n, 3))
            return {learner.block: x}, np.sin(3 * x[:, 0]) - 2 * (x[:, 1] - 0.5) ** 2

        return flat

    @pytest.fixture
    def known(self, draw: Draw) -> tuple[Encoded, Array]:
        """Forty observed rows, and what was observed, standardised."""
        encoded, truth = draw(np.random.default_rng(1), 40)
        return encoded, (truth - truth.mean()) / truth.std()

    @pytest.fixture
    def model(self, learner: Learner, known: tuple[Encoded, Array]) -> Surrogate:
        """What is fitted to these."""
        return fit(learner, *known)

    def test_settings_are_a_value(self, learner: Learner) -> None:
        assert isinstance(learner, Learner)
        assert pickle.loads(pickle.dumps(learner)) == learner
        assert hash(learner) == hash(pickle.loads(pickle.dumps(learner)))

    @pytest.mark.parametrize("c", [0, 1, 7])
    def test_each_row_has_a_mean_and_a_positive_variance(
        self, model: Surrogate, draw: Draw, c: int
    ) -> None:
        assert_posterior(model.predict(draw(np.random.default_rng(2), c)[0]), c)

    def test_the_same_random_numbers_give_the_same_surrogate(
        self, learner: Learner, known: tuple[Encoded, Array], draw: Draw
    ) -> None:
        there, _ = draw(np.random.default_rng(2), 20)
        first, second = (fit(learner, *known).predict(there) for _ in range(2))
        np.testing.assert_array_equal(first.mean, second.mean)
        np.testing.assert_array_equal(first.variance, second.variance)

    def test_rows_are_predicted_each_by_itself(self, model: Surrogate, draw: Draw) -> None:
        there, _ = draw(np.random.default_rng(2), 9)
        together = model.predict(there)
        for k in range(9):
            alone = model.predict(rows(there, slice(k, k + 1)))
            np.testing.assert_allclose(alone.mean[0], together.mean[k], rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(alone.variance[0], together.variance[k], rtol=1e-3)

    def test_it_predicts_better_than_the_mean(self, model: Surrogate, draw: Draw) -> None:
        known_truth = draw(np.random.default_rng(1), 40)[1]
        there, truth = draw(np.random.default_rng(2), 300)
        z = (truth - known_truth.mean()) / known_truth.std()
        mean = model.predict(there).mean
        assert np.mean((mean - z) ** 2) < 0.75 * np.mean(z**2)
        assert np.corrcoef(mean, z)[0, 1] > 0.6

    def test_the_order_of_observations_does_not_matter(
        self, learner: Learner, known: tuple[Encoded, Array], draw: Draw
    ) -> None:
        encoded, z = known
        order = np.random.default_rng(3).permutation(len(z))
        there, _ = draw(np.random.default_rng(2), 20)
        first = fit(learner, encoded, z).predict(there)
        second = fit(learner, rows(encoded, order), z[order]).predict(there)
        np.testing.assert_allclose(first.mean, second.mean, atol=0.05)
        np.testing.assert_allclose(first.sd, second.sd, rtol=0.05)

    def test_what_was_measured_more_often_weighs_more(
        self, learner: Learner, known: tuple[Encoded, Array]
    ) -> None:
        """Two results at each of some rows; the one with many measurements is nearer."""
        encoded, z = known
        both, opposite = join_rows(encoded, encoded), np.concatenate([z, -z])
        many, few = np.full(len(z), 20.0), np.ones(len(z))
        first = fit(learner, both, opposite, np.concatenate([many, few])).predict(encoded).mean
        second = fit(learner, both, opposite, np.concatenate([few, many])).predict(encoded).mean
        assert z @ first > z @ second

    @pytest.mark.parametrize("n", [0, 1, 2])
    @pytest.mark.parametrize("kind", ["different", "equal results", "equal rows"])
    def test_few_observations_are_enough(
        self, learner: Learner, known: tuple[Encoded, Array], draw: Draw, n: int, kind: str
    ) -> None:
        encoded, z = known
        which = np.zeros(n, dtype=np.int64) if kind == "equal rows" else np.arange(n)
        results = np.zeros(n) if kind == "equal results" else z[:n]
        model = fit(learner, rows(encoded, which), results)
        assert_posterior(model.predict(draw(np.random.default_rng(2), 5)[0]), 5)

    def test_results_that_are_all_equal_are_expected_everywhere(
        self, learner: Learner, known: tuple[Encoded, Array], draw: Draw
    ) -> None:
        encoded, z = known
        model = fit(learner, encoded, np.zeros(len(z)))
        there, _ = draw(np.random.default_rng(2), 20)
        assert np.abs(model.predict(there).mean).max() < 1

    def test_the_variance_grows_away_from_the_data(
        self, model: Surrogate, known: tuple[Encoded, Array], learner: Learner
    ) -> None:
        if not self.widens:
            pytest.skip("this learner does not claim it")
        block = known[0][learner.block]
        away = {learner.block: block + 3 * (block.max(axis=0) - block.min(axis=0))}
        assert np.median(model.predict(away).sd) > 1.5 * np.median(model.predict(known[0]).sd)

    def test_draws_have_the_moments_of_the_posterior(self, model: Surrogate, draw: Draw) -> None:
        if not isinstance(model, SupportsSampling):
            pytest.skip("this surrogate does not draw")
        there, _ = draw(np.random.default_rng(2), 5)
        drawn = model.sample(there, np.random.default_rng(3), _DRAWS)
        again = model.sample(there, np.random.default_rng(3), _DRAWS)
        np.testing.assert_array_equal(drawn, again)
        assert drawn.shape == (_DRAWS, 5)
        posterior = model.predict(there)
        margin = _SIX_SIGMA * drawn.std(axis=0) / np.sqrt(_DRAWS)
        assert (np.abs(drawn.mean(axis=0) - posterior.mean) <= margin + 1e-3).all()
        # the variance of a variance, by the draws themselves
        squared = (drawn - posterior.mean) ** 2
        margin = _SIX_SIGMA * squared.std(axis=0) / np.sqrt(_DRAWS)
        assert (np.abs(squared.mean(axis=0) - posterior.variance) <= margin + 1e-3).all()

    def test_arguments_stay_as_they_are(
        self, learner: Learner, known: tuple[Encoded, Array]
    ) -> None:
        encoded, z = known
        repeats = np.ones(len(z))
        given = [z, repeats, *encoded.values()]
        before = [x.copy() for x in given]
        fit(learner, encoded, z, repeats).predict(encoded)
        for x, y in zip(given, before, strict=True):
            np.testing.assert_array_equal(x, y, err_msg="an argument was changed")

    def test_results_must_be_finite(self, learner: Learner, known: tuple[Encoded, Array]) -> None:
        encoded, z = known
        with pytest.raises(NumericalError, match="1 of 40 observations are not finite"):
            fit(learner, encoded, np.where(np.arange(len(z)) == 3, np.nan, z))

    def test_a_missing_block_is_named(self, learner: Learner, known: tuple[Encoded, Array]) -> None:
        encoded, z = known
        others = {"other": next(iter(encoded.values()))}
        assert count_rows(others) == len(z)
        with pytest.raises(ProblemError, match=f"block '{learner.block}'"):
            fit(learner, others, z)


def assert_posterior(posterior: Posterior, c: int) -> None:
    """Fail unless there are c finite means and positive variances."""
    assert posterior.mean.shape == posterior.variance.shape == (c,)
    assert np.isfinite(posterior.mean).all()
    assert np.isfinite(posterior.variance).all()
    assert (posterior.variance > 0).all()
