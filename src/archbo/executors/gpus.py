"""Which GPUs there are, and which of them each worker sees. No GPU library is loaded for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from math import ceil

from archbo.errors import ProblemError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable that says which GPUs a process sees, with commas between."""

_ASK_SECONDS = 30.0  # nvidia-smi takes seconds where the driver has to be loaded first

_ROUNDING = 1e-9  # of a share such as 1 / 3

_OUT_OF_MEMORY = re.compile(
    r"(CUDA|HIP)\b.*out of memory"  # PyTorch, CuPy, CUDA itself
    r"|OutOfMemoryError|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED"
    r"|RESOURCE_EXHAUSTED|ResourceExhaustedError"  # JAX, TensorFlow
)


def out_of_memory(error: str) -> bool:
    """Whether an error, as its type and text, says that the memory of a GPU did not suffice.

    >>> out_of_memory("OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB")
    True
    >>> out_of_memory("MemoryError: Unable to allocate 7.45 GiB for an array")
    False
    """
    return _OUT_OF_MEMORY.search(error) is not None


def visible_gpus(variables: Mapping[str, str]) -> list[str]:
    """The GPUs, by their numbers or ids: those that CUDA_VISIBLE_DEVICES names, or else all.

    Args:
        variables: those that workers are given beside the environment.
    """
    named = variables.get(VISIBLE, os.environ.get(VISIBLE))
    if named is None:
        return _all_gpus()
    names = [name.strip() for name in named.split(",")]
    # CUDA sees none from the first name on that is no device, such as -1
    end = next((i for i, name in enumerate(names) if not name or name.startswith("-")), None)
    return names[:end]


def _all_gpus() -> list[str]:
    """Those that NVIDIA's driver lists; none where it is not installed, or does not work."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        listed = subprocess.run(
            [command, "--list-gpus"], capture_output=True, text=True, timeout=_ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(found))] if listed.returncode == 0 else []


def shared_out(gpus: list[str], workers: int, per_trial: float | None) -> list[tuple[str, ...]]:
    """The GPUs of each worker.

    Args:
        gpus: all there are.
        workers: how many workers.
        per_trial: how many GPUs a training has: a whole number, or a share of one below 1. None for
            as many as there are for each, or for an equal share.

    Raises:
        ProblemError: if there are not enough.

    >>> shared_out(["0", "1"], 4, 0.5)
    [('0',), ('1',), ('0',), ('1',)]
    >>> shared_out(["0", "1", "2"], 1, 2)
    [('0', '1')]
    """
    if per_trial is None:
        per_trial = _equal_share(len(gpus), workers)
    if per_trial == 0:
        return [()] * workers
    if per_trial < 1:
        places = len(gpus) * int(1 / per_trial + _ROUNDING)
        shares = [tuple(gpus[i % len(gpus) :][:1]) for i in range(workers)] if gpus else []
    else:
        size = int(per_trial)
        places = len(gpus) // size
        shares = [tuple(gpus[i * size : (i + 1) * size]) for i in range(workers)]
    if places < workers:
        raise ProblemError(
            f"with {per_trial:g} of a GPU for each training there is room for {places} at a time, "
            f"got {workers} workers; the GPUs are: {', '.join(gpus) or 'none'}",
            path="gpus_per_trial",
            hint=f"Use fewer workers or a smaller share, or name more GPUs in {VISIBLE}.",
        )
    return shares


def _equal_share(gpus: int, workers: int) -> float:
    """How many GPUs each worker has where nothing is said."""
    if gpus >= workers:
        return gpus // workers
    return 1 / ceil(workers / gpus) if gpus else 0
