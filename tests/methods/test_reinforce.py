import numpy as np
import pytest

import archbo as ab
from archbo.data import Dataset, Observation
from archbo.errors import ProblemError
from archbo.methods.reinforce import rewards
from archbo.problem import Problem

CHAIN = ab.Chain(ab.Choice([0, 1, 2, 3]), length=8)
PAIRS = ab.Chain(ab.Choice(list(range(6))), length=2)


def search(space, value, trials=60, **options):
    opt = ab.Optimizer(space, **options)
    for _ in range(trials):
        arch = opt.ask()
        opt.tell(arch, value(arch))
    return opt


def total(arch):
    return float(sum(arch.value))


def test_it_finds_better_networks_than_random_search():
    random = [search(CHAIN, total, seed=s, method="random").best.value for s in range(6)]
    learned = [search(CHAIN, total, seed=s, method="reinforce").best.value for s in range(6)]
    error = (np.var(random, ddof=1) / 6 + np.var(learned, ddof=1) / 6) ** 0.5
    assert np.mean(learned) - np.mean(random) > 3 * error


def test_what_goes_together_is_learned_where_no_single_decision_pays():
    """The second decision has to equal the first: each option alone is as good as any other."""
    space = ab.Space(a=ab.Choice(list(range(4))), b=ab.Choice(list(range(4))), c=ab.Int(0, 999))
    shares = []
    for seed in range(3):
        opt = search(space, lambda arch: float(arch["a"] == arch["b"]), trials=120, seed=seed,
                     method="reinforce")  # fmt: skip
        late = [seen.architecture for seen in opt.observations[60:]]
        shares.append(np.mean([arch["a"] == arch["b"] for arch in late]))
    assert np.mean(shares) > 0.5  # a quarter at random


def test_numbers_are_learned_by_their_part_of_the_range():
    space = ab.Space(rate=ab.Float(1e-4, 1e-1, log=True), width=ab.Int(16, 256, log=True))

    def value(arch):
        return -abs(np.log(arch["rate"] / 1e-2)) - abs(np.log(arch["width"] / 100))

    opt = search(space, value, seed=0, method="reinforce")
    values = [seen.value for seen in opt.observations]
    assert np.mean(values[-20:]) > np.mean(values[:20]) + 0.5


def test_a_policy_that_has_settled_still_proposes_new_networks():
    opt = search(PAIRS, total, trials=36, seed=0, method=ab.Reinforce(rate=5.0, entropy=0.0))
    assert len({seen.architecture.id for seen in opt.observations}) == 36


def test_rewards_are_normal_scores_and_a_failure_is_the_lowest():
    problem = Problem.make(PAIRS)
    archs = [PAIRS.architecture([0, k]) for k in range(5)]

    def given(*values):
        seen = [Observation(a, v) for a, v in zip(archs, values, strict=False)]
        return rewards(Dataset.make(problem, seen))

    found = given(0.1, None, 0.9, 0.5, None)
    np.testing.assert_allclose(found, [-1.2247, -1.2247, 1.2247, 0.0, -1.2247], atol=1e-4)
    assert given(None, None).tolist() == [-1.0, -1.0]
    assert given(0.5).tolist() == [0.0]
    assert given().tolist() == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 0}, "rate must be positive, got 0"),
        ({"entropy": -1}, "entropy must be at least 0, got -1"),
        ({"memory": 1.5}, "memory must be from 0 to 1, got 1.5"),
        ({"bins": 1}, "bins must be at least 2, got 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ProblemError, match=message):
        ab.Reinforce(**settings)
