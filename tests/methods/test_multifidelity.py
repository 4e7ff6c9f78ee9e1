from dataclasses import replace

import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.data import Decision, State
from archbo.encodings import Flat
from archbo.errors import ObservationError, ProblemError
from archbo.methods import find_method
from archbo.methods.bayesian import BayesianSearch
from archbo.methods.multifidelity import MultiFidelitySearch
from archbo.methods.rungs import Runner
from archbo.problem import Problem
from archbo.surrogates import RandomForest
from archbo.testing.fidelity import train
from archbo.testing.methods import score

SPACE = ab.Space(x=ab.Float(0.0, 1.0), y=ab.Float(0.0, 1.0))
EPOCHS = ab.Epochs(1, 9)


def quick(method="bo", **short):
    """A method with one kernel and few candidates."""
    method = find_method(method)
    short = replace(method.short, **{"start": 5, **short})
    return replace(method, encoding=Flat(), candidates=32, climbs=1, climbers=2, short=short)


def quality(arch):
    return 1 - (arch["x"] - 0.6) ** 2 - (arch["y"] - 0.3) ** 2


def told(arch, part):
    """Short trainings rank as full ones do."""
    return quality(arch) + 0.1 * np.log(part)


def misled(arch, part):
    """Short trainings rank at random, and always alike."""
    return quality(arch) if part == 1 else score(arch) + 0.1 * np.log(part)


def spent(trainings):
    """Epochs of all, and of those that were trained in full."""
    reached = [curve.reached for curve in trainings.curves]
    return sum(reached), sum(level for level in reached if level == trainings.fidelity.high)


@pytest.fixture(scope="module")
def searches():
    """After as many trainings where short ones tell as where they do not."""
    found = {}
    for course in (told, misled):
        found[course] = train(quick(), SPACE, EPOCHS, course)
        assert found[course].run(27)
    return found


def test_where_short_trainings_tell_few_full_ones_are_spent_on_bad_networks(searches):
    curves = searches[told].curves
    every = [quality(curve.architecture) for curve in curves]
    full = [quality(curve.architecture) for curve in curves if curve.reached == 9]
    assert len(full) < len(every) / 2
    assert min(full) > np.median(every) - 0.05
    assert max(full) > 0.99


def test_where_short_trainings_mislead_they_are_doubted_and_full_ones_trained(searches):
    every, full = spent(searches[misled])
    assert full > 0.3 * every
    assert doubt(searches[misled]) > 0.3 > 0.1 > doubt(searches[told])


def doubt(trainings):
    dataset = trainings.dataset()
    runners = Runner.of(trainings.problem, dataset)
    return trainings.search._belief(dataset, runners).misled


@pytest.mark.parametrize(("misled", "chosen"), [(0.0, 0.5), (0.6, 0.6), (1.0, 1.0)])
def test_full_trainings_take_a_growing_part_and_plain_optimization_chooses_some(misled, chosen):
    problem = Problem.make(SPACE, maximize="value", minimize=None, seed=0, fidelity=EPOCHS)
    search = quick(share=0.5, late=10.0, plain=0.5).prepare(problem)
    arch = SPACE.sample(np.random.default_rng(0))
    runners, plainly, cost, parts = [], 0, 0.0, {}
    while cost < 60:
        full, plain = search._full(runners, misled)
        level = 9.0 if full else 1.0
        runners.append(Runner(arch, {level: 0.0}, State.FINISHED if full else State.PAUSED))
        plainly += plain
        cost += level / 9
        parts[round(cost)] = sum(runner.reached == 9 for runner in runners) / cost
    assert parts[10] == pytest.approx(max(0.75, misled), abs=0.1)
    assert parts[60] == pytest.approx(max(1 - 0.5 / 7, misled), abs=0.02)
    fulls = 60 * parts[60]
    assert plainly == pytest.approx(chosen * fulls - (chosen == 0.5) * 2.5, abs=1)  # of 5 none


