"""The rate of trainings in stages against brute force, dense programmes, and its laws."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from archbo.acquisition import best_rates, log_expected_improvement
from archbo.acquisition.stages import Rates

STAGED = {"steps": np.array([[1.0, 0.7, 0.4]]), "costs": np.array([[1.0, 3.0, 9.0]])}


def improvement(gap, sd):
    z = gap / sd
    return sd * (norm.pdf(z) + z * norm.cdf(z))


def one(mean, steps, costs, threshold=0.0, *, fresh=False) -> Rates:
    rates = best_rates(
        np.array([float(mean)]), np.array([steps]), np.array([costs]), threshold, fresh=fresh
    )
    return Rates(rates.rate[0], rates.stage[0])


def dense(mean, steps, costs, threshold, *, fresh):
    """The rate by bisection; each stage has a grid of its own, averages are plain sums."""
    K, x = len(steps), np.linspace(-8, 8, 641)
    weight = norm.pdf(x) * (x[1] - x[0])
    sds = np.array([np.hypot.reduce(steps[:k]) for k in range(K)])
    grids = [mean + max(sd, 1e-9) * x for sd in sds]

    def lead(rate):
        """Improvement less rate times cost, of the best rule that trains one stage at least."""
        after = {}
        for k in reversed(range(K)):
            at = grids[k] if k else np.array([mean])
            choices = []
            for j in range(k, K) if fresh else [k]:
                told = np.hypot.reduce(steps[k : j + 1])
                if j == K - 1:
                    value = improvement(at - threshold, told)
                else:
                    there = at[:, None] + told * x
                    value = np.interp(there, grids[j + 1], after[j + 1]) @ weight
                choices.append(value - rate * costs[j])
            after[k] = np.maximum.reduce(choices)
            if k:
                after[k] = np.maximum(after[k], 0)
        return after[0][0]

    low, high = 0.0, improvement(mean - threshold, np.hypot.reduce(steps)) / min(costs)
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if lead(middle) > 0 else (low, middle)
    return low


SDS, COSTS = st.floats(0.2, 1.0), st.floats(0.3, 10.0)
MEANS = st.floats(-3, 2)
LEADS = st.floats(-3.5, 2)  # of the mean, in standard deviations of F


def trainings(K, c=1):
    return st.tuples(
        arrays(float, c, elements=MEANS),
        arrays(float, (c, K), elements=SDS),
        arrays(float, (c, K), elements=COSTS),
        st.booleans(),
    )


@given(
    mean=arrays(float, 3, elements=st.floats(-20, 20)),
    sd=arrays(float, (3, 1), elements=SDS),
    cost=arrays(float, (3, 1), elements=COSTS),
)
def test_in_one_stage_it_is_expected_improvement_per_cost(mean, sd, cost):
    expected = np.exp(log_expected_improvement(mean, sd[:, 0], 0.5)) / cost[:, 0]
    found = best_rates(mean, sd, cost, 0.5)
    np.testing.assert_allclose(found.rate, expected, rtol=1e-9, atol=1e-300)
    assert found.stage.tolist() == [0, 0, 0]


@settings(max_examples=30)
@given(lead=LEADS, steps=st.tuples(SDS, SDS), costs=st.tuples(COSTS, COSTS))
def test_in_two_stages_it_is_that_of_the_best_level_to_go_on_from(lead, steps, costs):
    mean = lead * np.hypot(*steps)
    middle = mean + steps[0] * np.linspace(-8, 8, 20_001)
    weight = norm.pdf(middle, mean, steps[0]) * (middle[1] - middle[0])
    # From each level on: all that is gained above it, and how often.
    gain = np.cumsum((weight * improvement(middle, steps[1]))[::-1])
    often = np.cumsum(weight[::-1])
    expected = (gain / (costs[0] + costs[1] * often)).max()
    assert one(mean, steps, costs).rate == pytest.approx(expected, rel=0.01)


@settings(max_examples=30)
@given(mean=MEANS, steps=st.tuples(SDS, SDS), costs=st.tuples(COSTS, COSTS))
def test_of_two_trainings_that_cost_their_own_the_first_may_be_left_out(mean, steps, costs):
    straight = improvement(mean, np.hypot(*steps)) / costs[1]
    with_both = one(mean, steps, costs).rate
    found = one(mean, steps, costs, fresh=True)
    assert found.rate == pytest.approx(max(straight, with_both), rel=1e-3)
    if abs(straight / with_both - 1) > 0.01:
        assert found.stage == (straight > with_both)


@settings(max_examples=20)
@given(lead=LEADS, training=trainings(3))
def test_in_three_stages_it_equals_a_dense_programme(lead, training):
    _, (steps,), (costs,), fresh = training
    mean = lead * np.hypot.reduce(steps)
    expected = dense(mean, steps, costs, 0.0, fresh=fresh)
    assert one(mean, steps, costs, fresh=fresh).rate == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("fresh", [False, True])
def test_in_four_stages_it_is_right_within_a_percent_at_rungs(fresh):
    rng, errors = np.random.default_rng(0), []
    for mean in np.linspace(-3, 1, 9):
        steps = np.exp(0.4 * rng.standard_normal(4)) * [1.0, 0.7, 0.5, 0.4]
        costs = np.array([1.0, 2.0, 6.0, 18.0])
        expected = dense(mean, steps, costs, 0.0, fresh=fresh)
        errors.append(one(mean, steps, costs, fresh=fresh).rate / expected - 1)
    assert np.abs(errors).max() < 0.01


def test_no_rule_does_better_in_a_simulation():
    mean, steps, costs = -0.5, STAGED["steps"][0], STAGED["costs"][0]
    paths = mean + np.cumsum(steps * np.random.default_rng(0).standard_normal((40_000, 3)), axis=1)
    best = 0.0
    for first in np.linspace(-1.5, 1, 11):
        for second in np.linspace(-1.5, 1, 11):
            on = paths[:, 0] > first
            last = on & (paths[:, 1] > second)
            gain = np.maximum(paths[:, 2], 0)[last].sum() / len(paths)
            best = max(best, gain / (costs[0] + costs[1] * on.mean() + costs[2] * last.mean()))
    # The gain of so many paths has a standard error of about 1%.
    assert one(mean, steps, costs).rate == pytest.approx(best, rel=0.04)


@given(training=trainings(3, c=4), up=st.floats(0, 2))
def test_it_grows_with_the_mean(training, up):
    mean, steps, costs, fresh = training
    lower = best_rates(mean, steps, costs, 0.0, fresh=fresh).rate
    assert (best_rates(mean + up, steps, costs, 0.0, fresh=fresh).rate >= lower * 0.98).all()


@given(training=trainings(3, c=4), more=arrays(float, (4, 3), elements=st.floats(1, 2)))
def test_it_grows_with_what_the_stages_tell(training, more):
    mean, steps, costs, fresh = training
    lower = best_rates(mean, steps, costs, 0.0, fresh=fresh).rate
    assert (best_rates(mean, steps * more, costs, 0.0, fresh=fresh).rate >= lower * 0.98).all()


@given(training=trainings(3, c=4), more=arrays(float, (4, 3), elements=st.floats(1, 5)))
def test_it_falls_with_the_costs(training, more):
    mean, steps, costs, fresh = training
    higher = best_rates(mean, steps, costs, 0.0, fresh=fresh).rate
    assert (best_rates(mean, steps, costs * more, 0.0, fresh=fresh).rate <= higher * 1.002).all()


@given(training=trainings(3, c=4))
def test_it_is_no_worse_than_straight_through_and_no_better_than_knowing_after_the_first(training):
    mean, steps, costs, fresh = training
    rate = best_rates(mean, steps, costs, 0.0, fresh=fresh).rate
    gain = improvement(mean, np.hypot.reduce(steps, axis=1))
    total = costs[:, -1] if fresh else costs.sum(axis=1)
    assert (rate >= gain / total * (1 - 1e-12)).all()
    assert (rate <= gain / (costs.min(axis=1) if fresh else costs[:, 0]) * 1.02).all()


@given(training=trainings(3, c=4), unit=st.sampled_from([1e-9, 0.1, 1e9]), shift=st.floats(-5, 5))
def test_units_do_not_matter(training, unit, shift):
    mean, steps, costs, fresh = training
    expected = best_rates(mean, steps, costs, 0.0, fresh=fresh)
    found = best_rates((mean + shift) * unit, steps * unit, costs * 7, shift * unit, fresh=fresh)
    np.testing.assert_allclose(found.rate, expected.rate * unit / 7, rtol=1e-6)


@given(training=trainings(3, c=4))
def test_each_training_is_weighed_by_itself(training):
    mean, steps, costs, fresh = training
    together = best_rates(mean, steps, costs, 0.0, fresh=fresh).rate
    alone = [one(*each, fresh=fresh).rate for each in zip(mean, steps, costs, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=2e-3)


@pytest.mark.parametrize("fresh", [False, True])
def test_far_below_the_threshold_rates_stay_positive_and_in_order(fresh):
    mean = -np.linspace(0, 45, 400)
    rate = best_rates(
        mean,
        np.tile(STAGED["steps"], (400, 1)),
        np.tile(STAGED["costs"], (400, 1)),
        0.0,
        fresh=fresh,
    ).rate
    assert (rate > 0).all()
    assert (np.diff(rate) < 0).all()
    assert best_rates(np.array([-1e6]), **STAGED, threshold=0.0, fresh=fresh).rate == 0


def test_far_above_the_threshold_every_training_ends_and_gains_its_lead():
    found = one(100.0, STAGED["steps"][0], STAGED["costs"][0])
    assert found.rate == pytest.approx(100 / 13)


@pytest.mark.parametrize("fresh", [False, True])
def test_nothing_to_learn_is_no_error(fresh):
    costs = np.ones((3, 2))
    found = best_rates(np.array([1.0, 0.0, -1.0]), np.zeros((3, 2)), costs, 0.0, fresh=fresh)
    np.testing.assert_allclose(found.rate, [1.0 if fresh else 0.5, 0.0, 0.0])


@given(training=trainings(2, c=3), fresh=st.booleans())
def test_a_stage_that_tells_nothing_adds_its_cost_or_is_left_out(training, fresh):
    mean, steps, costs, _ = training
    assume((costs.min(axis=1) > 0.5).all())
    without = best_rates(mean, steps, costs, 0.0, fresh=fresh)
    idle = np.insert(steps, 0, 0.0, axis=1)
    found = best_rates(mean, idle, np.insert(costs, 0, 0.4, axis=1), 0.0, fresh=fresh)
    if fresh:
        np.testing.assert_allclose(found.rate, without.rate, rtol=0.01)
        assert (found.stage > 0).all()
    else:
        costs[:, 0] += 0.4
        expected = best_rates(mean, steps, costs, 0.0).rate
        np.testing.assert_allclose(found.rate, expected, rtol=0.01)


def test_stages_of_infinite_cost_are_left_out_where_they_can_be():
    mean, steps, costs = np.zeros(3), np.ones((3, 3)), np.full((3, 3), 2.0)
    costs[[0, 1, 2], [0, 1, 2]] = np.inf
    assert best_rates(mean, steps, costs, 0.5).rate.tolist() == [0, 0, 0]
    found = best_rates(mean, steps, costs, 0.5, fresh=True)
    expected = [
        one(0.0, [np.sqrt(2), 1.0], [2.0, 2.0], 0.5, fresh=True).rate,
        one(0.0, [1.0, np.sqrt(2)], [2.0, 2.0], 0.5, fresh=True).rate,
        0.0,
    ]
    np.testing.assert_allclose(found.rate, expected, rtol=0.01)
    assert found.stage[0] > 0
    assert found.stage[1] != 1


@pytest.mark.parametrize("cost", [0.0, -1.0, np.nan])
def test_costs_that_are_none_are_refused(cost):
    costs = np.array([[1.0, cost], [2.0, 3.0]])
    with pytest.raises(ValueError, match="costs of stages must be positive, 1 of 4 are not"):
        best_rates(np.zeros(2), np.ones((2, 2)), costs, 0.0)


@pytest.mark.parametrize("K", [1, 3])
def test_no_trainings_have_no_rates(K):
    rate, stage = best_rates(np.zeros(0), np.zeros((0, K)), np.zeros((0, K)), 0.0)
    assert rate.shape == stage.shape == (0,)


def test_the_stage_that_tells_most_for_its_cost_comes_first():
    cheap = one(-1.0, [0.9, 0.3, 0.3], [1.0, 3.0, 9.0], fresh=True)
    dear = one(-1.0, [0.01, 0.9, 0.3], [1.0, 3.0, 9.0], fresh=True)
    sure = one(9.0, [0.9, 0.3, 0.3], [1.0, 3.0, 9.0], fresh=True)
    assert (cheap.stage, dear.stage, sure.stage) == (0, 1, 2)
