"""Benchmarks from tables of recorded trainings, read from a folder.

The files are NumPy archives and compressed text that were made from what the authors publish; their
keys are named where they are read. Where they are not there, the authors' own files are read.
Regrets are differences of the mean over training seeds, in percent points of validation accuracy;
of the recurrent cells, in nats of validation loss.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from archbo.arrays import Array
from archbo.bench.published import NAS_BENCH_101, NAS_BENCH_201, node_cells
from archbo.bench.recorded import Recorded, by_id, by_row
from archbo.errors import DataError
from archbo.graphs.reading import Edge
from archbo.spaces import Chain, Choice, EdgeCell, Part, Pool, Rows

Folder = Callable[[], Path]

_PERCENT = "percent points"
_DIVERGED = 0.11  # accuracy: no better than a guess among ten classes
_NODE_OPS = {-2: "output", -1: "input", 0: "conv3x3", 1: "conv1x1", 2: "maxpool3x3"}
_ABSENT = -9
_BLOCKS = 7
_SETTINGS = ("e", "k", "l", "se")  # expansion, kernel size, layers, squeeze-and-excitation


def nas_bench_201_cifar10(folder: Folder) -> Recorded:
    """15,625 cells of 4 nodes on CIFAR-10 (Dong and Yang 2020)."""
    return _nas_bench_201(folder(), "cifar10")


def nas_bench_201_cifar100(folder: Folder) -> Recorded:
    """The same cells on CIFAR-100."""
    return _nas_bench_201(folder(), "cifar100")


def _nas_bench_201(folder: Path, dataset: str) -> Recorded:
    """Trainings of 200 epochs by 2 or 3 seeds, and another one of 12 epochs."""
    path = folder / "nas_bench_201.npz"
    published = None if path.exists() else NAS_BENCH_201.arrays(folder)
    table = published or _arrays(path)
    d = table["datasets"].tolist().index(dataset)
    space = EdgeCell(nodes=4, ops=table["op_names"].tolist())
    if len(table["ops"]) != space.size:
        raise DataError(
            f"there are {len(table['ops']):,} cells, not all {space.size:,}", path=str(folder)
        )
    order, rows = _in_order(space, table["ops"])
    seeds = table["val200_seeds"][order, d]
    short = np.full_like(seeds, np.nan)
    short[:, 0] = table["val12"][order, d]
    seconds = table["train_time200_s"][order, d].astype(float)
    first = int(np.isnan(short[:, 0]).any())  # an old file lacks the short trainings
    results = {"latency_ms": 1000 * table["latency_s"][order, d].astype(float)}
    if (hardware := folder / "nas_bench_201_hardware.npz").exists():
        more = _arrays(hardware)
        values = more["hw"][order, d].astype(float)
        values[values < 0] = np.nan  # not measured
        results |= dict(zip(more["hw_names"].tolist(), values.T, strict=True))
    return Recorded(
        name=f"nas-bench-201/{dataset}",
        space=space,
        maximize=True,
        unit=_PERCENT,
        fidelities=(12, 200)[first:],
        rows=rows,
        position=by_row(rows),
        values=np.stack([short, seeds], axis=1)[:, first:],
        tests=table["test200_mean"][order, d].astype(float),
        times=np.stack([seconds * 12 / 200, seconds], axis=1)[:, first:],
        known={"params": 1e6 * table["params_M"][order, d].astype(float)},
        results=results,
    )


def nas_bench_101(folder: Folder) -> Recorded:
    """A pool of 30,001 cells with operations on the nodes (Ying et al. 2019).

    Trainings of 4, 12, 36 and 108 epochs, one each. Those that ended no better than a guess failed.
    With the authors' own file instead of these: all cells, and three trainings each.
    """
    path = folder() / "nas_bench_101_30k.npz"
    published = None if path.exists() else NAS_BENCH_101.arrays(path.parent)
    if published is not None:
        return node_cells.nas_bench_101(published)
    table = _arrays(path)
    space = Pool(
        _cell(ops, adjacency)
        for ops, adjacency in zip(table["ops"].tolist(), table["adjacency"], strict=True)
    )
    rows = _members(space)
    values = 100 * table["val_acc"][:, :, None].astype(float)
    failed = np.zeros(values.shape, dtype=bool)
    failed[:, -1] = values[:, -1] < 100 * _DIVERGED
    epochs = table["epochs"]
    return Recorded(
        name="nas-bench-101",
        space=space,
        maximize=True,
        unit=_PERCENT,
        fidelities=tuple(epochs.tolist()),
        rows=rows,
        position=by_row(rows),
        values=values,
        failed=failed,
        times=table["train_time_108_s"][:, None].astype(float) * epochs / epochs[-1],
        known={"params": table["params"].astype(float)},
    )


def _cell(codes: list[int], adjacency: Array) -> tuple[list[str], list[Edge]]:
    names = [_NODE_OPS[code] for code in codes if code != _ABSENT]
    return names, list(zip(*(ends.tolist() for ends in np.nonzero(adjacency)), strict=True))


def nas_bench_macro(folder: Folder) -> Recorded:
    """6,561 chains of 8 layers on CIFAR-10 (Su et al. 2021).

    There is no validation accuracy: the objective is the mean test accuracy of three trainings, so
    that this benchmark has no noise.
    """
    table = _arrays(folder() / "nas_bench_macro.npz")
    space = Chain(Choice(["identity", "mbconv_e3_k3", "mbconv_e6_k5"]), length=8)
    order, rows = _in_order(space, table["arch"])
    return Recorded(
        name="nas-bench-macro",
        space=space,
        maximize=True,
        unit=_PERCENT,
        fidelities=(1,),
        rows=rows,
        position=by_row(rows),
        values=table["test_acc"][order].mean(axis=1)[:, None, None],
        known={name: table[name][order].astype(float) for name in ("params", "flops")},
    )


def nas_bench_nlp(folder: Folder) -> Recorded:
    """A pool of 341 recurrent cells on WikiText-2 (Klyuchnikov et al. 2020).

    Minimised is the validation loss after the last of 50 epochs, in nats; the regret is how much
    larger its mean is than the smallest. Some cells are the same network: these are 263, with 1 to
    14 training seeds. Four trainings whose loss became NaN are left out.
    """
    runs = [run for run in _document(folder() / "nas_bench_nlp_wikitext2.json.gz")
            if run["status"] == "OK"]  # fmt: skip
    space = Pool(_recurrent_cell(run["recepie"]) for run in runs)
    rows = _members(space)
    networks: dict[str, list[int]] = {}
    for k, key in enumerate(space.compiled.ids(rows)):
        networks.setdefault(key, []).append(k)
    # [networks seeds], -1 where there are no more
    seeds = np.array(list(zip_longest(*networks.values(), fillvalue=-1))).T
    trained = seeds >= 0
    losses = np.array([run["val_losses"] for run in runs])
    ends = np.array([run["test_losses"][-1] for run in runs])
    times = np.cumsum([run["wall_times"] for run in runs], axis=1)
    return Recorded(
        name="nas-bench-nlp",
        space=space,
        maximize=False,
        unit="nats",
        fidelities=tuple(range(1, losses.shape[1] + 1)),
        continued=True,
        rows=rows.take(seeds[:, 0]),
        position=by_id(list(networks)),
        values=np.where(trained[..., None], losses[seeds], np.nan).transpose(0, 2, 1),
        tests=np.nanmean(np.where(trained, ends[seeds], np.nan), axis=1),
        times=times[seeds[:, 0]],
        known={"params": np.array([float(runs[k]["num_params"]) for k in seeds[:, 0]])},
    )


def _recurrent_cell(recipe: Mapping[str, Any]) -> tuple[list[str], list[Edge]]:
    """Its operations; what it reads and the states that it writes are vertices, too."""
    read = sorted({name for node in recipe.values() for name in node["input"]} - set(recipe))
    written = [name for name in sorted(recipe) if name.startswith("h_new_") and name[6:].isdigit()]
    names = [*read, *recipe]
    places = {name: k for k, name in enumerate(names)}
    edges = [(places[i], places[name]) for name, node in recipe.items() for i in node["input"]]
    edges += [(places[name], len(names) + k) for k, name in enumerate(written)]
    return [*read, *(node["op"] for node in recipe.values()), *written], edges


def accel_nas_bench(folder: Folder) -> Recorded:
    """A pool of 5,125 networks of 7 blocks on ImageNet, with measured hardware (Accel-NASBench).

    A network is the chain of its layers; the settings of each block are features of the pool. The
    13 that were trained twice have two seeds. Other results are its latencies and throughputs.
    """
    runs = _lines(folder() / "accel_nasbench.csv.gz")
    names = [f"block{b}_{s}" for b in range(_BLOCKS) for s in _SETTINGS]
    networks: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for run in runs:
        networks.setdefault(tuple(run[name] for name in names), []).append(run)
    trained = ([float(run["val_top1"]) for run in same] for same in networks.values())
    values = np.array(list(zip_longest(*trained, fillvalue=np.nan))).T
    first = [same[0] for same in networks.values()]

    def column(name: str) -> Array:
        return np.array([_number(run[name]) for run in first])

    graphs = [_layers(run) for run in first]
    space = Pool(graphs, features={name: column(name).tolist() for name in names})
    rows = _members(space)
    hardware = [k for k in runs[0] if k.startswith(("latency", "throughput"))]
    return Recorded(
        name="accel-nas-bench",
        space=space,
        maximize=True,
        unit=_PERCENT,
        fidelities=(1,),
        rows=rows,
        position=by_row(rows),
        values=values[:, None],
        times=column("train_time")[:, None],
        known={"params": 1e6 * column("params"), "macs": 1e6 * column("macs")},
        results={k: column(k) for k in hardware if not k.endswith("_std")},
    )


def _layers(run: Mapping[str, str]) -> tuple[list[str], list[Edge]]:
    """The chain of a network's layers, named by the block and its settings."""
    layers = [
        f"block{b} e{run[f'block{b}_e']} k{run[f'block{b}_k']} se{run[f'block{b}_se']}"
        for b in range(_BLOCKS)
        for _ in range(int(run[f"block{b}_l"]))
    ]
    return layers, [(k, k + 1) for k in range(len(layers) - 1)]