def test_a_training_goes_on_at_once_if_and_only_if_it_would_be_proposed_next(searches):
    trainings = searches[told]
    dataset, outcomes = trainings.dataset(), set()
    for place, curve in enumerate(trainings.curves):
        if curve.state is not State.PAUSED:
            continue
        own = replace(curve, state=State.RUNNING, target=int(curve.reached))
        curves = [*dataset.curves]
        curves[place] = own
        asked = replace(dataset, curves=tuple(curves))
        decision = trainings.search.decide(asked, own, stream(1, "same", place))
        (proposal,) = trainings.search.propose(dataset, 1, stream(1, "same", place))
        level = 9 if proposal.fidelity is None else proposal.fidelity
        next_one = proposal.architecture.id == curve.architecture.id
        assert decision == Decision(target=level if next_one else None)
        outcomes.add(next_one)
    assert False in outcomes


def test_the_most_promising_of_three_goes_on_at_once():
    trainings = train(quick(start=3, least=1), SPACE, EPOCHS, told)
    trainings.run(4)
    assert [curve.reached for curve in trainings.curves].count(1) < len(trainings.curves)
    best = max(trainings.curves, key=lambda curve: quality(curve.architecture))
    assert best.reached > 1


def test_the_first_bracket_is_of_spread_networks_and_its_best_go_on(searches):
    for trainings in searches.values():
        first = trainings.steps[:5]
        assert [step.proposal.origin for step in first] == ["initial"] * 5
        assert {step.proposal.fidelity for step in first} == {1}
        began = trainings.curves[:5]
        best = max(began, key=lambda curve: curve.values[0])
        assert best.reached >= 3


def test_origins_say_what_is_new_and_what_goes_on(searches):
    origins = set()
    for trainings in searches.values():
        for step in trainings.steps:
            proposal = step.proposal
            new = proposal.architecture.id not in {c.architecture.id for c in step.before}
            known = ("promoted", "model", "initial", "again")
            assert proposal.origin in (("initial", "model", "random") if new else known)
            assert (proposal.resume is None) == (new or proposal.origin == "again")
            origins.add(proposal.origin)
    assert origins >= {"initial", "promoted", "model"}


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_predictions_of_new_networks_are_in_the_objectives_units(goal):
    sign = 1 if goal == "maximize" else -1

    def course(arch, part):
        return sign * (500 + 100 * told(arch, part))

    trainings = train(quick(random=0.0), SPACE, EPOCHS, course, **{goal: "value"})
    trainings.run(13)
    modelled = [step.proposal for step in trainings.steps if step.proposal.origin == "model"]
    assert len(modelled) > 3
    for proposal in modelled:
        mean, sd = proposal.prediction
        assert abs(mean - course(proposal.architecture, 1)) < 6 * sd + 10
        assert 0 < sd < 200
        assert np.isfinite(proposal.score)
    archs = [SPACE.sample(seed) for seed in range(6)]
    mean, sd = trainings.search.predict(trainings.dataset(), archs)
    truth = [course(arch, 1) for arch in archs]
    assert np.corrcoef(mean, truth)[0, 1] > 0.6
    assert (sd > 0).all()


def test_what_was_trained_is_predicted_close_to_what_came_of_it(searches):
    trainings = searches[told]
    full = [curve for curve in trainings.curves if curve.reached == 9]
    archs = [curve.architecture for curve in full]
    mean, _ = trainings.search.predict(trainings.dataset(), archs)
    assert np.abs(mean - [curve.values[-1] for curve in full]).max() < 0.1


def test_a_prediction_needs_a_full_training():
    opt = ab.Optimizer(SPACE, maximize="value", method=quick(), fidelity=EPOCHS)
    proposal = opt.propose()
    opt.tell(proposal.architecture, 0.5, fidelity=1)
    with pytest.raises(ObservationError, match="nothing has been observed yet"):
        opt.predict(proposal.architecture)
    opt.tell(proposal.architecture, 0.7)
    mean, sd = opt.predict(proposal.architecture)
    assert mean == pytest.approx(0.7, abs=0.3)
    assert sd > 0


def prepared(method, fidelity=EPOCHS, **problem):
    return find_method(method).prepare(Problem.make(SPACE, seed=0, fidelity=fidelity, **problem))


def test_a_fidelity_makes_trainings_short_where_the_surrogate_can_learn_from_them():
    for name in ("bo", "mobster", "bohb", "freeze-thaw"):
        assert isinstance(prepared(name), MultiFidelitySearch)
    forest = ab.BayesianOptimization(surrogate=RandomForest())
    for method in ("bo-full", "nas-bowl", ab.BayesianOptimization(short=None), forest):
        assert isinstance(prepared(method), BayesianSearch)


