r"""Writes the page "How good is it", docs/how-good.md, and its curves, from finished searches.

    archbo bench … -o out/                                         # as the page itself says
    python benchmarks/calibration.py --out calibration.json
    python benchmarks/workers.py --seeds 20 > workers.md
    python benchmarks/how_good.py out/ peers-out/ --calibration calibration.json \
        --workers workers.md

Each folder is one of `archbo bench`. Where two hold the same method on the same benchmark, the
first one counts. Other libraries have a section of their own, in which archbo's methods are cut off
after as many trainings as those had.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from html import escape
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from calibration import summarise as calibration_table

from archbo.arrays import Array
from archbo.bench import BENCHMARKS, SYNTHETIC, Benchmark, find
from archbo.bench.peers import PACKAGES
from archbo.bench.runner import read_searches
from archbo.bench.searches import Search
from archbo.bench.summary import (
    Line,
    Mean,
    against_trainings,
    checkpoints,
    difference_rows,
    groups,
    regrets,
    summarise,
)
from archbo.bench.summary import mean as mean_of
from archbo.methods import METHODS
from archbo.views.axes import BOTTOM, HEIGHT, TOP, WIDTH, Scale, frame, x_scale

DOCS = Path(__file__).parents[1] / "docs"
DEFAULT = "bo"
COMPARED = 30  # trainings, after which the first table compares
ANSWERED = 50  # trainings, after which the two answers are compared
LEGEND = 130  # pixels
ROW = 20
DECADES = 3  # of regret below the largest
AIR = 0.9  # below the lowest and above the highest curve
# readable on white and on black: the pages have both, and an image does not know which
TONES = ("#2f81f7", "#8a8f98", "#2f9e6e", "#c9821f", "#9a6bd0", "#d1504a", "#12a3a8")
DASHES = ("", "6 4", "2 4")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#737a84}path{fill:none}"
    ".grid{stroke:#808080;stroke-opacity:.25}.axis{stroke:#808080;stroke-opacity:.7}"
    ".line{stroke-width:1.8;stroke-linejoin:round}.first{stroke-width:3}.band{fill-opacity:.18}"
)

Group = list[Search]
Tables = dict[str, dict[str, Group]]  # benchmark, method


def read(folders: Iterable[Path]) -> Tables:
    """The searches of each benchmark and method, in the order that they are known in."""
    found: dict[tuple[str, str], Group] = {}
    for folder in folders:
        searches = read_searches(folder)
        if not searches:
            raise SystemExit(f"{folder} holds no finished searches: run archbo bench -o {folder}")
        for key, group in groups(searches).items():
            most = max(search.trials for search in group)
            found.setdefault(key, [s for s in group if s.trials == most and not s.features])
    benchmarks = in_order((benchmark for benchmark, _ in found), [*BENCHMARKS, *SYNTHETIC])
    methods = in_order((method for _, method in found), [*METHODS, *PACKAGES])
    return {
        benchmark: {m: found[benchmark, m] for m in methods if (benchmark, m) in found}
        for benchmark in benchmarks
    }


def only(tables: Tables, wanted: Callable[[str], bool]) -> Tables:
    """Some of the methods, of those benchmarks that have any of them."""
    found = {
        name: {method: group for method, group in methods.items() if wanted(method)}
        for name, methods in tables.items()
    }
    return {name: methods for name, methods in found.items() if methods}


def in_order(names: Iterable[str], known: list[str]) -> list[str]:
    """Each name once, in the order of the known ones, others behind them."""
    return sorted(dict.fromkeys(names), key=lambda n: known.index(n) if n in known else len(known))


def cut(group: Group, trials: int) -> Group:
    """The same searches as if they had been stopped after so many trainings."""

    def shortened(search: Search) -> Search:
        short: dict[str, Any] = {"trials": min(trials, search.trials)}
        for f in fields(search):
            if isinstance(value := getattr(search, f.name), list):
                short[f.name] = value[:trials]
        return replace(search, **short)

    return [shortened(search) for search in group]


def together(methods: dict[str, Group]) -> list[Search]:
    """The searches of several methods, cut to the trainings that all of them had."""
    trials = min(group[0].trials for group in methods.values())
    return [search for group in methods.values() for search in cut(group, trials)]


def table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *rest])


def count(line: Line, trials: int) -> str:
    """The median number of trainings to an optimum."""
    return f"{line.to_optimum:g}" if line.to_optimum < inf else f"over {trials}"


def fair(methods: dict[str, Group]) -> bool:
    """Whether all have the same seeds, so that one can be called the best."""
    return len({frozenset(search.seed for search in group) for group in methods.values()}) == 1


def bold_least(cells: Sequence[tuple[float, str]], *, fair: bool) -> list[str]:
    """Words for each number; where it is fair, the least in bold."""
    least = min(number for number, _ in cells) if fair else -inf
    return [f"**{words}**" if number == least < inf else words for number, words in cells]


def overview(tables: Tables) -> str:
    """A row for each method: the regret that is left, and how many trainings the optimum took."""
    methods = list(dict.fromkeys(method for own in tables.values() for method in own))
    columns = []
    for own in tables.values():
        cells = {}
        for method, group in own.items():
            trials = group[0].trials
            left = mean_of(regrets(group)[:, min(COMPARED, trials) - 1]).mean
            cells[method] = left, f"{left:.3f}, {count(summarise(group)[0], trials)}"
        found = [cells.get(method, (inf, "")) for method in methods]
        columns.append(bold_least(found, fair=fair(own)))
    rows = [["method", *tables]]
    rows += [[method, *(column[k] for column in columns)] for k, method in enumerate(methods)]
    return table(rows)


def regret_table(methods: dict[str, Group]) -> str:
    """A row for each method; empty where it had fewer trainings."""
    longest = max(group[0].trials for group in methods.values())
    points = checkpoints(longest)
    rows = [["method", "seeds", *map(str, points), "median to the optimum", "ms to ask"]]
    lines = {method: summarise(group)[0] for method, group in methods.items()}
    columns = []
    for c in points:
        means = [line.observed.get(c) for line in lines.values()]
        cells = [(m.mean, str(m)) if m else (inf, "") for m in means]
        columns.append(bold_least(cells, fair=fair(methods)))
    for k, (method, line) in enumerate(lines.items()):
        steps = count(line, methods[method][0].trials)
        own = [column[k] for column in columns]
        rows.append([method, str(line.seeds), *own, steps, f"{line.milliseconds:.1f}"])
    return table(rows)


def difference_table(methods: dict[str, Group]) -> str:
    """How much more regret each method leaves than the first, over the seeds of both."""
    rows = difference_rows(together(methods))
    return table(rows) if rows else ""


def answers(tables: Tables) -> str:
    """The best observed beside the best by posterior mean, of the default method."""
    rows = [
        ["benchmark", "seeds", "regret, observed", "posterior mean", "better by",
         "test, observed", "posterior mean", "better by"]
    ]  # fmt: skip
    for name, methods in tables.items():
        group = cut(methods.get(DEFAULT, []), ANSWERED)
        if not group or group[0].trials < ANSWERED or not all(s.model_regrets for s in group):
            continue
        observed = regrets(group)[:, -1]
        modelled = np.array([s.model_regrets[-1] for s in group], dtype=float)
        tests = np.array(
            [[s.observed_tests[-1], s.model_tests[-1]] for s in group], dtype=float
        )  # NaN where there are none
        by_value, by_model = tests.T
        means = [mean_of(observed), mean_of(modelled), mean_of(observed - modelled)]
        sign = 1.0 if benchmark_of(name).maximize else -1.0
        means += [mean_of(by_value), mean_of(by_model), mean_of(sign * (by_model - by_value))]
        rows.append([name, str(len(group)), *map(shown, means)])
    return table(rows)


@lru_cache
def benchmark_of(name: str) -> Benchmark:
    return find(name)


def shown(number: Mean) -> str:
    return str(number) if np.isfinite(number.mean) else ""


def curves(methods: dict[str, Group], unit: str) -> str:
    """Mean regret of the best observed against trainings, logarithmic; a band for the first."""
    drawn = {method: against_trainings(group) for method, group in methods.items()}
    x = x_scale(1, max(curve.across[-1] for curve in drawn.values()))
    y = regret_scale(np.concatenate([curve.mean for curve in drawn.values()]))
    elements = list(frame(x, y, across="trainings", up=f"regret, {unit}", whole=True))
    for k, (method, curve) in reversed(list(enumerate(drawn.items()))):
        tone, dash = TONES[k % len(TONES)], DASHES[k // len(TONES) % len(DASHES)]
        look = f'class="line{" first" * (k == 0)}" stroke="{tone}" stroke-dasharray="{dash}"'
        if k == 0 and np.isfinite(curve.error).all():
            edges = [*zip(curve.across, curve.mean + curve.error, strict=True)]
            edges += [*zip(curve.across, curve.mean - curve.error, strict=True)][::-1]
            elements.append(f'<path class="band" d="{path_of(edges, x, y)}Z" style="fill:{tone}"/>')
        path = path_of(zip(curve.across, curve.mean, strict=True), x, y)
        elements.append(f'<path {look} d="{path}"/>')
        at = TOP + ROW * (k + 0.5)
        elements.append(f'<path {look} d="M{WIDTH - 4} {at:g}h22"/>')
        elements.append(f'<text x="{WIDTH + 26}" y="{at + 4:g}">{escape(method)}</text>')
    label = f"Regret against trainings of {', '.join(methods)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEGEND} {HEIGHT}" '
        f'width="{WIDTH + LEGEND}" height="{HEIGHT}" role="img"><title>{escape(label)}</title>'
        f"<style>{STYLE}</style>{''.join(elements)}</svg>\n"
    )


def path_of(points: Iterable[tuple[float, float]], x: Scale, y: Scale) -> str:
    return "M" + "L".join(f"{x(a):.1f} {y(b):.1f}" for a, b in points)


def regret_scale(values: Array) -> Scale:
    """One decade at least and few at most; a mean below, as 0 is, is drawn at the bottom."""
    positive = values[values > 0]
    top = float(positive.max())
    low = min(max(float(positive.min()), top * 10.0**-DECADES), 0.1 * top)
    return Scale(AIR * low, top / AIR, HEIGHT - BOTTOM, TOP, log=True)


def section(name: str, methods: dict[str, Group], docs: Path, *, suffix: str = "") -> str:
    """Curves and tables of one benchmark."""
    path = f"images/how-good/{name.replace('/', '-')}{suffix}.svg"
    (docs / path).parent.mkdir(parents=True, exist_ok=True)
    (docs / path).write_text(curves(methods, benchmark_of(name).unit), encoding="utf-8")
    image = f"![Regret against trainings on {name}]({path})"
    parts = [f"### {name}", image, regret_table(methods), difference_table(methods)]
    return "\n\n".join(part for part in parts if part)


def page(tables: Tables, calibrated: list[dict[str, Any]], workers: str, docs: Path) -> str:
    """The whole page; the curves are written on the way."""
    own = only(tables, lambda method: method not in PACKAGES)
    peers = only(tables, lambda method: method in PACKAGES)
    parts = [INTRODUCTION, overview(own), "## Each benchmark", TABLES]
    parts += [section(name, methods, docs) for name, methods in own.items()]
    parts += ["## The answer under noise", ANSWERS, answers(own)]
    beside = []
    for name, others in peers.items():
        most = max(group[0].trials for group in others.values())
        known = own.get(name, {})
        ours = {m: cut(known[m], most) for m in (DEFAULT, "random") if m in known}
        beside.append(section(name, ours | others, docs, suffix="-peers"))
    if beside:
        heads = [part.replace("### ", "### Others on ", 1) for part in beside]
        parts += ["## Beside other libraries", PEERS, *heads]
    lines = [*bench_commands(own, "out/")]
    if beside:
        lines += bench_commands(peers, "peers-out/ --peer-python …")
    last = f"python benchmarks/how_good.py out/{' peers-out/' * bool(beside)}"
    if calibrated:
        parts += ["## How sure it is", CALIBRATION, calibration_table(calibrated)]
        seeds = 1 + max(row["seed"] for row in calibrated)
        lines.append(f"python benchmarks/calibration.py --seeds {seeds} --out calibration.json")
        last += " --calibration calibration.json"
    if workers:
        parts += ["## Many workers", WORKERS, workers]
        lines.append("python benchmarks/workers.py --seeds 20 > workers.md")
        last += " --workers workers.md"
    commands = "\n".join(["```sh", *lines, last, "```"])
    return "\n\n".join([*parts, "## How it was measured", MEASURED, commands]) + "\n"


def bench_commands(tables: Tables, output: str) -> list[str]:
    """Each `archbo bench` that makes a part of these searches: as many trainings and seeds."""
    methods: dict[tuple[str, int, int], list[str]] = {}
    for name, found in tables.items():
        for method, group in found.items():
            trials, seeds = group[0].trials, 1 + max(search.seed for search in group)
            methods.setdefault((name, trials, seeds), []).append(method)
    benchmarks: dict[tuple[str, int, int], list[str]] = {}
    for (name, trials, seeds), own in methods.items():
        benchmarks.setdefault((",".join(own), trials, seeds), []).append(name)
    return [
        f"archbo bench {' '.join(names)} \\\n    --methods {listed} \\\n"
        f"    --trials {trials} --seeds {seeds} --jobs 2 -o {output}"
        for (listed, trials, seeds), names in benchmarks.items()
    ]


INTRODUCTION = f"""# How good is it

