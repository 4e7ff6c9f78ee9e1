"""What a program and its workers write to the terminal, printed above the live display.

A live display erases the lines it drew last. Whatever another process writes in between moves these
lines, and leaves their remains behind. So nobody else writes to the terminal: standard output and
error lead into a pipe, and what comes out of it is printed through the display's console.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console
from rich.text import Text

DRAIN_SECONDS = 5.0  # for what was written last; a blocked terminal must not block the end


@contextmanager
def printing_above(console: Console) -> Iterator[None]:
    """Lead what is written to standard output and error through `console`, line by line.

    This includes other processes that are started meanwhile. An output that is not a terminal is
    left alone. Of a line that is written over by carriage returns, as progress bars do, the last
    state is printed.

    Args:
        console: on standard output; while this lasts it writes to the terminal by a way of its own.
    """
    shown = [fd for fd in (1, 2) if os.isatty(fd)]
    if 1 not in shown or console.file is not sys.stdout:
        yield
        return
    _flush()
    kept = {fd: os.dup(fd) for fd in shown}
    source, sink = os.pipe()
    mark = secrets.token_hex(16).encode()
    drained = Event()
    usual = console.file
    console.file = os.fdopen(os.dup(1), "w", encoding=usual.encoding, errors="replace")
    for fd in shown:
        os.dup2(sink, fd)
    os.close(sink)
    Thread(target=_print, args=(source, console, mark, drained), daemon=True).start()
    try:
        yield
    finally:
        _flush()
        os.write(1, mark + b"\n")
        drained.wait(DRAIN_SECONDS)
        for fd, former in kept.items():
            os.dup2(former, fd)
            os.close(former)
        console.file = usual


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _print(source: int, console: Console, mark: bytes, drained: Event) -> None:
    """Print lines until nobody can write any more; the mark says that the driver has ended."""
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            before, marked, _ = line.rstrip(b"\r\n").partition(mark)
            if before or not marked:
                words = before.rpartition(b"\r")[2].decode("utf-8", errors="replace")
                console.print(Text.from_ansi(words), soft_wrap=True)
            if marked:
                drained.set()
