"""One process at a time runs a study: an advisory lock that the kernel frees, also on kill -9."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archbo.errors import BusyError, StoreError


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock `file`, which says who holds it; it is removed at the end.

    Raises:
        BusyError: if another process, or this one, holds it; the message names the holder.
        StoreError: if the file cannot be made.
    """
    descriptor = _acquire(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)  # while it is held: nobody else's can be meant
        os.close(descriptor)


def _acquire(file: Path) -> int:
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"cannot make the lock: {error.strerror}", path=str(file)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(file)
            os.close(descriptor)
            raise BusyError(
                f"the study is run by {holder} now",
                path=str(file).removesuffix(".lock"),
                hint="Wait for it, or end it.",
            ) from error
        if _is_at(descriptor, file):
            break
        os.close(descriptor)  # its holder ended and removed it meanwhile: this one locks nothing
    os.truncate(descriptor, 0)
    os.write(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
    return descriptor


def _is_at(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _holder(file: Path) -> str:
    try:
        found = json.loads(file.read_text())
        return f"process {found['pid']} on {found['host']}"
    except (OSError, ValueError, KeyError, TypeError):  # between its lock and its writing
        return "another process"
