"""What `archbo bench` does: a few lines over the benchmarks' room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from archbo.bench import find
from archbo.bench.page import render_page
from archbo.bench.peers import parse_pythons
from archbo.bench.runner import Failure, Plan, run, write_rows
from archbo.bench.searches import Search
from archbo.bench.summary import markdown


def bench(
    benchmarks: Sequence[str],
    methods: Sequence[str],
    output: Path,
    *,
    trials: int,
    seeds: int,
    jobs: int,
    data: Path | None,
    features: bool,
    peer_python: Sequence[str],
) -> int:
    """Run what is missing, and write the tables, the page and the raw rows."""
    console = Console(highlight=False)
    plan = Plan(
        benchmarks,
        methods,
        trials=trials,
        seeds=seeds,
        features=features,
        data=data,
        pythons=parse_pythons(peer_python),
    )

    def say(done: int, total: int, ended: Search | Failure) -> None:
        words = f"{done:>{len(str(total))}}/{total}  "
        if isinstance(ended, Failure):
            job = ended.job
            words += f"{job.method} on {job.benchmark}, seed {job.seed}: failed: {ended.error}"
        else:
            words += f"{ended.method} on {ended.benchmark}, seed {ended.seed}: "
            words += f"regret {ended.observed_regrets[-1]:.3f}"
        console.print(Text(words), soft_wrap=True)

    found = run(plan, output, jobs=jobs, notify=say)
    if not found.searches:
        return 1
    tables, page = output / "summary.md", output / "report.html"
    tables.write_text(markdown(found.searches), encoding="utf-8")
    units = {name: find(name, data).unit for name in benchmarks}
    page.write_text(render_page(found.searches, units, found.failures), encoding="utf-8")
    rows = write_rows(found.searches, output)
    console.print(Text(f"\n{markdown(found.searches)}"), soft_wrap=True)
    written = ", ".join(map(str, (tables, page, *rows)))
    console.print(Text(f"Written: {written}"), soft_wrap=True)
    return int(bool(found.failures))
