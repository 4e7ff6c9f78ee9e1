"""The files of benchmarks as their authors publish them: read once, then kept as small arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - a bare "error" would say nothing

import numpy as np

from archbo.arrays import Array
from archbo.bench.published.nasbench101 import read_nasbench101
from archbo.bench.published.nats import read_nats

_LAYOUT = 1  # of the kept arrays; another number makes them read again
_STAMP = "stamp"


@dataclass(frozen=True)
class Published:
    """A benchmark as its authors publish it.

    Attributes:
        patterns: of the names of its files and folders, the ones that hold most first.
        read: a file or folder into arrays.
    """

    patterns: tuple[str, ...]
    read: Callable[[Path], dict[str, Array]]

    def source(self, folder: Path) -> Path | None:
        """The file or folder to read, if there is one: in this folder, or the folder itself."""
        if any(folder.resolve().match(pattern) for pattern in self.patterns):
            return folder
        found = [path for pattern in self.patterns for path in sorted(folder.glob(pattern))]
        return found[0] if found else None

    def arrays(self, folder: Path) -> dict[str, Array] | None:
        """All that the authors' files in a folder hold; None where there are none.

        What was read is kept beside them, in `<name>.archbo.npz`, or in the folder that the
        environment variable ARCHBO_CACHE names; it is read again when the file has changed.

        Raises:
            DataError: if a file is damaged or something else.
        """
        source = self.source(folder)
        if source is None:
            return None
        keep = Path(os.environ.get("ARCHBO_CACHE") or source.parent, f"{source.name}.archbo.npz")
        stamp = _stamp(source)
        kept = _kept(keep, stamp)
        if kept is None:
            kept = self.read(source)
            _write(keep, kept | {_STAMP: stamp})
        return kept


NAS_BENCH_201 = Published(
    ("NATS-tss-*-simple", "NATS-tss-*.pickle.pbz2", "NAS-Bench-201-*.pth"), read_nats
)
NAS_BENCH_101 = Published(
    ("nasbench_full*.tfrecord", "nasbench_only108*.tfrecord"), read_nasbench101
)


def _stamp(source: Path) -> Array:
    """Numbers that change when a file or the list of a folder's files does."""
    stat = source.stat()
    return np.array([_LAYOUT, stat.st_size, stat.st_mtime_ns])


def _kept(path: Path, stamp: Array) -> dict[str, Array] | None:
    """The arrays that were kept, if they are of this very file."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if not np.array_equal(archive[_STAMP], stamp):
                return None
            return {name: archive[name] for name in archive.files if name != _STAMP}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, ZlibError):
        return None  # there are none, or they are damaged


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """Whole or not at all, whoever else reads or writes it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(part, **arrays)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        warnings.warn(
            f"{path} cannot be written ({error.strerror}), so the authors' files are read "
            "anew each time: name a folder in the environment variable ARCHBO_CACHE",
            stacklevel=3,
        )
