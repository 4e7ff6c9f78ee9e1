"""The command that runs a program's search, and its many options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archbo.executors import Launcher

Timeout = Annotated[
    float | None,
    typer.Option(min=0.001, help="Seconds after which a training counts as failed."),
]


class Executors(StrEnum):
    """Where trainings may run beside this machine."""

    RAY = "ray"


def run(
    program: Annotated[
        Path,
        typer.Argument(help="A Python program that calls study.run(...).", show_default=False),
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="Arguments of the program itself, after --.", show_default=False),
    ] = None,
    *,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            "-n",
            min=1,
            help="How many trials the study has at the end; those that were paused count, too.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            "-b",
            min=0.001,
            help="Instead: what they cost at the end, in full trainings; for a search that "
            "decides how far each training goes.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", "-w", min=1, help="How many trainings go on at a time."),
    ] = None,
    executor: Annotated[
        Executors | None,
        typer.Option(help="Where trainings run, if not on this machine.", show_default=False),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster: auto, host:6379 or ray://host:10001.", show_default=False
        ),
    ] = None,
    cpus: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="How many a training needs there; 1 if not given.", show_default=False
        ),
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="How many a training needs there, or the share of one; none if not given.",
            show_default=False,
        ),
    ] = None,
    timeout: Timeout = None,
    lease: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Seconds without a sign of life after which others train its trials again; 60.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="What a training may use of it, such as 4GB.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads of each worker; by default its share of the cores.",
            show_default=False,
        ),
    ] = None,
    gpus_per_trial: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="GPUs that each training sees, or the share of one, such as 0.5; by default the "
            "GPUs are divided among the workers.",
            show_default=False,
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="An environment variable of the workers; can be given several times.",
            show_default=False,
        ),
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How often a training is tried again that was cut from outside; 1.",
            show_default=False,
        ),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Try those again, too, that raise an error.")
    ] = False,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0.0001,
            help="Begin no training that is unlikely to end within so many hours.",
            show_default=False,
        ),
    ] = None,
    failures: Annotated[
        int | None,
        typer.Option(
            min=1, help="Begin no training after so many have failed.", show_default=False
        ),
    ] = None,
) -> None:
    """Run a program's search, or go on with it, and show how it gets on.

    The options replace what the program says, in each study.run(...) that it calls; without them
    it runs as it is. Ctrl-C is safe: the same command goes on where it stopped.
    """
    from archbo.cli import commands

    if trials is not None and budget is not None:
        raise typer.BadParameter("give --trials or --budget, not both")
    options = {
        "trials": trials,
        "budget": budget,
        "workers": workers,
        "executor": _launcher(executor, {"address": address, "cpus": cpus, "gpus": gpus}),
        "timeout": timeout,
        "lease": lease,
        "memory": memory,
        "threads": threads,
        "gpus_per_trial": gpus_per_trial,
        "env": _variables(env),
        "retries": retries,
        "retry_errors": retry_errors or None,
        "hours": hours,
        "failures": failures,
    }
    raise typer.Exit(commands.run(program, arguments or [], options))


def _launcher(executor: Executors | None, settings: dict[str, Any]) -> Launcher | None:
    """The place for trainings that the options name; None for this machine."""
    given = {name: value for name, value in settings.items() if value is not None}
    if executor is None:
        for name in given:
            raise typer.BadParameter(f"--{name} is of a cluster: give --executor ray as well")
        return None
    from archbo.executors import Ray

    return Ray(**given)


def _variables(given: list[str] | None) -> dict[str, str] | None:
    """From NAME=VALUE, each."""
    if not given:
        return None
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise typer.BadParameter(f"expected --env NAME=VALUE, got {text!r}")
    return dict(text.split("=", maxsplit=1) for text in given)
