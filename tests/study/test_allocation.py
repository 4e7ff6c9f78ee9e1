import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.study.allocation import CANDIDATES, OWN_SHARE, Prior, next_candidate


def prior(means, sds, noise):
    return Prior(np.array(means, dtype=float), np.array(sds, dtype=float) ** 2, noise)


def nothing(c):
    return [[] for _ in range(c)], np.zeros(c, dtype=int), [False] * c


def test_the_posterior_is_that_of_a_gaussian_conditioned_on_all_results_at_once():
    """Against the multivariate normal's formula, with the noise that was learned."""
    beliefs = prior([1.0, 0.5, 0.0], [0.3, 0.5, 0.2], 0.1)
    results = [[1.4, 1.2], [0.1], []]
    noise = beliefs.learned_noise(results)
    assert noise == pytest.approx((2 * 0.1 + 0.02) / 3)
    which = np.array([0, 0, 1])
    joint = np.diag(beliefs.variances)
    cross = joint[:, which]
    inverse = np.linalg.inv(cross[which] + noise * np.eye(3))
    means, variances = beliefs.posterior(results, np.zeros(3, dtype=int))
    surprise = np.array([1.4, 1.2, 0.1]) - beliefs.means[which]
    assert means == pytest.approx(beliefs.means + cross @ inverse @ surprise)
    assert variances == pytest.approx(np.diag(joint - cross @ inverse @ cross.T))


def test_a_training_under_way_makes_surer_and_moves_nothing():
    beliefs = prior([1.0, 0.5], [0.3, 0.5], 0.1)
    before = beliefs.posterior([[1.2], []], np.array([0, 0]))
    beside = beliefs.posterior([[1.2], []], np.array([0, 2]))
    assert before[0].tolist() == beside[0].tolist()
    assert beside[1][0] == before[1][0]
    assert beside[1][1] == pytest.approx(1 / (1 / 0.25 + 2 / 0.1))


def test_the_noise_is_found_from_residuals_of_an_exact_model():
    """Gaussian processes on random inputs: the estimate needs no repeated training."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        x = rng.random((40, 3))
        covariance = np.exp(-((x[:, None] - x) ** 2).sum(axis=2) / 0.5)
        noise = np.diag(0.09 / rng.integers(1, 4, size=40))
        root = np.linalg.cholesky(covariance + 1e-9 * np.eye(40))
        y = root @ rng.normal(size=40) + np.sqrt(np.diag(noise)) * rng.normal(size=40)
        gain = covariance @ np.linalg.inv(covariance + noise)
        repeats = 0.09 / np.diag(noise)
        means, variances = gain @ y, np.diag(covariance - gain @ covariance)
        found.append(Prior.of(y, repeats, means, variances)[0].noise)
    expected = (1 - OWN_SHARE) * 0.09
    assert np.mean(found) == pytest.approx(expected, rel=4 * np.std(found) / expected / 60**0.5)


def test_candidates_are_the_best_of_model_and_result_together():
    observed = np.arange(30.0)
    beliefs, best = Prior.of(observed, np.ones(30), observed - 1.0, np.full(30, 0.1))
    assert best.tolist() == list(range(29, 29 - CANDIDATES, -1))
    assert beliefs.means[0] == pytest.approx(28 + OWN_SHARE)
    few, best = Prior.of(np.array([1.0]), np.ones(1), np.array([1.0]), np.zeros(1))
    assert (best.tolist(), few.noise) == ([0], 0.0)


def test_what_has_no_chance_is_not_trained():
    beliefs = prior([1.0, 0.95, 0.0], [0.1, 0.1, 0.1], 0.01)
    results, waiting, failed = nothing(3)
    chosen = []
    for _ in range(8):
        chosen.append(next_candidate(beliefs, results, waiting, failed))
        results[chosen[-1]].append(beliefs.means[chosen[-1]])
    assert sorted(chosen) == [0] * 4 + [1] * 4


def test_those_under_way_count_so_that_workers_share_the_candidates():
    beliefs = prior([1.0, 0.99, 0.98, 0.97], [0.1] * 4, 0.01)
    results, waiting, failed = nothing(4)
    for _ in range(4):
        waiting[next_candidate(beliefs, results, waiting, failed)] += 1
    assert (waiting > 0).sum() >= 2


def test_what_failed_is_left_alone_unless_all_did():
    beliefs = prior([1.0, 0.5, 0.4], [0.1, 0.1, 0.1], 0.01)
    results, waiting, _ = nothing(3)
    chosen = {next_candidate(beliefs, results, waiting + k, [True, False, False]) for k in range(3)}
    assert 0 not in chosen
    assert next_candidate(beliefs, results, waiting, [True] * 3) in (0, 1, 2)


@given(
    c=st.integers(1, 8),
    seed=st.integers(0, 999),
    scale=st.sampled_from([1e-12, 1.0, 1e12]),
    noise=st.sampled_from([0.0, 1.0]),
)
def test_there_is_always_one_and_scale_does_not_matter(c, seed, scale, noise):
    rng = np.random.default_rng(seed)
    means, sds = rng.normal(size=c), rng.random(c) * (seed % 3 > 0)
    results = [list(rng.normal(size=rng.integers(0, 3))) for _ in range(c)]
    waiting = rng.integers(0, 2, size=c)
    one = next_candidate(prior(means, sds, noise), results, waiting, [False] * c)
    scaled = [[scale * value for value in values] for values in results]
    other = prior(scale * means, scale * sds, scale**2 * noise)
    assert next_candidate(other, scaled, waiting, [False] * c) == one
    assert 0 <= one < c
