"""Proof: methods side by side on recorded benchmarks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from archbo.bench.benchmark import (
    Benchmark,
    Failing,
    Negated,
    Noisy,
    Permuted,
    fidelity_range,
    regret,
)
from archbo.errors import DataError, ProblemError, nearest

BENCHMARKS: dict[str, str] = {
    "nas-bench-201/cifar10": "tables:nas_bench_201_cifar10",
    "nas-bench-201/cifar100": "tables:nas_bench_201_cifar100",
    "nas-bench-101": "tables:nas_bench_101",
    "nas-bench-macro": "tables:nas_bench_macro",
    "nas-bench-nlp": "tables:nas_bench_nlp",
    "accel-nas-bench": "tables:accel_nas_bench",
    "digits": "digits:digits",
}
"""The recorded benchmarks by name: module and function.

A function takes a callable that gives the folder of the data, and raises DataError where there is
none. A package adds a benchmark by an entry point `archbo.bench` that leads to such a function.
"""
SYNTHETIC = ("synthetic/20", "synthetic/60")
"""The synthetic benchmarks, by their number of decisions; with a seed, `synthetic/20/7`, another
one of the family."""
CURVES = tuple(
    f"curves/{kind}" for kind in ("faithful", "crossing", "diverging", "noisy", "uninformative")
)
"""The synthetic benchmarks with learning curves; with a seed, `curves/crossing/7`, another one."""

__all__ = [
    "BENCHMARKS",
    "CURVES",
    "SYNTHETIC",
    "Benchmark",
    "Failing",
    "Negated",
    "Noisy",
    "Permuted",
    "fidelity_range",
    "find",
    "regret",
]

Folder = Callable[[], Path]


def find(name: str, folder: str | Path | None = None) -> Benchmark:
    """A benchmark by its name.

    Args:
        name: one of `BENCHMARKS`, `SYNTHETIC` or `CURVES`, or as these.
        folder: where recorded trainings are; by default what the variable ARCHBO_DATA names.

    Raises:
        ProblemError: if no benchmark has the name.
        DataError: if it needs files that are not there.
    """
    if member := re.fullmatch(r"synthetic/(\d+)(?:/(\d+))?", name):
        from archbo.bench.synthetic import synthetic

        return synthetic(int(member[1]), int(member[2] or 0))
    if member := re.fullmatch(r"(curves/[a-z]+)(?:/(\d+))?", name):
        from archbo.bench.synthetic_curves import SyntheticCurves

        if member[1] in CURVES:
            return SyntheticCurves(member[1].removeprefix("curves/"), int(member[2] or 0))
    read: Callable[[Folder], Benchmark]
    if name in BENCHMARKS:
        module, _, function = BENCHMARKS[name].partition(":")
        read = getattr(import_module(f"archbo.bench.{module}"), function)
    else:
        found = [entry.load() for entry in entry_points(group="archbo.bench", name=name)]
        if not found:
            raise ProblemError(
                f"no benchmark {name!r}", hint=nearest(name, [*BENCHMARKS, *SYNTHETIC, *CURVES])
            )
        read = found[0]
    return read(lambda: _folder(name, folder))


def _folder(name: str, given: str | Path | None) -> Path:
    """The folder of recorded trainings.

    Raises:
        DataError: if there is none.
    """
    path = given or os.environ.get("ARCHBO_DATA")
    if not path:
        raise DataError(
            f"{name} needs recorded trainings",
            hint="Name their folder by --data, or in the environment variable ARCHBO_DATA.",
        )
    if not Path(path).is_dir():
        raise DataError("there is no such folder of recorded trainings", path=str(path))
    return Path(path)
