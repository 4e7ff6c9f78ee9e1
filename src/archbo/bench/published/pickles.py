"""Pickles of plain data, read without trusting them.

A pickle is a program: it names functions and calls them. Here it gets the few that plain data need,
each one ours or without any power, and no other. PyTorch's files are pickles, too: their data are
read as such, without PyTorch, and tensors are refused.
"""

from __future__ import annotations

import bz2
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile, is_zipfile

import numpy as np

from archbo.errors import DataError

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a PyTorch file before version 1.6


def load_bz2(path: Path) -> Any:
    """What a compressed pickle holds.

    Raises:
        DataError: if it is damaged, or holds anything but plain data.
    """
    with _refusing(path), bz2.open(path) as stream:
        found = Plain(stream).load()
        if stream.read(1):  # reads up to the checksum, too
            raise pickle.UnpicklingError("more follows behind the pickle")
        return found


def load_torch(path: Path) -> Any:
    """What `torch.save` wrote, in the form of any version.

    Raises:
        DataError: if it is damaged, or holds anything but plain data.
    """
    with _refusing(path):
        if is_zipfile(path):
            with ZipFile(path) as archive:
                (name,) = [n for n in archive.namelist() if n.endswith("/data.pkl")]
                with archive.open(name) as stream:
                    return Plain(stream).load()
        with path.open("rb") as stream:
            if Plain(stream).load() != _TORCH_MAGIC:
                raise pickle.UnpicklingError("it does not begin as a file of PyTorch does")
            for _ in ("the version of the format", "the machine"):
                Plain(stream).load()
            return Plain(stream).load()


class Plain(pickle.Unpickler):
    """Reads dictionaries, lists, tuples, sets, numbers, texts, and NumPy's numbers and arrays.

    Raises:
        pickle.UnpicklingError: at the first name of anything else, before it is looked up.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self._allowed = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        key = f"{module}.{name}".replace("numpy._core.", "numpy.core.")
        if key not in self._allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no plain data")
        return self._allowed[key]

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - all are refused
        raise pickle.UnpicklingError("it holds tensors, which are not read")


def _allowed() -> dict[str, Any]:
    """What the names of plain data stand for; made anew for each pickle, which might change it."""

    class Dtype:
        """A type of numbers or texts; never one with fields, whose layout a pickle could choose."""

        def __init__(self, code: str, *_: Any) -> None:
            found = np.dtype(str(code))
            if found.kind not in "biufcSU":
                raise pickle.UnpicklingError(f"it asks for NumPy's type {code!r}")
            self.found = found

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            self.found = self.found.newbyteorder(state[1])

    class Array(np.ndarray):
        """An array that fills itself."""

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            version, shape, dtype, fortran, data = state
            super().__setstate__((version, shape, dtype.found, fortran, data))

    def scalar(dtype: Dtype, data: bytes) -> Any:
        return np.frombuffer(data, dtype.found, count=1)[0]

    def reconstruct(*_: Any) -> Array:
        return Array(0)

    def encode(text: str, encoding: str) -> bytes:
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"it holds bytes as {encoding!r}")
        return text.encode("latin1")

    def no_bytes() -> bytes:
        return b""

    allowed: dict[str, Callable[..., Any]] = {
        "collections.OrderedDict": OrderedDict,
        "builtins.set": set,
        "__builtin__.set": set,
        "_codecs.encode": encode,  # bytes in the form that Python 2 reads, and none of them
        "__builtin__.bytes": no_bytes,
        "numpy.dtype": Dtype,
        "numpy.ndarray": Array,
        "numpy.core.multiarray.scalar": scalar,
        "numpy.core.multiarray._reconstruct": reconstruct,
    }
    return allowed


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Give each way in which a pickle can be wrong as one error.

    Raises:
        DataError: whatever a damaged or hostile pickle raised.
    """
    try:
        yield
    except Exception as error:  # a damaged pickle can raise anything, as pickle's page says
        raise DataError(
            f"cannot be read: {error}",
            path=str(path),
            hint="Only plain data are read from a pickle; fetch the file again from its authors.",
        ) from error
