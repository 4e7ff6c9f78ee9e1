"""A training's state in a file: written whole or not at all, read without running what it holds.

A trial's folder has one of `state.pt` (nested dicts and lists of tensors and plain values, by
`torch.save`, read back with `weights_only=True`) and `state.bin` (bytes, as they are).
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from archbo.errors import MissingExtraError, TrainingError

TENSORS, BYTES = "state.pt", "state.bin"

_UNREADABLE = (
    OSError, RuntimeError, ValueError, KeyError, EOFError, AttributeError, pickle.UnpicklingError,
)  # fmt: skip
"""What torch.load raises for a file that is cut, altered, or holds what is not to be run."""


def state_file(folder: Path) -> Path | None:
    """The file with the state in a trial's folder; None if there is none."""
    found = [file for name in (TENSORS, BYTES) if (file := folder / name).is_file()]
    # both, if the process was killed right after it had saved another kind
    return max(found, key=lambda file: file.stat().st_mtime_ns, default=None)


def write_state(folder: Path, state: Any) -> None:
    """Replace the state in a trial's folder; a kill at any point leaves the old one or this.

    Raises:
        TrainingError: if the state holds what cannot be read back, saying where; if it cannot be
            written.
        MissingExtraError: if torch is not installed, for what is not bytes.
    """
    write: Callable[[BinaryIO], Any]
    if isinstance(state, (bytes, bytearray, memoryview)):
        name, other, write = BYTES, TENSORS, lambda stream: stream.write(state)
    else:
        torch = _torch()
        _check(state, "state", torch.Tensor)
        name, other, write = TENSORS, BYTES, partial(torch.save, state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.tmp").open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        (folder / f"{name}.tmp").replace(folder / name)
        (folder / other).unlink(missing_ok=True)
        _sync(folder)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise TrainingError(f"cannot save the state: {error}", path=str(folder / name)) from error


def read_state(file: Path) -> Any:
    """The state in a file, tensors on the CPU.

    Raises:
        TrainingError: if it cannot be read.
        MissingExtraError: if torch is not installed, for what is not bytes.
    """
    try:
        if file.name == BYTES:
            return file.read_bytes()
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


def _check(value: Any, path: str, tensor: type) -> None:
    """Refuse now what loading would refuse, or would have to run code for."""
    if value is None or isinstance(value, tensor) or type(value) in (bool, int, float, str, bytes):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if type(key) not in (str, int):
                raise TrainingError(f"a key is a string or an integer, got {key!r}", path=path)
            _check(inner, f"{path}[{key!r}]", tensor)
    elif type(value) in (list, tuple):
        for i, inner in enumerate(value):
            _check(inner, f"{path}[{i}]", tensor)
    else:
        raise TrainingError(
            "a state is bytes, or nested dicts and lists of tensors and plain values, "
            f"got {type(value).__name__}",
            path=path,
            hint="Save model.state_dict(), not the model; float(x) for a NumPy number.",
        )


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "a state of tensors needs torch", hint="pip install 'archbo[torch]'"
        ) from error
    return torch