def _number(text: str) -> float:
    """A cell of the table; NaN where it is empty."""
    flags = {"True": 1.0, "False": 0.0, "": float("nan")}
    return flags[text] if text in flags else float(text)


def _in_order(space: Part, values: Array) -> tuple[Array, Rows]:
    """The order of a table of all members by their decisions, and their rows in that order."""
    order = np.lexsort(values.T[::-1])
    return order, space.compiled.rows(values[order].astype(float))


def _members(pool: Pool) -> Rows:
    """All rows of a pool."""
    return pool.compiled.rows(np.arange(len(pool.packed), dtype=float)[:, None])


def _present(path: Path) -> Path:
    """The path of a file that is there.

    Raises:
        DataError: if it is not.
    """
    if not path.exists():
        raise DataError(
            "there is no such file of recorded trainings",
            path=str(path),
            hint="Is --data, or ARCHBO_DATA, the folder that holds them?",
        )
    return path


def _arrays(path: Path) -> dict[str, Array]:
    with np.load(_present(path), allow_pickle=False) as archive:
        return dict(archive)


def _document(path: Path) -> list[dict[str, Any]]:
    with gzip.open(_present(path), "rt", encoding="utf-8") as file:
        return list(json.load(file))


def _lines(path: Path) -> list[dict[str, str]]:
    with gzip.open(_present(path), "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))
