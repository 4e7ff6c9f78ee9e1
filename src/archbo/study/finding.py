"""The study of a program, found without training anything."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from archbo.errors import ObservationError, ProgramError, SpaceError
from archbo.fidelity import fidelity_from_dict
from archbo.methods import METHODS
from archbo.spaces import from_dict
from archbo.store import StoredStudy
from archbo.store.urls import shown_location
from archbo.study.program import execute
from archbo.study.running import Running
from archbo.study.session import capture
from archbo.study.settings import check_settings, differing_settings
from archbo.study.study import Study
from archbo.training import Train

PARTS = "this study has features, constraints, a method or parts of its own"
"""Why a study may need its program."""


def described(stored: StoredStudy) -> Running | None:
    """A stored study in memory, without its trials, if its settings tell all about it.

    Raises:
        StoreError: if they are not what a study has.
    """
    settings = stored.settings
    check_settings(settings, stored.location, also=("seed", "method", "epochs"))
    told = ("features", "constraints", "older")
    if any(settings.get(name) for name in told) or settings["method"] not in METHODS:
        return None
    try:
        space = from_dict(settings["space"])
    except SpaceError:  # it has parts that only the program knows
        return None
    fidelity = settings.get("fidelity")
    return Study(
        None,
        space,
        **{settings["direction"]: settings["objective"]},
        seed=settings["seed"],
        method=settings["method"],
        epochs=settings["epochs"],
        repeats=settings.get("repeats") or 1,
        start=settings.get("start") or (),
        guess=settings.get("guess"),
        fidelity=fidelity and fidelity_from_dict(fidelity),
    )


class Found(NamedTuple):
    """A study as its program makes it, and what the program had defined when it came to run it."""

    study: Running
    names: Mapping[str, Any]
    program: Path


def find(
    location: str | Path,
    stored: StoredStudy,
    program: str | Path | None,
    *,
    reason: str,
    command: str,
    instead: Callable[[Running, Train], object] = lambda _study, _train: None,
) -> Found:
    """The study of the program that has a stored study's settings, on whatever store.

    The program runs up to that study's run.

    Args:
        location: of the stored study, for the errors.
        stored: its settings are compared.
        program: a file; None for the one beside the store that has the name of the one that made
            the study. It is said which that is. A store may come from anyone: no other file runs
            because a store names it.
        reason: why the program is needed, for the errors.
        command: what asks, such as "replay", for the errors.
        instead: what is done with the study and its training function, in place of its run.

    Raises:
        ProgramError: if there is no such program, or no such study in it.
    """
    path = _program(stored, program, reason, command)
    # studies that are not wanted do not run, so the program may ask for results that are not there
    look = capture(lambda study: _same(study, stored), instead, draft=True)
    with look as session, suppress(ObservationError):
        execute(path)
    if session.studies and _same(session.studies[-1], stored):
        return Found(session.studies[-1], session.names, path)
    raise ProgramError(
        "no study that this program runs has the settings of the one in "
        f"{shown_location(location)}",
        path=str(path),
        hint=f"Name the program that made it: archbo {command} STORE --program PROGRAM.",
    )


def _program(stored: StoredStudy, program: str | Path | None, reason: str, command: str) -> Path:
    """The file to run: the user's, or else the one beside the store."""
    if program is not None and Path(program).is_file():
        return Path(program)
    named = program or stored.settings.get("program")
    if program is None and isinstance(named, str):
        store = Path(stored.location)
        beside = store.with_name(PurePath(named).name or store.name)
        if beside != store and store.is_file() and beside.is_file():
            sys.stderr.write(f"Running {str(beside)!r} up to its study, as the store says.\n")
            return beside
        if Path(named).is_file():
            raise ProgramError(
                f"{reason}, and it does not lie beside the study",
                path=named,
                hint=f"If it is yours: archbo {command} STORE --program {shlex.quote(named)}",
            )
    raise ProgramError(
        f"{reason}, and the program that defines them is not here",
        path=str(named or ""),
        hint=f"Name it: archbo {command} STORE --program PROGRAM.",
    )


def _same(study: Running, stored: StoredStudy) -> bool:
    return not differing_settings(stored.settings, study.store.settings)
