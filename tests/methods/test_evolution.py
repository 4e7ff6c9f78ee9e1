import numpy as np
import pytest

import archbo as ab
from archbo.errors import ProblemError

SPACE = ab.Chain(ab.Choice([0, 1, 2, 3]), length=8)


def search(method, seed, trials=60):
    opt = ab.Optimizer(SPACE, maximize="sum", seed=seed, method=method)
    for _ in range(trials):
        arch = opt.ask()
        opt.tell(arch, sum(arch.value))
    return opt


def test_evolution_finds_better_networks_than_random_search():
    random = [search("random", seed).best.value for seed in range(8)]
    evolved = [search("evolution", seed).best.value for seed in range(8)]
    error = (np.var(random, ddof=1) / 8 + np.var(evolved, ddof=1) / 8) ** 0.5
    assert np.mean(evolved) - np.mean(random) > 3 * error


def test_founders_are_random_and_children_differ_from_the_living_in_one_decision():
    opt = ab.Optimizer(SPACE, method=ab.RegularizedEvolution(population=5, tournament=5), seed=0)
    trained = []
    for k in range(30):
        proposal = opt.propose()
        assert proposal.origin == ("random" if k < 5 else "evolution")
        value = proposal.architecture.value
        if k >= 5:
            top = max(map(sum, trained[-5:]))
            parents = [other for other in trained[-5:] if sum(other) == top]
            changes = [sum(a != b for a, b in zip(p, value, strict=True)) for p in parents]
            assert min(changes) <= 3
        opt.tell(proposal.architecture, sum(value))
        trained.append(value)


def test_the_oldest_dies_so_the_best_founder_is_no_parent_for_ever():
    opt = ab.Optimizer(SPACE, method=ab.RegularizedEvolution(population=2, tournament=2), seed=0)
    first = opt.ask()
    opt.tell(first, 1000.0)
    for k in range(12):
        opt.tell(opt.ask(), float(k))
    last = opt.ask().value
    assert sum(a != b for a, b in zip(first.value, last, strict=True)) > 1


def test_failed_trainings_become_no_parents():
    opt = ab.Optimizer(SPACE, method="evolution", seed=0)
    for _ in range(40):
        arch = opt.ask()
        opt.tell(arch, ab.FAILED if arch.value[0] > 0 else sum(arch.value))
    assert opt.best.architecture.value[0] == 0


def test_a_tournament_larger_than_the_population_is_refused():
    with pytest.raises(ProblemError, match="1 <= tournament <= population, got tournament=5"):
        ab.RegularizedEvolution(population=3, tournament=5)
