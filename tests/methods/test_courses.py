from dataclasses import replace

import numpy as np
import pytest

import archbo as ab
from archbo.data import State
from archbo.encodings import Encoder
from archbo.kernels import IsotropicMatern52, structure
from archbo.kernels.blocks import rows as take
from archbo.methods.costs import Costs
from archbo.methods.courses import CourseBelief
from archbo.methods.rungs import Runner
from archbo.problem import Problem
from archbo.spaces.moves import sample

SPACE = ab.Space(x=ab.Float(0.0, 1.0), y=ab.Float(0.0, 1.0))
FIDELITY = ab.Epochs(1, 9)
RUNGS = (1, 3, 9)
PROBLEM = Problem.make(SPACE, seed=0, fidelity=FIDELITY)
ENCODER = Encoder(PROBLEM.compiled, sample(PROBLEM.compiled, np.random.default_rng(0), 200))
KERNEL = structure(IsotropicMatern52("numbers", (0.5,)))


def network(x, y=0.5):
    return SPACE.architecture({"x": x, "y": y})


def encode(archs):
    return ENCODER.encode(PROBLEM.compiled.encode(archs))


def quality(arch):
    return 1 - (arch["x"] - 0.6) ** 2 - 0.2 * (arch["y"] - 0.3) ** 2


def runner(arch, reached, value=quality, state=None):
    """A training up to a level, its values `quality` but for a common rise."""
    points = {float(k): value(arch) + 0.1 * np.log(k / 9) for k in (1, 3, 9) if k <= reached}
    return Runner(arch, points, state or (State.FINISHED if reached == 9 else State.PAUSED))


def spread(count, seed=1):
    rng = np.random.default_rng(seed)
    return [network(*map(float, rng.random(2))) for _ in range(count)]


def fit(runners, *, hyperparameters=None, doubt=0.3, pending=None, structures=(KERNEL,)):
    return CourseBelief.fit(
        runners,
        encode([runner.arch for runner in runners]),
        structures,
        FIDELITY,
        RUNGS,
        hyperparameters=hyperparameters or {},
        seed=0,
        temper=5.0,
        doubt=doubt,
        pending=pending,
    )


def after(count, value_after, reached=(1, 3, 9)):
    """Trainings in turn up to each of some levels, with values by network and epoch."""
    found = []
    for k, arch in enumerate(spread(count)):
        end = reached[k % len(reached)]
        points = {float(level): value_after(arch, level) for level in RUNGS if level <= end}
        found.append(Runner(arch, points, State.FINISHED if end == 9 else State.PAUSED))
    return found


def noise(arch, level):
    return int(arch.id[4 * level % 20 :][:8], 16) / 2**32


def test_what_is_expected_is_in_the_objectives_units_and_near_what_was_seen():
    runners = after(24, lambda arch, level: 100 + 50 * quality(arch) + np.log(level))
    belief = fit(runners)
    archs = spread(8, seed=5)
    mean, sd = belief.predict(encode(archs))
    truth = np.array([100 + 50 * quality(arch) + np.log(9) for arch in archs])
    assert np.abs(mean - truth).max() < 10
    assert np.corrcoef(mean, truth)[0, 1] > 0.9
    assert (sd > 0).all()
    ended = [k for k, r in enumerate(runners) if r.reached == 9]
    mean, _ = belief.predict(encode([runners[k].arch for k in ended]), np.array(ended))
    assert np.abs(mean - [runners[k].points[9] for k in ended]).max() < 2


def test_short_trainings_are_doubted_where_full_ones_came_out_otherwise():
    told = fit(after(36, lambda arch, level: quality(arch) + 0.1 * np.log(level)))
    misled = fit(after(36, lambda arch, level: quality(arch) if level == 9 else noise(arch, level)))
    assert told.misled < 0.1
    assert misled.misled > 0.3
    assert fit(after(36, noise), doubt=0.0).misled == 0


def test_before_a_full_training_short_ones_are_doubted_as_beforehand():
    assert fit(after(9, lambda arch, _: quality(arch), reached=(1, 3)), doubt=0.2).misled == 0.2


def test_the_value_to_improve_on_is_that_of_full_trainings_as_soon_as_there_are_any():
    short = [runner(arch, 1) for arch in spread(8)]
    worst = runner(min(spread(30), key=quality), 9)
    without, with_full = fit(short), fit([*short, worst])
    assert without.best == pytest.approx([final.mean.max() for final in without.finals])
    assert with_full.best == pytest.approx([final.mean[8] for final in with_full.finals])


def test_many_curves_are_thinned_out_but_not_the_best_of_those_that_got_furthest():
    archs = spread(400)
    runners = [runner(a, 9 if k % 4 == 0 else 1 + 2 * (k % 2)) for k, a in enumerate(archs)]
    runners[7] = Runner(archs[7], {}, State.RUNNING)
    belief = fit(runners, hyperparameters=fit(runners[:30]).hyperparameters, doubt=0.0)
    known = belief.known.tolist()
    assert len(known) == 100
    assert known == sorted(set(known))
    full = sorted(
        (k for k in range(400) if runners[k].reached == 9), key=lambda k: -quality(archs[k])
    )
    assert set(full[:50]) <= set(known)
    best = sorted((k for k in range(400) if runners[k].points), key=lambda k: -quality(archs[k]))
    assert set(best[:20]) <= set(known)
    assert 7 not in known
    mean, _ = belief.predict(encode(archs[:2]), np.array([0, 7]))
    assert np.isfinite(mean).all()


