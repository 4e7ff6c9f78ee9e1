"""A check of the study that a program would run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archbo.checks import CheckResult
from archbo.checks.results import Finding
from archbo.errors import ProgramError
from archbo.problem import Objective
from archbo.study.program import builder, execute
from archbo.study.running import Running
from archbo.study.session import capture
from archbo.training import Train


@dataclass(frozen=True, slots=True)
class CheckedProgram:
    """A program and what a check of it found.

    Attributes:
        objective: of its study.
        result: what was found.
    """

    objective: Objective
    result: CheckResult


def check_program(
    program: Path,
    arguments: Sequence[str] = (),
    *,
    seconds: float = 10.0,
    build: str | None = None,
    inputs: tuple[int, ...] | None = None,
    probe: bool = False,
) -> CheckedProgram | int:
    """Run a program up to its first `study.run`, and check that study instead.

    Its store is read if it is there, and never written.

    Args:
        program: its file.
        arguments: its own.
        seconds: about how long the check may take.
        build: the name of its function from an architecture to a network; None for `build`, if
            there is one.
        inputs: the shape of one input of the networks.
        probe: whether to train for one epoch, if there are no results to tell how long one takes.

    Returns:
        What was found; the program's exit code, if it ended before it ran a study.

    Raises:
        ProgramError: if there is no such program, or no study or no such function in it.
    """
    found: list[CheckedProgram] = []

    def look(study: Running, train: Train) -> None:
        names = vars(sys.modules["__main__"])
        result = study.check(
            seconds=seconds,
            build=builder(names, build, str(program)),
            inputs=inputs,
            probe=train if probe else None,
        )
        found.append(CheckedProgram(study.problem.objective, result))

    with capture(lambda _: True, look, draft=True) as session:
        code = execute(program, arguments)
        if code:
            return code
    if not found:
        raise ProgramError(
            "the program ended without a call of study.run",
            path=str(program),
            hint="Call it where the program runs by itself: under if __name__ == '__main__'.",
        )
    remarks = tuple(Finding("warning", remark) for remark in session.remarks)
    (checked,) = found
    findings = (*remarks, *checked.result.findings)
    return replace(checked, result=replace(checked.result, findings=findings))
