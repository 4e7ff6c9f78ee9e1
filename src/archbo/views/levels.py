"""How far trainings went: where each stands, the rungs, and what full trainings would have cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from archbo.data import State, TrialRecord
from archbo.fidelity import FidelityRange
from archbo.study.proposing import cost
from archbo.views.curves import CurvesInfo
from archbo.views.infos import StudyInfo, number, one_line
from archbo.views.page import panel


class Rung(NamedTuple):
    """A level at which trainings end.

    Attributes:
        level: in what the fidelity counts.
        reached: how many trainings got there.
        went_on: how many of these went on, or are to.
        best: the best value there; None where none got there.
    """

    level: float
    reached: int
    went_on: int
    best: float | None


class Saved(NamedTuple):
    """What the search trained, beside full trainings of the same networks.

    A network whose training failed, or that has just begun, counts as what it took.

    Attributes:
        trained: what was trained, in `unit`.
        in_full: what it would have been.
        unit: such as "epochs"; "full trainings" where their cost is not proportional to what is
            counted, or nothing is.
    """

    trained: float
    in_full: float
    unit: str

    @property
    def share(self) -> float:
        """The share that was saved; negative where it took more."""
        return 1 - self.trained / self.in_full if self.in_full else 0.0

    def __str__(self) -> str:
        """In a sentence.

        >>> print(Saved(157, 729, "epochs"))
        157 epochs, where the same networks in full would have taken 729: 78% saved
        >>> print(Saved(1.44, 1, "full trainings"))
        1.44 full trainings, where the same networks in full would have taken 1: 44% more
        """
        much = f"{self.share:.0%} saved" if self.share >= 0 else f"{-self.share:.0%} more"
        took, full = (number(amount, digits=3) for amount in (self.trained, self.in_full))
        return (
            f"{took} {self.unit}, where the same networks in full would have taken {full}: {much}"
        )


def rungs(curves: CurvesInfo, study: StudyInfo) -> list[Rung]:
    """How many got how far, by level."""
    assert study.fidelity is not None
    found = []
    for level in curves.levels:
        there = [line for line in curves.lines if line.reached >= level]
        if not study.fidelity.continued:  # a higher level does not lead through this one
            there = [line for line in there if any(at == level for at, _ in line.points)]
        values = [value for line in there if (value := line.at(level)) is not None]
        best = (max if study.maximize else min)(values, default=None)
        on = sum(max(line.reached, line.target) > level for line in there)
        found.append(Rung(level, len(there), on, best))
    return found


def saved(records: Sequence[TrialRecord], fidelity: FidelityRange) -> Saved:
    """What the search trained so far."""
    high = float(fidelity.high) if _proportional(fidelity) else 1.0
    networks: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.searched:
            networks[record.architecture_id].append(record.undeleted)
    trained = in_full = 0.0
    for group in networks.values():
        took = sum(_took(record, fidelity) for record in group)
        judged = any(r.state.short or r.state is State.FINISHED for r in group)
        trained += took
        in_full += high if judged else took
    unit = fidelity.name if _proportional(fidelity) else "full trainings"
    return Saved(trained, in_full, unit)


def _proportional(fidelity: FidelityRange) -> bool:
    """Whether what trainings count says what they cost."""
    return fidelity.counted and fidelity.cost is None


def _took(record: TrialRecord, fidelity: FidelityRange) -> float:
    """What a trial has trained so far: epochs or steps, or else full trainings."""
    if not _proportional(fidelity):
        return cost(fidelity, record)
    if record.state.short:
        return record.reached or 0.0
    if record.state is State.FINISHED:
        return float(fidelity.high)
    return float(record.reports[-1].epoch) if record.reports else 0.0


def standing(record: TrialRecord, study: StudyInfo) -> str:
    """Where a trial stands: its state, and how far it is or is to go."""
    fidelity = study.fidelity
    if fidelity is None:
        return record.state.value
    if record.state.short and record.reached is not None:
        return f"{record.state} at {_level(record.reached, fidelity)}"
    if record.state is State.RUNNING:
        return f"running to {_level(record.fidelity or fidelity.high, fidelity)}"
    return record.state.value


def course(record: TrialRecord, study: StudyInfo) -> str:
    """Where a trial stands, or stood until it was deleted.

    >>> from archbo.spaces import Bool
    >>> record = TrialRecord(3, "a", True, State.FINISHED, "model", value=0.5)
    >>> study = StudyInfo("digits", "accuracy", True, Bool(), {})
    >>> course(record.without_result(deleted=9), study)
    'finished; deleted when there were 9 trials'
    """
    words = standing(record.undeleted, study)
    if record.deleted is None:
        return words
    return f"{words}; deleted when there were {number(record.deleted)} trials"


def in_a_line(record: TrialRecord, study: StudyInfo) -> str:
    """A trial, what it gave, and its architecture."""
    value = record.interim if record.value is None else record.value
    gave = "" if value is None else f", {study.objective} {number(value)}"
    line = one_line(study.space.architecture(record.architecture))
    return f"trial {record.number}: {standing(record, study)}{gave}, {line}"


def in_training(record: TrialRecord, study: StudyInfo) -> str:
    """A running trial in a few words: how far it is, and how far it goes."""
    fidelity, last = study.fidelity, record.reports[-1] if record.reports else None
    target = None if fidelity is None else record.fidelity or fidelity.high
    words = f"trial {record.number}"
    if fidelity is not None and not fidelity.counted:
        words += f" at {fidelity.name} {number(target or fidelity.high, digits=3)}"
    unit = fidelity.name.removesuffix("s") if fidelity is not None and fidelity.counted else "epoch"
    of = f" of {target:g}" if fidelity is not None and fidelity.counted else ""
    if last is not None:
        return f"{words}: {unit} {last.epoch}{of}, {number(last.value, digits=4)}"
    return f"{words}: {unit} 0{of}" if of else words


def _level(level: float, fidelity: FidelityRange) -> str:
    if not fidelity.counted:
        return f"{fidelity.name} {number(level, digits=3)}"
    return f"{number(level)} of {number(fidelity.high)} {fidelity.name}"


def levels_parts(
    records: Sequence[TrialRecord], curves: CurvesInfo, study: StudyInfo
) -> Iterator[RenderableType]:
    """The rungs and what was saved, in the terminal; nothing without a fidelity."""
    if study.fidelity is None or not curves.lines:
        return
    yield Text("\nHow far trainings went", style="bold")
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    for head in _heads(study):
        table.add_column(Text(head), justify="right", no_wrap=True)
    for rung in rungs(curves, study):
        table.add_row(*_cells(rung))
    yield table
    yield Padding(Text(str(saved(records, study.fidelity))), (0, 0, 0, 2))


def levels_panel(records: Sequence[TrialRecord], curves: CurvesInfo, study: StudyInfo) -> str:
    """The same as a panel of the page; empty without a fidelity."""
    if study.fidelity is None or not curves.lines:
        return ""
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in _heads(study))
    body = "".join(
        "<tr>" + "".join(f'<td class="number">{cell}</td>' for cell in _cells(rung)) + "</tr>"
        for rung in rungs(curves, study)
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    words = "How many trainings got to a level, and how many of these went on. "
    words += f"{saved(records, study.fidelity)}."
    return panel("How far trainings went", escape(words), f'<div class="rungs">{table}</div>')


def _heads(study: StudyInfo) -> tuple[str, ...]:
    assert study.fidelity is not None
    return study.fidelity.name, "reached", "went on", f"best {study.objective}"


def _cells(rung: Rung) -> tuple[str, ...]:
    best = "" if rung.best is None else number(rung.best)
    return number(rung.level), str(rung.reached), str(rung.went_on), best


def levels_facts(
    records: Sequence[TrialRecord], curves: CurvesInfo, study: StudyInfo
) -> dict[str, Any] | None:
    """The same as JSON; None without a fidelity."""
    if study.fidelity is None:
        return None
    found = saved(records, study.fidelity)
    return {
        "name": study.fidelity.name,
        "rungs": [rung._asdict() for rung in rungs(curves, study)],
        "trained": found.trained,
        "in_full": found.in_full,
        "unit": found.unit,
        "saved": found.share,
    }
