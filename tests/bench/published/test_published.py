"""The authors' files through `find`, and what is kept of them."""

import itertools
import os
import pickle

import numpy as np
import pytest

from archbo.bench import find
from archbo.bench.published import NAS_BENCH_101, NAS_BENCH_201
from archbo.errors import DataError
from archbo.spaces import Pool

THREE, ONE, MAX = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
CELLS = [
    ("0" * 32, ["010", "001", "000"], ["input", MAX, "output"]),
    ("1" * 32, ["010", "001", "000"], ["input", THREE, "output"]),
    ("2" * 32, ["0110", "0001", "0001", "0000"], ["input", ONE, THREE, "output"]),
    ("3" * 32, ["01", "00"], ["input", "output"]),
]


def write_101(formats, path, validation=(0.1, 0.9, 0.93, 0.8)):
    """Three trainings of each cell and number of epochs, the worst first."""
    records = [
        formats.training(
            cell,
            epochs=epochs,
            validation=best - 0.01 * (2 - repeat) - (epochs < 108) * 0.05,
            test=best - 0.02,
            seconds=10.0 * epochs,
            params=1000 + k,
        )
        for k, (cell, best) in enumerate(zip(CELLS, validation, strict=True))
        for epochs in (36, 108)
        for repeat in range(3)
    ]
    path.write_bytes(b"".join(map(formats.frame, records)))


def test_nas_bench_101_is_found_in_the_authors_file(formats, tmp_path):
    write_101(formats, tmp_path / "nasbench_full.tfrecord")
    benchmark = find("nas-bench-101", tmp_path)
    assert isinstance(benchmark.space, Pool)
    assert benchmark.fidelities == (36, 108)
    failing, good, best, _ = map(benchmark.space.architecture, range(4))
    assert str(good.graph) == "input → conv3x3 → output"
    assert benchmark.truth(best) == pytest.approx(92)
    assert benchmark.best == benchmark.truth(best)
    assert benchmark.optima == {best.id}
    seen = [benchmark.objective(good, 7, repeat=k) for k in range(3)]
    assert sorted(seen) == pytest.approx([88, 89, 90])
    assert benchmark.objective(good, 7, 36) == pytest.approx(benchmark.objective(good, 7) - 5)
    assert benchmark.test(good) == pytest.approx(88)
    assert benchmark.seconds(good) == pytest.approx(1080)
    assert benchmark.seconds(good, 36) == pytest.approx(360)
    assert benchmark.features["params"](best) == 1002
    assert benchmark.objective(failing, 0) is None


def test_a_cell_that_lacks_trainings_is_named(formats, tmp_path):
    records = [formats.training(cell, epochs=36) for cell in CELLS[:2]]
    records.append(formats.training(CELLS[0], epochs=108))
    path = tmp_path / "nasbench_full.tfrecord"
    path.write_bytes(b"".join(map(formats.frame, records)))
    with pytest.raises(DataError, match=r"cell 1{32} was never trained for 108 epochs"):
        find("nas-bench-101", tmp_path)


@pytest.fixture(scope="module")
def all_cells(formats, tmp_path_factory):
    """An older file of all cells in a random order, and what it says of each by its operations."""
    rng = np.random.default_rng(1)
    every = rng.permutation(np.array([*itertools.product(range(5), repeat=6)])).tolist()
    times, known, infos = {0: 100.0, 1: 50.0}, {}, {}
    for k, ops in enumerate(every):
        valid, test, short, params = rng.uniform(10, 90, 4).tolist()
        known[tuple(ops)] = valid, test, short, params
        common = {"epochs": 2, "train_times": times, "latency": [0.01], "flop": 1.0}

        def trained(dataset, seeds, accuracies, common=common, params=params):
            results = {
                (dataset, seed): {"eval_acc1es": found, "params": params, **common}
                for seed, found in zip(seeds, accuracies, strict=True)
            }
            return results, {dataset: list(seeds)}

        both = [{"x-valid@1": valid - 1}, {"x-valid@1": valid + 1}]
        searched, seeds = trained("cifar10-valid", (777, 888), both)
        tested, one = trained("cifar10", (777,), [{"ori-test@1": test}])
        third, other = trained("cifar100", (777,), [{"x-valid@1": valid / 2, "x-test@1": test / 2}])
        brief, of_brief = trained("cifar10-valid", (777,), [{"x-valid@1": short}])
        infos[k] = {
            "full": {"all_results": searched | tested | third, "dataset_seed": seeds | one | other},
            "less": {"all_results": brief, "dataset_seed": of_brief},
        }
    content = {"meta_archs": [formats.cell_text(ops) for ops in every], "arch2infos": infos}
    folder = tmp_path_factory.mktemp("all")
    with (folder / "NAS-Bench-201-v1_0-e61699.pth").open("wb") as stream:
        for part in (0x1950A86A20F9469CFC6C, 1001, {}, content, []):
            pickle.dump(part, stream, protocol=2)
    return folder, known


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_nas_bench_201_is_found_in_the_authors_file(formats, all_cells, dataset):
    folder, known = all_cells
    benchmark = find(f"nas-bench-201/{dataset}", folder)
    half = 1 if dataset == "cifar10" else 0.5
    best = max(valid for valid, *_ in known.values())
    assert benchmark.best == pytest.approx(half * best, rel=1e-6)
    rng = np.random.default_rng(2)
    for _ in range(50):
        arch = benchmark.space.sample(rng)
        ops = tuple(formats.OPS.index(op) for _, _, op in arch.value)
        valid, test, short, params = known[ops]
        assert benchmark.truth(arch) == pytest.approx(half * valid, rel=1e-6)
        assert benchmark.test(arch) == pytest.approx(half * test, rel=1e-6)
        assert benchmark.seconds(arch) == pytest.approx(150)
        assert benchmark.features["params"](arch) == pytest.approx(1e6 * params, rel=1e-6)
        assert benchmark.measured["latency_ms"](arch) == pytest.approx(10, rel=1e-6)
        if dataset == "cifar10":
            seen = {benchmark.objective(arch, 0, repeat=k) for k in range(2)}
            assert sorted(seen) == pytest.approx([valid - 1, valid + 1], rel=1e-6)
            assert benchmark.objective(arch, 0, 12) == pytest.approx(short, rel=1e-6)
    assert benchmark.fidelities == ((12, 200) if dataset == "cifar10" else (200,))


