import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.data import Dataset
from archbo.errors import ProblemError

CHAIN = ab.Chain(ab.Choice([0, 1, 2, 3]), length=8)
CONDITIONAL = ab.Space(
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    rate=ab.Float(1e-4, 1e-1, log=True),
)


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
    learned = [search(CHAIN, total, seed=s, method="tpe").best.value for s in range(6)]
    error = (np.var(random, ddof=1) / 6 + np.var(learned, ddof=1) / 6) ** 0.5
    assert np.mean(learned) - np.mean(random) > 3 * error


def test_decisions_below_others_and_numbers_are_learned():
    def value(arch):
        if arch["head"] == "linear":
            return -5.0
        width = arch["head"]["mlp"]["width"]
        return -abs(np.log(arch["rate"] / 1e-2)) - abs(np.log(width / 100))

    opt = search(CONDITIONAL, value, seed=0, method="tpe")
    late = [seen.value for seen in opt.observations[30:]]
    early = [seen.value for seen in opt.observations[:10]]
    assert np.mean(late) > np.mean(early) + 1.0
    assert opt.best.value > -0.4


def test_it_starts_at_random_and_then_scores_by_the_ratio_of_densities():
    opt = ab.Optimizer(CHAIN, method=ab.TreeParzen(initial=4), seed=0)
    for k in range(8):
        proposal = opt.propose()
        assert proposal.origin == ("random" if k < 4 else "tpe")
        assert (proposal.score is None) == (k < 4)
        opt.tell(proposal.architecture, total(proposal.architecture))


def test_what_is_in_training_keeps_the_next_away():
    opt = search(CHAIN, total, trials=30, seed=0, method="tpe")
    problem = opt.problem
    prepared = ab.TreeParzen().prepare(problem)
    dataset = Dataset.make(problem, opt.observations)
    (alone,) = prepared.propose(dataset, 1, stream(0, "test"))
    near = dataset.with_pending(problem, CHAIN.neighbors(alone.architecture)[:8])
    (beside,) = prepared.propose(near, 1, stream(0, "test"))  # from the same draws
    assert beside.architecture != alone.architecture


def test_failed_trainings_are_kept_away_from():
    def value(arch):
        return None if arch.value[0] == 3 else total(arch)

    opt = ab.Optimizer(CHAIN, method="tpe", seed=0)
    for _ in range(60):
        arch = opt.ask()
        opt.tell(arch, ab.FAILED if value(arch) is None else value(arch))
    failed = [seen.value is None for seen in opt.observations]
    assert sum(failed[30:]) < 4  # of 30; a quarter at random


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial": 0}, "initial must be at least 1, got 0"),
        ({"candidates": 0}, "candidates must be at least 1, got 0"),
        ({"most": 0}, "most must be at least 1, got 0"),
        ({"share": 1}, "share must be between 0 and 1, got 1"),
        ({"prior": 0}, "prior must be positive, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ProblemError, match=message):
        ab.TreeParzen(**settings)
