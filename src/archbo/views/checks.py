"""A check in the terminal: the space, its members, its networks, the search, what to act on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from archbo.checks.classes import Bounds
from archbo.checks.landscapes import LandscapeInfo
from archbo.checks.results import (
    CheckResult,
    Distribution,
    MembersInfo,
    Share,
)
from archbo.checks.sizes import SizeInfo
from archbo.problem import Objective
from archbo.views.infos import duration, number

_TELLING = 5  # bounds further apart than this ratio say only the least
_VAGUE = 0.9  # an interval up to so much of the largest length, from 0, says nothing
_MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow")}


def check_view(result: CheckResult, objective: Objective, *, name: str) -> RenderableType:
    """Everything that a check found, a screen or so."""
    aim = "maximise" if objective.maximize else "minimise"
    return Group(
        Text.assemble((name, "bold"), (f"  {aim} {objective.name}", "dim")),
        *_section("Space", _size(result.size)),
        *_members(result.members),
        *_networks(result),
        *_section("Search", _search(result)),
        *_findings(result),
    )


def bounds(found: Bounds | None) -> str:
    """Between what a number lies.

    >>> [bounds(Bounds(*b)) for b in ((5425, 5425), (4900, 6100), (34_000, 5_000_000), (7, None))]
    ['5,425', '4,900 to 6,100', 'at least 34,000', 'at least 7']
    """
    if found is None:
        return "infinitely many"
    if found.exact:
        return count(found.low)
    if found.high is None or found.high > _TELLING * found.low:
        return f"at least {count(found.low)}"
    return f"{count(found.low)} to {count(found.high)}"


def count(many: int) -> str:
    """A whole number as people read it.

    >>> [count(n) for n in (5425, 30_517_578_125, 10**40)]
    ['5,425', '30,517,578,125', '1.0e40']
    """
    if many < 10**15:
        return f"{many:,}"
    digits = str(many)
    return f"{digits[0]}.{digits[1]}e{len(digits) - 1}"


def _size(size: SizeInfo) -> Iterator[tuple[str, str]]:
    if size.members is None:
        numbers = "is a real number" if len(size.endless) == 1 else "are real numbers"
        endless = ", ".join(_short(path) for path in size.endless)
        yield "architectures", f"infinitely many: {endless} {numbers}"
    else:
        yield "architectures", count(size.members)
    if size.distinct is not None:
        sure = "" if size.distinct.exact else "  (with 95% confidence)"
        yield "networks", f"{bounds(size.distinct)} different ones{sure}"
    if size.members is None or len(size.cells) > 1:
        for cell in size.cells:
            written = "infinitely many" if cell.members is None else count(cell.members)
            yield _short(cell.path), f"{written} cells, {bounds(cell.distinct)} different networks"


def _members(members: MembersInfo) -> Iterator[RenderableType]:
    if members.constraints:
        rows = [(one.name, _share(one.met)) for one in members.constraints]
        if members.feasible is not None and len(rows) > 1:
            rows.append(("all of them", _share(members.feasible)))
        yield from _section(
            f"Constraints, met by {members.looked_at:,} random architectures, with 95% intervals",
            rows,
        )
    if members.features:
        yield _heading(f"Features of {members.looked_at:,} random architectures")
        table = _quartiles("ms a call")
        for feature in members.features:
            _add(table, feature.name, feature.distribution, f"{feature.milliseconds:.2g}")
        yield table


def _networks(result: CheckResult) -> Iterator[RenderableType]:
    networks = result.networks
    if networks is None:
        return
    rows = [("built", _share(networks.built))]
    for name, share in (("ran forward", networks.forward), ("ran backward", networks.backward)):
        rows.append((name, "not tried" if share is None else _share(share)))
    rows.append(("time", f"{_seconds(networks.seconds_each)} to build and run one"))
    met = "" if result.members.feasible is None else " that meet the constraints"
    yield from _section(
        f"Networks of {networks.built.total:,} random architectures{met}, with 95% intervals", rows
    )
    if networks.params is not None:
        table = _quartiles()
        _add(table, "parameters", networks.params)
        if networks.flops is not None:
            _add(table, "FLOPs", networks.flops)
        yield table


def _search(result: CheckResult) -> Iterator[tuple[str, str]]:
    proposals = result.proposals
    times = [f"{_seconds(t.seconds)} after {t.trials} trials" for t in proposals.times]
    if times:
        yield "a proposal", ", ".join(times) + (f" ({proposals.note})" if proposals.note else "")
    else:
        yield "a proposal", f"not timed: {proposals.note}"
    epoch = result.epoch
    if epoch is None:
        yield "an epoch", "no trial has finished; --probe trains one network for a moment"
    elif epoch.trials:
        spread = f"{_seconds(epoch.least)} to {_seconds(epoch.most)}"
        yield "an epoch", f"{_seconds(epoch.seconds)}, {spread} in {epoch.trials} trials"
    else:
        yield "an epoch", f"{_seconds(epoch.seconds)} in a probe"
    if result.landscape is not None:
        yield "correlation", _correlation(result.landscape)


def _correlation(info: LandscapeInfo) -> str:
    """The correlation length in words."""
    if info.low == 0 and info.high > _VAGUE * info.longest:
        return f"{info.results} results do not tell yet how far one reaches"
    return (
        f"length {info.length:.2g} changed decisions ({info.low:.2g} to {info.high:.2g} with 95% "
        f"confidence, {info.longest:.2g} at most in this space); {info.one_change:.2f} after one"
    )


def _findings(result: CheckResult) -> Iterator[RenderableType]:
    if result.findings:
        yield _heading("Findings")
        grid = Table.grid(padding=(0, 1))
        for finding in result.findings:
            mark, colour = _MARKS[finding.kind]
            grid.add_row(Text(mark, style=f"bold {colour}"), Text(finding.text))
        yield _indented(grid)
    took = f"{duration(result.seconds)}; nothing was trained or stored"
    verdict = "Nothing stands in the way." if result.ok else "A search would not get far."
    yield Text.assemble((f"\n{verdict}", "green" if result.ok else "red"), (f"  ({took})", "dim"))


def _share(share: Share) -> str:
    low, high = share.interval
    if share.count in (0, share.total):
        which = "none" if share.count == 0 else "all"
        edge = f"at most {high:.1%}" if share.count == 0 else f"at least {low:.1%}"
        return f"{which} of {share.total:,}  ({edge})"
    return f"{share.value:.1%}  ({low:.1%} to {high:.1%})"


def _seconds(seconds: float) -> str:
    """A short time span, with two digits.

    >>> [_seconds(s) for s in (0.0123, 0.5, 75.0)]
    ['0.012 s', '0.5 s', '1 min 15 s']
    """
    return f"{seconds:.2g} s" if seconds < 10 else duration(seconds)


def _short(path: str) -> str:
    return path.removeprefix("space").removeprefix(".") or "space"


def _section(words: str, rows: Iterable[tuple[str, str]]) -> Iterator[RenderableType]:
    yield _heading(words)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(Text(name), Text(text))
    yield _indented(grid)


def _quartiles(*more: str) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    table.add_column("", style="dim")
    for head in ("min", "25%", "median", "75%", "max", *more):
        table.add_column(head, justify="right")
    return table


def _add(table: Table, name: str, found: Distribution | None, *more: str) -> None:
    values = (found.least, found.lower, found.median, found.upper, found.most) if found else ()
    cells = [number(value, digits=4) for value in values] or [""] * 5
    table.add_row(Text(f" {name}"), *cells, *more)


def _heading(words: str) -> Text:
    return Text(f"\n{words}", style="bold")


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)
