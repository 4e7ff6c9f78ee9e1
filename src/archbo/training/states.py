"""A training's state in a file: written whole or not at all, read without running what it holds.

A trial's folder has one of `state.pt` (nested dicts and lists with tensors, by `torch.save`, read
back with `weights_only=True`), `state.npz` (with NumPy arrays, or plain values alone) and
`state.bin` (bytes, as they are). After nine epochs it is `state-9.pt`: state and epoch change at
once.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
import shutil
import sys
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from archbo.errors import MissingExtraError, TrainingError
from archbo.training.arrays import check_archive, read_arrays, write_arrays

TENSORS, ARRAYS, BYTES = ".pt", ".npz", ".bin"

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds between attempts while the disk is full
_LITTLE = 1 << 20  # a disk with fewer bytes left is full

_NAME = re.compile(r"state(?:-([0-9]+))?(\.pt|\.npz|\.bin)")

_UNREADABLE = (
    OSError, RuntimeError, ValueError, KeyError, EOFError, AttributeError, TypeError, MemoryError,
    OverflowError, IndexError, NotImplementedError,
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What is raised for a file that is cut, altered, or holds what is not to be run."""


def state_file(folder: Path) -> Path | None:
    """The file with the state in a trial's folder; None if there is none."""
    # two, if the process was killed right after it had saved under another name
    return max(_state_files(folder), key=_age, default=None)


def epoch_of(file: Path) -> int:
    """The epochs that a file's state has seen, by its name."""
    match = _NAME.fullmatch(file.name)
    return int(match[1] or 0) if match else 0


def _age(file: Path) -> tuple[int, int]:
    return file.stat().st_mtime_ns, epoch_of(file)


def _state_files(folder: Path) -> list[Path]:
    found = [file for file in folder.glob("state*") if _NAME.fullmatch(file.name)]
    return [file for file in found if file.is_file()]  # a pipe would be waited for


def write_state(folder: Path, state: Any, *, epoch: int = 0) -> None:
    """Replace the state in a trial's folder; a kill at any point leaves the old one or this.

    While the disk is full it warns and waits: hours of training are at stake.

    Args:
        folder: the trial's.
        state: bytes, or nested dicts and lists of tensors, NumPy arrays and plain values.
        epoch: what it has seen.

    Raises:
        TrainingError: if the state holds what cannot be read back, saying where; if it cannot be
            written.
    """
    write: Callable[[BinaryIO], Any]
    if isinstance(state, (bytes, bytearray, memoryview)):
        kind, write = BYTES, lambda stream: stream.write(state)
    else:
        found: set[str] = set()
        _check(state, "state", found)
        kind, write = ARRAYS, partial(write_arrays, state=state)
        if found == {TENSORS}:
            kind, write = TENSORS, partial(_torch().save, state)
    file = folder / f"state{f'-{epoch}' if epoch else ''}{kind}"
    pause = _FIRST_PAUSE
    while True:
        try:
            _replace(file, write)
            return
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            if not _disk_full(folder, error):
                raise TrainingError(f"cannot save the state: {error}", path=str(file)) from error
            warnings.warn(f"{file}: the disk is full. Trying again …", stacklevel=3)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _replace(file: Path, write: Callable[[BinaryIO], Any]) -> None:
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True)
    # of its own: a training that was taken over may still be at work
    new = folder / f"state-{os.uname().nodename}-{os.getpid()}.tmp"
    try:
        with new.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    _sync(folder)  # the new one is there before the old one goes
    for old in _state_files(folder):
        if old != file:
            old.unlink(missing_ok=True)


def _disk_full(folder: Path, error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return shutil.disk_usage(folder).free < _LITTLE


def read_state(file: Path) -> Any:
    """The state in a file, tensors on the CPU.

    Raises:
        TrainingError: if it cannot be read.
        MissingExtraError: if it holds tensors, and torch is not installed.
    """
    try:
        if file.suffix == BYTES:
            return file.read_bytes()
        if file.suffix == ARRAYS:
            return read_arrays(file)
        with file.open("rb") as stream:
            check_archive(stream).close()
        return _torch().load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"cannot read the state: {reason}", path=str(file)) from error


def _sync(folder: Path) -> None:
    """Let the names in a folder survive power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(value: Any, path: str, found: set[str]) -> None:
    """Refuse what loading would have to run code for; take note of tensors and arrays."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return
    torch = sys.modules.get("torch")  # where it is not loaded there are no tensors
    if torch is not None and isinstance(value, torch.Tensor):
        found.add(TENSORS)
    elif isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        found.add(ARRAYS)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if type(key) not in (str, int):
                raise TrainingError(f"a key is a string or an integer, got {key!r}", path=path)
            _check(inner, f"{path}[{key!r}]", found)
    elif type(value) in (list, tuple):
        for i, inner in enumerate(value):
            _check(inner, f"{path}[{i}]", found)
    else:
        raise TrainingError(
            "a state is bytes, or nested dicts and lists of tensors, NumPy arrays and plain "
            f"values, got {type(value).__name__}",
            path=path,
            hint="Save model.state_dict(), not the model.",
        )


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "a state with tensors needs torch", hint="pip install 'archbo[torch]'"
        ) from error
    return torch