archbo's methods on trainings that were recorded once ([benchmarks](benchmarks.md)), all with the
same seeds and the same noise. The **regret** is how much worse the network with the best observed
value is, in truth and without noise, than the best one there is; 0 is the optimum. `bo` is what a
search does unless told otherwise: one configuration, which does not know the benchmark. The
others are described in [Methods](methods.md).

In each cell: the mean regret after {COMPARED} trainings, and the median number of trainings until
an optimum was trained."""

TABLES = """The mean regret and its standard error over seeds after so many trainings, the start
design and repeated trainings counted; the median number of trainings until an optimum was trained
for the first time; the median time of one proposal with the learning before it, on one thread.
Below that, how much more regret each method leaves than the first one, seed by seed, with the
p-value of Wilcoxon's signed-rank test. The curves show the same mean regrets; the band is a
standard error of the first."""

ANSWERS = f"""Which network should be named in the end? The one with the best observed value is
partly lucky. The alternative is the trained network with the best posterior mean, which shares
what its likes were measured to be. Both after {ANSWERED} trainings of `{DEFAULT}`, by regret and
by test value, and the difference between them, seed by seed."""

PEERS = f"""Other libraries with their own defaults ([how they are
run](benchmarks.md#other-libraries-beside)), told the same values by the same seeds; `{DEFAULT}`
is as above, cut off after as many trainings. Each difference is over the seeds that both have.
Times are of one thread each, and not all were taken while nothing else ran."""

CALIBRATION = """What `bo` predicts of up to 1,000 networks that it was not told of, after so many
random trainings. Ranks: Spearman's correlation with the recorded mean, Kendall's tau on all and
on the best fifth of them. The negative log likelihood is in nats in units of the transformed
objective. Then the percentage of networks inside the central intervals that should hold 50% and
90%: of the truth (the mean of one to three recorded trainings; what noise it still has is allowed
for), of one more training, and of the truth by what `predict` says, mean ± so many standard
deviations, where nothing is allowed for."""

WORKERS = """A free worker gets its next network at once, and the proposal takes into account what
the others train. Searches on a simulated clock, all trainings in full and as long as was recorded;
where no times were recorded they take a minute, times a log-normal number of the network's own.

- Regrets are after as many trainings have ended, however many went on at a time; `more` is how much
  more is left after the last of them than with one worker, seed by seed.
- The speed-up is how many seconds of training are done in a second of the clock, which runs on
  while networks are proposed, one after another. `shortest` is how long a training must take, on
  average, for nine tenths of the ideal speed-up; `waiting` is the share of the ideal that batches
  would reach which wait for their slowest training.
- The ratio is how many times one worker's regret is left after the last of them. A proposal beside
  15 others knows 15 results less than one worker's would: `knowing as much` is the ratio to one
  worker after as many trainings less. Both with the 90% interval of resampled seeds; where tables
  are put together, regrets are in percent of a random network's."""

MEASURED = """The folder of recorded trainings is named by the environment variable ARCHBO_DATA.
Searches that are finished are not run again; other libraries need an environment each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="what archbo bench wrote")
    parser.add_argument("--calibration", type=Path, help="what calibration.py --out wrote")
    parser.add_argument("--workers", type=Path, help="what workers.py printed")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page goes")
    args = parser.parse_args()
    calibrated = json.loads(args.calibration.read_text()) if args.calibration else []
    workers = args.workers.read_text(encoding="utf-8").strip() if args.workers else ""
    text = page(read(args.folders), calibrated, workers, args.docs)
    (args.docs / "how-good.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
