"""The commands that train: a search, and its best again; and their many options."""

from __future__ import annotations

from typing import Annotated

import typer

from archbo.cli import options
from archbo.cli.options import (
    Address,
    Arguments,
    Cpus,
    Env,
    Failures,
    Gpus,
    GpusPerTrial,
    Hours,
    Lease,
    Maker,
    Memory,
    Place,
    Program,
    Retries,
    RetryErrors,
    Store,
    Threads,
    Timeout,
    Workers,
)  # fmt: skip


def run(
    program: Program,
    arguments: Arguments = None,
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
    workers: Workers = None,
    executor: Place = None,
    address: Address = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    timeout: Timeout = None,
    lease: Lease = None,
    memory: Memory = None,
    threads: Threads = None,
    gpus_per_trial: GpusPerTrial = None,
    env: Env = None,
    retries: Retries = None,
    retry_errors: RetryErrors = False,
    hours: Hours = None,
    failures: Failures = None,
) -> None:
    """Run a program's search, or go on with it, and show how it gets on.

    The options replace what the program says, in each study.run(...) that it calls; without them
    it runs as it is. Ctrl-C is safe: the same command goes on where it stopped.
    """
    from archbo.cli import commands

    if trials is not None and budget is not None:
        raise typer.BadParameter("give --trials or --budget, not both")
    given = {
        "trials": trials,
        "budget": budget,
        "workers": workers,
        "executor": options.launcher(executor, {"address": address, "cpus": cpus, "gpus": gpus}),
        "timeout": timeout,
        "lease": lease,
        "memory": memory,
        "threads": threads,
        "gpus_per_trial": gpus_per_trial,
        "env": options.variables(env),
        "retries": retries,
        "retry_errors": retry_errors or None,
        "hours": hours,
        "failures": failures,
    }
    raise typer.Exit(commands.run(program, arguments or [], given))


def confirm(
    store: Store,
    *,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many of the best to train again; 3.", show_default=False),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="How often each; 3.", show_default=False)
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Instead of both: how many trainings, spent where they tell most.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    executor: Place = None,
    address: Address = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    timeout: Timeout = None,
    lease: Lease = None,
    memory: Memory = None,
    threads: Threads = None,
    gpus_per_trial: GpusPerTrial = None,
    env: Env = None,
    retries: Retries = None,
    retry_errors: RetryErrors = False,
    hours: Hours = None,
    failures: Failures = None,
    program: Maker = None,
) -> None:
    """Train the best architectures again with new seeds: the honest winner, mean and interval.

    The best of many noisy results is better than its network: it was selected for its luck. The
    program runs up to its study.run(...), and its training function trains. Ctrl-C is safe: the
    same command goes on where it stopped, and does nothing where all is done.
    """
    from archbo.cli import confirming

    numbers = {"top": top, "repeats": repeats, "budget": budget}
    given = {
        "workers": workers,
        "executor": options.launcher(executor, {"address": address, "cpus": cpus, "gpus": gpus}),
        "timeout": timeout,
        "lease": lease,
        "memory": memory,
        "threads": threads,
        "gpus_per_trial": gpus_per_trial,
        "env": options.variables(env),
        "retries": retries,
        "retry_errors": retry_errors or None,
        "hours": hours,
        "failures": failures,
    }
    raise typer.Exit(confirming.confirm(store, program, numbers, given))
