"""What a worker finds in its environment, so that trainings do not fight for cores and GPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""The environment variables that tell numerical libraries how many threads to use."""


def thread_variables(threads: int | None, workers: int) -> dict[str, str]:
    """The variables of each of several workers.

    Args:
        threads: how many each may use; None for its share of the cores that this process may use,
            unless the environment says something already.
        workers: how many there are.

    >>> thread_variables(3, workers=2)["OMP_NUM_THREADS"]
    '3'
    """
    if threads is not None:
        return dict.fromkeys(THREADS, str(threads))
    share = max(1, _cores() // workers)
    return {name: str(share) for name in THREADS if name not in os.environ}


def _cores() -> int:
    """Those that this process may use, which a container or a scheduler can have restricted."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """What a process that is started now finds in its environment, beside what is there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
