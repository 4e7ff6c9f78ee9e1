"""What trainings with new seeds said of the best architectures, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import isfinite
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from archbo.data import TrialRecord
from archbo.problem import Objective
from archbo.study.confirmation import Confirmation, Confirmed, confirmation
from archbo.views.infos import StudyInfo, number, one_line

NOTE = (
    "Values are of the new trainings alone, with their 95% interval; those of the search, for "
    "which the architectures were selected, favour the lucky. Ranked by all trainings."
)


def confirmed(records: Sequence[TrialRecord], study: StudyInfo) -> Confirmation:
    """What a study's trials say that were to confirm the best."""
    objective = Objective(study.objective, study.maximize)
    return confirmation(records, objective, lambda r: study.space.architecture(r.architecture))


def confirmation_view(found: Confirmation, study: StudyInfo) -> RenderableType:
    """The table and the verdict."""
    return Group(*confirmation_parts(found, study))


def confirmation_parts(found: Confirmation, study: StudyInfo) -> Iterator[RenderableType]:
    """A heading, the verdict, the table; nothing where nothing was confirmed."""
    if not found.members:
        return
    yield Text("\nConfirmed with new seeds", style="bold")
    yield Padding(Text(verdict(found, study), style="bold green"), (0, 0, 0, 2))
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    for head in ("", study.objective, "trainings", "in the search", "architecture"):
        table.add_column(Text(head), no_wrap=head != "architecture", overflow="fold")
    for rank, member in enumerate(found.members, start=1):
        table.add_row(
            str(rank),
            value(member),
            trainings(member),
            selected(member),
            Text(one_line(member.architecture)),
        )
    yield table
    yield Padding(Text(NOTE, style="dim"), (0, 0, 0, 2))


def verdict(found: Confirmation, study: StudyInfo) -> str:
    """Who won, and whether that is clear."""
    winner = found.members[0]
    if not winner.values:
        return "No training succeeded again."
    said = f"The winner: {study.objective} {value(winner)} over {trainings(winner)}"
    lead = found.lead
    if lead is None:
        return said
    if not isfinite(lead.margin):
        return f"{said}; too few trainings to say how clear its lead is"
    ahead = f"{number(lead.value, digits=2)} ± {number(lead.margin, digits=2)}"
    if lead.clear:
        return f"{said}; clearly ahead of the second, by {ahead}"
    return f"{said}; its lead over the second is not clear: {ahead}"


def value(member: Confirmed) -> str:
    """The mean of the new trainings and its interval."""
    if not member.values:
        return "failed"
    margin = f" ± {number(member.margin, digits=2)}" if isfinite(member.margin) else ""
    return number(member.mean) + margin


def trainings(member: Confirmed) -> str:
    """How many there were."""
    done = len(member.values)
    words = f"{done} training{'' if done == 1 else 's'}"
    return f"{words}, {member.failed} failed" if member.failed else words


def selected(member: Confirmed) -> str:
    """The mean of the trainings before."""
    return number(member.selected) if isfinite(member.selected) else "deleted"


def confirmation_facts(found: Confirmation) -> list[dict[str, Any]]:
    """The same as JSON; null is what nothing is known of."""
    return [
        {
            "id": member.architecture.id,
            "architecture": member.architecture.to_dict(),
            "mean": member.mean if member.values else None,
            "margin": member.margin if isfinite(member.margin) else None,
            "trials": list(member.trials),
            "failed": member.failed,
            "selected": member.selected if isfinite(member.selected) else None,
        }
        for member in found.members
    ]


def confirmation_section(found: Confirmation, study: StudyInfo) -> str:
    """A section of the page; empty where nothing was confirmed."""
    if not found.members:
        return ""
    heads = ("", study.objective, "trainings", "in the search", "architecture")
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in heads)
    body = "".join(
        f'<tr><td class="number">{rank}</td><td class="number">{escape(value(member))}</td>'
        f'<td>{escape(trainings(member))}</td><td class="number">{selected(member)}</td>'
        f'<td class="wide">{escape(one_line(member.architecture))}</td></tr>'
        for rank, member in enumerate(found.members, start=1)
    )
    return (
        '<section aria-labelledby="confirmed"><h2 id="confirmed">Confirmed with new seeds</h2>'
        f'<p class="hint">{escape(verdict(found, study))}. {escape(NOTE)}</p>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="confirmed"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )
