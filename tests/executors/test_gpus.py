import os

import pytest

from archbo.errors import ProblemError
from archbo.executors.gpus import VISIBLE, out_of_memory, shared_out, visible_gpus

FOUR = ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        ("0,1", ["0", "1"]),
        ("GPU-8932f937, 3", ["GPU-8932f937", "3"]),
        ("", []),
        ("-1", []),
        ("2,-1,3", ["2"]),
    ],
)
def test_the_environment_names_the_gpus(monkeypatch, named, seen):
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus({}) == seen
    assert visible_gpus({VISIBLE: "5"}) == ["5"]


def with_program(folder, monkeypatch, script):
    """Let `nvidia-smi` be a program of one's own."""
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nvidia-smi").chmod(0o755)


def test_the_driver_lists_the_gpus_where_the_environment_does_not(tmp_path, monkeypatch):
    lines = ("GPU 0: NVIDIA H200 (UUID: GPU-1)", "  MIG 1g Device 0: (UUID: MIG-2)", "GPU 1: H200")
    with_program(tmp_path, monkeypatch, "".join(f"echo '{line}'\n" for line in lines))
    assert visible_gpus({}) == ["0", "1"]


def test_a_driver_that_does_not_work_has_no_gpus(tmp_path, monkeypatch):
    with_program(tmp_path, monkeypatch, "echo 'GPU 0: lost'; exit 9")
    assert visible_gpus({}) == []
    monkeypatch.setenv("PATH", "")
    assert visible_gpus({}) == []


@pytest.mark.parametrize(
    ("workers", "per_trial", "shares"),
    [
        (2, 1, ["0", "1"]),
        (2, 2, ["0,1", "2,3"]),
        (4, 0.5, ["0", "1", "2", "3"]),
        (6, 0.5, ["0", "1", "2", "3", "0", "1"]),
        (12, 1 / 3, FOUR * 3),
        (2, 0, ["", ""]),
        (1, None, ["0,1,2,3"]),
        (2, None, ["0,1", "2,3"]),
        (3, None, ["0", "1", "2"]),
        (6, None, ["0", "1", "2", "3", "0", "1"]),
    ],
)
def test_workers_share_the_gpus(workers, per_trial, shares):
    assert [",".join(share) for share in shared_out(FOUR, workers, per_trial)] == shares


def test_nobody_has_one_where_there_is_none():
    assert shared_out([], 2, None) == [(), ()]


@pytest.mark.parametrize(
    ("gpus", "workers", "per_trial", "message"),
    [
        (FOUR, 3, 2, r"with 2 of a GPU for each training there is room for 2 at a time, got 3"),
        (FOUR, 9, 0.5, r"room for 8 at a time, got 9 workers; the GPUs are: 0, 1, 2, 3"),
        (FOUR, 5, 0.6, r"room for 4 at a time, got 5 workers"),
        ([], 1, 1, r"room for 0 at a time, got 1 workers; the GPUs are: none\. Use fewer"),
        ([], 1, 0.5, r"gpus_per_trial: with 0.5 of a GPU"),
    ],
)
def test_too_many_trainings_for_the_gpus_are_an_error(gpus, workers, per_trial, message):
    with pytest.raises(ProblemError, match=message):
        shared_out(gpus, workers, per_trial)


@pytest.mark.parametrize(
    "error",
    [
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total",
        "RuntimeError: CUDA error: out of memory",
        "OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592",
        "ResourceExhaustedError: OOM when allocating tensor with shape[512,512,64,64]",
    ],
)
def test_an_error_of_a_full_gpu_is_known(error):
    assert out_of_memory(error)


@pytest.mark.parametrize(
    "error", ["MemoryError", "ValueError: out of memory slots", "RuntimeError: CUDA error: assert"]
)
def test_other_errors_are_none(error):
    assert not out_of_memory(error)
