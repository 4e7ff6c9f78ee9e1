"""Fantasies and batches against conditioning the processes one after another."""

import numpy as np
import pytest

from archbo.acquisition import (
    Averaging,
    LogExpectedImprovement,
    believe,
    choose,
    log_expected_improvement,
    mix,
)
from archbo.kernels import RBF, Hamming, structure
from archbo.kernels.blocks import rows
from archbo.surrogates import GaussianProcess, fit

KERNELS = [
    structure(RBF("f", (2.0, 2.0)) * Hamming("o", (0.7,))),
    structure(RBF("f", (2.0, 2.0)), Hamming("o", (0.7,))),
]


def encoded(rng, n):
    return {
        "f": rng.standard_normal((n, 2)),
        "o": rng.integers(0, 3, (n, 1)).astype(float),
        "o.active": np.ones((n, 1), dtype=bool),
    }


def models(rng, n=12):
    data, z = encoded(rng, n), rng.standard_normal(n)
    return [fit(kernel, data, z) for kernel in KERNELS]


def test_believing_keeps_means_and_lowers_variances():
    rng = np.random.default_rng(0)
    gp, pending, new = models(rng)[0], encoded(rng, 3), encoded(rng, 20)
    before, after = gp.predict(new), believe(gp, pending).predict(new)
    np.testing.assert_allclose(after.mean, before.mean, atol=1e-10)
    assert (after.variance <= before.variance + 1e-12).all()
    there, believed = gp.predict(pending), believe(gp, pending).predict(pending)
    assert (believed.variance < there.variance).all()


def test_believing_in_nothing_changes_nothing():
    rng = np.random.default_rng(1)
    gp = models(rng)[0]
    assert believe(gp, encoded(rng, 0)) is gp


def test_a_batch_equals_conditioning_one_after_another():
    rng = np.random.default_rng(2)
    known, candidates = models(rng), encoded(rng, 30)
    weights = np.array([0.3, 0.7])
    picks = choose(known, weights, candidates, LogExpectedImprovement(), rng=rng, count=6)
    believed, free = known, np.ones(30, dtype=bool)
    for pick in picks:
        posteriors = [gp.predict(candidates) for gp in believed]
        logs = [
            log_expected_improvement(p.mean, p.sd, gp.best)
            for gp, p in zip(believed, posteriors, strict=True)
        ]
        score = np.where(free, mix(weights, np.stack(logs)), -np.inf)
        assert pick.index == score.argmax()
        assert pick.score == pytest.approx(score.max(), abs=1e-7)
        np.testing.assert_allclose(pick.mean, [p.mean[pick.index] for p in posteriors], atol=1e-9)
        expected = [p.variance[pick.index] for p in posteriors]
        np.testing.assert_allclose(pick.variance, expected, atol=1e-9)
        free[pick.index] = False
        chosen = rows(candidates, np.array([pick.index]))
        believed = [believe(gp, chosen) for gp in believed]


def test_a_copy_of_a_chosen_row_comes_after_another_row():
    rng = np.random.default_rng(3)
    known, pool, even = models(rng), encoded(rng, 40), np.array([0.5, 0.5])
    best, *_ = choose(known, even, pool, LogExpectedImprovement(), rng=rng, count=1)
    second = choose(known, even, pool, LogExpectedImprovement(), rng=rng, count=2)[1]
    twice_and_other = rows(pool, np.array([best.index, best.index, second.index]))
    picks = choose(known, even, twice_and_other, LogExpectedImprovement(), rng=rng, count=2)
    assert [pick.index for pick in picks] == [0, 2]


@pytest.mark.parametrize(("c", "count", "chosen"), [(0, 2, 0), (1, 3, 1), (5, 9, 5), (5, 0, 0)])
def test_no_candidate_is_chosen_twice(c, count, chosen):
    rng = np.random.default_rng(4)
    picks = choose(
        models(rng), np.ones(2) / 2, encoded(rng, c), LogExpectedImprovement(), rng=rng, count=count
    )
    assert len({pick.index for pick in picks}) == len(picks) == chosen


def test_candidates_without_any_score_are_still_chosen_once_each():
    rng = np.random.default_rng(5)

    class Hopeless:
        averaging = Averaging.LOGS
        pool_wide = False

        def __call__(self, outlook):
            return np.full(len(outlook.posterior.mean), -np.inf)

    picks = choose(models(rng), np.ones(2) / 2, encoded(rng, 3), Hopeless(), rng=rng, count=3)
    assert [pick.index for pick in picks] == [0, 1, 2]


def test_batches_start_without_observations():
    rng = np.random.default_rng(6)
    gp = GaussianProcess.observe(
        KERNELS[0], encoded(rng, 0), np.zeros(0), theta=KERNELS[0].prior.mean, log_noise=-4.0
    )
    picks = choose([gp], np.ones(1), encoded(rng, 6), LogExpectedImprovement(), rng=rng, count=3)
    assert len({pick.index for pick in picks}) == 3
