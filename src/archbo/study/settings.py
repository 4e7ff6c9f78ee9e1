"""What makes a stored study the program's, and what else is written beside it."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path
from types import NoneType
from typing import Any

from archbo.errors import MismatchError, StoreError
from archbo.store.rows import shown

COMPARED = (
    "space", "objective", "direction", "seed", "method", "features", "constraints", "start",
    "guess", "older", "fidelity", "epochs", "repeats",
)  # fmt: skip
"""The settings that must be the program's for a stored study to go on."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "space": (dict,), "objective": (str,), "direction": (str,), "seed": (int,), "method": (str,),
    "epochs": (int,), "repeats": (int, NoneType), "features": (list,), "constraints": (list,),
    "start": (list, NoneType), "older": (list, NoneType), "fidelity": (dict, NoneType),
    "program": (str, NoneType), "files": (str, NoneType), "versions": (dict,),
}  # fmt: skip

_WORDS = {dict: "an object", list: "a list", str: "text", int: "a whole number", NoneType: "null"}
_DIRECTIONS = ("maximize", "minimize")

_SHOWN = 40  # lines of a difference


def surroundings() -> dict[str, Any]:
    """The program that runs, and the versions it runs with."""
    import archbo

    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return {
        "program": None if file is None else str(Path(file).resolve()),
        "versions": {"archbo": archbo.__version__, "python": platform.python_version()},
    }


def check_settings(settings: Mapping[str, Any], where: str, *, also: tuple[str, ...] = ()) -> None:
    """Refuse settings that no study has: a store may be damaged, or a stranger's.

    Args:
        settings: as stored.
        where: the store, for the error.
        also: what has to be there beside the space, the objective and its direction.

    Raises:
        StoreError: naming the setting.
    """
    problems = [
        f"it has no {name}"
        for name in ("space", "objective", "direction", *also)
        if name not in settings
    ]
    problems += [
        f"{name} is {' or '.join(_WORDS[kind] for kind in kinds)}, got {shown(settings[name])}"
        for name, kinds in _TYPES.items()
        if name in settings and type(settings[name]) not in kinds
    ]
    if not problems and (found := settings["direction"]) not in _DIRECTIONS:
        problems.append(f"direction is maximize or minimize, got {shown(found)}")
    if problems:
        raise StoreError(
            f"these are no settings of a study: {problems[0]}",
            path=where,
            hint="The database is damaged, or another program wrote to it.",
        )


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
