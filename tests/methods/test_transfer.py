"""What older results and beliefs do to a search."""

import numpy as np
import pytest
from scipy import stats

import archbo as ab
from archbo.arrays import stream
from archbo.errors import ArchitectureError, InfeasibleError, ProblemError
from archbo.methods.transfer import OlderPrediction
from archbo.older import OlderResults
from archbo.spaces.moves import sample

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"])
OPS = {"none": 0.0, "skip_connect": 0.3, "conv_1x1": 1.0, "conv_3x3": 1.6}


def quality(arch):
    return sum(OPS[op] * (1 + 0.2 * target) for _, target, op in arch.value)


def results(count, value=quality):
    archs = [CELL.sample(k) for k in range(1000, 1000 + count)]
    return archs, [value(arch) for arch in archs]


def best_after(trials, seed, **settings):
    opt = ab.Optimizer(CELL, seed=seed, **settings)
    for _ in range(trials):
        arch = opt.ask()
        opt.tell(arch, quality(arch))
    return opt.best.value


def test_older_results_predict_members_that_they_do_not_hold():
    found = OlderResults.of(CELL, *results(60))
    reference = sample(CELL.compiled, stream(0, "reference"), 300)
    encode = OlderPrediction(found, "older").prepare(CELL.compiled, reference)
    column = encode(reference)
    assert column.shape == (300, 1)
    truth = [quality(arch) for arch in CELL.compiled.architectures(reference)]
    assert stats.spearmanr(column[:, 0], truth).statistic > 0.8


def test_the_start_holds_the_two_best_of_an_older_search_that_ranks_well():
    archs, values = results(40)
    opt = ab.Optimizer(CELL, older=[(archs, values)])
    start = []
    for _ in range(5):
        start.append(opt.ask())
        opt.tell(start[-1], quality(start[-1]))
    assert [start[0], start[4]] == [archs[k] for k in np.argsort(values)[::-1][:2]]


def test_an_older_search_that_misleads_costs_one_training_of_the_start():
    archs, values = results(40, lambda arch: -quality(arch))
    plain, misled = ab.Optimizer(CELL), ab.Optimizer(CELL, older=[(archs, values)])
    starts = []
    for opt, count in ((plain, 5), (misled, 6)):
        starts.append([])
        for _ in range(count):
            starts[-1].append(opt.ask())
            opt.tell(starts[-1][-1], quality(starts[-1][-1]))
    assert starts[1][1:] == starts[0]
    assert misled.propose().origin == "model"


def test_older_results_of_the_same_objective_save_trainings():
    older = [results(60)]
    without = [best_after(3, seed) for seed in range(3)]
    helped = [best_after(3, seed, older=older) for seed in range(3)]
    assert np.mean(helped) > np.mean(without)


def test_misleading_older_results_are_overcome():
    older = [results(60, lambda arch: -quality(arch))]
    highest = max(quality(arch) for arch in CELL.enumerate())
    assert best_after(16, 0, older=older) > 0.95 * highest


def test_a_search_with_older_results_is_the_same_each_time():
    older = [results(30)]
    one, other = (ab.Optimizer(CELL, older=older) for _ in range(2))
    for _ in range(6):
        first, second = one.ask(), other.ask()
        assert first == second
        for opt in (one, other):
            opt.tell(first, quality(first))


def test_a_guess_comes_first_and_its_likes_are_preferred_until_results_say_otherwise():
    guess = CELL.sample(3)

    def shared(trust):
        method = ab.BayesianOptimization(trust=trust, initial=2)
        opt = ab.Optimizer(CELL, method=method, guess=guess)
        seen = []
        for _ in range(8):
            arch = opt.ask()
            opt.tell(arch, 0.0)
            seen.append(sum(a == b for a, b in zip(arch.value, guess.value, strict=True)))
        assert seen[0] == 6
        return np.mean(seen[3:])

    assert shared(trust=30.0) > shared(trust=0.0) + 1


def test_a_wrong_guess_is_overcome():
    worst = [(s, t, "none") for s, t, _ in CELL.sample(0).value]
    highest = max(quality(arch) for arch in CELL.enumerate())
    assert best_after(20, 0, guess=worst) > 0.95 * highest


def test_a_prior_of_a_decision_leads_the_first_proposals():
    space = ab.Space(act=ab.Choice(list("abcdefgh"), prior=[50, *[1] * 7]), x=ab.Float(0, 1))
    opt = ab.Optimizer(space, seed=0)
    seen = []
    for _ in range(8):
        arch = opt.ask()
        opt.tell(arch, arch["x"])
        seen.append(arch["act"])
    assert seen.count("a") >= 4


def test_a_guess_that_is_no_member_is_named():
    with pytest.raises(ArchitectureError, match=r"guess: expected a list"):
        ab.Optimizer(CELL, guess="conv")


def test_a_guess_that_breaks_the_constraints_is_refused():
    with pytest.raises(InfeasibleError, match="does not meet the constraints"):
        ab.Optimizer(CELL, guess=CELL.sample(0), constraints=[lambda arch: arch != CELL.sample(0)])


def test_another_surrogate_refuses_older_results():
    class Any:
        block = "x"

        def fit(self, encoded, z, *, repeats, rng):
            raise NotImplementedError

    with pytest.raises(ProblemError, match="cannot learn from older results"):
        ab.Optimizer(
            CELL, older=[results(5)], method=ab.BayesianOptimization(surrogate=Any(), encoding=[])
        )


def test_trust_is_not_negative():
    with pytest.raises(ProblemError, match="trust must not be negative, got -1"):
        ab.BayesianOptimization(trust=-1)
