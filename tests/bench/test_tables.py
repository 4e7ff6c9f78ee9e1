"""Recorded tables against what is published of them."""

import gzip
import json

import numpy as np
import pytest

from archbo.bench import BENCHMARKS, SYNTHETIC, find, regret
from archbo.errors import DataError, ProblemError


@pytest.fixture(scope="module")
def read(recorded_trainings):
    cache = {}
    return lambda name: cache.setdefault(name, find(name, recorded_trainings))


@pytest.mark.parametrize(
    ("name", "best", "size"),
    [
        ("nas-bench-201/cifar10", 91.607, 15625),  # Dong and Yang 2020, table 4
        ("nas-bench-201/cifar100", 73.493, 15625),
        ("nas-bench-101", 94.912, 30001),
        ("nas-bench-macro", 93.127, 6561),
        ("nas-bench-nlp", 4.569, 341),
        ("accel-nas-bench", 67.052, 5125),
    ],
)
def test_the_best_is_the_published_one_and_has_no_regret(read, name, best, size):
    benchmark = read(name)
    assert benchmark.best == pytest.approx(best, abs=6e-4)
    assert benchmark.space.size == size
    top = benchmark.rows.take(benchmark.truths == benchmark.best)
    for arch in benchmark.space.compiled.architectures(top):
        assert regret(benchmark, arch) == 0
        assert arch.id in benchmark.optima


def test_rows_of_nas_bench_201_are_those_of_its_cells(read, recorded_trainings):
    table = np.load(recorded_trainings / "nas_bench_201.npz")
    benchmark = read("nas-bench-201/cifar100")
    names = [str(op) for op in table["op_names"]]
    for k in range(0, 15625, 1201):
        ops = [names[code] for code in table["ops"][k]]
        edges = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
        cell = [(*ends, op) for ends, op in zip(edges, ops, strict=True)]
        arch = benchmark.space.architecture(cell)
        seeds = table["val200_seeds"][k, 1]
        assert benchmark.truth(arch) == pytest.approx(np.nanmean(seeds.astype(float)))
        assert {benchmark.objective(arch, s) for s in range(20)} == set(seeds[np.isfinite(seeds)])
        assert benchmark.objective(arch, 3, 12) == table["val12"][k, 1]
        assert benchmark.test(arch) == table["test200_mean"][k, 1]
        assert benchmark.seconds(arch) == table["train_time200_s"][k, 1]
        assert benchmark.measured["edgegpu_latency"](arch) > 0


def test_the_noise_is_drawn_by_seed_and_position(read):
    """As in the searches whose results were published before."""
    from archbo.arrays import stream

    benchmark = read("nas-bench-201/cifar10")
    arch = benchmark.space.sample(5)
    at = int(np.ravel_multi_index([int(k) for k in arch.numbers], (5,) * 6))
    seeds = benchmark.values[at, 1]
    measured = seeds[np.isfinite(seeds)]
    drawn = measured[stream(7, "noise", at).integers(len(measured))]
    assert benchmark.objective(arch, 7) == drawn


def test_cells_of_nas_bench_101_are_graphs_and_some_failed(read, recorded_trainings):
    table = np.load(recorded_trainings / "nas_bench_101_30k.npz")
    benchmark = read("nas-bench-101")
    failed = np.flatnonzero(table["val_acc"][:, 3] < 0.11)
    assert len(failed) == 34
    for k in failed[:3].tolist():
        arch = benchmark.space.architecture(k)
        assert benchmark.objective(arch, 0) is None
        assert benchmark.objective(arch, 0, 4) == pytest.approx(100 * table["val_acc"][k, 0])
        assert regret(benchmark, arch) > 80
    names = {0: "conv3x3", 1: "conv1x1", 2: "maxpool3x3"}
    for k in (0, 17, 30000):
        graph = benchmark.space.architecture(k).graph
        wanted = [names[code] for code in table["ops"][k].tolist() if code in names]
        shown = [label for label in graph.labels if label not in ("input", "output")]
        assert sorted(shown) <= sorted(wanted)
    arch = benchmark.space.architecture(0)
    assert benchmark.features["params"](arch) == table["params"][0]
    assert benchmark.seconds(arch, 36) == pytest.approx(table["train_time_108_s"][0] / 3)


def test_recurrent_cells_have_curves_and_are_minimised(read):
    benchmark = read("nas-bench-nlp")
    assert not benchmark.maximize
    assert benchmark.fidelities == tuple(range(1, 51))
    arch = benchmark.space.architecture(3)
    curve = [benchmark.objective(arch, 0, epoch) for epoch in benchmark.fidelities]
    assert curve[0] > curve[-1] == benchmark.truth(arch)
    assert np.isfinite(benchmark.values[:, -1]).sum() == 341
    sizes = {len(benchmark.space.architecture(k).graph.labels) for k in range(341)}
    assert len(sizes) > 8


def test_recurrent_cells_that_are_the_same_network_are_its_seeds(read, recorded_trainings):
    benchmark = read("nas-bench-nlp")
    assert len(benchmark.rows) == 263
    with gzip.open(recorded_trainings / "nas_bench_nlp_wikitext2.json.gz", "rt") as file:
        runs = [run for run in json.load(file) if run["status"] == "OK"]
    # tanh(linear(x, h)), in whatever order and by whatever name it is written
    same = [
        k
        for k, run in enumerate(runs)
        if sorted(node["op"] for node in run["recepie"].values()) == ["activation_tanh", "linear"]
    ]
    archs = [benchmark.space.architecture(k) for k in same]
    losses = [runs[k]["val_losses"][-1] for k in same]
    assert len(same) == 3
    assert len({arch.id for arch in archs}) == 1
    assert benchmark.truth(archs[-1]) == pytest.approx(np.mean(losses))
    assert {benchmark.objective(archs[0], 0, repeat=k) for k in range(20)} == set(losses)


def test_repeated_networks_of_the_accelerator_table_are_seeds(read):
    benchmark = read("accel-nas-bench")
    assert np.isfinite(benchmark.values).sum() == 5138
    arch = benchmark.space.architecture(0)
    known = benchmark.space.features(arch)
    assert (known["block0_e"], known["block3_k"], known["block5_se"]) == (6, 5, 0)
    assert benchmark.features["params"](arch) == pytest.approx(2.50116e6)
    assert benchmark.measured["latency_zcu102"](arch) == pytest.approx(5.023423633627983)


def test_a_missing_folder_or_file_is_an_error_that_says_so(monkeypatch, tmp_path):
    monkeypatch.delenv("ARCHBO_DATA", raising=False)
    with pytest.raises(DataError, match=r"nas-bench-macro needs recorded trainings.*--data"):
        find("nas-bench-macro")
    with pytest.raises(DataError, match="nowhere: there is no such folder"):
        find("nas-bench-macro", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"nas_bench_macro.npz: there is no such file"):
        find("nas-bench-macro", tmp_path)


def test_an_unknown_name_gets_a_hint():
    with pytest.raises(ProblemError, match=r"no benchmark 'synthetic/20/x'.*'synthetic/20'"):
        find("synthetic/20/x")
    assert len({*BENCHMARKS, *SYNTHETIC}) == 9
