"""Recorded trainings of all distinct networks of a space, or of a sample of them.

They are read from the folder that the environment variable ARCHBO_DATA names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

import archbo as ab
from archbo.arrays import Array, Rng
from archbo.spaces import Part, Rows

TABLES = ("nb201-cifar10", "nb201-cifar100", "macro", "nb101")


@dataclass(frozen=True)
class Recorded:
    """Recorded trainings: the rows of distinct networks, a value for each training seed."""

    space: Part
    rows: Rows
    values: Array  # [N s], NaN pads

    @property
    def truth(self) -> Array:
        """The mean over trainings, [N]."""
        found: Array = np.nanmean(self.values, axis=1)
        return found

    def measure(self, which: Array, rng: Rng) -> Array:
        """One recorded training of each of these networks, drawn at random."""
        measured = self.values[which]
        keys = np.where(np.isfinite(measured), rng.random(measured.shape), -1.0)
        found: Array = measured[np.arange(len(which)), keys.argmax(axis=1)]
        return found

    def distinct(self) -> Recorded:
        """One row for each network."""
        _, first = np.unique(self.space.compiled.ids(self.rows), return_index=True)
        first.sort()
        return Recorded(self.space, self.rows.take(first), self.values[first])


def nas_bench_201(data: Path, dataset: int) -> Recorded:
    table = np.load(data / "nas_bench_201.npz")
    space = ab.EdgeCell(nodes=4, ops=[str(op) for op in table["op_names"]])
    rows = space.compiled.rows(table["ops"].astype(float))
    return Recorded(space, rows, table["val200_seeds"][:, dataset])


def nas_bench_macro(data: Path) -> Recorded:
    table = np.load(data / "nas_bench_macro.npz")
    space = ab.Chain(ab.Choice(["identity", "mbconv_e3_k3", "mbconv_e6_k5"]), length=8)
    return Recorded(space, space.compiled.rows(table["arch"].astype(float)), table["test_acc"])


def nas_bench_101(data: Path) -> Recorded:
    """A fifth of the table, so that no one waits for the canonical forms of all."""
    table = np.load(data / "nas_bench_101_30k.npz")
    space = ab.NodeCell(max_nodes=7, max_edges=9, ops=["conv3x3", "conv1x1", "maxpool3x3"])
    adjacency, ops = table["adjacency"][::5], table["ops"][::5]
    nodes = (ops != -9).sum(axis=1)
    last = adjacency[np.arange(len(nodes)), :, nodes - 1]  # edges into the output
    columns = [nodes, *ops[:, 1:6].T]
    columns += [last[:, s] if t == 6 else adjacency[:, s, t] for s, t in space.pairs]
    rows = space.compiled.rows(np.stack(columns, axis=1).astype(float))
    return Recorded(space, rows, 100 * table["val_acc"][::5, 3:])


@lru_cache(maxsize=1)
def load(name: str) -> Recorded:
    folder = os.environ.get("ARCHBO_DATA")
    if folder is None:
        raise SystemExit("Set ARCHBO_DATA to the folder that holds the recorded trainings.")
    data = Path(folder)
    readers: dict[str, Callable[[], Recorded]] = {
        "nb201-cifar10": lambda: nas_bench_201(data, 0),
        "nb201-cifar100": lambda: nas_bench_201(data, 1),
        "macro": lambda: nas_bench_macro(data),
        "nb101": lambda: nas_bench_101(data),
    }
    return readers[name]().distinct()
