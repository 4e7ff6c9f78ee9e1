"""What makes a stored study the program's, and what else is written beside it."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

from archbo.errors import MismatchError

COMPARED = (
    "space", "objective", "direction", "seed", "method", "features", "constraints", "start",
    "guess", "older", "fidelity", "epochs", "repeats",
)  # fmt: skip
"""The settings that must be the program's for a stored study to go on."""

_SHOWN = 40  # lines of a difference


def surroundings() -> dict[str, Any]:
    """The program that runs, and the versions it runs with."""
    import archbo

    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return {
        "program": None if file is None else str(Path(file).resolve()),
        "versions": {"archbo": archbo.__version__, "python": platform.python_version()},
    }


def method_setting(method: object) -> str:
    """A method by its name, or as it prints, without what differs from one process to the next.

    >>> method_setting(method_setting)
    '<function method_setting>'
    """
    text = method if isinstance(method, str) else repr(method)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def check_same(stored: Mapping[str, Any], program: Mapping[str, Any]) -> None:
    """Refuse to go on with a study that is not the program's.

    Raises:
        MismatchError: showing where they differ.
    """
    plain = json.loads(json.dumps(program))
    if differing := differing_settings(stored, plain):
        raise MismatchError(
            f"the stored study is another one:\n{_differences(stored, plain, differing)}\n"
            "It goes on only as it is.",
            path=", ".join(differing),
            hint="Use another file for another study, or change the program back.",
        )


def differing_settings(stored: Mapping[str, Any], program: Mapping[str, Any]) -> list[str]:
    """Which of the settings that make a study what it is are not the same."""
    return [key for key in COMPARED if stored.get(key) != program.get(key)]


def _differences(stored: Mapping[str, Any], program: Mapping[str, Any], keys: list[str]) -> str:
    before, after = (
        json.dumps({key: settings.get(key) for key in keys}, indent=2).splitlines()
        for settings in (stored, program)
    )
    lines = [f"  {s}" for s in unified_diff(before, after, "stored", "program", lineterm="", n=2)]
    if len(lines) > _SHOWN:  # a pool has a line for each of its graphs
        lines[_SHOWN:] = [f"  … and {len(lines) - _SHOWN} more lines"]
    return "\n".join(lines)
