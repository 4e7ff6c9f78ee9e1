"""Search quality on recorded trainings, with margins wide enough for a few seeds."""

import numpy as np
import pytest

import archbo as ab


@pytest.mark.slow
def test_few_trainings_reach_the_best_recorded_cells(recorded_trainings):
    table = np.load(recorded_trainings / "nas_bench_201.npz")
    names = [str(op) for op in table["op_names"]]
    mean = np.nanmean(table["val200_seeds"][:, 0], axis=1)
    row = {tuple(ops): i for i, ops in enumerate(table["ops"].tolist())}
    space = ab.EdgeCell(nodes=4, ops=names)

    def regret(method, seed):
        opt = ab.Optimizer(space, maximize="accuracy", seed=seed, method=method)
        for _ in range(30):
            arch = opt.ask()
            i = row[tuple(int(k) for k in arch.numbers)]
            opt.tell(arch, float(table["val200_seeds"][i, 0, 0]))
        best = row[tuple(int(k) for k in opt.best.architecture.numbers)]
        return mean.max() - mean[best]

    model = [regret("bo", seed) for seed in range(5)]
    random = [regret("random", seed) for seed in range(5)]
    assert np.mean(model) < 0.4
    assert np.mean(model) < np.mean(random) / 2
