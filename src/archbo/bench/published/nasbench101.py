"""NAS-Bench-101 as its authors publish it: one TFRecord file with a record for each training.

A record is a JSON list: the cell's hash, the epochs, its adjacency matrix as zeros and ones, its
operations, and a protocol buffer in base64 that holds what was measured, which is read by hand.
Source: Ying et al. 2019; google-research/nasbench, nasbench/api.py and lib/model_metrics.proto.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from struct import Struct
from sys import intern
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array
from archbo.bench.published.tfrecord import read_records
from archbo.errors import DataError, nearest

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
_INPUT, _OUTPUT, _ABSENT = -1, -2, -9
_MOST = 7  # vertices of a cell
_DOUBLE = Struct("<d")
_SIZES = {1: 8, 5: 4}  # of a field's bytes by its kind

# numbers of fields in model_metrics.proto
_EVALUATIONS, _PARAMETERS = 1, 2
_TIME, _VALIDATION, _TEST = 2, 4, 5


class Measured(NamedTuple):
    """What one training gave in the end.

    Attributes:
        validation, test: accuracy, a fraction.
        seconds: of training, without evaluation.
        parameters: how many can be trained.
    """

    validation: float
    test: float
    seconds: float
    parameters: int


def read_nasbench101(path: Path) -> dict[str, Array]:
    """All cells of a file in the order in which they first appear.

    Returns:
        hash [n] S32; n_vertices [n]; adjacency [n 7 7]; ops [n 7], -1 the input, -2 the output, 0
        to 2 of `OPS`, -9 behind the last; params [n]; epochs [e]; and of each training, NaN where
        there was none: val_seeds, test_seeds [n e 3] fractions, seconds [n e 3].

    Raises:
        DataError: if a record is damaged or says nothing of a training, naming which.
    """
    places: dict[bytes, int] = {}
    cells: list[tuple[str, str]] = []
    params, rows, epochs = array("q"), array("q"), array("q")
    numbers = array("f")
    for k, record in enumerate(read_records(path)):
        try:
            name, trained, adjacency, ops, metrics = json.loads(record)
            measured = read_metrics(b64decode(metrics, validate=True))
            row = places.setdefault(name.encode("ascii"), len(places))
            epochs.append(trained)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise DataError(f"record {k} is no training: {error}", path=str(path)) from error
        if row == len(cells):
            cells.append((str(adjacency), intern(str(ops))))
            params.append(measured.parameters)
        rows.append(row)
        numbers.extend(measured[:3])
    if not cells:
        raise DataError("there is no record in it", path=str(path))
    found = {"hash": np.array(list(places), dtype="S32"), "params": np.array(params)}
    found |= _cells(cells, path)
    values = np.array(numbers, dtype=np.float32).reshape(-1, 3)
    return found | _repeats(np.array(rows), np.array(epochs), values)


def _repeats(rows: Array, epochs: Array, values: Array) -> dict[str, Array]:
    """The trainings of each cell and number of epochs side by side, in their order."""
    budgets, at = np.unique(epochs, return_inverse=True)
    group = rows * len(budgets) + at
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    repeat = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    table = np.full((rows.max() + 1, len(budgets), repeat.max() + 1, 3), np.nan, np.float32)
    table[rows[order], at[order], repeat] = values[order]
    names = ("val_seeds", "test_seeds", "seconds")
    return {"epochs": budgets} | {name: table[..., k] for k, name in enumerate(names)}


def _cells(cells: Sequence[tuple[str, str]], path: Path) -> dict[str, Array]:
    """The graphs as arrays, those with as many vertices at once."""
    sizes = np.array([isqrt(len(matrix)) for matrix, _ in cells])
    codes = {ops: _codes(ops, path) for _, ops in cells}
    adjacency = np.zeros((len(cells), _MOST, _MOST), dtype=np.uint8)
    vertices = np.full((len(cells), _MOST), _ABSENT, dtype=np.int8)
    for matrix, ops in cells:
        if len(matrix) != len(codes[ops]) ** 2 or set(matrix) - set("01"):
            raise DataError(f"the cell {ops!r} has the matrix {matrix!r}", path=str(path))
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        text = "".join(cells[k][0] for k in which.tolist())
        bits = np.frombuffer(text.encode(), dtype=np.uint8) - ord("0")
        adjacency[which, :size, :size] = bits.reshape(-1, size, size)
        vertices[which, :size] = [codes[cells[k][1]] for k in which.tolist()]
    if np.tril(adjacency).any():
        raise DataError("a cell has an edge backwards", path=str(path))
    return {"n_vertices": sizes.astype(np.uint8), "adjacency": adjacency, "ops": vertices}


def _codes(ops: str, path: Path) -> list[int]:
    """The operations of a cell as numbers."""
    first, *inner, last = ops.split(",") if "," in ops else ("", "")
    if (first, last) != ("input", "output") or len(inner) > _MOST - 2:
        raise DataError(
            f"expected at most {_MOST} operations from input to output, got {ops!r}", path=str(path)
        )
    for op in inner:
        if op not in OPS:
            raise DataError(f"no operation {op!r}", path=str(path), hint=nearest(op, OPS))
    return [_INPUT, *map(OPS.index, inner), _OUTPUT]


def read_metrics(message: bytes) -> Measured:
    """The last evaluation of a training.

    Raises:
        ValueError: if it is no such message, or lacks a number.
    """
    metrics = wire(message)
    last = wire(_piece(metrics, _EVALUATIONS))
    parameters = metrics.get(_PARAMETERS)
    if not isinstance(parameters, int) or parameters >= 2**31:
        raise ValueError(f"its protocol buffer has no count of parameters as field {_PARAMETERS}")
    return Measured(
        _double(last, _VALIDATION), _double(last, _TEST), _double(last, _TIME), parameters
    )


def _double(fields: dict[int, bytes | int], number: int) -> float:
    piece = _piece(fields, number)
    if len(piece) != _DOUBLE.size:
        raise ValueError(f"field {number} of its protocol buffer has {len(piece)} bytes, not 8")
    return float(_DOUBLE.unpack(piece)[0])


def _piece(fields: dict[int, bytes | int], number: int) -> bytes:
    piece = fields.get(number)
    if not isinstance(piece, bytes):
        raise ValueError(f"its protocol buffer has no bytes as field {number}")
    return piece


def wire(message: bytes) -> dict[int, bytes | int]:
    """The last value of each field of a protocol buffer: a whole number, or bytes still to be read.

    Source: https://protobuf.dev/programming-guides/encoding.

    Raises:
        ValueError: if it is none, or is cut off.

    >>> wire(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69]))
    {1: 150, 2: b'hi'}
    """
    found: dict[int, bytes | int] = {}
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            found[key >> 3], at = _varint(message, at)
            continue
        if kind == 2:
            size, at = _varint(message, at)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"no protocol buffer has fields of kind {kind}")
        if at + size > end:
            raise ValueError("its protocol buffer is cut off")
        found[key >> 3] = message[at : at + size]
        at += size
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    for place in range(at, len(message)):
        byte = message[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    raise ValueError("its protocol buffer is cut off")
