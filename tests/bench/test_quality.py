"""The search quality that a plain install can measure, on the benchmark that it brings.

The bounds leave four standard errors, as measured over 16 to 24 seeds: another stream of random
numbers passes, a search that no longer learns does not.
"""

import numpy as np
import pytest

from archbo.bench.digits import digits
from archbo.bench.runner import Plan, run
from archbo.bench.summary import groups

TRIALS = 40


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    """Five by each method, in processes of their own: no types are checked there, which is slow."""
    plan = Plan(["digits"], ["bo", "evolution", "tpe"], trials=TRIALS, seeds=5)
    found = run(plan, tmp_path_factory.mktemp("quality"), jobs=2)
    assert not found.failures
    return {method: group for (_, method), group in groups(found.searches).items()}


@pytest.fixture(scope="module")
def all_regrets():
    """Of all networks, in percent points."""
    benchmark = digits()
    return benchmark.best - benchmark.truths


def mean_after(series, trials):
    return np.mean([one[trials - 1] for one in series])


def test_the_default_method_finds_a_good_network_in_25_trainings(searches, all_regrets):
    rng = np.random.default_rng(0)
    drawn = [rng.choice(all_regrets, 25, replace=False).min() for _ in range(1000)]
    found = mean_after([one.observed_regrets for one in searches["bo"]], 25)
    assert found < 1.4  # 0.4 ± 0.25 for any five seeds
    assert found < np.mean(drawn)  # 1.7, and no noise misled there


def test_the_answer_by_the_posterior_mean_is_good_too(searches):
    assert mean_after([one.model_regrets for one in searches["bo"]], 25) < 1.8  # 0.6 ± 0.3


@pytest.mark.parametrize("method", ["evolution", "tpe"])
def test_what_a_method_trains_late_is_better_than_chance(searches, all_regrets, method):
    late = np.mean([one.regrets[TRIALS // 2 :] for one in searches[method]])
    assert late < all_regrets.mean()  # 7 ± 1.3 and 15; late in random search it is 24 ± 2.4
