"""Options and arguments that several commands have, and how their texts are read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archbo.executors import Launcher


class Executors(StrEnum):
    """Where trainings may run beside this machine."""

    RAY = "ray"


Store = Annotated[
    str, typer.Argument(help="The study's file (digits.db) or database URL.", show_default=False)
]
Program = Annotated[
    Path,
    typer.Argument(help="A Python program that calls study.run(...).", show_default=False),
]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(help="Arguments of the program itself, after --.", show_default=False),
]
Maker = Annotated[
    Path | None,
    typer.Option(
        help="The study's program, if it does not lie beside the store.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]

# of the network

Build = Annotated[
    str | None,
    typer.Option(
        help="The program's function that makes a network; by default build, if it has one.",
        show_default=False,
    ),
]
Inputs = Annotated[
    str | None,
    typer.Option(
        help="The shape of one input, such as 3,32,32; a network of ab.torch.build knows it.",
        show_default=False,
    ),
]

# of trainings

Workers = Annotated[
    int | None,
    typer.Option("--workers", "-w", min=1, help="How many trainings go on at a time."),
]
Place = Annotated[
    Executors | None,
    typer.Option(help="Where trainings run, if not on this machine.", show_default=False),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of the Ray cluster: auto, host:6379 or ray://host:10001.", show_default=False
    ),
]
Cpus = Annotated[
    float | None,
    typer.Option(
        min=0.001, help="How many a training needs there; 1 if not given.", show_default=False
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="How many a training needs there, or the share of one; none if not given.",
        show_default=False,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0.001, help="Seconds after which a training counts as failed."),
]
Lease = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="Seconds without a sign of life after which others train its trials again; 60.",
        show_default=False,
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(help="What a training may use of it, such as 4GB.", show_default=False),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Threads of each worker; by default its share of the cores.",
        show_default=False,
    ),
]
GpusPerTrial = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="GPUs that each training sees, or the share of one, such as 0.5; by default the "
        "GPUs are divided among the workers.",
        show_default=False,
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An environment variable of the workers; can be given several times.",
        show_default=False,
    ),
]
Retries = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="How often a training is tried again that was cut from outside; 1.",
        show_default=False,
    ),
]
RetryErrors = Annotated[
    bool, typer.Option("--retry-errors", help="Try those again, too, that raise an error.")
]
Hours = Annotated[
    float | None,
    typer.Option(
        min=0.0001,
        help="Begin no training that is unlikely to end within so many hours.",
        show_default=False,
    ),
]
Failures = Annotated[
    int | None,
    typer.Option(min=1, help="Begin no training after so many have failed.", show_default=False),
]


def launcher(executor: Executors | None, settings: dict[str, Any]) -> Launcher | None:
    """The place for trainings that the options name; None for this machine."""
    given = {name: value for name, value in settings.items() if value is not None}
    if executor is None:
        for name in given:
            raise typer.BadParameter(f"--{name} is of a cluster: give --executor ray as well")
        return None
    from archbo.executors import Ray

    return Ray(**given)


def variables(given: list[str] | None) -> dict[str, str] | None:
    """From NAME=VALUE, each."""
    if not given:
        return None
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise typer.BadParameter(f"expected --env NAME=VALUE, got {text!r}")
    return dict(text.split("=", maxsplit=1) for text in given)


def number(trial: str) -> int | None:
    """A trial's number; None for the best."""
    if trial == "best":
        return None
    if not trial.isdecimal():
        raise typer.BadParameter(f"expected the number of a trial, or best, got {trial!r}")
    return int(trial)


def shape(text: str | None) -> tuple[int, ...] | None:
    """From 3,32,32."""
    try:
        sizes = None if text is None else tuple(map(int, text.split(",")))
    except ValueError:
        sizes = (0,)
    if sizes is not None and min(sizes) < 1:
        raise typer.BadParameter(f"expected sizes such as 3,32,32, got {text!r}")
    return sizes