def test_without_levels_between_or_without_a_fidelity_trainings_are_full_ones():
    for fidelity in (None, ab.Epochs(4, 9), ab.Fidelity("data", 0.5, 1.0)):
        assert isinstance(prepared("bo", fidelity), BayesianSearch)


def test_older_results_know_full_trainings_only():
    archs = [SPACE.sample(seed) for seed in range(8)]
    older = [(archs, [quality(arch) for arch in archs])]
    opt = ab.Optimizer(SPACE, maximize="value", older=older, fidelity=EPOCHS)
    for _ in range(7):
        proposal = opt.propose()
        assert (proposal.fidelity, proposal.resume) == (None, None)
        opt.tell(proposal.architecture, quality(proposal.architecture))


@pytest.mark.parametrize(
    "method", ["bo-full", ab.BayesianOptimization(short=None)], ids=["name", "none"]
)
def test_it_can_be_asked_for_full_trainings(method):
    opt = ab.Optimizer(SPACE, maximize="value", method=method, fidelity=EPOCHS, seed=2)
    plain = ab.Optimizer(SPACE, maximize="value", seed=2)
    for _ in range(8):
        proposal, other = opt.propose(), plain.propose()
        assert proposal == other
        assert proposal.fidelity is None
        opt.tell(proposal.architecture, quality(proposal.architecture))
        plain.tell(proposal.architecture, quality(proposal.architecture))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"eta": 1}, "eta must be a number above 1, got 1"),
        ({"eta": float("nan")}, "eta must be a number above 1, got nan"),
        ({"start": 0}, "MultiFidelity: start must be a whole number from 1"),
        ({"start": 2.0}, "MultiFidelity: start must be a whole number from 1"),
        ({"least": 0}, "MultiFidelity: least must be a whole number from 1"),
        ({"structures": True}, "MultiFidelity: structures must be a whole number from 1"),
        ({"share": 1}, "MultiFidelity: share must be at least 0 and below 1, got 1"),
        ({"late": 0}, "MultiFidelity: late must be positive, got 0"),
        ({"plain": 1}, "MultiFidelity: plain must be at least 0 and below 1, got 1"),
        ({"doubt": -0.1}, "MultiFidelity: doubt must be at least 0 and below 1, got -0.1"),
        ({"random": float("nan")}, "MultiFidelity: random must be at least 0 and below 1, got nan"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(setting, message):
    with pytest.raises(ProblemError, match=message):
        ab.MultiFidelity(**setting)


@pytest.mark.parametrize("name", ["mobster", "bohb"])
def test_a_schedule_trains_to_the_levels_that_it_would_by_itself(name):
    method = quick(name)
    modelled = train(method, SPACE, EPOCHS, told)
    modelled.run(30)
    rungs = method.short.schedule.prepare(modelled.problem)
    modelled.running = []
    for proposal, before, _ in modelled.steps:
        modelled.curves = list(before)
        (alone,) = modelled.propose(rungs)
        assert (alone.fidelity, alone.resume) == (proposal.fidelity, proposal.resume)
        assert alone.resume is None or alone.architecture == proposal.architecture
    assert {"initial", "model", "promoted"} <= {s.proposal.origin for s in modelled.steps}


def test_a_network_that_the_user_lets_pause_anywhere_goes_on_from_there():
    opt = ab.Optimizer(SPACE, maximize="value", method=quick(), fidelity=EPOCHS, seed=0)
    opt.tell({"x": 0.6, "y": 0.3}, 1.0, fidelity=2)
    seen = []
    for _ in range(25):
        proposal = opt.propose()
        seen.append((proposal.resume, proposal.fidelity))
        level = proposal.fidelity or 9
        opt.tell(proposal.architecture, told(proposal.architecture, level / 9), fidelity=level)
    assert any(resume == 2 and (level or 9) in (3, 9) for resume, level in seen)


def test_all_failing_lets_new_ones_begin():
    trainings = train(quick(), SPACE, EPOCHS, lambda *_: None)
    assert trainings.run(12)
    assert len({curve.architecture.id for curve in trainings.curves}) == 12
    assert not any(len(curve.levels) for curve in trainings.curves)
