import numpy as np

import archbo as ab
from archbo.checks.proposals import SIZES, proposals_info
from archbo.methods import find_method
from archbo.problem import Problem

SPACE = ab.Space(layers=ab.Chain(ab.Choice(list("abc")), length=6), lr=ab.Float(0.0, 1.0))


def info(count, *, space=SPACE, seconds=60.0, each=0.0, method=None):
    problem = Problem.make(space)
    rng = np.random.default_rng(0)
    known = {arch.id: arch for arch in (space.sample(rng) for _ in range(count))}
    method = method or ab.BayesianOptimization(candidates=40, climbs=0)
    return proposals_info(
        problem, method, list(known.values()), rng, seconds=seconds, seconds_each=each
    )


def test_proposals_are_timed_after_ever_more_trials():
    found = info(SIZES[-1])
    assert [time.trials for time in found.times] == list(SIZES)
    assert all(time.seconds > 0 for time in found.times)
    assert found.note == ""


def test_fewer_networks_give_fewer_times():
    found = info(60)
    assert [time.trials for time in found.times] == [10, 50]
    assert found.note == "only 60 different networks were at hand"


def test_without_time_only_the_first_is_tried():
    found = info(SIZES[-1], seconds=1e-9)
    assert [time.trials for time in found.times] == [10]
    assert found.note == "there was no time for more"


def test_costly_features_are_not_computed_for_it():
    found = info(20, each=0.5)
    assert found.times == ()
    assert found.ready is None
    assert "take 500 ms" in found.note


def test_exhausted_space_is_said():
    space = ab.Space(a=ab.Int(1, 10))
    found = info(400, space=space, method=find_method("random"))
    assert found.times == ()
    assert found.note == "the space has no more networks"
