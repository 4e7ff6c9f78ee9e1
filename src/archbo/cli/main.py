"""The command line's parser: names, options and help. Nothing heavy loads before a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archbo.cli.dashboard import dashboard
from archbo.cli.deleting import delete
from archbo.cli.options import Arguments, Build, Inputs, Json, Maker, Program, Store, number, shape
from archbo.cli.running import confirm, run
from archbo.errors import ArchboError

app = typer.Typer(
    name="archbo",
    help="Find the best neural network architecture in the fewest trainings.",
    epilog="Exit codes: 0 fine, 1 the study failed (no trial finished, a replay differs, a check "
    "found errors, the program crashed), 2 wrong usage or input, 130 stopped by Ctrl-C.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"archbo {version('archbo')}")
        raise typer.Exit


@app.callback()
def _archbo(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


app.command(epilog="Example:  archbo run digits.py --trials 40 --workers 2")(run)


@app.command(epilog="Example:  archbo check digits.py")
def check(
    program: Program,
    arguments: Arguments = None,
    *,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="About how long the check may take.")
    ] = 10.0,
    build: Build = None,
    inputs: Inputs = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Train one network for an epoch, to time it.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what can be known of a program's search before any training.

    The size of the space with and without duplicates, constraints, features, parameters and FLOPs,
    whether networks build and run, the time of a proposal. The program runs up to its first
    study.run(...); nothing is trained or stored. The exit code is 1 if a search would not get far.
    """
    from archbo.cli import commands

    raise typer.Exit(
        commands.check(
            program,
            arguments or [],
            seconds=seconds,
            build=build,
            inputs=shape(inputs),
            probe=probe,
            as_json=json,
        )
    )


@app.command(epilog="Example:  archbo show digits.db --top 3")
def show(
    store: Store,
    *,
    top: Annotated[int, typer.Option(min=1, help="How many of the best to list.")] = 5,
    trial: Annotated[
        int | None, typer.Option(min=0, help="Show this trial instead, with everything about it.")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="With --trial: show what its trainings printed.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show what was learned instead; with --trial: why it is not the incumbent.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Show the best architectures, how they were found, and what failed and why."""
    from archbo.cli import commands

    if log and trial is None:
        raise typer.BadParameter("say whose log: --trial 3 --log")
    if log and trial is not None:
        raise typer.Exit(commands.show_log(store, trial, as_json=json))
    if explain:
        raise typer.Exit(commands.show_explanation(store, trial, as_json=json))
    raise typer.Exit(commands.show(store, top=top, trial=trial, as_json=json))


@app.command(epilog="Example:  archbo report digits.db -o report.html")
def report(
    stores: Annotated[
        list[str],
        typer.Argument(
            help="The study's file (digits.db) or database URL; several are compared.",
            show_default=False,
            metavar="STORE...",
        ),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the page.")] = Path(
        "report.html"
    ),
) -> None:
    """Write one self-contained HTML page: the answer, its evidence, figures, every trial.

    Several studies of one objective are compared: who got how far, over trials and over time.
    """
    from archbo.cli import commands

    raise typer.Exit(commands.report(stores, output))


app.command(epilog="Example:  archbo dashboard digits.db")(dashboard)


@app.command(epilog="Example:  archbo replay digits.db --verify")
def replay(
    store: Store,
    *,
    program: Maker = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="List only differences; exit with 1 if there are any.")
    ] = False,
) -> None:
    """Make every proposal again from the history, and compare with what is stored."""
    from archbo.cli import commands

    raise typer.Exit(commands.replay(store, program, verify=verify))


@app.command(epilog="Example:  archbo export digits.db --trial best -o best.py")
def export(
    store: Store,
    *,
    trial: Annotated[
        str, typer.Option(help="Its number; best for that of the best architecture.")
    ] = "best",
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where to write: a name that ends .py, .onnx or .pt2."),
    ] = Path("best.py"),
    program: Maker = None,
    build: Build = None,
    inputs: Inputs = None,
) -> None:
    """Write a trial's network as a file that needs archbo no more, with its weights.

    The program runs up to its study.run(...) and builds the network; nothing is trained.
    """
    from archbo.cli import exporting

    raise typer.Exit(
        exporting.export(
            store, number(trial), output, program=program, build=build, inputs=shape(inputs)
        )
    )


app.command(epilog="Example:  archbo confirm digits.db --top 3 --repeats 3")(confirm)


app.command(epilog="Example:  archbo delete digits.db 12")(delete)


@app.command("import", epilog="Example:  archbo import digits.db results.csv")
def import_results(
    store: Store,
    results: Annotated[Path, typer.Argument(help="A CSV file with a header.", show_default=False)],
    *,
    value: Annotated[
        str | None,
        typer.Option(
            help="The column with the results; by default the objective's name, or value."
        ),
    ] = None,
    program: Maker = None,
) -> None:
    """Store results from elsewhere as trials of a study, so that its search knows them.

    A column named architecture has plain values, or there is a column for each decision. What was
    imported before is not stored again.
    """
    from archbo.cli import confirming

    raise typer.Exit(confirming.import_results(store, results, value, program))


@app.command(
    epilog="Example:  archbo bench synthetic/20 --methods bo,random --trials 50 --seeds 5 -o out/"
)
def bench(
    benchmarks: Annotated[
        list[str],
        typer.Argument(
            help="Such as nas-bench-201/cifar10 or synthetic/20; several may be given.",
            show_default=False,
        ),
    ],
    *,
    methods: Annotated[
        str,
        typer.Option(help="Names, with commas between; the others are compared with the first."),
    ] = "bo,random,evolution",
    trials: Annotated[
        int | None,
        typer.Option(
            *("--trials", "-n"),
            min=1,
            help="How many trainings each search has, all in full. By default 100.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            help="What each search may spend, in full trainings; short ones cost less.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="With --budget: how many train at a time, simulated.")
    ] = 1,
    seeds: Annotated[
        int, typer.Option(min=1, help="How often each method searches: with the seeds 0, 1, …")
    ] = 20,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="How many searches go on at a time.")
    ] = 1,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for what comes out.")
    ] = Path("bench"),
    data: Annotated[
        Path | None,
        typer.Option(
            help="The folder of recorded trainings; by default that of ARCHBO_DATA.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        bool,
        typer.Option("--features", help="Tell methods what is known before training: params, …"),
    ] = False,
    peer_python: Annotated[
        list[str] | None,
        typer.Option(
            help="The interpreter that has another library, as optuna=/path/to/bin/python.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare methods on benchmarks: the same seeds, the same noise, the same number of trainings.

    With --budget methods decide how long each training takes, where a benchmark has recorded
    shorter ones.

    Ctrl-C is safe: the same command goes on where it stopped. The exit code is 1 if a search could
    not be finished.
    """
    from archbo.cli import benching

    if trials is not None and budget is not None:
        raise typer.BadParameter("give one of --trials and --budget, not both")
    raise typer.Exit(
        benching.bench(
            benchmarks,
            [name.strip() for name in methods.split(",") if name.strip()],
            output,
            trials=100 if trials is None else trials,
            budget=budget,
            workers=workers,
            seeds=seeds,
            jobs=jobs,
            data=data,
            features=features,
            peer_python=peer_python or [],
        )
    )


def main() -> None:
    """Run the command line; an error of archbo's is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except ArchboError as error:
        from archbo.views.terminal import visible

        typer.secho(f"Error: {visible(str(error))}", fg=typer.colors.RED, err=True)
        sys.exit(2)
