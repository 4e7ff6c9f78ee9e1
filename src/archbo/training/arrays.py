"""States with NumPy arrays, as an `.npz` file: the arrays, and in JSON how they are nested."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from archbo.arrays import Array

_TREE = "tree"


def write_arrays(stream: BinaryIO, state: Any) -> None:
    """Write nested dicts and lists of arrays, tensors and plain values."""
    arrays: list[Array] = []
    tree = json.dumps(_flat(state, arrays)).encode()
    named: dict[str, Any] = {str(k): array for k, array in enumerate(arrays)}
    named[_TREE] = np.frombuffer(tree, np.uint8)
    np.savez(stream, **named)


def read_arrays(file: Path) -> Any:
    """What was written, without running anything that the file holds.

    Raises:
        OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error: if that
            cannot be read.
    """
    # of a file that is cut NumPy would leave its own stream open
    with file.open("rb") as stream:
        with check_archive(stream) as archive:
            for name in archive.namelist():
                _check_array(archive, name)
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as held:
            # whatever is in the file is taken once, so that nothing grows
            arrays = {name: held[name] for name in held.files}
    return _nested(json.loads(arrays.pop(_TREE).tobytes()), arrays)


def check_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """A zip file whose content takes no more memory than the file: neither packed nor shared.

    Raises:
        ValueError: if it is another.
        zipfile.BadZipFile: if it is none.
    """
    archive = zipfile.ZipFile(stream)
    members = archive.infolist()
    held = sum(member.file_size for member in members)
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or held > stream.seek(0, os.SEEK_END):
        raise ValueError("what it holds is packed, which archbo's files are not")
    return archive


def _check_array(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an array that says it is larger than it is: memory would be taken for it."""
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    with archive.open(name) as member:
        shape, _, dtype = read[npy.read_magic(member)](member)
    if prod(shape) * dtype.itemsize > archive.getinfo(name).file_size:
        raise ValueError(f"the array {name!r} is larger than the file")


def _flat(value: Any, arrays: list[Array]) -> Any:
    """A value as JSON, in which arrays are numbers; they are added to the list."""
    if isinstance(value, Mapping):
        return {"dict": [[key, _flat(inner, arrays)] for key, inner in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_flat(inner, arrays) for inner in value]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    node: dict[str, Any]
    if isinstance(value, bytes):
        node, array = {"kind": "bytes"}, np.frombuffer(value, np.uint8)
    elif _numpy(value):
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        node, array = {"kind": kind}, np.asarray(value)
    else:  # raw, as NumPy lacks some of torch's types
        import torch

        plain = value.detach().cpu().contiguous()
        array = plain.reshape(-1).view(torch.uint8).numpy()
        node = {"kind": "tensor", "type": str(value.dtype), "shape": list(value.shape)}
    arrays.append(array)
    return node | {"at": str(len(arrays) - 1)}


def _numpy(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def _nested(node: Any, held: dict[str, Array]) -> Any:
    if not isinstance(node, dict):
        return node
    if "dict" in node:
        return {key: _nested(inner, held) for key, inner in node["dict"]}
    if "list" in node:
        return [_nested(inner, held) for inner in node["list"]]
    if "tuple" in node:
        return tuple(_nested(inner, held) for inner in node["tuple"])
    array = held.pop(node["at"])
    if node["kind"] == "bytes":
        return array.tobytes()
    if node["kind"] == "tensor":
        import torch

        types = {str(t): t for t in vars(torch).values() if isinstance(t, torch.dtype)}
        kind = types[node["type"]]
        if prod(node["shape"]) * kind.itemsize != array.size:
            raise ValueError("a tensor has another size than its content")
        tensor = torch.empty(node["shape"], dtype=kind)
        tensor.view(-1).view(torch.uint8).copy_(torch.from_numpy(array))
        return tensor
    return array[()] if node["kind"] == "scalar" else array