def test_some_of_the_cells_are_no_benchmark(formats, tmp_path):
    rng = np.random.default_rng(0)
    text = formats.cell_text([1, 2, 3, 4, 0, 1])
    info = {hp: formats.arch_results(0, text, int(hp), rng) for hp in ("12", "200")}
    formats.write_simple(tmp_path / "NATS-tss-v1_0-3ffb9-simple", [(text, info)])
    with pytest.raises(DataError, match="there are 1 cells, not all 15,625"):
        find("nas-bench-201/cifar10", tmp_path)


def test_the_folder_itself_may_be_named(formats, tmp_path):
    rng = np.random.default_rng(0)
    text = formats.cell_text([1, 2, 3, 4, 0, 1])
    info = {hp: formats.arch_results(0, text, int(hp), rng) for hp in ("12", "200")}
    folder = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    formats.write_simple(folder, [(text, info)])
    assert NAS_BENCH_201.source(folder) == NAS_BENCH_201.source(tmp_path) == folder


def test_without_any_file_what_is_missing_is_named(tmp_path):
    assert NAS_BENCH_101.arrays(tmp_path) is None
    with pytest.raises(DataError, match=r"nas_bench_101_30k\.npz: there is no such file"):
        find("nas-bench-101", tmp_path)


def test_the_file_with_all_numbers_of_epochs_comes_before_that_with_one(tmp_path):
    (tmp_path / "nasbench_only108.tfrecord").touch()
    assert NAS_BENCH_101.source(tmp_path).name == "nasbench_only108.tfrecord"
    (tmp_path / "nasbench_full.tfrecord").touch()
    assert NAS_BENCH_101.source(tmp_path).name == "nasbench_full.tfrecord"


def equal(a, b):
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name])
        assert array.dtype == b[name].dtype


def test_what_was_read_is_kept_and_not_read_again(formats, tmp_path):
    path = tmp_path / "nasbench_only108.tfrecord"
    write_101(formats, path)
    first = NAS_BENCH_101.arrays(tmp_path)
    kept = tmp_path / "nasbench_only108.tfrecord.archbo.npz"
    assert sorted(tmp_path.iterdir()) == [path, kept]
    before = path.stat()
    path.write_bytes(bytes(before.st_size))  # nobody looks at it
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    equal(NAS_BENCH_101.arrays(tmp_path), first)


def test_a_changed_file_is_read_again(formats, tmp_path):
    path = tmp_path / "nasbench_only108.tfrecord"
    write_101(formats, path)
    first = NAS_BENCH_101.arrays(tmp_path)
    write_101(formats, path, validation=(0.5, 0.6, 0.7, 0.8))
    os.utime(path, ns=(1, 1))
    found = NAS_BENCH_101.arrays(tmp_path)["val_seeds"]
    assert found.max() == pytest.approx(0.8)
    assert first["val_seeds"].max() == pytest.approx(0.93)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more", b"<html>"])
def test_damaged_arrays_are_read_again(formats, tmp_path, damage):
    write_101(formats, tmp_path / "nasbench_only108.tfrecord")
    first = NAS_BENCH_101.arrays(tmp_path)
    kept = tmp_path / "nasbench_only108.tfrecord.archbo.npz"
    whole = kept.read_bytes()
    for content in (damage, whole[: len(whole) // 2]):
        kept.write_bytes(content)
        equal(NAS_BENCH_101.arrays(tmp_path), first)


def test_they_are_kept_in_the_folder_that_is_named(formats, tmp_path, monkeypatch):
    data, cache = tmp_path / "data", tmp_path / "new" / "cache"
    data.mkdir()
    monkeypatch.setenv("ARCHBO_CACHE", str(cache))
    write_101(formats, data / "nasbench_only108.tfrecord")
    first = NAS_BENCH_101.arrays(data)
    assert [path.name for path in data.iterdir()] == ["nasbench_only108.tfrecord"]
    assert [path.name for path in cache.iterdir()] == ["nasbench_only108.tfrecord.archbo.npz"]
    equal(NAS_BENCH_101.arrays(data), first)


def test_where_nothing_can_be_kept_it_says_what_to_do(formats, tmp_path, monkeypatch):
    write_101(formats, tmp_path / "nasbench_only108.tfrecord")
    (tmp_path / "file").touch()
    monkeypatch.setenv("ARCHBO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"cannot be written .*ARCHBO_CACHE"):
        found = NAS_BENCH_101.arrays(tmp_path)
    assert len(found["hash"]) == 4
