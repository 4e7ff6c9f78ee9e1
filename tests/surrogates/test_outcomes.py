"""Transforms of the objective against scipy, published values and quadrature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from archbo.errors import NumericalError
from archbo.surrogates import HalfRank, RankTransform

TRANSFORMS = [RankTransform(), HalfRank()]
both = pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)


@st.composite
def objectives(draw):
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    y = rng.standard_normal(n).round(draw(st.integers(0, 3)))
    return draw(st.sampled_from([1e-12, 1.0, 1e12])) * (y + draw(st.sampled_from([0.0, 5.0])))


@both
@given(y=objectives())
def test_the_transform_keeps_order_and_ties_and_is_standardised(transform, y):
    z = transform(y).z
    assert (np.sign(np.subtract.outer(z, z)) == np.sign(np.subtract.outer(y, y))).all()
    assert abs(z.mean()) < 1e-9
    assert z.std() == pytest.approx(1.0 if len(set(y)) > 1 else 0.0)


@both
@given(y=objectives())
def test_a_sure_prediction_of_an_observation_is_that_observation(transform, y):
    outcomes = transform(y)
    mean, sd = outcomes.to_objective(outcomes.z, np.zeros(len(y)))
    size = np.abs(y).max()
    np.testing.assert_allclose(mean, y, atol=1e-9 * size + 1e-300)
    assert (sd <= 1e-6 * (size or 1.0)).all()


@both
@given(y=objectives())
def test_the_way_back_is_monotone_in_the_mean(transform, y):
    mean, sd = transform(y).to_objective(np.linspace(-4, 4, 50), np.full(50, 0.3))
    assert (np.diff(mean) >= -1e-9 * np.abs(y).max()).all()
    assert np.isfinite(sd).all()


def test_rank_scores_are_normal_scores_of_mean_ranks():
    y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    scores = stats.norm.ppf((stats.rankdata(y) - 0.5) / len(y))
    expected = (scores - scores.mean()) / scores.std()
    np.testing.assert_allclose(RankTransform()(y).z, expected, rtol=1e-12)


def test_only_the_order_counts_for_ranks():
    y = np.array([0.1, 0.5, 0.93, 0.94])
    np.testing.assert_array_equal(RankTransform()(y).z, RankTransform()(np.exp(9 * y)).z)


@pytest.mark.parametrize(
    ("y", "published"),
    [
        # Vizier, HalfRankComponentTest: the scores of the lower half before standardising
        (
            [1, 2, 3, 4, 5, 6, 2, 10, 12],
            {1: -2.7145447657886415, 2: 0.3722561569665319, 3: 2.322289907556879},
        ),
        (
            [-4, -3, -2, 1.1, 1.2, 1.3, 1.4, 1.5],
            {
                -4: 0.7984888240158797,
                -3: 0.9467291870388195,
                -2: 1.0380072549079085,
                1.1: 1.1139555940074284,
            },
        ),
        (
            [1, 2, 3, 4, 4, 6, 7, 10, 11, 12],
            {
                1: -2.3573836671676096,
                2: 0.7453945664588675,
                3: 2.655910679724611,
                4: 4.2455644597926385,
            },
        ),
    ],
)
def test_half_rank_equals_published_values(y, published):
    z = HalfRank()(np.array(y, dtype=float)).z
    scores = np.array([published.get(value, value) for value in y])
    expected = (scores - scores.mean()) / scores.std()
    np.testing.assert_allclose(z, expected, rtol=1e-12)


def test_half_rank_keeps_the_upper_half_linear():
    y = np.array([-1e9, -5.0, 0.0, 1.0, 1.5, 4.0])
    z = HalfRank()(y).z
    slopes = np.diff(z[3:]) / np.diff(y[3:])
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-12)
    np.testing.assert_array_equal(HalfRank()(np.r_[-2e3, y[1:]]).z, z)


def test_half_rank_without_spread_in_the_upper_half():
    y = np.array([0.0, 1.0, 5.0, 5.0, 5.0])
    z = HalfRank()(y).z
    assert z[0] < z[1] < z[2] == z[4]


@both
def test_moments_in_the_objective_equal_quadrature(transform):
    y = np.array([0.10, 0.10, 0.62, 0.85, 0.90, 0.91, 0.915, 0.93, 0.935])
    outcomes = transform(y)
    mean, sd = np.array([-2.5, -0.8, 0.0, 1.1, 3.0]), np.array([0.4, 1.0, 0.05, 0.7, 0.2])

    # The way back itself, by sure predictions
    def back(z):
        return outcomes.to_objective(np.array([z]), np.zeros(1))[0][0]

    first, second = outcomes.to_objective(mean, sd)
    for k in range(len(mean)):
        edges = (outcomes.scores - mean[k]) / sd[k]
        inside = np.sort(edges[np.abs(edges) < 9])

        def moment(f, at=k, points=inside):
            return sum(
                integrate.quad(lambda v: f(back(mean[at] + sd[at] * v)) * stats.norm.pdf(v), a, b)[
                    0
                ]
                for a, b in zip([-9, *points], [*points, 9], strict=True)
            )

        expected = moment(lambda g: g)
        assert first[k] == pytest.approx(expected, abs=1e-9)
        variance = moment(lambda g, m=expected: (g - m) ** 2)
        assert second[k] == pytest.approx(np.sqrt(variance), abs=1e-8)


@both
def test_predictions_beyond_the_observed_go_on_linearly(transform):
    y = np.arange(9.0)
    outcomes = transform(y)
    z = np.array([2.0, 3.0, 4.0, 5.0])
    for side in (z, -z):
        mean, _ = outcomes.to_objective(side, np.zeros(4))
        steps = np.diff(mean)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
        assert abs(steps[0]) > 0.5
    assert (outcomes.to_objective(z, np.zeros(4))[0] > 8).all()


@both
@pytest.mark.parametrize(("value", "unit"), [(0.0, 1.0), (-3.0, 3.0), (1e12, 1e12), (1e-12, 1e-12)])
@pytest.mark.parametrize("n", [1, 4])
def test_one_value_gives_its_size_as_the_unit(transform, value, unit, n):
    outcomes = transform(np.full(n, value))
    np.testing.assert_array_equal(outcomes.z, np.zeros(n))
    mean, sd = outcomes.to_objective(np.array([0.0, 1.0]), np.array([1.0, 0.5]))
    np.testing.assert_allclose(mean, [value, value + unit], atol=1e-9 * unit)
    np.testing.assert_allclose(sd, [unit, 0.5 * unit])


@both
def test_without_observations_nothing_is_changed(transform):
    outcomes = transform(np.zeros(0))
    mean, sd = outcomes.to_objective(np.array([0.5]), np.array([2.0]))
    assert (mean, sd) == (0.5, 2.0)
    assert outcomes.z.shape == (0,)


@both
def test_values_that_differ_by_rounding_only_come_back(transform):
    y = np.array([1e12, np.nextafter(1e12, 2e12), -1e12, 0.0, 1e-300])
    outcomes = transform(y)
    mean, sd = outcomes.to_objective(outcomes.z, np.full(5, 0.1))
    assert np.isfinite(mean).all()
    assert np.isfinite(sd).all()


@both
def test_observations_that_are_not_finite_are_refused(transform):
    with pytest.raises(NumericalError, match="1 of 2 observations are not finite"):
        transform(np.array([1.0, np.nan]))
