"""What trainings print: a file for each trial, its attempts one after another.

The output is led into the file where the operating system writes it, so that of compiled code and
of other programs that a training starts is there as well, up to the last line before a crash.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from archbo.training import Failed, Finished, Lost, Task

LARGEST = 1_000_000
"""A log of more bytes is cut to half of that: its beginning, and its end."""

_READ = 4 * LARGEST  # a file that somebody else has put there may be of any size

_STYLING = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # colours and the like


@contextmanager
def captured(task: Task) -> Iterator[None]:
    """Lead what this process and those that it starts print into the task's log.

    Without a log, or where it cannot be written, the output goes where it went. One at a time in a
    process, as all of its threads share the output.
    """
    file = _opened(task)
    if file is None:
        yield
        return
    kept = {stream: os.dup(stream) for stream in (1, 2)}
    _flush()
    with file:
        for stream in kept:
            os.dup2(file.fileno(), stream)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # else a crash takes the last lines along
    try:
        yield
    finally:
        _flush()
        for stream, former in kept.items():
            os.dup2(former, stream)
            os.close(former)


def end_log(task: Task, event: Finished | Failed | Lost) -> None:
    """Write how an attempt ended, and cut what is too long."""
    if task.log is None:
        return
    with suppress(OSError):  # a full disk is no reason to lose a result
        with task.log.open("ab") as file:
            file.write(_heading(task, f"{_outcome(event)} after {event.seconds:.1f} s"))
        cut_log(task.log)


def cut_log(log: Path, largest: int = LARGEST) -> None:
    """Cut a log that is too long, whether or not it is still written to."""
    with suppress(OSError):
        size = log.stat().st_size
        if size <= largest:
            return
        kept = largest // 4
        with log.open("r+b") as file:
            file.seek(size - kept)
            tail = file.read(kept)
            file.truncate(kept)
        with log.open("ab") as file:
            file.write(b"\n[%d bytes are left out here]\n" % (size - 2 * kept) + tail)


def read_log(log: Path) -> str:
    """A log as text for a terminal: of overwritten lines the last state, no control characters.

    Raises:
        OSError: if it cannot be read.
    """
    with log.open("rb") as file:
        text = file.read(_READ).decode("utf-8", errors="replace")
    return "\n".join(map(_shown, text.split("\n")))


def _opened(task: Task) -> BinaryIO | None:
    """The log, with the heading of this attempt; None if there is none."""
    if task.log is None:
        return None
    try:
        task.log.parent.mkdir(parents=True, exist_ok=True)
        if not task.again:  # what is there is of a study that is no more
            task.log.unlink(missing_ok=True)
        file = task.log.open("ab")  # appending: the driver cuts it meanwhile, and writes its end
        when = time.strftime("%Y-%m-%d %H:%M:%S")
        where = f"process {os.getpid()} on {socket.gethostname()}"
        file.write(_heading(task, f"begun {when}, {where}"))
        file.flush()
    except OSError as error:
        sys.stderr.write(f"trial {task.number} has no log: {error}\n")
        return None
    return file


def _heading(task: Task, words: str) -> bytes:
    return f"--- trial {task.number}, attempt {task.attempt}: {words} ---\n".encode()


def _outcome(event: Finished | Failed | Lost) -> str:
    if isinstance(event, Finished):
        return "finished"
    return event.error.partition("\n")[0] if isinstance(event, Failed) else event.reason


def _shown(line: str) -> str:
    visible = _STYLING.sub("", line.rstrip("\r").rpartition("\r")[2])
    return "".join(c for c in visible if c.isprintable() or c == "\t")


def _flush() -> None:
    """Write what Python and C libraries hold back."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the training has closed it, or the disk is full
            stream.flush()
    ctypes.CDLL(None).fflush(None)
