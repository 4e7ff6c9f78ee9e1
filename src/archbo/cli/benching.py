"""What `archbo bench` does: a few lines over the benchmarks' room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from archbo.bench import find
from archbo.bench.budget_summary import budget_markdown
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.page import render_page
from archbo.bench.peers import parse_pythons
from archbo.bench.runner import AnySearch, Failure, Plan, run, write_rows
from archbo.bench.summary import markdown
from archbo.views.terminal import Terminal


def bench(
    benchmarks: Sequence[str],
    methods: Sequence[str],
    output: Path,
    *,
    trials: int,
    budget: float | None,
    workers: int,
    seeds: int,
    jobs: int,
    data: Path | None,
    features: bool,
    peer_python: Sequence[str],
) -> int:
    """Run what is missing, and write the tables, the page and the raw rows."""
    console = Terminal()
    plan = Plan(
        benchmarks,
        methods,
        trials=trials,
        budget=budget,
        workers=workers,
        seeds=seeds,
        features=features,
        data=data,
        pythons=parse_pythons(peer_python),
    )

    def say(done: int, total: int, ended: AnySearch | Failure) -> None:
        words = f"{done:>{len(str(total))}}/{total}  "
        if isinstance(ended, Failure):
            job = ended.job
            words += f"{job.method} on {job.benchmark}, seed {job.seed}: failed: {ended.error}"
        else:
            words += f"{ended.method} on {ended.benchmark}, seed {ended.seed}: "
            words += f"regret {_last_regret(ended):.3f}"
        console.print(Text(words), soft_wrap=True)

    found = run(plan, output, jobs=jobs, notify=say)
    searches = found.searches or found.budgeted
    if not searches:
        return 1
    tables, page = output / "summary.md", output / "report.html"
    text = budget_markdown(found.budgeted) if found.budgeted else markdown(found.searches)
    tables.write_text(text, encoding="utf-8")
    units = {name: find(name, data).unit for name in benchmarks}
    page.write_text(render_page(searches, units, found.failures), encoding="utf-8")
    rows = write_rows(searches, output)
    console.print(Text(f"\n{text}"), soft_wrap=True)
    written = ", ".join(map(str, (tables, page, *rows)))
    console.print(Text(f"Written: {written}"), soft_wrap=True)
    return int(bool(found.failures))


def _last_regret(search: AnySearch) -> float:
    if isinstance(search, BudgetSearch):
        return [search.first_regret, *search.regrets][-1]
    return search.observed_regrets[-1]
