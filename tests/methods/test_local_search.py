import numpy as np
import pytest

import archbo as ab
from archbo.errors import ProblemError

CHAIN = ab.Chain(ab.Choice([0, 1, 2, 3]), length=6)


def told(opt, trials, value):
    origins = []
    for _ in range(trials):
        proposal = opt.propose()
        opt.tell(proposal.architecture, value(proposal.architecture))
        origins.append(proposal.origin)
    return origins


def total(arch):
    return float(sum(arch.value))


def test_it_starts_at_random_and_then_trains_neighbors_of_the_best():
    opt = ab.Optimizer(CHAIN, method=ab.LocalSearch(initial=3), seed=0)
    for k in range(20):
        proposal = opt.propose()
        assert proposal.origin == ("random" if k < 3 else "local-search")
        if k >= 3:
            assert proposal.architecture in CHAIN.neighbors(opt.best.architecture)
        opt.tell(proposal.architecture, total(proposal.architecture))


def test_a_single_peak_is_climbed_and_then_another_start_made():
    opt = ab.Optimizer(CHAIN, method="local-search", seed=0)
    while not opt.observations or opt.best.value < 18:
        told(opt, 1, total)
    assert len(opt.observations) < 80  # of 4,096
    assert "random" in told(opt, 19, total)  # 18 neighbors at most are left


def test_at_a_local_optimum_it_goes_on_elsewhere():
    def two_peaks(arch):  # all threes are a trap: its neighbors are worse, all zeros are the best
        zeros = arch.value.count(0)
        return 100.0 if zeros == 6 else total(arch)

    opt = ab.Optimizer(CHAIN, method=ab.LocalSearch(initial=1), seed=0)
    origins = told(opt, 300, two_peaks)
    starts = [k for k, origin in enumerate(origins) if origin == "random"]
    assert len(starts) > 2
    last = max(k for k in starts if k < 299)
    known = {seen.architecture.id for seen in opt.observations[:last]}
    top = max((seen for seen in opt.observations[:last]), key=lambda seen: seen.value).architecture
    assert {other.id for other in CHAIN.neighbors(top)} <= known


def test_what_is_in_training_counts_as_a_start_or_as_a_neighbor():
    opt = ab.Optimizer(CHAIN, method=ab.LocalSearch(initial=4), seed=0)
    first = opt.propose(4)
    assert [p.origin for p in first] == ["random"] * 4
    opt.tell(first[0].architecture, total(first[0].architecture))
    near = opt.propose(3)
    assert [p.origin for p in near] == ["local-search"] * 3
    neighbors = CHAIN.neighbors(first[0].architecture)
    assert all(p.architecture in neighbors for p in near)


def test_a_start_that_fails_is_not_climbed_from():
    opt = ab.Optimizer(CHAIN, method=ab.LocalSearch(initial=1), seed=0)
    assert told(opt, 5, lambda arch: ab.FAILED) == ["random"] * 5
    told(opt, 1, total)
    assert opt.propose().origin == "local-search"


def test_imported_results_are_climbed_from_at_their_best():
    opt = ab.Optimizer(CHAIN, method="local-search", seed=0)
    archs = list({a.id: a for a in (CHAIN.sample(seed) for seed in range(60))}.values())
    opt.tell(archs, [total(arch) for arch in archs])
    told(opt, 5, total)  # ends the last climb's starts
    best = opt.best.architecture
    assert opt.ask() in CHAIN.neighbors(best)


def test_a_climb_starts_with_at_least_one_network():
    with pytest.raises(ProblemError, match="initial must be a whole number from 1, got 0"):
        ab.LocalSearch(initial=0)


@pytest.mark.slow
def test_the_optimum_of_recorded_cells_takes_no_longer_than_published(recorded_trainings):
    """White et al. 2021 need 127 trainings on average, all neighbors of each network trained."""
    table = np.load(recorded_trainings / "nas_bench_201.npz")
    mean = np.nanmean(table["val200_seeds"][:, 1], axis=1)
    row = {tuple(ops): i for i, ops in enumerate(table["ops"].tolist())}
    space = ab.EdgeCell(nodes=4, ops=[str(op) for op in table["op_names"]])
    counts = []
    for seed in range(10):
        opt = ab.Optimizer(space, method="local-search", seed=seed)
        while not opt.observations or opt.best.value < mean.max():
            told(opt, 1, lambda arch: float(mean[row[tuple(int(k) for k in arch.numbers)]]))
        counts.append(len(opt.observations))
    assert np.mean(counts) < 127