def test_a_search_that_knows_the_stored_hyperparameters_believes_the_same():
    runners = after(27, lambda arch, level: quality(arch) + 0.1 * np.log(level))
    before = fit(runners).hyperparameters
    more = [*runners, runner(network(0.11, 0.12), 1)]
    first, second = (fit(more, hyperparameters=dict(before)) for _ in range(2))
    assert first.hyperparameters == second.hyperparameters
    assert np.array_equal(first.predict(encode(spread(5)))[0], second.predict(encode(spread(5)))[0])
    kept = {k: v for k, v in first.hyperparameters.items() if k in before}
    assert kept == pytest.approx(dict(before))  # one more result is not worth a fit


def test_hyperparameters_of_other_models_are_left_as_they_are():
    found = fit([runner(arch, 3) for arch in spread(6)], hyperparameters={"gp/noise": 1.5})
    assert found.hyperparameters["gp/noise"] == 1.5
    assert {key.split("/")[0] for key in found.hyperparameters} == {"gp", "curves"}


def test_finishing_one_that_is_nearly_through_gains_most_for_its_cost():
    start = [runner(arch, 9) for arch in spread(12)]
    twin = network(0.6, 0.3)
    rates = []
    for reached in (1, 3):
        belief = fit([*start, runner(twin, reached)], doubt=0.0)
        ahead = [level for level in RUNGS if level > reached]
        costs = Costs(FIDELITY)
        found = belief.rates_of(np.array([12]), ahead, costs, float(reached), straight=True)
        rates.append(float(found.rate[0]))
        assert found.stage.tolist() == [0]
    assert rates[1] > rates[0] > 0


def test_the_rate_of_going_on_is_larger_where_less_is_to_be_paid():
    belief = fit([*[runner(a, 9) for a in spread(9)], runner(network(0.6, 0.3), 3)], doubt=0.0)
    which, costs = np.array([9]), Costs(FIDELITY)
    cheap, dear = (
        belief.rates_of(which, [9], costs, reached, straight=True).rate[0] for reached in (3.0, 0.0)
    )
    assert cheap == pytest.approx(dear * 9 / 6)


def test_a_promising_new_network_has_a_larger_rate_than_a_poor_one():
    belief = fit([runner(arch, (1, 3, 9)[k % 3]) for k, arch in enumerate(spread(30))], doubt=0.0)
    for straight in (False, True):
        rates = belief.rates_of_new(
            encode([network(0.6, 0.3), network(0.0, 1.0)]),
            RUNGS,
            Costs(FIDELITY),
            straight=straight,
        )
        assert rates.rate[0] > rates.rate[1]
        assert (rates.rate >= 0).all()
        assert set(rates.stage.tolist()) <= ({0} if straight else {0, 1, 2})


def test_where_training_failed_success_is_less_probable_near_by():
    good = [runner(network(0.1 + 0.02 * k), 3) for k in range(8)]
    failed = [runner(network(0.85 + 0.02 * k), 0, state=State.FAILED) for k in range(6)]
    archs = encode([network(0.9), network(0.2)])
    assert fit(good).log_success(archs).tolist() == [0, 0]
    belief = fit([*good, *failed])
    near, far = np.exp(belief.log_success(archs))
    assert near < 0.4
    assert far > 0.7
    rates = belief.rates_of_new(archs, RUNGS, Costs(FIDELITY), straight=False)
    sure = replace(belief, success=None).rates_of_new(archs, RUNGS, Costs(FIDELITY), straight=False)
    assert rates.rate == pytest.approx(sure.rate * np.array([near, far]))


def test_what_is_in_training_is_believed_to_end_as_expected():
    runners = [runner(arch, (1, 3, 9)[k % 3]) for k, arch in enumerate(spread(24))]
    archs = encode([network(0.55, 0.35), network(0.0, 1.0)])
    alone, beside = (
        fit(runners, doubt=0.0),
        fit(runners, doubt=0.0, pending=take(archs, slice(0, 1))),
    )
    (before,), (then,) = alone.posteriors(archs), beside.posteriors(archs)
    assert then.variance[0] < 0.7 * before.variance[0]
    assert then.mean[0] == pytest.approx(before.mean[0], abs=0.02)
    assert len(beside.finals[0].mean) == len(beside.known) == 24


def test_curves_of_equal_values_and_single_ones_are_believed():
    for runners in (
        [runner(network(0.5), 1)],
        [runner(arch, 3, value=lambda _: 0.0) for arch in spread(5)],
        [*(runner(a, 0, state=State.FAILED) for a in spread(3)), runner(network(0.5), 1)],
    ):
        mean, sd = fit(runners).predict(encode(spread(4)))
        assert np.isfinite(mean).all()
        assert np.isfinite(sd).all()
