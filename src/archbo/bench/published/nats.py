"""NAS-Bench-201 and NATS-Bench's topology space as their authors publish them.

Three forms hold the same: the folder `NATS-tss-…-simple` with a compressed pickle for each cell,
the single file `NATS-tss-….pickle.pbz2`, and the older `NAS-Bench-201-….pth`. Of each cell they
hold its trainings by number of epochs, data set and seed, as the `state_dict()` of the authors'
classes ArchResults and ResultsCount.
Source: Dong et al. 2021; D-X-Y/NATS-Bench, nats_bench/api_utils.py and api_topology.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archbo.arrays import Array
from archbo.bench.published.pickles import load_bz2, load_torch
from archbo.errors import DataError, nearest

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
VALIDATION = {
    "cifar10": ("cifar10-valid", "x-valid"),
    "cifar100": ("cifar100", "x-valid"),
    "ImageNet16-120": ("ImageNet16-120", "x-valid"),
}
"""Where the validation accuracy of each data set is: which training, measured on what."""
TEST = {
    "cifar10": ("cifar10", "ori-test"),
    "cifar100": ("cifar100", "x-test"),
    "ImageNet16-120": ("ImageNet16-120", "x-test"),
}
_META = "meta.pickle.pbz2"
_NAMES = {"200": "full", "12": "less"}  # of the epochs, in the older file
_PREFERRED = 888  # the seed whose counts are right where those of a cell differ, as in the source
_HINT = "Is it a file of the topology space (tss), as its authors publish it?"


def read_nats(source: Path) -> dict[str, Array]:
    """All cells in the authors' order.

    Returns:
        ops [n 6], positions in op_names [5], of the edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2;
        datasets [3]; in percent val200_seeds [n 3 s], NaN behind the last seed, and means over the
        seeds test200_mean, val12, test12 [n 3], NaN where there is none; train_time200_s,
        latency_s, params_M, flops_M [n 3].

    Raises:
        DataError: if a file is missing, damaged or something else, naming it.
    """
    if source.is_dir():
        cells = load_bz2(source / _META)
        found = _in_folder(source, len(_named(cells, "meta_archs", source)))
    else:
        cells = (load_torch if source.suffix == ".pth" else load_bz2)(source)
        found = _in_file(source, cells)
    texts = _named(cells, "meta_archs", source)
    rows = [_row(info, where) for where, info in found]
    if not rows:
        raise DataError("there is no cell in it", path=str(source))
    seeds = max(len(values) for row in rows for values in row["val200_seeds"])
    for row in rows:
        row["val200_seeds"] = [_padded(values, seeds) for values in row["val200_seeds"]]
    arrays = {name: np.array([row[name] for row in rows], dtype=np.float32) for name in rows[0]}
    return {
        "ops": np.array([_ops(text, source) for text in texts], dtype=np.uint8),
        "op_names": np.array(OPS),
        "datasets": np.array(list(VALIDATION)),
    } | arrays


def _in_folder(folder: Path, count: int) -> Iterator[tuple[str, Any]]:
    """What is known of each cell, one file at a time."""
    for k in range(count):
        names = (f"{k:06d}.pickle.pbz2", f"{k}.pickle.pbz2")
        path = next((p for name in names if (p := folder / name).exists()), None)
        if path is None:
            raise DataError(
                f"there is no file of cell {k}, {names[0]}",
                path=str(folder),
                hint=f"Unpack the whole archive: it has a file for each of {count:,} cells.",
            )
        yield str(path), load_bz2(path)


def _in_file(path: Path, cells: Any) -> Iterator[tuple[str, Any]]:
    infos = _named(cells, "arch2infos", path)
    for k in range(len(_named(cells, "meta_archs", path))):
        yield f"{path}, cell {k}", _named(infos, k, path)


def _named(mapping: Any, key: Any, where: object) -> Any:
    """One entry of a dictionary that a pickle holds.

    Raises:
        DataError: if it is no dictionary, or has no such entry.
    """
    if not isinstance(mapping, Mapping) or mapping.get(key) is None:
        given = f"only {list(mapping)[:8]}" if isinstance(mapping, Mapping) else type(mapping)
        raise DataError(
            f"there is no {key!r} in it, {given}",
            path=str(where),
            hint=_HINT,
        )
    return mapping[key]


def _ops(text: Any, source: Path) -> list[int]:
    """The operations on the edges of `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, by target, then source.

    Raises:
        DataError: if it is no such cell.
    """
    nodes = [part.strip("|").split("|") for part in str(text).split("+")]
    edges = [edge.partition("~") for node in nodes for edge in node]
    wanted = [str(s) for t in range(1, 4) for s in range(t)]
    if [source for _, _, source in edges] != wanted:
        raise DataError(
            f"{text!r} is no cell of four nodes",
            path=str(source),
            hint="Only the topology space (tss) is read, not the sizes (sss).",
        )
    for op, _, _ in edges:
        if op not in OPS:
            raise DataError(f"no operation {op!r}", path=str(source), hint=nearest(op, OPS))
    return [OPS.index(op) for op, _, _ in edges]


def _row(info: Any, where: str) -> dict[str, Any]:
    """The numbers of one cell, a list over the data sets each.

    Raises:
        DataError: if they are not where the authors' classes keep them.
    """
    try:
        long, short = (
            _Trainings(info[key if key in info else name]) for key, name in _NAMES.items()
        )
        searched = [name for name, _ in VALIDATION.values()]
        return {
            "val200_seeds": [long.accuracies(*at) for at in VALIDATION.values()],
            "test200_mean": [_mean(long.accuracies(*at)) for at in TEST.values()],
            "val12": [_mean(short.accuracies(*at)) for at in VALIDATION.values()],
            "test12": [_mean(short.accuracies(*at)) for at in TEST.values()],
            "train_time200_s": [_mean(long.seconds(name)) for name in searched],
            "latency_s": [_mean(long.latencies(name)) for name in searched],
            "params_M": [long.count(name, "params") for name in searched],
            "flops_M": [long.count(name, "flop") for name in searched],
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"is not as its authors' classes write it: {error!r}", path=where, hint=_HINT
        ) from error


class _Trainings:
    """The trainings of one cell for one number of epochs: an ArchResults."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._seeds, self._results = state["dataset_seed"], state["all_results"]

    def _all(self, dataset: str) -> dict[int, Mapping[str, Any]]:
        """A ResultsCount for each seed; none where it was not trained on this data set."""
        return {seed: self._results[dataset, seed] for seed in self._seeds.get(dataset, ())}

    def accuracies(self, dataset: str, measured_on: str) -> list[float]:
        """In percent, after the last epoch, of each seed."""
        return [
            float(result["eval_acc1es"][f"{measured_on}@{result['epochs'] - 1}"])
            for result in self._all(dataset).values()
        ]

    def seconds(self, dataset: str) -> list[float]:
        """Of the whole training, of each seed that recorded it."""
        times = [result["train_times"] for result in self._all(dataset).values()]
        return [float(sum(epochs.values())) for epochs in times if epochs]

    def latencies(self, dataset: str) -> list[float]:
        """In seconds a batch, of each seed that recorded it."""
        found = [result["latency"] for result in self._all(dataset).values()]
        return [mean for batches in found if batches and (mean := _mean(batches)) > 0]

    def count(self, dataset: str, name: str) -> float:
        """Parameters or operations, in millions; where seeds differ, of the one that is right."""
        counts = {seed: float(result[name]) for seed, result in self._all(dataset).items()}
        alike = len({f"{count:.5f}" for count in counts.values()}) < 2
        mean = _mean([*counts.values()])
        return mean if alike else counts.get(_PREFERRED, mean)


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values)) if values else np.nan


def _padded(values: list[float], length: int) -> list[float]:
    return values + [np.nan] * (length - len(values))
