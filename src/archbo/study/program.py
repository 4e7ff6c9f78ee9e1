"""A user's program, run as Python would run it."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archbo.errors import ArchboError, ProgramError, nearest

BUILD = "build"
"""The function of a program that builds networks, if it has one and no other is named."""


def builder(names: Mapping[str, Any], name: str | None, program: str) -> Callable[..., Any] | None:
    """The program's function from an architecture to a network; None if it has none.

    Args:
        names: what the program defines.
        name: of the function; None for `build`, which need not be there.
        program: its file, for the error.

    Raises:
        ProgramError: if there is no function of this name.
    """
    function = names.get(name or BUILD)
    if callable(function):
        return function
    if name is None:
        return None
    functions = [other for other, value in names.items() if callable(value) and other[0] != "_"]
    raise ProgramError(
        f"there is no function {name!r} at the top level",
        path=program,
        hint=nearest(name, functions),
    )


def execute(program: Path, arguments: Sequence[str] = ()) -> int:
    """Run a program as `__main__`, and give its exit code.

    While it runs, `sys.modules["__main__"]` is the program itself, so worker processes import its
    functions as they would under `python program.py`. An exception of the program's own is
    printed with its traceback, from the program's first line on, and gives 1.

    Raises:
        ProgramError: if there is no such program.
        ArchboError: whatever archbo raised on the program's behalf.
    """
    path = program.resolve()
    if not path.is_file():
        raise ProgramError("there is no such program", path=str(program))
    with _as_main(path, [str(program), *arguments]):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except ArchboError:
            raise
        except SystemExit as end:
            return _code(end.code)
        except Exception as error:
            traceback.print_exception(_from_program(error, path))
            return 1
    return 0


@contextmanager
def _as_main(path: Path, argv: Sequence[str]) -> Iterator[None]:
    """The arguments and the import path that the program would have by itself."""
    before, imports = sys.argv[:], sys.path[:]
    sys.argv[:] = argv
    sys.path[:1] = [str(path.parent)]
    try:
        yield
    finally:
        sys.argv[:], sys.path[:] = before, imports


def _code(code: str | int | None) -> int:
    """What Python would exit with."""
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        return 1
    return code or 0


def _from_program(error: Exception, path: Path) -> Exception:
    """The error without the frames above the program's own."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != str(path):
        frame = frame.tb_next
    # a syntax error in the program has no frame of it
    return error.with_traceback(frame)
